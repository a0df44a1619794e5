"""The configuration of the Orthanc that hilum starts: closed by default.

HTTP answers this machine alone and asks for the generated password. DICOM associations
are accepted from the AE titles of the settings, each from its own host, and from the
usual sending tools on this machine; whoever else calls is rejected, and the node says so.

Sources
-------
Orthanc Book, "Configuration of Orthanc" and "Security"; the options are those of 1.10
(Debian 12) and 1.12. Options that a version does not know are ignored by it.
"""

import re
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from hilum.errors import NodeError, SettingInvalid
from hilum.pacs.credentials import LOOPBACK, PacsAddress, tls_files
from hilum.settings import PacsSettings

LOCAL_AETS: Final = ("HILUM", "STORESCU", "ECHOSCU", "DCMSEND", "PYNETDICOM", "GDCMSCU")
"""Calling AE titles of hilum send and, by default, of DCMTK, dcm4che, pynetdicom and GDCM.

They may send from this machine, so that a first `storescu` works with no other step.
"""

PLUGIN_FOLDERS: Final = (
    Path("/usr/share/orthanc/plugins"),
    Path("/usr/local/share/orthanc/plugins"),
    Path("/usr/lib/orthanc/plugins"),
)
"""Where Debian's packages and Orthanc's own builds put plug-ins, in order of preference."""

DICOMWEB_PLUGIN: Final = "libOrthancDicomWeb.so"
GDCM_PLUGIN: Final = "libOrthancGdcm.so"

DEFAULT_PEER_PORT: Final = 104
"""Registered port of DICOM (PS3.8 9.1.3); used only when we call such a modality."""

ALLOWED: Final = re.compile(
    r"(?P<aet>[^\\@\x00-\x1f]{1,16})@(?P<host>[^@:\s]+)(?::(?P<port>\d{1,5}))?"
)
"""AET@HOST or AET@HOST:PORT; an AE title is 1 to 16 characters without backslash (PS3.5 6.2)."""


@dataclass(frozen=True, slots=True)
class AllowedModality:
    """A DICOM application that may associate with our Orthanc."""

    aet: str
    """Its AE title."""
    host: str
    """IPv4 address that it calls from."""
    port: int = DEFAULT_PEER_PORT
    """Where it listens itself, for C-MOVE."""
    query: bool = True
    """Whether it may also search and retrieve; the tools on this machine may not, since they give
    no password."""
    tls: bool = False
    """Whether it is called over TLS."""

    def as_orthanc(self) -> dict[str, Any]:
        """Return the modality as a value of Orthanc's ``DicomModalities``."""
        return {
            "AET": self.aet,
            "Host": self.host,
            "Port": self.port,
            "AllowEcho": True,
            "AllowStore": True,
            "AllowFind": self.query,
            "AllowFindWorklist": False,
            "AllowGet": self.query,
            "AllowMove": self.query,
            **({"UseDicomTls": True} if self.tls else {}),
        }


def configuration(
    pacs: PacsSettings, address: PacsAddress, folder: Path, *, transcodes: bool = False
) -> dict[str, Any]:
    """Return Orthanc's configuration.

    Parameters
    ----------
    address
        How our Orthanc is called, with its generated password.
    folder
        Folder of everything that Orthanc writes.
    transcodes
        Whether it sends images on, and may have to decode them first.

    Raises
    ------
    SettingInvalid
        An entry of ``pacs.allowed_aets`` or a file of ``pacs.dicom_tls`` can't be used.
    NodeError
        A plug-in is not installed.
    """
    charset = pacs.default_character_set
    return {
        "Name": "hilum (research use only)",
        **({} if charset is None else {"DefaultEncoding": charset.value}),
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "TemporaryDirectory": str(folder / "temporary"),
        "Plugins": [str(plugin) for plugin in plugins(transcodes=transcodes)],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
        "Gdcm": {"Enable": transcodes},  # some files end it, and Orthanc with it
        "Worklists": {"Enable": False},
        "OverwriteInstances": False,
        "SyncStorageArea": True,
        "StoreMD5ForAttachments": False,  # 11 ms of the processor for each radiograph
        "MaximumStorageCacheSize": 16,  # MB: an image is read once, and mostly long after it came
        "MaximumStorageSize": 0,  # a limit here would delete the oldest patients
        "MaximumPatientCount": 0,
        "DeidentifyLogs": True,
        "SaveJobs": False,
        **_http(pacs, address),
        **_dicom(pacs),
    }


def plugins(*, transcodes: bool) -> tuple[Path, ...]:
    """Return the paths of the plug-ins that hilum needs.

    Raises
    ------
    NodeError
        One of them is not installed.
    """
    needed = {DICOMWEB_PLUGIN: "orthanc-dicomweb"}
    if transcodes:
        needed[GDCM_PLUGIN] = "orthanc-gdcm"
    return tuple(_plugin(name, package) for name, package in needed.items())


