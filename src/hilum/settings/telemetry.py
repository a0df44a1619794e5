"""Settings of log, metrics and traces."""

from enum import StrEnum
from pathlib import Path

from pydantic import Field, SecretStr

from hilum.settings.section import SettingsSection


class LogFormat(StrEnum):
    """How an event is written on standard error."""

    TEXT = "text"
    """``time level event key=value …``, for people and `grep`."""
    JSON = "json"
    """One JSON object a line, for log collectors."""


class TelemetrySettings(SettingsSection):
    """What the node tells those who look after it."""

    log_format: LogFormat = LogFormat.TEXT
    """How events are written on standard error: text or json."""
    metrics_token: SecretStr | None = Field(None, min_length=16)
    """Bearer token with which other machines read /metrics; unset: only this machine reads them."""
    metrics_token_file: Path | None = None
    """File that holds that token, e.g. a Docker or Kubernetes secret."""
    audit_repository: str | None = Field(
        None, pattern=r"^[^:/\s]+:\d{1,5}$|^\[[0-9A-Fa-f:.]+\]:\d{1,5}$"
    )
    """Audit record repository (IHE ATNA) that gets the audit trail as HOST:PORT, e.g.
    audit.example.org:6514, by syslog over TLS with the certificates of pacs.ca_file,
    pacs.certificate_file and pacs.key_file. The messages name patients. Unset: the trail stays in
    the database."""
    otlp_endpoint: str | None = Field(None, pattern=r"^https?://")
    """OpenTelemetry collector (OTLP over HTTP) that gets one trace an image, e.g.
    http://127.0.0.1:4318; unset: no traces. Needs pip install hilum[tracing]."""
