"""Settings of the worklist: in which order studies wait for a reader."""

from typing import Final, Literal

from pydantic import Field, field_validator

from hilum.language import Message
from hilum.settings.section import SettingsSection

WAITS: Final = {
    "Pneumothorax": 15,
    "Edema": 30,
    "Effusion": 60,
    "Consolidation": 60,
    "Pneumonia": 60,
    "Enlarged Cardiomediastinum": 60,
    "Fracture": 120,
    "Lung Opacity": 120,
    "Mass": 120,
}
"""Minutes that a study with this positive finding may wait; an ordering, not a clinical rule."""


class WorklistSettings(SettingsSection):
    """In which order studies wait for a reader, and how many are shown."""

    wait_minutes: dict[str, int] = WAITS
    """Minutes that a study may wait whose most urgent positive finding is this; findings that are
    not named wait as long as the ceiling."""
    ceiling_minutes: int = Field(240, gt=0)
    """Minutes that any study may wait, whatever was found in it."""
    ineligible: Literal["filter", "hide"] = "filter"
    """Studies without a frontal chest radiograph, such as CT: filter shows them where the filter
    "Not analyzed" or a search asks for them; hide never shows them in the worklist."""
    page_size: int = Field(50, ge=10, le=200)
    """Studies per page of the worklist."""

    @field_validator("wait_minutes")
    @classmethod
    def _positive(cls, waits: dict[str, int]) -> dict[str, int]:
        if any(minutes < 0 for minutes in waits.values()):
            raise ValueError(Message("minutes to wait are 0 or more"))
        return waits
