"""The self-test and drift: whether the model still says what it said, and of the same images."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from hilum.doctor.check import CheckResult, ok, problem, warning
from hilum.doctor.records import ask
from hilum.records import constancy
from hilum.records.constancy import SelfTestRun, SelfTestState
from hilum.records.drift import DriftLevel
from hilum.records.drift_watch import DriftComparison, watched
from hilum.settings import Settings

HINT: Final = "hilum selftest does one, constancy.every_hours lets the node do them"
NAMED: Final = 3
"""Subjects that are named; hilum drift names all."""


def self_test(settings: Settings) -> Iterator[CheckResult]:
    """Say how the last one ended, and whether one is overdue."""
    last = ask(settings, lambda connection, archive, _: constancy.latest(connection, archive))
    if isinstance(last, CheckResult) and last.remedy:
        yield last
        return
    hours = settings.constancy.every_hours
    if last is None or isinstance(last, CheckResult) or last.at is None:
        yield ok(f"none so far; {f'the node does one every {hours:g} h' if hours else HINT}")
        return
    when = f"{last.at:%Y-%m-%d %H:%M} UTC"
    yield _of_end(last, when)
    if constancy.overdue(last, timedelta(hours=hours), datetime.now(UTC)):
        yield warning(
            f"the last one was at {when}, though there is to be one every {hours:g} h",
            "See that the node runs, and what its log says after selftest.",
        )


def drift(settings: Settings) -> Iterator[CheckResult]:
    """Say of each model that reads whether something shifted."""
    found = ask(
        settings,
        lambda connection, archive, now: watched(connection, archive, settings.constancy, now),
    )
    if isinstance(found, CheckResult):
        yield found if found.remedy else ok("nothing has been counted so far")
        return
    if not found:
        yield ok("nothing has been counted lately")
    for each in found:
        yield _of_model(each, settings.constancy.drift_least_images)


def _of_end(last: SelfTestRun, when: str) -> CheckResult:
    of_model = f" of {last.ended.model}" if last.ended.model else ""
    if last.ended.state is SelfTestState.ALARM:
        first = f": {last.ended.said[0]}" if last.ended.said else ""
        return problem(
            f"alarm{of_model} at {when}{first}",
            "Run hilum selftest to see it all. If the change is wanted, run hilum selftest "
            "--record; else find out what was changed before results are used.",
        )
    return ok(f"{last.ended.state}{of_model} at {when}")


def _of_model(each: DriftComparison, least: int) -> CheckResult:
    about = f"{each.model}, {each.month} ({each.images} images)"
    shifted = [shift.subject for shift in each.shifts if shift.level is DriftLevel.SHIFTED]
    if each.fewest < least:
        return ok(f"{about}: too few images: needs {least} images per period")
    if shifted:
        more = f" and {len(shifted) - NAMED} more" if len(shifted) > NAMED else ""
        return warning(
            f"{about}: {', '.join(shifted[:NAMED])}{more} shifted",
            "See hilum drift, and find out what changed: detector, sender, patients.",
        )
    moving = each.count(DriftLevel.MOVING)
    return ok(f"{about}: {f'{moving} moving, none shifted' if moving else 'as before'}")
