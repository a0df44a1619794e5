"""``hilum drift``: compare a model's recent output with its reference."""

import json
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, Final

import click

from hilum.cli.main import FAILED
from hilum.cli.terminal import echo, say
from hilum.errors import NodeError
from hilum.language import Message, of_environment
from hilum.node.retrying_archive import archive_name
from hilum.records import drift as counted
from hilum.records.database import open_database
from hilum.records.drift import DriftLevel
from hilum.records.drift_watch import LEVELS, DriftComparison, compared, shift_words
from hilum.settings import Settings
from hilum.settings.constancy import ConstancySettings

SCHEMA: Final = "hilum.drift/1"


@click.command("drift")
@click.option("--model", help="Only models whose name starts with this.")
@click.option("--month", metavar="YYYY-MM", help="Default: the newest month with enough images.")
@click.option(
    "--reference", metavar="WINDOW", help="first, or a month. Default: constancy.drift_reference."
)
@click.option("--all", "everything", is_flag=True, help="Also show what did not change.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON document.")
def drift(
    *, model: str | None, month: str | None, reference: str | None, everything: bool, as_json: bool
) -> None:
    """Compare each model's output of a month with its reference.

    Scores of each label, reasons of refusals and pixel decisions: each is the same, moving or
    shifted, or there are too few images to tell. Exit status 1 when something has shifted.
    """
    settings = Settings.load()
    archive = archive_name(settings)
    with open_database(settings) as database, database.look() as connection:
        asked = compared(
            connection,
            archive,
            settings.constancy,
            model=model or "",
            month=month,
            reference=reference,
        )
        found = list(asked)
        require_reference(counted.windows(connection, archive), found)
    if as_json:
        models = [plain(one) for one in found]
        click.echo(json.dumps({"schema": SCHEMA, "models": models}, indent=1))
    elif not found:
        echo("There is no data yet for that model and month.", err=True)
    for one in [] if as_json else found:
        for line in lines(one, settings.constancy, everything=everything):
            echo(line)
    if any(one.count(DriftLevel.SHIFTED) for one in found):
        sys.exit(FAILED)


def require_reference(
    windows: dict[str, tuple[str, ...]], found: Sequence[DriftComparison]
) -> None:
    """Return when each model has the reference that it was compared with.

    Raises
    ------
    NodeError
        One has not.
    """
    for one in found:
        if one.reference not in windows[one.model]:
            raise NodeError(
                "The model {model} has no data for {reference}.",
                "Name another reference: {windows}.",
                model=one.model,
                reference=one.reference,
                windows=", ".join(windows[one.model]),
            )


def lines(one: DriftComparison, settings: ConstancySettings, *, everything: bool) -> Iterator[str]:
    """Yield what a person reads about one model."""
    against = Message("its first {count}", count=one.reference_images)
    if one.reference != counted.FIRST:
        against = Message(
            "{month} ({count} images)", month=one.reference, count=one.reference_images
        )
    yield say(
        "{model}: {month} ({images} images) against {against}",
        model=one.model,
        month=one.month,
        images=one.images,
        against=against,
    )
    if one.fewest < settings.drift_least_images:
        yield say(
            "  too few images: needs at least {drift_least_images} images per period",
            drift_least_images=settings.drift_least_images,
        )
    shown = list(one.shifts) if everything else one.loud
    for shift in shown:
        subject, moved = shift_words(shift, of_environment())
        yield say(
            "  {level:<9}  {subject}: {moved} (PSI {psi:.2f})",
            level=say(LEVELS[shift.level]),
            subject=subject,
            moved=moved,
            psi=shift.psi,
        )
    same = one.count(DriftLevel.SAME)
    if same and not everything:
        yield (
            say("  {count} others as before", count=same)
            if shown
            else say("  {count} distributions as before", count=same)
        )


def plain(one: DriftComparison) -> dict[str, Any]:
    """Return a comparison as JSON has it: no NaN."""
    shifts = [
        {
            name: None if isinstance(value, float) and math.isnan(value) else value
            for name, value in asdict(shift).items()
        }
        for shift in one.shifts
    ]
    return {**asdict(one), "shifts": shifts}
