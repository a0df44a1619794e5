"""Self-test and drift: whether the model's output is as it was, and its images are."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from hilum.doctor.check import CheckResult, ok, problem, warning
from hilum.doctor.records import ask
from hilum.language import Message
from hilum.records import constancy
from hilum.records.constancy import SelfTestRun, SelfTestState
from hilum.records.drift import DriftLevel
from hilum.records.drift_watch import DriftComparison, watched
from hilum.settings import Settings

HINT: Final = Message("run hilum selftest, or set constancy.every_hours to have the node run it")
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
        often = Message("the node runs one every {hours:g} h", hours=hours)
        yield ok("none so far; {hint}", hint=often if hours else HINT)
        return
    when = f"{last.at:%Y-%m-%d %H:%M} UTC"
    yield _of_end(last, when)
    if constancy.overdue(last, timedelta(hours=hours), datetime.now(UTC)):
        yield warning(
            "the last one ran at {when}, although one is due every {hours:g} h",
            "Check that the node is running, and what its log says after selftest.",
            when=when,
            hours=hours,
        )


def drift(settings: Settings) -> Iterator[CheckResult]:
    """Say of each model that reads whether something shifted."""
    found = ask(
        settings,
        lambda connection, archive, now: watched(connection, archive, settings.constancy, now),
    )
    if isinstance(found, CheckResult):
        yield found if found.remedy else ok("no data yet")
        return
    if not found:
        yield ok("no recent data")
    for each in found:
        yield _of_model(each, settings.constancy.drift_least_images)


def _of_end(last: SelfTestRun, when: str) -> CheckResult:
    model = last.ended.model or "–"
    if last.ended.state is SelfTestState.ALARM:
        return problem(
            "alarm of {model} at {when}: {first}",
            "Run hilum selftest to see it all. If the change is wanted, run hilum selftest "
            "--record; else find out what was changed before results are used.",
            model=model,
            when=when,
            first=last.ended.lines[0] if last.ended.lines else "–",
        )
    return ok("ok: {model} at {when}", model=model, when=when)


def _of_model(each: DriftComparison, least: int) -> CheckResult:
    about = Message(
        "{model}, {month} ({images} images)", model=each.model, month=each.month, images=each.images
    )
    shifted = [shift.subject for shift in each.shifts if shift.level is DriftLevel.SHIFTED]
    if each.fewest < least:
        return ok(
            "{about}: too few images: needs {least} images per period", about=about, least=least
        )
    if shifted:
        named = ", ".join(shifted[:NAMED])
        if len(shifted) > NAMED:
            named = Message("{named} and {count} more", named=named, count=len(shifted) - NAMED)
        return warning(
            "{about}: {named} shifted",
            "See hilum drift, and find out what changed: detector, sender, patients.",
            about=about,
            named=named,
        )
    moving = each.count(DriftLevel.MOVING)
    if moving:
        return ok("{about}: {count} drifting, none shifted", about=about, count=moving)
    return ok("{about}: as before", about=about)
