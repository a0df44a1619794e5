"""Results of `hilum doctor`: one line per check."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from hilum.language.message import filled_in
from hilum.settings import Settings


class Level(StrEnum):
    """Severity of a result."""

    OK = "ok"
    WARNING = "warning"
    """It works, but needs attention."""
    PROBLEM = "problem"
    """Images are not read, or soon will not be."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One line."""

    level: Level
    """Severity of a result."""
    what: str
    """What was found, without a full stop."""
    remedy: str = ""
    """What a person can do, as a sentence; empty when there is nothing to do."""

    def __post_init__(self) -> None:
        if self.level is not Level.OK and not self.remedy:
            raise ValueError(f"{self.what}: a {self.level} needs a remedy")


Check = Callable[[Settings], Iterable[CheckResult]]
"""Checks one thing. An error that it raises is reported as a problem of that check alone."""


def ok(what: str, /, **values: object) -> CheckResult:
    """Return that something is as it should be."""
    return CheckResult(Level.OK, filled_in(what, values))


def warning(what: str, remedy: str, /, **values: object) -> CheckResult:
    """Return that something needs attention."""
    return CheckResult(Level.WARNING, filled_in(what, values), filled_in(remedy, values))


def problem(what: str, remedy: str, /, **values: object) -> CheckResult:
    """Return that something keeps images from being read."""
    return CheckResult(Level.PROBLEM, filled_in(what, values), filled_in(remedy, values))
