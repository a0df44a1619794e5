"""Where files are sent: the value of ``--to``, read and checked.

================================  =========================================
``http://HOST:8042``              the REST API of an Orthanc
``http://HOST:8042/dicom-web``    DICOMweb (STOW-RS); also ``…/studies``
``stow+http://HOST/any/path``     DICOMweb at an address that does not tell
``AET@HOST:PORT``                 C-STORE
================================  =========================================

``https`` instead of ``http`` in each; ``USER:PASSWORD@HOST`` is understood, never printed.
"""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

import httpx
from pydantic import SecretStr

from hilum.errors import SettingInvalid
from hilum.language import Message
from hilum.pacs.plain_http import Proof

STOW_PREFIX: Final = "stow+"
STUDIES: Final = "/studies"
DICOMWEB_PATHS: Final = ("/dicom-web", "/dicomweb", STUDIES)
"""Ends of a path by which an address is known as DICOMweb."""

MAX_PORT: Final = 65535
AE_TITLE: Final = re.compile(r"[ -\[\]-~]{1,16}")
"""Up to 16 characters of ASCII without backslash and control characters (PS3.5 6.2, AE)."""

DICOM_ADDRESS: Final = re.compile(
    r"(?P<aet>[^@]*)@(?P<host>\[[0-9A-Fa-f:.]+\]|[^@:/\[\]]+):(?P<port>[0-9]+)"
)
FORMS: Final = Message(
    "Write http://HOST:8042 (Orthanc), http://HOST:8042/dicom-web (DICOMweb) or AET@HOST:PORT."
)


@dataclass(frozen=True, slots=True)
class WebTarget:
    """A PACS with an HTTP address."""

    url: str
    """Its address, without credentials; for DICOMweb the one below which ``/studies`` is."""
    dicomweb: bool
    """True for STOW-RS, false for Orthanc's REST API."""
    username: str | None = None
    password: SecretStr | None = None
    """Credentials, None when none were given."""
    proof: Proof | None = None
    """Tells the server apart before it is given them."""

    tokens: httpx.Auth | None = None
    """Shows a token instead."""

    def __str__(self) -> str:
        return self.url

    @property
    def secret(self) -> str | None:
        """The password itself, for the one call that needs it."""
        return None if self.password is None else self.password.get_secret_value()

    @property
    def auth(self) -> httpx.Auth | None:
        """Return what shows who we are."""
        if self.username is None:
            return self.tokens
        return httpx.BasicAuth(self.username, self.secret or "")


@dataclass(frozen=True, slots=True)
class DicomTarget:
    """A PACS that takes C-STORE."""

    aet: str
    """Its AE title, at most 16 characters."""
    host: str
    port: int
    """Where it listens."""
    tls: bool = False
    """Whether it speaks DICOM over TLS."""

    def __str__(self) -> str:
        return f"{self.aet}@{self.host}:{self.port}"


def parse_target(text: str) -> WebTarget | DicomTarget:
    """Read the value of ``--to``.

    Raises
    ------
    SettingInvalid
        It is none of the forms above; the message never repeats a password.
    """
    if "://" in text:
        return _web_target(text)
    address = DICOM_ADDRESS.fullmatch(text)
    if address is None:
        shown = text.rpartition("@")[2] if ":" in text.partition("@")[0] else text
        raise SettingInvalid("{shown!r} is not the address of a PACS.", FORMS, shown=shown)
    port = int(address["port"])
    if not 0 < port <= MAX_PORT:
        raise SettingInvalid(
            "{port} is not a port.", "A port is a number from 1 to 65535.", port=port
        )
    return DicomTarget(checked_ae_title(address["aet"]), address["host"].strip("[]"), port)


def checked_ae_title(title: str) -> str:
    """Return an AE title without insignificant spaces.

    Raises
    ------
    SettingInvalid
        It is empty, longer than 16 characters, or has a character that DICOM forbids there.
    """
    if not title.strip() or AE_TITLE.fullmatch(title) is None:
        raise SettingInvalid(
            "{title!r} is not an AE title.",
            "It must have 1 to 16 ASCII characters and no backslash.",
            title=title,
        )
    return title.strip()


def _web_target(text: str) -> WebTarget:
    stow = text.lower().startswith(STOW_PREFIX)
    try:
        parts = urlsplit(text[len(STOW_PREFIX) :] if stow else text)
        port = parts.port
    except ValueError as exc:
        raise SettingInvalid("The address of the PACS cannot be understood.", FORMS) from exc
    if parts.scheme not in {"http", "https"}:
        raise SettingInvalid("{scheme}:// is not a supported scheme.", FORMS, scheme=parts.scheme)
    if not parts.hostname or port == 0:
        raise SettingInvalid("The address of the PACS names no host or port.", FORMS)
    if parts.query or parts.fragment:
        raise SettingInvalid("The address of a PACS must not contain ? or #.", FORMS)
    path = parts.path.rstrip("/")
    dicomweb = stow or path.endswith(DICOMWEB_PATHS)
    return WebTarget(
        url=_without_credentials(parts, path.removesuffix(STUDIES) if dicomweb else path),
        dicomweb=dicomweb,
        username=None if parts.username is None else unquote(parts.username),
        password=None if parts.password is None else SecretStr(unquote(parts.password)),
    )


def _without_credentials(parts: SplitResult, path: str) -> str:
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], path, "", ""))
