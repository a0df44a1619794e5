"""Decisions and refusals on pixels: their texts, filled with the image's values."""

from dataclasses import dataclass, field
from typing import Final

from hilum.eligibility import Reason
from hilum.errors import RadiographRefused
from hilum.language import Message
from hilum.pixels.texts import DECISIONS, PHRASES, REFUSALS
from hilum.radiograph import PixelDecision


def phrase(code: str, **values: object) -> Message:
    """Return one of `hilum.pixels.texts.PHRASES`: words within a text."""
    return PHRASES[code].with_values(**values)


class Unusable(ValueError):
    """A table or codestream that cannot be used.

    Parameters
    ----------
    code
        Why: one of `hilum.pixels.texts.PHRASES`.
    values
        What fills its gaps.
    """

    def __init__(self, code: str, **values: object) -> None:
        self.why: Final = phrase(code, **values)
        super().__init__(self.why)


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """The decisions taken on one image, in order."""

    entries: list[PixelDecision] = field(default_factory=list)

    def add(self, code: str, **values: object) -> None:
        """Add the decision `code` with the values that its text names."""
        self.entries.append(self.decision(code, **values))

    @staticmethod
    def decision(code: str, **values: object) -> PixelDecision:
        """Return one of `hilum.pixels.texts.DECISIONS` without adding it."""
        return PixelDecision(code, DECISIONS[code].with_values(**values))

    @staticmethod
    def reason(name: str, source: str = "", **values: object) -> Reason:
        """Return a reason why the pixels are not read.

        Parameters
        ----------
        name
            One of `hilum.pixels.texts.REFUSALS`; its code is what is before the point.
        values
            What fills the gaps of the text.
        """
        return Reason(name.partition(".")[0], REFUSALS[name].with_values(**values), source)

    @classmethod
    def refusal(cls, name: str, source: str = "", **values: object) -> RadiographRefused:
        """Return what is raised for one `reason`."""
        return RadiographRefused([cls.reason(name, source, **values)])
