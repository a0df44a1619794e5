"""What is said about pixels: decisions, refusals and phrases, with the image's values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from string import Formatter
from typing import Any, Final

from hilum.eligibility import Reason
from hilum.errors import RadiographRefused
from hilum.pixels import english, portuguese
from hilum.radiograph import PixelDecision
from hilum.settings import ReasonLanguage

SWAPPED: Final = str.maketrans(",.", ".,")
"""Point and comma change places in Portuguese numbers."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words within a text, told in the text's language."""

    code: str
    """One of `hilum.pixels.english.PHRASES`."""
    values: Mapping[str, object] = field(default_factory=dict)
    """What fills its gaps."""


class Unusable(ValueError):
    """A table or codestream that cannot be used.

    Parameters
    ----------
    code
        Why: one of `hilum.pixels.english.PHRASES`.
    values
        What fills its gaps.
    """

    def __init__(self, code: str, **values: object) -> None:
        self.why: Final = Phrase(code, values)
        super().__init__(english.PHRASES[code].format(**values))


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """The decisions taken on one image, in order."""

    language: ReasonLanguage = ReasonLanguage.ENGLISH
    """Language of their texts, and of the reasons to refuse the image."""
    entries: list[PixelDecision] = field(default_factory=list)

    def add(self, code: str, **values: object) -> None:
        """Add the decision `code` with the values that its text names."""
        self.entries.append(self.told(code, **values))

    def told(self, code: str, **values: object) -> PixelDecision:
        """Return a decision without adding it."""
        return PixelDecision(code, self._text("DECISIONS", code, values))

    def reason(self, name: str, source: str = "", **values: object) -> Reason:
        """Return a reason why the pixels are not read.

        Parameters
        ----------
        name
            One of `hilum.pixels.english.REFUSALS`; its code is what is before the point.
        source
            Where the rule comes from.
        values
            What fills the gaps of the text.
        """
        return Reason(name.partition(".")[0], self._text("REFUSALS", name, values), source)

    def refusal(self, name: str, source: str = "", **values: object) -> RadiographRefused:
        """Return what is raised for one `reason`."""
        return RadiographRefused([self.reason(name, source, **values)])

    def _text(self, table: str, code: str, values: Mapping[str, object]) -> str:
        in_portuguese = self.language is ReasonLanguage.PORTUGUESE
        texts: Mapping[str, str] = getattr(portuguese if in_portuguese else english, table)
        said = {
            name: self._text("PHRASES", value.code, value.values)
            if isinstance(value, Phrase)
            else value
            for name, value in values.items()
        }
        return (Portuguese() if in_portuguese else Formatter()).format(texts[code], **said)


class Portuguese(Formatter):
    """Writes numbers as in Brazil: 1.234,5."""

    def format_field(self, value: Any, format_spec: str) -> str:
        """Return one value of a text."""
        written = str(super().format_field(value, format_spec))
        return written.translate(SWAPPED) if isinstance(value, int | float) else written
