"""Where the PACS of the settings is, and how to log in to it.

The password of the Orthanc that hilum starts is generated at the first start into a
file that only its owner can read. It is never printed, logged or put in a command line.
"""

import json
import secrets
import ssl
import stat
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr

from hilum.errors import NodeError, SettingInvalid
from hilum.files.private import write_file
from hilum.language.system import system_error
from hilum.pacs.archive import Archive
from hilum.pacs.dicomweb.access import token_auth
from hilum.pacs.dicomweb.archive import DicomWebArchive
from hilum.pacs.dicomweb.sweep import SweepPlan
from hilum.pacs.orthanc.archive import OrthancArchive
from hilum.pacs.orthanc.listener import OwnListener
from hilum.pacs.plain_http import Proof
from hilum.pacs.send import DicomTarget, WebTarget, open_sender
from hilum.pacs.tls import NO_FILES, TlsFiles
from hilum.settings import PacsKind, PacsSettings, Settings
from hilum.settings.secret_files import secret_of

USERNAME: Final = "hilum"
"""User that hilum registers with the Orthanc that it starts."""

PASSWORD_BYTES: Final = 32
"""Random bytes of a generated password: 256 bits, 43 characters."""

LOOPBACK: Final = "127.0.0.1"
"""The only address that the HTTP port of our own Orthanc listens on."""


@dataclass(frozen=True, slots=True)
class PacsAddress:
    """One PACS, as it is called."""

    url: str
    """Address of its REST API, e.g. ``http://127.0.0.1:8042``."""
    username: str | None
    password: SecretStr | None
    """Its credentials; None when it asks for none."""
    aet: str
    """Its AE title."""
    dicom_host: str
    dicom_port: int
    """Where it takes C-STORE."""
    tls: TlsFiles = NO_FILES
    """Whom we trust and what we show when `url` is https, or its DICOM port speaks TLS."""
    dicom_tls: bool = False
    """Whether it does."""
    proof: Proof | None = None
    """Tells the Orthanc that hilum starts from any other program on its port."""
    plan: SweepPlan | None = None
    """How a DICOMweb archive is searched for new images; None: it is an Orthanc."""
    tokens: httpx.Auth | None = None
    """Shows a token instead of a password."""

    @property
    def secret(self) -> str | None:
        """The password itself, for the one call that needs it."""
        return None if self.password is None else self.password.get_secret_value()

    @property
    def dicomweb(self) -> str:
        """Where its DICOMweb is, which viewers read through the page."""
        return self.url.rstrip("/") + ("/dicom-web" if self.plan is None else "")

    @property
    def auth(self) -> httpx.Auth | None:
        """Return what shows who we are over HTTP."""
        return self.target().auth

    @property
    def verify(self) -> ssl.SSLContext | bool:
        """Return how the certificate of `url` is checked.

        Raises
        ------
        SettingInvalid
            A file for HTTPS cannot be used.
        """
        return self.tls.context() if self.url.startswith("https:") else True

    def connect(self, *, timeout_s: float = 30.0) -> Archive:
        """Return the archive, logged in: the one place that knows which kind it is.

        Raises
        ------
        PacsRefused
            The address is none.
        SettingInvalid
            The files for HTTPS cannot be used.
        """
        if self.plan is None:
            return self.orthanc(timeout_s=timeout_s)
        return self.dicomweb_archive(timeout_s=timeout_s)

    def dicomweb_archive(self, *, timeout_s: float = 30.0) -> DicomWebArchive:
        """Return it as the DICOMweb server that it is."""
        return DicomWebArchive(
            self.url, auth=self.auth, timeout_s=timeout_s, verify=self.verify, plan=self.plan
        )

    def orthanc(self, *, timeout_s: float = 30.0) -> OrthancArchive:
        """Return it as the Orthanc that it is, for who checks the installation."""
        return OrthancArchive(
            self.url,
            username=self.username,
            password=self.secret,
            timeout_s=timeout_s,
            verify=self.verify,
            proof=self.proof,
        )

    def echo(self, *, timeout_s: float) -> DicomTarget:
        """Ask its DICOM port for a C-ECHO; return that port.

        Raises
        ------
        PacsUnavailable, PacsRefused
            It takes no association of ours, or none in time.
        """
        target = DicomTarget(self.aet, self.dicom_host, self.dicom_port, tls=self.dicom_tls)
        with closing(open_sender(target, timeout_s=timeout_s, files=self.tls)) as sender:
            sender.check()
        return target

    def target(self) -> WebTarget:
        """Return it as where files are sent."""
        return WebTarget(
            self.url,
            dicomweb=self.plan is not None,
            username=self.username,
            password=self.password,
            proof=self.proof,
            tokens=self.tokens,
        )


