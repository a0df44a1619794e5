"""Settings of deliveries: which systems beside the PACS get the findings, and how."""

import base64
import binascii
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Annotated, ClassVar, Final, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator

from hilum.language import Message
from hilum.settings.secret_files import secret_of
from hilum.settings.section import SettingsSection

SECRET_PREFIX: Final = "whsec_"  # noqa: S105  how Standard Webhooks writes secrets

LEAST_SECRET: Final = 24
"""Bytes that a secret of Standard Webhooks has at least."""


class ReceiverKind(StrEnum):
    """What a receiver speaks."""

    HL7 = "hl7"
    FHIR = "fhir"
    WEBHOOK = "webhook"


class ReportText(StrEnum):
    """How the text report goes along in an HL7 message."""

    FT = "FT"
    """Formatted text: one value with line breaks."""
    TX = "TX"
    """Plain text: a repetition for each line."""
    NONE = "none"


def _web_address(url: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable or parts.username is not None:
        raise ValueError(Message("an address such as https://host/path is needed"))
    return url


WebAddress = Annotated[str, AfterValidator(_web_address)]


def key_of(secret: SecretStr) -> bytes:
    """Return the key that a secret of Standard Webhooks is.

    Raises
    ------
    ValueError
        It is none, or too short.
    """
    said = secret.get_secret_value().removeprefix(SECRET_PREFIX)
    with suppress(binascii.Error):
        if len(key := base64.b64decode(said, validate=True)) >= LEAST_SECRET:
            return key
    raise ValueError(Message("the secret is whsec_ and base 64 of {least} bytes or more", least=24))


class Receiver(SettingsSection):
    """A system that gets the findings of each image."""

    kind: ClassVar[ReceiverKind]

    name: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,32}$")
    """What it is called in lists; deliveries that wait keep it, so do not rename it meanwhile."""
    refusals: bool = False
    """Also send that an image was not analyzed, and why. What takes back earlier findings is always
    sent."""
    backfill: bool = False
    """Also send the findings of images that a backfill asked for."""
    timeout_s: float = Field(30.0, gt=0, le=300)
    """Seconds that it gets to connect, and then to answer."""
    give_up_hours: float = Field(168.0, gt=0)
    """Hours for which a delivery is retried; then it has failed, and is listed as that."""
    ca_file: Path | None = None
    """PEM file of the authorities that its certificate is checked against; unset: the system's."""
    certificate_file: Path | None = None
    """PEM file of the certificate that hilum shows."""
    key_file: Path | None = None
    """PEM file of its key, without a password."""

    def __str__(self) -> str:
        return self.target

    @property
    def target(self) -> str:
        """What names it among all that results are sent to."""
        return f"{self.kind}:{self.name}"


class Hl7Receiver(Receiver):
    """HL7 v2.5.1 ORU^R01 over MLLP, e.g. to a RIS or an interface engine."""

    kind: ClassVar = ReceiverKind.HL7

    host: str = Field(min_length=1)
    """Name or address of its MLLP listener."""
    port: int = Field(2575, gt=0, lt=65536)
    """Its TCP port."""
    tls: bool = False
    """MLLP over TLS."""
    report_text: ReportText = ReportText.FT
    """How the text report goes along: FT (formatted text), TX (one repetition per line) or none."""
    mapping_file: Path | None = None
    """TOML file with the site's codes and fields, see docs/deliveries.md."""


class WebhookReceiver(Receiver):
    """CloudEvents 1.0 as JSON, posted and signed as Standard Webhooks say."""

    kind: ClassVar = ReceiverKind.WEBHOOK

    url: WebAddress
    """Where events are posted. Redirects are not followed."""
    secret: SecretStr | None = None
    """Key of the signature, as whsec_ and base 64 of 24 bytes or more; unset: no signature."""
    secret_file: Path | None = None
    """File that holds it instead."""
    patient_data: bool = False
    """Also send Patient ID, name, birth date, sex and accession number."""

    @model_validator(mode="after")
    def _has_key(self) -> Self:
        if self.secret is not None:
            key_of(self.secret)
        return self

    @property
    def key(self) -> bytes:
        """The key of the signature; empty for none.

        Raises
        ------
        SettingInvalid
            The file cannot be read.
        ValueError
            It holds none.
        """
        secret = secret_of(self.secret, self.secret_file, f"{self.target}.secret_file")
        return b"" if secret is None else key_of(secret)


class FhirReceiver(Receiver):
    """FHIR R4, as transactions."""

    kind: ClassVar = ReceiverKind.FHIR

    url: WebAddress
    """Base address of the server, e.g. https://fhir.example.org/r4. Redirects are not followed."""
    token_file: Path | None = None
    """File with a bearer token, read anew for each delivery."""
    token_url: WebAddress | None = None
    """Where tokens are asked for by OAuth 2 client credentials; needs client_id and
    client_secret."""
    client_id: str = ""
    """Name of this client for token_url."""
    client_secret: SecretStr | None = None
    """Its secret."""
    client_secret_file: Path | None = None
    """File that holds it instead."""
    scope: str = "system/*.cruds"
    """Scope that is asked for."""
    patient_system: str | None = None
    """System of the Patient ID as the server knows it, e.g. urn:oid:1.2.3; unset: none is said."""


class DeliverySettings(SettingsSection):
    """Systems beside the PACS that get the findings of each image."""

    hl7: tuple[Hl7Receiver, ...] = ()
    """HL7 v2 receivers, each a table [[deliveries.hl7]]."""
    webhook: tuple[WebhookReceiver, ...] = ()
    """Webhooks, each a table [[deliveries.webhook]]."""
    fhir: tuple[FhirReceiver, ...] = ()
    """FHIR servers, each a table [[deliveries.fhir]]."""

    @property
    def by_target(self) -> dict[str, Receiver]:
        """Target → receiver."""
        return {each.target: each for each in (*self.hl7, *self.webhook, *self.fhir)}

    @model_validator(mode="after")
    def _named_once(self) -> Self:
        if len(self.by_target) < len((*self.hl7, *self.webhook, *self.fhir)):
            raise ValueError(Message("two receivers have one name"))
        return self
