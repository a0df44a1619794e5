"""Self-tests: their reference, the phantom that may be read now, and the latest results."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, delete, select, update

from hilum.constancy import PhantomResponse
from hilum.radiograph import ImageUIDs
from hilum.records.keys import of_study, study_values
from hilum.records.quality_tables import CONSTANCY_REFERENCE, CONSTANCY_RUN
from hilum.records.rows import as_record
from hilum.records.tables import (
    FORWARD,
    IMAGE,
    READING,
    STUDY,
    STUDY_ATTRIBUTE,
    STUDY_FINDING,
    STUDY_WORD,
    THUMBNAIL,
)

OF_STUDIES: Final = (
    *(FORWARD, READING, THUMBNAIL, IMAGE),
    *(STUDY, STUDY_ATTRIBUTE, STUDY_FINDING, STUDY_WORD),
)
"""Tables with lines about a study or its images."""


class SelfTestMode(StrEnum):
    """What a self-test went through."""

    LIVE = "live"
    """The PACS, the node, and back."""
    OFFLINE = "offline"
    """This process alone."""


class SelfTestState(StrEnum):
    """State of a self-test."""

    RUNNING = "running"
    OK = "ok"
    RECORDED = "recorded"
    """Its answer is the reference now."""
    ALARM = "alarm"


KEPT: Final = select(CONSTANCY_RUN.c.number).where(
    *of_study(CONSTANCY_RUN), CONSTANCY_RUN.c.sop_instance_uid == bindparam("of_image")
)
EXPECTED: Final = KEPT.with_only_columns(CONSTANCY_RUN.c.pixels).where(
    CONSTANCY_RUN.c.state == SelfTestState.RUNNING.value,
    CONSTANCY_RUN.c.mode == SelfTestMode.LIVE.value,
    CONSTANCY_RUN.c.expires > bindparam("now"),
)
"""Asked for each image, hence put together once."""


@dataclass(frozen=True, slots=True)
class SelfTestStart:
    """A self-test whose phantom is on its way."""

    archive: str
    mode: SelfTestMode
    """Where, and through what."""
    began: datetime
    expires: datetime
    """From when to when the phantom may be read."""
    study_instance_uid: str
    sop_instance_uid: str
    """The phantom, made for this test alone."""
    pixels: str
    """SHA-256 of its stored pixels."""


@dataclass(frozen=True, slots=True)
class SelfTestEnd:
    """How a self-test ended."""

    state: SelfTestState
    """Ok, recorded or alarm."""
    model: str = ""
    """Name and version; empty when nothing answered."""
    lines: tuple[str, ...] = ()
    """Lines for people, alarms first."""
    worst: float | None = None
    """Largest shift of a raw value; None when nothing was compared."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    """Stage → seconds."""


@dataclass(frozen=True, slots=True)
class SelfTestRun:
    """A self-test as it is kept."""

    number: int
    begun: SelfTestStart
    ended: SelfTestEnd
    at: datetime | None
    """When it ended; None while it runs, or when its process was killed."""


def begin(connection: Connection, begun: SelfTestStart) -> int:
    """Write down that a phantom is on its way, before it is sent; return the test's number."""
    row = connection.execute(
        CONSTANCY_RUN.insert().values(
            **asdict(begun), state=SelfTestState.RUNNING, model="", lines=[], seconds={}
        )
    )
    key = row.inserted_primary_key
    assert key is not None, "the database numbers the lines"  # noqa: S101
    return int(key[0])


def end(
    connection: Connection, number: int, ended: SelfTestEnd, now: datetime, *, keep: int
) -> None:
    """Write down how a self-test ended; forget all but the last `keep`."""
    connection.execute(
        update(CONSTANCY_RUN)
        .where(CONSTANCY_RUN.c.number == number)
        .values(ended=now, **asdict(ended))
    )
    kept = select(CONSTANCY_RUN.c.number).order_by(CONSTANCY_RUN.c.number.desc()).limit(keep)
    oldest = min(connection.scalars(kept), default=0)
    connection.execute(delete(CONSTANCY_RUN).where(CONSTANCY_RUN.c.number < oldest))