def credentials_file(data_folder: Path) -> Path:
    """Return the file that holds the password of our own Orthanc."""
    return data_folder / "credentials.json"


def load(settings: Settings) -> PacsAddress:
    """Return the PACS of the settings: the one that is configured, or hilum's own.

    Raises
    ------
    NodeError
        No PACS is configured and none was started here.
    SettingInvalid
        The address is none, or the password file cannot be read or others can read it.
    """
    pacs, path = settings.pacs, credentials_file(settings.data_folder)
    if pacs.url is not None:
        password = secret_of(pacs.password, pacs.password_file, "pacs.password_file")
        there = _address(pacs, pacs.url, pacs.username, password)
        return _over_dicomweb(there, settings) if pacs.kind is PacsKind.DICOMWEB else there
    if not path.exists():
        raise NodeError(
            "No PACS is configured, and none was started here.",
            "Run hilum up, or set pacs.url to the address of your Orthanc.",
        )
    own = _address(pacs, f"http://{LOOPBACK}:{pacs.http_port}", USERNAME, _read(path))
    proof = OwnListener(pid_file(settings.data_folder), pacs.http_port)
    return replace(own, proof=proof if proof.possible else None, dicom_tls=pacs.dicom_tls)


def load_or_generate(settings: Settings) -> PacsAddress:
    """Return the PACS of the settings; at the first start, generate our own's password.

    The caller holds the lock of the data folder, so nobody else generates one meanwhile.

    Raises
    ------
    SettingInvalid
        The password file cannot be read or written, or others can read it.
    """
    path = credentials_file(settings.data_folder)
    if settings.pacs.url is None and not path.exists():
        _generate(path)
    return load(settings)


def pid_file(data_folder: Path) -> Path:
    """Return the file that tells of the process of our own Orthanc."""
    return data_folder / "orthanc" / "orthanc.pid"


def tls_files(pacs: PacsSettings) -> TlsFiles:
    """Return the files of the settings for encrypted connections."""
    return TlsFiles(pacs.ca_file, pacs.certificate_file, pacs.key_file)


def _address(
    pacs: PacsSettings, url: str, username: str | None, password: SecretStr | None
) -> PacsAddress:
    try:
        host = urlsplit(url).hostname
    except ValueError as exc:
        raise SettingInvalid(
            "The setting pacs.url is not an address: {exc}.",
            "Write it as http://host:8042.",
            exc=exc,
        ) from exc
    dicom_host = pacs.dicom_host or host or LOOPBACK
    tls = tls_files(pacs)
    return PacsAddress(url, username, password, pacs.aet, dicom_host, pacs.dicom_port, tls)


def _over_dicomweb(address: PacsAddress, settings: Settings) -> PacsAddress:
    web = settings.dicomweb
    wanted = web.modalities or (*settings.gate.modalities, "SR")
    plan = SweepPlan(web.sweep_s, web.sweep_days, web.wide_sweep_days, frozenset(wanted))
    tokens = token_auth(web, address.tls.context, settings.pacs.timeout_s)
    return replace(address, plan=plan, tokens=tokens)


def _read(path: Path) -> SecretStr:
    """Read the generated password, refusing a file that others can read."""
    try:
        if stat.S_IMODE(path.stat().st_mode) & (stat.S_IRWXG | stat.S_IRWXO):
            raise SettingInvalid(
                "The password file {path} can be read by others.",
                "Run chmod 600 {path}.",
                path=path,
            )
        return SecretStr(json.loads(path.read_text(encoding="utf-8"))["password"])
    except OSError as exc:
        raise SettingInvalid(
            "The password file {path} cannot be read: {strerror}.",
            "Use the account that started hilum up first.",
            path=path,
            strerror=system_error(exc),
        ) from exc
    except (ValueError, KeyError, TypeError) as exc:
        raise SettingInvalid(
            "The password file {path} is damaged.",
            "Delete it; the next hilum up generates a new password.",
            path=path,
        ) from exc


def _generate(path: Path) -> None:
    """Write a new password into a file that nobody but its owner reads."""
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    write_file(path, json.dumps({"username": USERNAME, "password": password}))
