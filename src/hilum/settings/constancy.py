"""Settings of the self-test and of the watch for drift."""

from pydantic import Field, field_validator

from hilum.language import Message
from hilum.settings.section import SettingsSection


class ConstancySettings(SettingsSection):
    """Whether the model still says what it said: of a phantom, and of the images that come."""

    every_hours: float = Field(0.0, ge=0)
    """Hours between two self-tests that the node does; 0: none."""
    tolerance: float = Field(1e-4, gt=0, lt=1)
    """How far a raw value of the self-test may move."""
    wait_s: float = Field(120.0, gt=0)
    """Seconds after which the results of a self-test are missing."""
    keep_runs: int = Field(100, gt=0)
    """Self-tests that are kept."""
    drift_reference: str = Field("first", pattern=r"^(first|\d{4}-(0[1-9]|1[0-2]))$")
    """What later months are compared with: first, the first images of a model, or a month such as
    2026-03."""
    drift_reference_images: int = Field(500, ge=100)
    """How many images of a model the reference first has."""
    drift_least_images: int = Field(200, ge=50)
    """Nothing is said of a month with fewer images."""
    drift_moving: float = Field(0.1, gt=0)
    """PSI from which a distribution is said to move."""
    drift_shifted: float = Field(0.25, gt=0)
    """PSI from which a distribution is said to have shifted: an alarm."""
    agreement_accepted: tuple[float, float] = (0.0, 1.0)
    """Least and greatest share of readers' answers that agree. A month of a finding whose 95 %
    interval lies outside raises an alarm; 0 and 1: never."""

    @field_validator("agreement_accepted")
    @classmethod
    def _are_shares(cls, shares: tuple[float, float]) -> tuple[float, float]:
        least, most = shares
        if not 0 <= least < most <= 1:
            raise ValueError(Message("two shares from 0 to 1 are needed, the lower one first"))
        return shares
