"""What must hold after whatever happened: the one checker of all these tests."""

import json
import os
import re
import sqlite3
import time
from collections import Counter, defaultdict
from contextlib import closing
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, Final

import psycopg
from pydicom import Dataset, dcmread
from pydicom.uid import (
    PYDICOM_ROOT_UID,
    Comprehensive3DSRStorage,
    EnhancedSRStorage,
    SecondaryCaptureImageStorage,
)

import sr_reader
from faults.world import LONG_S, Program, World, until
from hilum.records.database import FILE
from hilum.records.states import SETTLED, State

RESULTS: Final = {
    SecondaryCaptureImageStorage: 1,
    EnhancedSRStorage: 1,
    Comprehensive3DSRStorage: 1,
}
"""What belongs to each image that was read, with the settings as they come."""

REPORTS: Final = "1.2.840.10008.5.1.4.1.1.88."
"""How the UIDs of all kinds of structured reports begin."""

REFERENCED: Final = re.compile(
    rb"\x08\x00\x55\x11UI..(" + re.escape(PYDICOM_ROOT_UID.encode()) + rb"[0-9.]+)", re.DOTALL
)
"""Referenced SOP Instance UID of an image of the tests, at any depth, in Explicit VR Little Endian.

To find it takes a hundredth of the time of parsing every element of a report.
"""

UNFINISHED: Final = ("PENDING", "ENQUEUED", "DELAYED")
"""States of a workflow that still has something to do."""

DRAIN_S: Final = 45.0
"""Longer than a node takes to end its work and stop."""


@dataclass
class Summary:
    """What was found when all was well."""

    states: Counter[str] = field(default_factory=Counter)
    results: int = 0
    runs: Counter[int] = field(default_factory=Counter)
    attempts: Counter[int] = field(default_factory=Counter)


def rows_of(world: World, statement: str) -> list[tuple[Any, ...]]:
    """Return what the node's database answers, asked past all of hilum's code."""
    if world.postgresql is not None:
        with psycopg.connect(world.postgresql.url, connect_timeout=5) as server:
            return server.execute(statement).fetchall()  # type: ignore[call-overload]
    path = world.data / FILE
    if not path.exists():
        return []
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as connection:
        return connection.execute(statement).fetchall()


def image_rows(world: World) -> dict[str, tuple[Any, ...]]:
    """Return SOP Instance UID → state, run, attempts, reasons, results."""
    try:
        rows = rows_of(
            world, "SELECT sop_instance_uid, state, run, attempts, reasons, results FROM image"
        )
    except (sqlite3.OperationalError, psycopg.errors.UndefinedTable):  # not made yet
        return {}
    assert len(rows) == len({row[0] for row in rows}), "an image has two lines"
    return {row[0]: tuple(row[1:]) for row in rows}


def wait_until_settled(world: World, seconds: float = LONG_S) -> None:
    """Wait until every image that was sent has its end; name those that have none.

    They are stuck when for so many seconds none of them gets there: a machine may be slow.
    """
    moved, most_left = time.monotonic(), len(world.expected) + 1
    left: dict[str, object] = {}
    while time.monotonic() < moved + seconds:
        rows = image_rows(world)
        left = {
            uid: rows.get(uid, "unknown to the node")
            for uid in world.expected
            if uid not in rows or State(rows[uid][0]) not in SETTLED
        }
        if not left:
            return
        if len(left) < most_left:
            moved, most_left = time.monotonic(), len(left)
        time.sleep(0.1)
    logs = {program.name: program.said()[-4000:] for program in world.programs}
    said = "\n".join(f"--- {name}\n{text}" for name, text in logs.items())
    raise AssertionError(f"{len(left)} of {len(world.expected)} images are stuck: {left}\n{said}")


def check_afterwards(world: World, *, seconds: float = LONG_S, doctor: bool = True) -> Summary:
    """Check all promises: nothing lost, nothing twice, nothing stuck, nobody left behind.

    Parameters
    ----------
    world
        With its node running and all faults over.
    seconds
        How long the node may need for the next image that it has to catch up with.
    doctor
        Whether `hilum doctor` has to find nothing to mend.
    """
    wait_until_settled(world, seconds)
    no_work_is_left(world)
    summary = everything_is_there_once(world)
    if doctor:
        done = world.run("doctor")
        assert done.returncode == 0, done.stdout + done.stderr
    for program in list(world.ours()):
        everybody_goes(program)
    until(lambda: not world.processes(), "the end of all processes", 10)
    database_is_whole(world)
    return summary


