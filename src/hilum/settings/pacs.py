"""Settings of the PACS."""

from enum import StrEnum
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, model_validator

from hilum.language import Message
from hilum.settings.section import SettingsSection
from hilum.values.hours import PATTERN


class DefaultCharacterSet(StrEnum):
    """Character set of text that declares none, by the name that Orthanc has for it."""

    UTF_8 = "Utf8"
    LATIN_1 = "Latin1"
    LATIN_2 = "Latin2"
    LATIN_3 = "Latin3"
    LATIN_4 = "Latin4"
    LATIN_5 = "Latin5"
    CYRILLIC = "Cyrillic"
    WINDOWS_1251 = "Windows1251"
    ARABIC = "Arabic"
    GREEK = "Greek"
    HEBREW = "Hebrew"
    THAI = "Thai"
    JAPANESE = "Japanese"
    JAPANESE_KANJI = "JapaneseKanji"
    KOREAN = "Korean"
    CHINESE = "Chinese"
    SIMPLIFIED_CHINESE = "SimplifiedChinese"


class PacsKind(StrEnum):
    """How the PACS is reached."""

    ORTHANC = "orthanc"
    """Over Orthanc's REST API."""
    DICOMWEB = "dicomweb"
    """Over QIDO-RS, WADO-RS and STOW-RS, with the section dicomweb."""


class RetrieveBy(StrEnum):
    """How another PACS hands over images."""

    GET = "get"
    """C-GET: on the connection that hilum opened; that PACS need know nothing but our AE title."""
    MOVE = "move"
    """C-MOVE: it sends them to an AE title that it knows."""


class QuerySource(SettingsSection):
    """Another PACS that answers queries, from which images are fetched."""

    name: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,32}$")
    """What it is called here, e.g. in hilum backfill --from NAME."""
    node: str = Field(pattern=r"^[^@]{1,16}@.+:\d{1,5}$")
    """Its AE title, host and DICOM port, as AET@HOST:PORT."""
    tls: bool = False
    """DICOM over TLS, with pacs.ca_file, pacs.certificate_file and pacs.key_file."""
    retrieve: RetrieveBy = RetrieveBy.GET
    """How images come: get (C-GET), or move (C-MOVE, straight into the archive)."""
    destination: str | None = Field(None, min_length=1, max_length=16)
    """AE title of the archive as that PACS knows it, for move; unset: pacs.aet."""
    timeout_s: float = Field(300.0, gt=0)
    """Seconds to wait for one answer; a PACS with tapes takes minutes."""
    priors: int = Field(0, ge=0, le=100)
    """How many earlier studies of the same person are fetched when a new study arrives."""
    analyze_priors: bool = False
    """Analyze these, too; else they are only there to be looked at."""
    images_per_minute: float = Field(0.0, ge=0)
    """How many images hilum backfill --from fetches per minute at most; 0: no limit."""
    hours: str | None = Field(None, pattern=PATTERN)
    """Hours of this machine's day, as 20:00-06:00, in which hilum backfill --from fetches; unset:
    always."""


class PacsSettings(SettingsSection):
    """The PACS: one that hilum starts, or one that is already there."""

    kind: PacsKind = PacsKind.ORTHANC
    """What is at url: orthanc, or dicomweb for any other archive."""
    url: str | None = Field(None, pattern=r"^https?://[^@]*$")
    """REST address of an Orthanc that is already running, or the address below which a DICOMweb
    archive has /studies; unset: hilum starts an Orthanc of its own."""
    username: str | None = None
    """User of that PACS."""
    password: SecretStr | None = None
    """Password of that user."""
    password_file: Path | None = None
    """File that holds that password, e.g. a Docker or Kubernetes secret."""
    program: str | None = None
    """Path of the Orthanc program; unset: on PATH."""
    aet: str = Field("HILUM", min_length=1, max_length=16)
    """AE title of the Orthanc that hilum starts."""
    dicom_host: str | None = None
    """Host of its DICOM port; unset: the host of url, or this machine."""
    dicom_port: int = Field(4242, ge=1, le=65535)
    """DICOM port of that Orthanc."""
    http_port: int = Field(8042, ge=1, le=65535)
    """HTTP port of that Orthanc, on loopback only."""
    allowed_aets: tuple[str, ...] = ()
    """AE titles that may send to the Orthanc that hilum starts, as AET@HOST or AET@HOST:PORT; the
    usual tools on this machine always may."""
    open_to_any_aet: bool = False
    """Let any AE title from anywhere send images to the Orthanc that hilum starts."""
    ca_file: Path | None = None
    """PEM file of the authorities that the other side's certificate is checked against, over HTTPS
    and DICOM TLS; unset: the system's."""
    certificate_file: Path | None = None
    """PEM file of the certificate that hilum shows over HTTPS and DICOM TLS, and with it the
    Orthanc that hilum starts."""
    key_file: Path | None = None
    """PEM file of that certificate's key, without a password."""
    dicom_tls: bool = False
    """DICOM over TLS only, at the Orthanc that hilum starts; needs ca_file, certificate_file and
    key_file."""
    dicom_tls_any_sender: bool = False
    """Let senders without a certificate of their own associate."""
    default_character_set: DefaultCharacterSet | None = None
    """Character set of text in images that declare none, by Orthanc's name for it, e.g. Latin1,
    Windows1251 or Chinese; the Orthanc that hilum starts gets it as DefaultEncoding. Unset: UTF-8
    is recognised, other bytes are copied as they are."""
    timeout_s: float = Field(30.0, gt=0)
    """Seconds to wait for one answer of the PACS."""
    query: tuple[QuerySource, ...] = ()
    """Other PACS from which images are fetched, each a table [[pacs.query]]."""

    @model_validator(mode="after")
    def _named_once(self) -> Self:
        if len({each.name for each in self.query}) < len(self.query):
            raise ValueError(Message("two PACS in query have one name"))
        return self

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if self.kind is PacsKind.DICOMWEB and self.url is None:
            raise ValueError(Message("kind = 'dicomweb' needs the archive's url"))
        return self