def modalities(allowed_aets: Iterable[str]) -> Mapping[str, AllowedModality]:
    """Return who may associate, by AE title: the settings' own and the local tools.

    An AE title of the settings takes the place of a local tool's of the same name:
    Orthanc knows one host for each AE title.

    Raises
    ------
    SettingInvalid
        An entry is not AET@HOST, its host is unknown, or an AE title comes twice.
    """
    named: dict[str, AllowedModality] = {}
    for entry in allowed_aets:
        modality = _modality(entry)
        if modality.aet.upper() in named:  # Orthanc compares AE titles without case
            raise SettingInvalid(
                "The AE title {aet} appears twice in pacs.allowed_aets.",
                "Give each sender an AE title of its own: Orthanc knows one host for each.",
                aet=modality.aet,
            )
        named[modality.aet.upper()] = modality
    local = {aet: AllowedModality(aet, LOOPBACK, query=False) for aet in LOCAL_AETS}
    return {**local, **named}


def _http(pacs: PacsSettings, address: PacsAddress) -> dict[str, Any]:
    return {
        "HttpPort": pacs.http_port,
        "RemoteAccessAllowed": False,
        "HttpBindAddresses": [LOOPBACK],  # since 1.12.10; before, others are answered 401
        "AuthenticationEnabled": True,
        "RegisteredUsers": {address.username: address.secret},
        "WebDavEnabled": False,
        "ExecuteLuaEnabled": False,
        "KeepAlive": True,
        "TcpNoDelay": True,
    }


def _dicom(pacs: PacsSettings) -> dict[str, Any]:
    known = modalities(pacs.allowed_aets)
    return {
        "DicomAet": pacs.aet,
        "DicomPort": pacs.dicom_port,
        "DicomCheckCalledAet": False,  # a wrong called AE title keeps nobody out
        "DicomCheckModalityHost": True,
        "DicomAlwaysAllowEcho": pacs.open_to_any_aet,
        "DicomAlwaysAllowStore": pacs.open_to_any_aet,
        "DicomAlwaysAllowFind": False,
        "DicomAlwaysAllowFindWorklist": False,
        "DicomAlwaysAllowGet": False,
        "DicomAlwaysAllowMove": False,
        "DicomModalities": {
            name: replace(each, tls=pacs.dicom_tls).as_orthanc() for name, each in known.items()
        },
        "AcceptedTransferSyntaxes": ["1.2.840.10008.1.*"],
        "UnknownSopClassAccepted": True,
        "DicomScpTimeout": 30,
        "DicomScuTimeout": 10,
        "DicomThreadsCount": 32,  # associations at a time: of 4, four idle ones would stop all
        "MaximumPduLength": 131_072,  # the largest it takes: fewer round trips an image
        **_dicom_tls(pacs),
    }


def _dicom_tls(pacs: PacsSettings) -> dict[str, Any]:
    """Return the options for DICOM over TLS (PS3.15 B.12); Orthanc has it since 1.9.0.

    Raises
    ------
    SettingInvalid
        A file is missing or cannot be used: Orthanc would say so in its log only.
    """
    if not pacs.dicom_tls:
        return {}
    files = tls_files(pacs)
    if files.ca is None or files.certificate is None or files.key is None:
        raise SettingInvalid(
            "pacs.dicom_tls needs pacs.ca_file, pacs.certificate_file and pacs.key_file.",
            "Set all three, or unset pacs.dicom_tls.",
        )
    files.context()
    return {
        "DicomTlsEnabled": True,
        "DicomTlsCertificate": str(files.certificate.resolve()),
        "DicomTlsPrivateKey": str(files.key.resolve()),
        "DicomTlsTrustedCertificates": str(files.ca.resolve()),
        "DicomTlsRemoteCertificateRequired": not pacs.dicom_tls_any_sender,
    }


def _plugin(name: str, package: str) -> Path:
    for folder in PLUGIN_FOLDERS:
        if (folder / name).is_file():
            return folder / name
    raise NodeError(
        "Orthanc's plug-in {name} is not installed.",
        "Run apt-get install {package}, or start the node with Docker Compose (docs/node.md).",
        name=name,
        package=package,
    )


def _modality(entry: str) -> AllowedModality:
    match = ALLOWED.fullmatch(entry.strip())
    if match is None or not match["aet"].strip():
        raise SettingInvalid(
            "{entry!r} in pacs.allowed_aets is not AET@HOST or AET@HOST:PORT.",
            "Write for example CR_ROOM_1@192.0.2.10.",
            entry=entry,
        )
    try:
        host = socket.gethostbyname(match["host"])  # Orthanc compares addresses, not names
    except OSError as exc:
        raise SettingInvalid(
            "The host {host} in pacs.allowed_aets is not known here.",
            "Correct it, or write its IP address.",
            host=match["host"],
        ) from exc
    return AllowedModality(match["aet"].strip(), host, int(match["port"] or DEFAULT_PEER_PORT))
