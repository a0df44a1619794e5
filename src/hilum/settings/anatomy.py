"""Settings of the anatomy: lungs, heart and the cardiothoracic ratio."""

from enum import StrEnum

from pydantic import Field

from hilum.settings.node import GIBIBYTE, MEBIBYTE
from hilum.settings.section import SettingsSection


class AnatomyMode(StrEnum):
    """Of which images a node looks for the anatomy, after they were read."""

    OFF = "off"
    ON_CLICK = "on_click"
    """Those for which somebody asks on the page."""
    CARDIOMEGALY = "cardiomegaly"
    """Also those with a positive finding of cardiomegaly or of an enlarged mediastinum."""
    ALWAYS = "always"
    """All."""


class AnatomySettings(SettingsSection):
    """Lungs, heart and the cardiothoracic ratio: a second network, after the findings."""

    mode: AnatomyMode = AnatomyMode.OFF
    """Of which images: off, on_click (asked for on the page), cardiomegaly (also those with that
    finding), always."""
    model: str = "pspnet-chestx-det"
    """Name of the card of a segmentation network."""
    ratio_limit: float = Field(0.5, gt=0.2, lt=0.9)
    """Cardiothoracic ratio above which a heart counts as enlarged on a PA image; on AP images and
    where the view is not known the ratio is given without a limit."""
    darkest_lungs: float = Field(0.06, ge=0, le=1)
    """Lungs whose middle brightness is below this, of 1, are noted as nearly black (perhaps
    overexposed); 0 notes none."""
    brightest_lungs: float = Field(0.4, ge=0, le=1)
    """Lungs of which even the darkest tenth is brighter than this, of 1, are noted (perhaps
    underexposed); 1 notes none."""
    most_rotation: float = Field(0.5, ge=0, le=1)
    """A chest is noted as rotated where the distances of both clavicles' inner ends from the
    middle of the spine differ by more than this share of their sum: at 0.5 one is three times the
    other. 1 notes only those with both on one side."""
    least_inspiration: float = Field(0.65, ge=0, le=2)
    """Inspiration is noted as shallow where the higher lung's height over the width of both is
    below this; 0 notes none."""
    memory_bytes: int = Field(3 * GIBIBYTE, ge=512 * MEBIBYTE)
    """Memory that the process of this network may take at most; it is started when it is first
    needed."""
