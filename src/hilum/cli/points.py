"""``hilum points``: which operating points are in use, and how to change that."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from hilum import RESEARCH_USE_ONLY
from hilum.cli.noted import actor
from hilum.cli.terminal import echo, say
from hilum.node.points import PointsDesk, points_of
from hilum.records import points_used
from hilum.records.database import open_database
from hilum.settings import Settings


@click.group(epilog=RESEARCH_USE_ONLY)
def points() -> None:
    """List operating points, put them to use, and go back.

    An operating point is the raw value from which on a finding is positive. The model's card has
    sets of them; hilum evaluate --choose writes a file with those of this site.
    """


@points.command("list")
def list_points() -> None:
    """List the sets of the model's card and what was put to use, the last first.

    An asterisk marks the ones in use.
    """
    with _desk() as desk:
        current = desk.current
        with desk.database.look() as connection:
            used = points_used.history(connection)
        for name in desk.card.operating_points:
            _line(name, say("of the model card"), current)
        if current not in {*desk.card.operating_points, *(each.name for each in used)}:
            _line(current, say("set by model.operating_points"), current)
        for each in used:
            points = points_of(each)
            how = say("of the model card") if points is None else points.origin
            when = f"{each.at.astimezone():%Y-%m-%d %H:%M} {each.actor}"
            _line(each.name, f"{when}  {how}", current)
            current = "" if each.name == current else current  # it was in use before, too


@points.command()
@click.argument("chosen", metavar="NAME|FILE")
def use(chosen: str) -> None:
    """Put to use: a set of the model's card, a FILE, or a NAME that was in use before.

    A file is refused that is for another model or pixel pipeline, or was changed by hand. A running
    node takes it up with its next image. Existing results keep their operating points.
    """
    with _desk() as desk:
        _say(desk.use(chosen, actor()))


@points.command()
def back() -> None:
    """Go back to the operating points that were in use before."""
    with _desk() as desk:
        _say(desk.back(actor()))


@contextmanager
def _desk() -> Iterator[PointsDesk]:
    settings = Settings.load()
    with open_database(settings) as database:
        yield PointsDesk(settings, database)


def _line(name: str, about: str, current: str) -> None:
    mark = "* " if name == current else "  "
    click.echo(f"{mark}{name:<32}  {about}")


def _say(name: str) -> None:
    echo(
        "{name} is in use from the next image on. Run hilum selftest --record once it is.",
        name=name,
    )
