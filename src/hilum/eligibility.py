"""What the gate decides about one image: accepted, or refused with coded reasons."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from hilum.language.message import packed, unpacked

INELIGIBLE: Final = frozenset(
    {
        "not_an_image",
        "own_result",
        "modality",
        "not_chest",
        "not_frontal",
        "too_young",
        "quality_control",
    }
)
"""Codes that say what an image is: none that the model is for. Any other refusal may have kept a
frontal chest radiograph from being analyzed."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason for a refusal or a warning."""

    code: str
    """Stable identifier for machines, e.g. ``"not_frontal"``."""
    text: str
    """The same in plain words, e.g. ``"not a frontal view: View Position is LL"``."""
    source: str = ""
    """Where the rule comes from, e.g. ``"PS3.3 C.8.11.5"``; empty when it is our own."""

    @property
    def stored(self) -> list[Any]:
        """Code, text and source as the database holds them, to be said in any language."""
        return [self.code, packed(self.text), self.source]

    @classmethod
    def of_stored(cls, row: Sequence[Any]) -> "Reason":
        """Return what was `stored`; its source may be missing."""
        code, text, *source = row
        return cls(code, unpacked(text), *source)


@dataclass(frozen=True, slots=True)
class Eligibility:
    """Whether an image may be analyzed, and why not."""

    objections: tuple[Reason, ...] = ()
    """Every reason to refuse the image, empty when it may be read."""
    warnings: tuple[Reason, ...] = ()
    """What every report says of an image that is analyzed all the same."""

    @property
    def accepted(self) -> bool:
        """Whether the model may read the image."""
        return not self.objections
