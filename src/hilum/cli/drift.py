"""``hilum drift``: whether what a model says of new images moved away from a reference."""

import json
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, Final

import click

from hilum.cli.main import FAILED
from hilum.errors import NodeError
from hilum.node.archive import archive_name
from hilum.records import Database
from hilum.records import drift as counted
from hilum.records.database import open_database
from hilum.records.drift import Kind, Limits, Shift, Verdict
from hilum.settings import Settings
from hilum.settings.constancy import ConstancySettings

SCHEMA: Final = "hilum.drift/1"

WHAT: Final = {Kind.REFUSAL: "refused", Kind.DECISION: "pixels"}
"""What stands before a code."""


@click.command("drift")
@click.option("--model", help="Only models whose name begins so.")
@click.option("--month", metavar="YYYY-MM", help="The month to look at. Default: each newest one.")
@click.option(
    "--reference", metavar="WINDOW", help="first, or a month. Default: constancy.drift_reference."
)
@click.option("--all", "everything", is_flag=True, help="Also show what did not move.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON document.")
def drift(
    *,
    model: str | None,
    month: str | None,
    reference: str | None,
    everything: bool,
    as_json: bool,
) -> None:
    """Compare what each model said in a month with its reference.

    Scores of each label, reasons of refusals and pixel decisions: each is the same, moving or
    shifted, or there are too few images to tell. Exit status 1 when something has shifted.
    """
    settings = Settings.load()
    chosen = reference or settings.constancy.drift_reference
    with open_database(settings) as database:
        found = list(compared(database, settings, chosen, model, month))
    if as_json:
        click.echo(json.dumps({"schema": SCHEMA, "models": found}, indent=1))
    elif not found:
        click.echo("Nothing has been counted yet, or not for that model and month.", err=True)
    for one in [] if as_json else found:
        for line in lines(one, settings.constancy, everything=everything):
            click.echo(line)
    if any(shift["verdict"] == Verdict.SHIFTED for one in found for shift in one["shifts"]):
        sys.exit(FAILED)


def compared(
    database: Database,
    settings: Settings,
    reference: str,
    model: str | None,
    month: str | None,
) -> Iterator[dict[str, Any]]:
    """Yield the comparison of each model that was asked for.

    Raises
    ------
    NodeError
        A model has no such reference.
    """
    archive = archive_name(settings)
    with database.look() as connection:
        for name, windows in counted.windows(connection, archive).items():
            months = [window for window in windows if window != counted.FIRST]
            if not name.startswith(model or "") or (month and month not in months):
                continue
            if reference not in windows:
                raise NodeError(
                    f"The model {name} has no counts of {reference}.",
                    f"Name another reference: {', '.join(windows)}.",
                )
            now = month or months[-1]
            limits = limits_of(settings.constancy)
            shifts = counted.compare(
                counted.counts(connection, archive, name, reference),
                counted.counts(connection, archive, name, now),
                limits,
            )
            yield {
                "model": name,
                "month": now,
                "images": counted.images(connection, archive, name, now),
                "reference": reference,
                "reference_images": counted.images(connection, archive, name, reference),
                "shifts": [_plain(shift) for shift in shifts],
            }


def limits_of(settings: ConstancySettings) -> Limits:
    """Return the limits of the settings."""
    return Limits(settings.drift_least_images, settings.drift_moving, settings.drift_shifted)


def lines(one: dict[str, Any], settings: ConstancySettings, *, everything: bool) -> Iterator[str]:
    """Yield what a person reads about one model."""
    against = f"its first {one['reference_images']}"
    if one["reference"] != counted.FIRST:
        against = f"{one['reference']} ({one['reference_images']} images)"
    yield f"{one['model']}: {one['month']} ({one['images']} images) against {against}"
    shifts: Sequence[dict[str, Any]] = one["shifts"]
    fewest = min(one["images"], one["reference_images"])
    if fewest < settings.drift_least_images:
        yield f"  too few images to tell: at least {settings.drift_least_images} on either side"
    quiet = {Verdict.SAME, Verdict.TOO_FEW}
    loud = [s for s in shifts if everything or s["verdict"] not in quiet]
    for shift in loud:
        yield f"  {shift['verdict']:<8}  {_said(shift)}  (PSI {shift['psi']:.2f})"
    same = sum(s["verdict"] == Verdict.SAME for s in shifts)
    if same and not everything:
        yield f"  {same} {'others as' if loud else 'distributions as'} before"


def _plain(shift: Shift) -> dict[str, Any]:
    """Return a shift as JSON has it: no NaN."""
    return {
        name: None if isinstance(value, float) and math.isnan(value) else value
        for name, value in asdict(shift).items()
    }


def _said(shift: dict[str, Any]) -> str:
    before, now = (shift[side] for side in ("before", "now"))
    if shift["kind"] == Kind.SCORE:
        values = ["none" if v is None else f"{v:.2g}" for v in (before, now)]
        return f"{shift['subject']}: median raw value {values[1]}, was {values[0]}"
    shares = ["none" if v is None else f"{v:.1%}" for v in (before, now)]
    return f"{WHAT[shift['kind']]} {shift['subject']}: {shares[1]} of images, was {shares[0]}"
