"""Settings of alerts: what is told, to whom, and when."""

import hashlib
from datetime import datetime
from enum import StrEnum
from importlib.util import find_spec
from typing import Self

from pydantic import Field, SecretStr, model_validator

from hilum.language import ENGLISH, Language, Message
from hilum.settings.section import SettingsSection
from hilum.values import hours


class AlertKind(StrEnum):
    """What an alert is about."""

    CRITICAL = "critical"
    """A finding of critical_findings at or above its operating point, once for each study."""
    FAILURE = "failure"
    """Images that failed, at most once an hour."""
    DRIFT = "drift"
    """A model whose output has shifted, once for each month."""
    AGREEMENT = "agreement"
    """A finding on which readers agree less than is accepted, once for each month."""
    DISK = "disk"
    """Too little disk space, at most once a day."""


def target_of(url: SecretStr) -> str:
    """Return what names an address where it must not be read."""
    return hashlib.sha256(url.get_secret_value().encode()).hexdigest()[:16]


class AlertSettings(SettingsSection):
    """Messages by e-mail, webhook or push."""

    urls: tuple[SecretStr, ...] = ()
    """Where alerts are sent, each as an address of Apprise, e.g.
    mailtos://user:password@mail.example.org?to=pacs@example.org, jsons://example.org/hook,
    ntfys://ntfy.example.org/topic. Needs pip install hilum[alerts]; empty: no alerts."""
    kinds: tuple[AlertKind, ...] = tuple(AlertKind)
    """What is told: critical, failure, drift, agreement, disk."""
    critical_findings: tuple[str, ...] = ("Pneumothorax",)
    """Findings, by the model's labels, whose studies raise a critical alert."""
    language: Language = ENGLISH
    """Language of alerts."""
    quiet_hours: str | None = Field(None, pattern=hours.PATTERN)
    """Hours of this machine's day, as 22:00-06:30, in which only critical alerts are sent; the
    others wait for their end."""
    patient_data: bool = False
    """Name the patient, the Patient ID and the accession number in critical alerts, and link to
    the study. Mail and push services of others then see them."""

    @model_validator(mode="after")
    def _can_send(self) -> Self:
        if self.urls and find_spec("apprise") is None:
            raise ValueError(Message("Apprise is not installed: pip install 'hilum[alerts]'"))
        return self

    def due(self, kind: AlertKind, now: datetime) -> datetime:
        """Return when an alert may be sent that is raised now."""
        if self.quiet_hours is None or kind is AlertKind.CRITICAL:
            return now
        return hours.end_of(self.quiet_hours, now) or now
