"""Settings of a DICOMweb archive."""

from pathlib import Path

from pydantic import Field, SecretStr

from hilum.settings.section import SettingsSection


class DicomWebSettings(SettingsSection):
    """An archive that is reached over DICOMweb: pacs.kind = "dicomweb"."""

    token_file: Path | None = None
    """File that holds a bearer token; it is read again every few minutes, and when the token is
    refused."""
    token_url: str | None = Field(
        None, pattern=r"^(https://|http://(localhost|127\.0\.0\.1)[:/])[^@]*$"
    )
    """Where tokens are asked for by OAuth 2.0 client credentials; unset: no such tokens."""
    client_id: str = ""
    """Client identifier for that."""
    client_secret: SecretStr | None = None
    """Its secret."""
    client_secret_file: Path | None = None
    """File that holds that secret, e.g. a Docker or Kubernetes secret."""
    scope: str = ""
    """Scope that is asked for, e.g. https://dicom.healthcareapis.azure.com/.default."""
    sweep_s: float = Field(5.0, ge=0)
    """Seconds between two searches for new images."""
    sweep_days: int = Field(3, ge=0, le=3650)
    """Studies of how many days back are searched each time."""
    wide_sweep_days: int = Field(14, ge=0, le=3650)
    """Studies of how many days back are searched once a day, and at the start."""
    modalities: tuple[str, ...] = ()
    """Series of which modalities are taken up; unset: those of gate.modalities, and SR."""
