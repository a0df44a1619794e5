"""TLS: our certificate, and the authorities that we trust.

Sources
-------
DICOM PS3.15 B.12 (BCP 195 RFC 9325 TLS profile): TLS 1.2 or newer. IHE ITI-19: each side
shows a certificate.
"""

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hilum.errors import SettingInvalid
from hilum.language.system import system_error


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """The files of one side of an encrypted connection, all PEM."""

    ca: Path | None = None
    """Certificates of the authorities that the other side is checked against; None: those of the
    system."""
    certificate: Path | None = None
    key: Path | None = None
    """What we show of ourselves; None: nothing. The key is not encrypted."""
    section: str = "pacs"
    """Where the settings name them."""

    def context(self) -> ssl.SSLContext:
        """Return what a client needs: the other side must have a certificate for its name.

        Raises
        ------
        SettingInvalid
            A file cannot be read, or is not what it should be.
        """
        ca = None if self.ca is None else _readable(self.ca, f"{self.section}.ca_file")
        try:
            context = ssl.create_default_context(cafile=ca)
        except ssl.SSLError as exc:
            raise SettingInvalid(
                "{section}.ca_file holds no certificate that can be used.",
                "Give certificates as PEM.",
                section=self.section,
            ) from exc
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.certificate is not None:
            certificate = _readable(self.certificate, f"{self.section}.certificate_file")
            key = None if self.key is None else _readable(self.key, f"{self.section}.key_file")
            try:
                context.load_cert_chain(certificate, key, password="")  # never asks at the prompt
            except (ssl.SSLError, ValueError) as exc:
                raise SettingInvalid(
                    "{section}.certificate_file and {section}.key_file are not a certificate and "
                    "its key.",
                    "Give both as PEM, the key without a password.",
                    section=self.section,
                ) from exc
        return context


NO_FILES: Final = TlsFiles()
"""The system's authorities, and nothing that we show."""


def _readable(path: Path, setting: str) -> Path:
    """Return a path whose file holds PEM that can be read.

    Raises
    ------
    SettingInvalid
        It cannot be read, or holds no PEM.
    """
    try:
        if b"-----BEGIN " not in path.read_bytes():
            raise SettingInvalid(
                "The file {path} of {setting} is not PEM.",
                "Convert it to PEM.",
                path=path,
                setting=setting,
            )
    except OSError as exc:
        raise SettingInvalid(
            "The file {path} of {setting} cannot be read: {strerror}.",
            "Correct the setting or the file's permissions.",
            path=path,
            setting=setting,
            strerror=system_error(exc),
        ) from exc
    return path
