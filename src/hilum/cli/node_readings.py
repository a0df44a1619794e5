"""What this node's own records say of the images that it analyzed, as readings to be evaluated."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

from hilum.cli.noted import note
from hilum.cli.terminal import echo, say
from hilum.errors import SourceUnreadable
from hilum.evaluation.label_table import Fact
from hilum.evaluation.readings import ReadingTable, of_document
from hilum.node.retrying_archive import archive_name
from hilum.outcome import Status
from hilum.records import settled
from hilum.records.database import open_database
from hilum.records.settled import SettledImage
from hilum.records.states import State
from hilum.settings import NodeMode, Settings

NODE: Final = "node:"
"""How readings are named that this node made; behind it may stand a mode."""

STATUSES: Final = {
    State.STORED: Status.READ,
    State.REFUSED: Status.REFUSED,
    State.FAILED: Status.FAILED,
}
"""State of an image that ended → status of a reading; what was deleted counts nowhere."""


def node_readings(mode: str) -> ReadingTable:
    """Return the readings of this node by the model and operating points that it used last.

    Parameters
    ----------
    mode
        Of images that came in this mode alone; empty: of all.

    Raises
    ------
    SourceUnreadable
        There is no such mode, or no image was analyzed.
    DatabaseUnavailable
        The records do not answer.
    """
    settings = Settings.load()
    wanted = None
    if mode:
        with suppress(ValueError):
            wanted = NodeMode(mode)
        if wanted is None:
            raise SourceUnreadable(
                "{name} names no mode of a node.",
                "Write node: for all, or {modes}.",
                name=NODE + mode,
                modes=", ".join(f"{NODE}{each}" for each in NodeMode),
            )
    with open_database(settings) as database:
        with database.look() as connection:
            found = list(settled.images(connection, archive_name(settings), wanted))
        same = _by_the_last_model(found)
        note(database, "readings.evaluated", images=len(same), mode=mode)
    if len(same) < len(found):
        echo(
            "{count} images were analyzed by another model, or with other operating points or "
            "pixels: left out.",
            count=len(found) - len(same),
            err=True,
        )
    return table_of(same, NODE + mode)


def _by_the_last_model(found: Sequence[SettledImage]) -> list[SettledImage]:
    """Return the images that were read as the last one, and those that no model read."""
    read = [each for each in found if each.document is not None]
    last = _key(read[-1].document) if read else None
    return [each for each in found if each.document is None or _key(each.document) == last]


def _key(document: Any) -> tuple[str, ...]:
    model = document["model"]
    names = ("name", "version", "sha256", "operating_points")
    return (*(str(model[name]) for name in names), document["pixel_pipeline"])


def table_of(found: Sequence[SettledImage], source: str) -> ReadingTable:
    """Return records as readings.

    Raises
    ------
    SourceUnreadable
        No image was analyzed.
    """
    read = [each for each in found if each.document is not None]
    if not read:
        raise SourceUnreadable(
            "{name} has no image that was analyzed.",
            "See hilum jobs list.",
            name=source,
        )
    head = read[-1].document or {}
    table = of_document({**head, "readings": list(_rows(found))}, source)
    facts = {
        Fact.PATIENT: [each.patient for each in read],
        Fact.SEX: [each.sex for each in read],
        Fact.AGE: ["" if each.age_years is None else f"{each.age_years:g}" for each in read],
        Fact.DATE: [each.study_date for each in read],
    }
    return replace(table, facts=facts, accessions=tuple(each.accession_number for each in read))


def _rows(found: Sequence[SettledImage]) -> Iterator[dict[str, Any]]:
    """Yield the row of each image, by its UIDs: no file of it has a name here."""
    for each in found:
        said = {} if each.document is None else each.document["readings"][0]
        yield {
            "path": each.uids.sop_instance_uid,
            **each.uids._asdict(),
            "status": STATUSES[each.state],
            "reasons": [{"code": why.code, "text": say(why.text)} for why in each.reasons],
            "findings": said.get("findings", []),
        }