def expected(connection: Connection, archive: str, uids: ImageUIDs, now: datetime) -> str | None:
    """Return the SHA-256 of the pixels that this image must have to be read as a self-test.

    None for every other image: what says that it is a phantom, and was not announced here
    a moment ago, is refused like any image for quality control.
    """
    row = connection.execute(EXPECTED, {**_asked(archive, uids), "now": now}).first()
    return None if row is None else str(row.pixels)


def is_self_test(connection: Connection, archive: str, uids: ImageUIDs) -> bool:
    """Whether an image is the phantom of a self-test that is kept, whenever it was."""
    return connection.execute(KEPT, _asked(archive, uids)).first() is not None


def due(connection: Connection, archive: str, every: timedelta, now: datetime) -> bool:
    """Whether the last self-test through the archive began so long ago, or there was none."""
    if not every:
        return False
    last = runs(connection, archive, limit=1, mode=SelfTestMode.LIVE)
    return not last or last[0].begun.began + every <= now


def overdue(last: SelfTestRun | None, every: timedelta, now: datetime) -> bool:
    """Whether self-tests are on schedule, and twice the time has passed since the last one.

    A first one that is still to come is not overdue.
    """
    return bool(every) and last is not None and last.begun.began + 2 * every < now


def latest(connection: Connection, archive: str) -> SelfTestRun | None:
    """Return the last self-test that ended, None when there was none."""
    return next((run for run in runs(connection, archive) if run.at is not None), None)


def runs(
    connection: Connection, archive: str, *, limit: int = 20, mode: SelfTestMode | None = None
) -> list[SelfTestRun]:
    """Return the last self-tests, the newest first; of one mode, or of both."""
    wanted = select(CONSTANCY_RUN).where(CONSTANCY_RUN.c.archive == archive)
    if mode is not None:
        wanted = wanted.where(CONSTANCY_RUN.c.mode == mode)
    rows = connection.execute(wanted.order_by(CONSTANCY_RUN.c.number.desc()).limit(limit))
    return [_run(row) for row in rows]


def reference(connection: Connection, model: str) -> tuple[PhantomResponse, datetime] | None:
    """Return the reference of the model of that name, and when it was recorded."""
    row = connection.execute(
        select(CONSTANCY_REFERENCE).where(CONSTANCY_REFERENCE.c.model == model)
    ).first()
    return None if row is None else (PhantomResponse.of(row.answer), row.recorded)


def record(connection: Connection, answer: PhantomResponse, now: datetime) -> None:
    """Make an answer the reference of its model."""
    name = answer.model["name"]
    connection.execute(delete(CONSTANCY_REFERENCE).where(CONSTANCY_REFERENCE.c.model == name))
    connection.execute(
        CONSTANCY_REFERENCE.insert().values(model=name, recorded=now, answer=answer.document())
    )


def forget(connection: Connection, begun: SelfTestStart) -> None:
    """Take the phantom of a self-test, and what was said of it, out of jobs and worklist."""
    study = study_values(begun.archive, begun.study_instance_uid)
    for table in OF_STUDIES:
        connection.execute(delete(table).where(*of_study(table)), study)


def _asked(archive: str, uids: ImageUIDs) -> dict[str, Any]:
    """Return the values of `KEPT`; the phantom's study is made for it alone."""
    study = study_values(archive, uids.study_instance_uid)
    return {**study, "of_image": uids.sop_instance_uid}


def _run(row: Row[Any]) -> SelfTestRun:
    begun, ended = as_record(SelfTestStart, row), as_record(SelfTestEnd, row)
    return SelfTestRun(row.number, begun, ended, row.ended)
