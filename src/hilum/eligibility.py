"""What the gate decides about one image: accepted, or refused with coded reasons."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason for a refusal or a warning.

    Attributes
    ----------
    code
        Stable identifier for machines, e.g. ``"not_frontal"``.
    text
        The same in plain words, e.g. ``"not a frontal view: View Position is LL"``.
    source
        Where the rule comes from, e.g. ``"PS3.3 C.8.11.5"``; empty when it is our own.
    """

    code: str
    text: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class Eligibility:
    """Whether an image may be analyzed, and why not.

    Attributes
    ----------
    objections
        Every reason to refuse the image, empty when it may be read.
    warnings
        Doubts that do not refuse it; they travel into every report.
    """

    objections: tuple[Reason, ...] = ()
    warnings: tuple[Reason, ...] = ()

    @property
    def accepted(self) -> bool:
        """Whether the model may read the image."""
        return not self.objections
