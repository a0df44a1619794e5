"""What became of the images of each mode: the report of a stage of the roll-out."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Select, and_, func, select

from hilum.radiograph import ImageUIDs
from hilum.records import reviews
from hilum.records.reviews import Agreement
from hilum.records.states import SETTLED, State
from hilum.records.stored_reading import document_in
from hilum.records.tables import IMAGE, READING
from hilum.records.throughput import Refusals, refusals_in
from hilum.settings.node import NodeMode

SAID: Final = ("agree", "missed", "false_positive", "unsure")
"""What is counted of reviews, as `Agreement` has it."""

NEWEST: Final = 2000
"""Images of a mode whose findings and reasons are counted; the states of all are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingCount(Agreement):
    """What was found, and what readers say of it in all months together."""

    month: str = ""
    positives: int
    images: int
    """Images with the finding at or above its operating point, of so many."""


@dataclass(frozen=True, slots=True)
class ModeReport:
    """What became of the images of one mode."""

    mode: NodeMode
    ended: Mapping[State, int]
    """State → images, of all."""
    first: datetime | None
    last: datetime | None
    """When the first and the last of them ended; None without any."""
    refusals: tuple[Refusals, ...]
    """Why the newest were not analyzed, the most frequent reason first."""
    findings: tuple[FindingCount, ...]
    """By label."""

    @property
    def images(self) -> int:
        """How many images ended."""
        return sum(self.ended.values())

    @property
    def summary(self) -> dict[str, int]:
        """The same in few numbers, for the audit trail."""
        return {
            **{state.value: count for state, count in sorted(self.ended.items())},
            "answers": sum(each.answers for each in self.findings),
            "agree": sum(each.agree for each in self.findings),
        }


def report(connection: Connection, archive: str, mode: NodeMode) -> ModeReport:
    """Count what became of the images of a mode."""
    own = (IMAGE.c.archive == archive, IMAGE.c.mode == mode)
    ended = connection.execute(
        select(IMAGE.c.state, func.count(), func.min(IMAGE.c.settled), func.max(IMAGE.c.settled))
        .where(*own, IMAGE.c.state.in_(sorted(SETTLED)))
        .group_by(IMAGE.c.state)
    ).all()
    newest = select(IMAGE.c.reasons).where(*own).order_by(IMAGE.c.settled.desc()).limit(NEWEST)
    refused = connection.scalars(newest.where(IMAGE.c.state == State.REFUSED))
    same = and_(*(IMAGE.c[name] == READING.c[name] for name in ("archive", *ImageUIDs._fields)))
    documents: Select[Any] = newest.where(IMAGE.c.state == State.STORED).with_only_columns(
        READING.c.document
    )
    found = connection.scalars(documents.join(READING, same))
    return ModeReport(
        mode,
        {State(state): int(count) for state, count, *_ in ended},
        min((first for _, _, first, _ in ended), default=None),
        max((last for *_, last in ended), default=None),
        tuple(refusals_in(refused)),
        _findings(map(document_in, found), reviews.agreement(connection, archive, mode=mode)),
    )


def _findings(
    documents: Iterable[Mapping[str, Any]], agreement: Iterable[Agreement]
) -> tuple[FindingCount, ...]:
    images: Counter[str] = Counter()
    positives: Counter[str] = Counter()
    for document in documents:
        for each in document["readings"][0]["findings"]:
            images[each["label"]] += 1
            positives[each["label"]] += each["positive"]
    said: dict[str, list[Agreement]] = {}
    for month in agreement:
        said.setdefault(month.label, []).append(month)
    return tuple(
        FindingCount(
            label=label,
            positives=positives[label],
            images=images[label],
            in_words=label not in images,
            **{name: sum(getattr(each, name) for each in said.get(label, ())) for name in SAID},
        )
        for label in sorted(images.keys() | said.keys())
    )