def no_work_is_left(world: World) -> None:
    """Every workflow of every image has ended, and none of them badly."""
    statuses: Counter[str] = Counter()

    def over() -> bool:
        nonlocal statuses
        table = "dbos.workflow_status" if world.postgresql is not None else "workflow_status"
        rows = rows_of(world, f"SELECT status, count(*) FROM {table} GROUP BY status")  # noqa: S608
        statuses = Counter(dict(rows))
        return not any(statuses[each] for each in UNFINISHED)

    until(over, "the end of all workflows")
    assert statuses["ERROR"] == 0, statuses


def everything_is_there_once(world: World) -> Summary:
    """Each image has its line and its end; each that was read has one set of results."""
    summary = Summary()
    in_pacs = results_in_pacs(world)
    rows = image_rows(world)
    assert set(rows) >= set(world.expected), "an image is lost"
    assert set(rows) <= set(world.expected), "the node invented an image"
    for uid, (state, run, attempts, reasons, results) in rows.items():
        found = in_pacs.pop(uid, [])
        allowed = world.expected[uid]
        assert State(state) in allowed, f"{uid} is {state} ({reasons}), not {allowed}"
        if state == State.STORED:
            kinds = Counter(each.SOPClassUID for each in found)
            assert kinds == RESULTS, f"{uid} has {[kind.name for kind in kinds.elements()]}"
            known = set(json.loads(results) if isinstance(results, str) else results)
            assert known == {each.SOPInstanceUID for each in found}, f"{uid}: other results"
        elif state != State.FAILED:  # that one may have pictures, though never its report
            assert found == [], f"{uid} is {state} and has {len(found)} results"
        summary.states[state] += 1
        summary.runs[run] += 1
        summary.attempts[attempts] += 1
        summary.results += len(found)
    assert in_pacs == {}, "results about images that nobody sent"
    return summary


def results_in_pacs(world: World) -> dict[str, list[Dataset]]:
    """Return SOP Instance UID of an image → everything of ours about it in the PACS.

    Every result is read whole, reports by a reader that is not hilum's.
    """
    found: dict[str, list[Dataset]] = defaultdict(list)
    seen: Counter[str] = Counter()
    with world.direct() as orthanc:
        for instance in orthanc.request("GET", "/instances").json():
            file = orthanc.fetch(instance)
            dataset = dcmread(BytesIO(file))
            uid = str(dataset.SOPInstanceUID)
            seen[uid] += 1
            if dataset.get("ManufacturerModelName") != "hilum":
                assert uid in world.expected, "an image that nobody sent"
                continue
            sources = set(map(bytes.decode, REFERENCED.findall(file))) & set(world.expected)
            assert len(sources) == 1, f"a result is about {len(sources)} images"
            if str(dataset.SOPClassUID).startswith(REPORTS):
                assert list(sr_reader.walk(dataset)), "an empty report"
            dataset.pop("PixelData", None)  # it was there; many of them fill the memory
            found[sources.pop()].append(dataset)
    twice = [uid for uid, count in seen.items() if count > 1]
    assert twice == [], "one UID, two objects"
    missing = set(world.expected) - set(seen)
    gone = {uid for uid in missing if State.GONE in world.expected[uid]}
    assert missing == gone, "the PACS lost an image"
    return dict(found)


def everybody_goes(program: Program) -> None:
    """SIGTERM ends it in time, with status 0 and without a traceback."""
    status = program.end(seconds=DRAIN_S)
    assert status == 0, f"{program.name} ended with {status}:\n{program.said()[-3000:]}"
    assert "Traceback" not in program.said(), program.said()[-6000:]


def database_is_whole(world: World) -> None:
    """SQLite finds no damage in the file."""
    if world.postgresql is None:
        assert rows_of(world, "PRAGMA integrity_check") == [("ok",)]
    assert os.access(world.data, os.W_OK)
