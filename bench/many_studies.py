"""Studies as a busy year leaves them, written into a database. It imports nothing but hilum.

``python bench/many_studies.py 20000`` fills the database of the settings.
"""

import json
import random
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Connection, Table

from hilum.records import Database
from hilum.records.database import open_database
from hilum.records.states import State, Urgency
from hilum.records.studies import URGENCIES, words
from hilum.records.tables import IMAGE, STUDY, STUDY_FINDING, STUDY_WORD
from hilum.settings import Settings

STUDIES = 100_000
AT_ONCE = 20_000
FRESH = 400
"""Studies that no reader has reviewed."""
FAMILIES = [
    a + b
    for a in ("SIL", "SAN", "OLI", "SOU", "ROD", "FER", "ALV", "PER", "LIM", "GOM")
    for b in ("VA", "TOS", "VEIRA", "ZA", "RIGUES", "REIRA", "ES", "EIRA", "A", "ES DE SÁ")
]
GIVEN = [
    "MARIA",
    "JOSÉ",
    "ANA",
    "JOÃO",
    "ANTÔNIO",
    "FRANCISCA",
    "CARLOS",
    "ADRIANA",
    "PAULO",
    "EVA",
]
LABELS = ["Effusion", "Cardiomegaly", "Lung Opacity", "Nodule", "Mass", "Pneumothorax", "Hernia"]
SHARES = [0.18, 0.22, 0.3, 0.08, 0.04, 0.03, 0.002]
REASONS = '[["not_frontal", "The header says that this is a lateral view."]]'
IMAGE_REASONS = '[["not_frontal", "The header says that this is a lateral view.", "ViewPosition"]]'
MODEL = '{"name": "m", "version": "1", "verified": true, "demonstration": false}'
SECONDS = '{"open": 0.01, "prepare": 0.02, "predict": 0.05, "report": 0.04}'
ALIKE = {
    "archive": "own",
    "issuer": "",
    "birth_date": "19600101",
    "sex": "F",
    "description": "RX TORAX PA",
    "images": 1,
    "model": MODEL,
}
"""Columns of a study → what they hold in each."""
ALIKE_IMAGE = {
    "archive": "own",
    "run": 1,
    "attempts": 1,
    "lost": 0,
    "model": "m 1",
    "seconds": SECONDS,
}

TABLES = (STUDY, STUDY_WORD, STUDY_FINDING, IMAGE)

Lines = dict[str, list[dict[str, Any]]]
"""Name of a table → lines, their values as the database keeps them."""


def fill(database: Database, count: int = STUDIES) -> None:
    """Write down studies as a busy year leaves them."""
    chance, now = random.Random(7), datetime.now(UTC)
    for start in range(0, count, AT_ONCE):
        numbers = range(start, min(start + AT_ONCE, count))
        lines: Lines = {table.name: [] for table in TABLES}
        for n in numbers:
            arrived = now - timedelta(minutes=5 * (count - n))
            _add(lines, chance, n, arrived, fresh=n > count - FRESH)
        with database.transaction() as connection:
            for table in TABLES:
                _write(connection, table, lines[table.name])
    if not database.is_sqlite:
        with database.look() as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")  # as it does by itself after a while


def _add(lines: Lines, chance: random.Random, n: int, arrived: datetime, *, fresh: bool) -> None:
    """Add a study with its image."""
    uid, at = f"1.2.826.0.1.{n}", arrived.timestamp()
    name = f"{chance.choice(FAMILIES)}^{chance.choice(GIVEN)} {chance.choice(GIVEN)}"
    patient, accession = f"{chance.randrange(10**7):07}", f"A{n:08}"
    positive = [
        label for label, share in zip(LABELS, SHARES, strict=True) if chance.random() < share
    ]
    state = State.STORED if chance.random() < 0.97 else State.REFUSED
    urgency = Urgency.URGENT if chance.random() < 0.02 else Urgency.ROUTINE
    findings = [[label, 0.5 + chance.random() / 2, True] for label in positive]
    findings += [[label, chance.random() / 2, False] for label in LABELS if label not in positive]
    refused = state is State.REFUSED
    key = {"archive": "own", "study_instance_uid": uid}
    order = {
        "rank": URGENCIES.index(urgency) if fresh else 3,
        "due": at + 60 * (60 if positive else 240),
    }
    lines["study"].append(
        {
            **ALIKE,
            **order,
            "study_instance_uid": uid,
            "patient_name": name,
            "patient_id": patient,
            "whole_name": name,
            "accession_number": accession,
            "study_date": f"{arrived:%Y%m%d}",
            "study_time": f"{arrived:%H%M%S}",
            "arrived": at,
            "changed": at,
            "urgency": urgency.value,
            "state": state.value,
            "reasons": REASONS if refused else "[]",
            "positives": len(positive),
            "findings": json.dumps(findings[:6]),
            "cover": f"{uid}.1",
            "cover_series": f"{uid}.0",
            "reviewed": None if fresh else at,
        }
    )
    found_by = _words(name) | {patient, patient.lstrip("0"), accession.lower()}
    lines["study_word"] += [{**key, "word": word} for word in found_by if word]
    found = {**key, **{name: order[name] for name in order if name in STUDY_FINDING.c}}
    lines["study_finding"] += [{**found, "label": label} for label in positive]
    lines["image"].append(
        {
            **ALIKE_IMAGE,
            "study_instance_uid": uid,
            "series_instance_uid": f"{uid}.0",
            "sop_instance_uid": f"{uid}.1",
            "reference": f"i{n}",
            "urgency": urgency.value,
            "state": state.value,
            "reasons": IMAGE_REASONS if refused else "[]",
            "results": "[]" if refused else f'["{uid}.2", "{uid}.3", "{uid}.4"]',
            "arrived": at,
            "started": at,
            "settled": at + 1,
        }
    )


@cache
def _words(name: str) -> frozenset[str]:
    return frozenset(words(name))


def _write(connection: Connection, table: Table, lines: Sequence[Mapping[str, Any]]) -> None:
    """Add lines as fast as the driver can."""
    if not lines:
        return
    names = ", ".join(lines[0])
    values = (tuple(each.values()) for each in lines)
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" * len(lines[0]))
        connection.exec_driver_sql(
            f"INSERT INTO {table.name} ({names}) VALUES ({marks})",  # noqa: S608  of constants
            list(values),
        )
        return
    cursor: Any = connection.connection.cursor()
    with cursor.copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:
        for each in values:
            copy.write_row(each)


if __name__ == "__main__":
    fill(open_database(Settings.load()), int(sys.argv[1]))
