"""Secrets in files: what they hold counts, and a file that cannot be used is one clear line."""

import pytest
from pydantic import SecretStr

from hilum.errors import SettingInvalid
from hilum.settings.secret_files import secret_of


def test_file_holds_the_secret(tmp_path):
    """Without the end of its line; a secret in the settings themselves goes first."""
    path = tmp_path / "secret"
    path.write_text("of the file\n")

    assert SecretStr("of the file") == secret_of(None, path, "a.b_file")
    assert SecretStr("said") == secret_of(SecretStr("said"), path, "a.b_file")
    assert secret_of(None, None, "a.b_file") is None


@pytest.mark.parametrize(
    ("held", "why"),
    [
        (None, "of a.b_file cannot be read: No such file"),
        (b"\xff\xfe", "of a.b_file cannot be read"),
        (b" \n", "of a.b_file is empty"),
    ],
)
def test_useless_file_is_refused(tmp_path, held, why):
    """An empty one above all: an empty token would let everybody in."""
    path = tmp_path / "secret"
    if held is not None:
        path.write_bytes(held)

    with pytest.raises(SettingInvalid, match=why):
        secret_of(None, path, "a.b_file")
