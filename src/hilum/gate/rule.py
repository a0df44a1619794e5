"""What a rule of the gate is: a condition, the text of its reason, and where it stands."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from pydicom import Dataset

from hilum.eligibility import Reason
from hilum.gate import evidence
from hilum.gate.header import called, number, value
from hilum.language import Message
from hilum.settings import GateSettings, NotUpright, ReadOrRefuse
from hilum.values.ages import Age, age_of
from hilum.values.quoting import quoted

Gaps = Mapping[str, str]
"""What fills the gaps of a reason's text; a `Message` under ``wording`` is another text for it."""


@dataclass(frozen=True)
class GateInput:
    """One header, and what it is judged for."""

    header: Dataset
    """The attributes of the image, with or without its pixels."""
    settings: GateSettings
    """What the site lets in."""
    min_age_years: float | None = None
    """From which age on the model reads, None for any."""
    clinical_model: bool = field(default=True, kw_only=True)
    """Whether the model is made for patients, not for phantoms."""

    @cached_property
    def body_part(self) -> evidence.Resolution:
        """What the header as a whole says about a chest."""
        return evidence.body_part(self.header)

    @cached_property
    def view(self) -> evidence.Resolution:
        """What the header as a whole says about a frontal view."""
        return evidence.view(self.header)

    @cached_property
    def age(self) -> Age:
        """How old the patient was, by all that the header says."""
        return age_of(lambda keyword: value(self.header, keyword))

    @property
    def is_image(self) -> bool:
        """Whether there is a matrix of pixels to be judged."""
        return bool(number(self.header, "Rows") and number(self.header, "Columns"))

    def refuses(self, setting: str) -> bool:
        """Whether the site refuses what a setting leaves to it."""
        return bool(getattr(self.settings, setting) == "refuse")  # ReadOrRefuse, NotUpright

    def quoted(self, keyword: str) -> Gaps:
        """Return name and value of an attribute."""
        return {"attribute": called(keyword), "value": value(self.header, keyword)}


Broken = Callable[[GateInput], Gaps | None]
"""Returns what fills a reason's text when a rule is broken, else None."""


class Rule(NamedTuple):
    """One line of the table."""

    code: str
    """Code of its reason, which never changes."""
    attributes: tuple[str, ...]
    """Keywords that it looks at."""
    accepted: str
    """What passes, in words."""
    source: str
    """Where the standard, the settings or the model card say so."""
    text: Message
    """Text of its reason. It begins small and ends without a full stop: it is a part of lines,
    tables and reports."""
    broken: Broken
    """Returns what fills the text when the rule is broken, else None."""
    of_images: bool = True
    """Whether it only makes sense for an image."""

    def reason(self, gaps: Gaps) -> Reason:
        """Return its reason in plain words, with what `broken` gave."""
        wording = gaps.get("wording")
        shown = {
            name: text if isinstance(text, Message) else quoted(text)
            for name, text in gaps.items()
            if name != "wording"
        }
        said = wording if isinstance(wording, Message) else self.text
        return Reason(self.code, said.with_values(**shown), self.source)


class SiteRule(NamedTuple):
    """A rule of which a setting says whether it refuses an image or is a warning."""

    refused: Rule
    warned: Rule


def rule(
    attributes: tuple[str, ...],
    accepted: str,
    source: str,
    text: Message,
    *,
    of_images: bool = True,
) -> Callable[[Broken], Rule]:
    """Make a function a rule, whose code is the function's name."""
    return lambda broken: Rule(
        broken.__name__, attributes, accepted, source, text, broken, of_images
    )


def left_to_site(
    warned: ReadOrRefuse | NotUpright,
    attributes: tuple[str, ...],
    accepted: str,
    source: str,
    text: Message,
) -> Callable[[Broken], SiteRule]:
    """Make a function a rule of which the setting that `source` ends with says what it does.

    Parameters
    ----------
    warned
        Its value with which the rule warns; the other one is ``refuse``.
    accepted
        What passes; setting and value stand for ``{}``.
    """
    setting = source.rpartition(".")[2]

    def line(broken: Broken, choice: str, *, refuses: bool) -> Rule:
        passes = accepted.format(f"gate.{setting} is {choice}")
        decided = rule(attributes, passes, source, text)(broken)
        return decided._replace(
            broken=lambda case: broken(case) if case.refuses(setting) is refuses else None
        )

    return lambda broken: SiteRule(
        line(broken, "refuse", refuses=True), line(broken, warned, refuses=False)
    )
