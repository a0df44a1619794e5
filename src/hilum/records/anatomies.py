"""The anatomy of images: who waits for it, what was found, or why there is nothing.

A line is written in the transaction that also queues its job, so none is lost or too many.
"""

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, select, update

from hilum.language import Message
from hilum.language.message import packed, unpacked
from hilum.radiograph import ImageUIDs
from hilum.records.job import Job
from hilum.records.keys import image_values, of_image
from hilum.records.tables import ANATOMY
from hilum.records.upsert import into


class AnatomyState(StrEnum):
    """How far the anatomy of one image is."""

    WAITING = "waiting"
    MEASURED = "measured"
    """Its results are in the PACS."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class AnatomyRecord:
    """The anatomy of one image."""

    state: AnatomyState
    run: int
    """Of the image; a newer one has an anatomy of its own."""
    attempt: int
    """How often it was asked for in that run, from 1."""
    asked: datetime
    """When; its results tell this time, so that each attempt writes the same."""
    why: str
    """Why it failed, as a `Message`; empty else."""
    document: Mapping[str, Any] | None
    """The `anatomy` of a hilum.reading/1 document; None before it was measured."""
    said: tuple[Message, ...]
    """What is said of it, in sentences."""
    results: tuple[str, ...]
    """SOP Instance UIDs of what was stored."""
    references: tuple[str, ...]
    """The archive's names of the same."""


def ask(connection: Connection, job: Job, now: datetime) -> int | None:
    """Let the anatomy of an image be waited for; return the attempt, None when it is already.

    `hilum.jobs.queue.Queue.enqueue_anatomy` also queues it.
    """
    known = entry(connection, job.archive, job.uids)
    same = known is not None and known.run == job.run
    if known is not None and same and known.state is not AnatomyState.FAILED:
        return None
    attempt = known.attempt + 1 if known is not None and same else 1
    values = {
        "run": job.run,
        "attempt": attempt,
        "reference": job.reference,
        "state": AnatomyState.WAITING,
        "asked": now,
        "why": "",
        "document": None,
        "said": [],
        "results": [],
    }
    connection.execute(
        into(connection.dialect.name, ANATOMY)
        .values(archive=job.archive, **job.uids._asdict(), **values)
        .on_conflict_do_update(index_elements=list(ANATOMY.primary_key.columns), set_=values)
    )
    return attempt


def entry(connection: Connection, archive: str, uids: ImageUIDs) -> AnatomyRecord | None:
    """Return the anatomy of an image, None when nobody asked for it."""
    row = connection.execute(
        select(ANATOMY).where(*of_image(ANATOMY)), image_values(archive, uids)
    ).one_or_none()
    if row is None:
        return None
    return AnatomyRecord(
        AnatomyState(row.state),
        row.run,
        row.attempt,
        row.asked,
        unpacked(json.loads(row.why)) if row.why else "",
        None if row.document is None else json.loads(zlib.decompress(row.document)),
        tuple(unpacked(each) for each in row.said),
        tuple(uid for uid, _ in row.results),
        tuple(reference for _, reference in row.results),
    )


def of_run(connection: Connection, archive: str, uids: ImageUIDs, run: int) -> AnatomyRecord | None:
    """Return the anatomy of one run of an image, None when nobody asked for it."""
    found = entry(connection, archive, uids)
    return found if found is not None and found.run == run else None


def measured(
    connection: Connection,
    job: Job,
    document: Mapping[str, Any],
    said: Sequence[str],
    results: Sequence[tuple[str, str]],
) -> bool:
    """Write down what was found; False when a newer run took the line over.

    Parameters
    ----------
    results
        SOP Instance UID and the archive's name of each.
    """
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return _change(
        connection,
        job,
        state=AnatomyState.MEASURED,
        document=zlib.compress(text.encode()),
        said=[packed(each) for each in said],
        results=list(results),
    )


def failed(connection: Connection, job: Job, why: str) -> bool:
    """Write down why there is nothing; False when a newer run took the line over."""
    return _change(connection, job, state=AnatomyState.FAILED, why=json.dumps(packed(why)))


def _change(connection: Connection, job: Job, **values: Any) -> bool:
    changed = connection.execute(
        update(ANATOMY)
        .where(
            *of_image(ANATOMY),
            ANATOMY.c.run == job.run,
            ANATOMY.c.state == AnatomyState.WAITING,
        )
        .values(**values),
        image_values(job.archive, job.uids),
    )
    return changed.rowcount == 1
