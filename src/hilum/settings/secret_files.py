"""Secrets that stand in files of their own, as those of Docker and Kubernetes do."""

from pathlib import Path

from pydantic import SecretStr

from hilum.errors import SettingInvalid
from hilum.language.system import system_error


def secret_of(secret: SecretStr | None, path: Path | None, setting: str) -> SecretStr | None:
    """Return a secret of the settings, else what its file holds, else None.

    Parameters
    ----------
    setting
        Name of the setting that names the file.

    Raises
    ------
    SettingInvalid
        The file cannot be read, or is empty.
    """
    if secret is not None or path is None:
        return secret
    try:
        held = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise SettingInvalid(
            "The file {path} of {setting} cannot be read: {reason}.",
            "Correct {setting} or the file's permissions.",
            path=path,
            setting=setting,
            reason=system_error(exc) if isinstance(exc, OSError) else exc.reason,
        ) from exc
    if not held:
        raise SettingInvalid(
            "The file {path} of {setting} is empty.",
            "Write the secret into it, or unset {setting}.",
            path=path,
            setting=setting,
        )
    return SecretStr(held)


def secret_text(secret: SecretStr | None, path: Path | None, setting: str) -> str:
    """Return the text of `secret_of`, empty without any; for the one call that needs it."""
    held = secret_of(secret, path, setting)
    return "" if held is None else held.get_secret_value()
