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
    memory_bytes: int = Field(3 * GIBIBYTE, ge=512 * MEBIBYTE)
    """Memory that the process of this network may take at most; it is started when it is first
    needed."""
