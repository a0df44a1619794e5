"""Studies as a busy year leaves them, written into a database. It imports nothing but hilum.

``python bench/many_studies.py 20000`` fills the database of the settings.
"""

import random
import sys
from datetime import UTC, datetime, timedelta

from hilum.records import Database
from hilum.records.database import open_database
from hilum.records.states import State, Urgency
from hilum.records.studies import URGENCIES, words
from hilum.records.tables import IMAGE, STUDY, STUDY_FINDING, STUDY_WORD
from hilum.settings import Settings

STUDIES = 100_000
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
REFUSAL = ["not_frontal", "The header says that this is a lateral view.", "ViewPosition"]


def fill(database: Database, count: int = STUDIES) -> None:
    """Write down studies as a busy year leaves them."""
    chance = random.Random(7)
    now = datetime.now(UTC)
    for start in range(0, count, 5000):
        rows, spoken, found, image = [], [], [], []
        for n in range(start, min(start + 5000, count)):
            uid = f"1.2.826.0.1.{n}"
            name = f"{chance.choice(FAMILIES)}^{chance.choice(GIVEN)} {chance.choice(GIVEN)}"
            patient, accession = f"{chance.randrange(10**7):07}", f"A{n:08}"
            arrived = now - timedelta(minutes=5 * (count - n))
            positive = [
                label
                for label, share in zip(LABELS, SHARES, strict=True)
                if chance.random() < share
            ]
            fresh = n > count - 400
            state = State.STORED if chance.random() < 0.97 else State.REFUSED
            urgency = Urgency.URGENT if chance.random() < 0.02 else Urgency.ROUTINE
            findings = [[label, 0.5 + chance.random() / 2, True] for label in positive]
            findings += [
                [label, chance.random() / 2, False] for label in LABELS if label not in positive
            ]
            rows.append(
                {
                    "archive": "own",
                    "study_instance_uid": uid,
                    "patient_name": name,
                    "patient_id": patient,
                    "issuer": "",
                    "whole_name": name,
                    "birth_date": "19600101",
                    "sex": "F",
                    "accession_number": accession,
                    "study_date": f"{arrived:%Y%m%d}",
                    "study_time": f"{arrived:%H%M%S}",
                    "description": "RX TORAX PA",
                    "arrived": arrived,
                    "changed": arrived,
                    "rank": URGENCIES.index(urgency) if fresh else 3,
                    "due": arrived + timedelta(minutes=60 if positive else 240),
                    "urgency": urgency,
                    "state": state,
                    "reasons": [REFUSAL[:2]] if state is State.REFUSED else [],
                    "images": 1,
                    "positives": len(positive),
                    "findings": findings[:6],
                    "model": {
                        "name": "m",
                        "version": "1",
                        "verified": True,
                        "demonstration": False,
                    },
                    "cover": f"{uid}.1",
                    "cover_series": f"{uid}.0",
                    "reviewed": None if fresh else arrived,
                }
            )
            key = {"archive": "own", "study_instance_uid": uid}
            spoken += [{**key, "word": word} for word in words(name, patient, accession)]
            found += [{**key, "label": label} for label in positive]
            image.append(
                {
                    **key,
                    "series_instance_uid": f"{uid}.0",
                    "sop_instance_uid": f"{uid}.1",
                    "reference": f"i{n}",
                    "urgency": urgency,
                    "state": state,
                    "reasons": [REFUSAL] if state is State.REFUSED else [],
                    "results": [] if state is State.REFUSED else [f"{uid}.{k}" for k in (2, 3, 4)],
                    "run": 1,
                    "attempts": 1,
                    "lost": 0,
                    "arrived": arrived,
                    "started": arrived,
                    "settled": arrived + timedelta(seconds=1),
                    "model": "m 1",
                    "seconds": {"open": 0.01, "prepare": 0.02, "predict": 0.05, "report": 0.04},
                }
            )
        with database.transaction() as connection:
            connection.execute(STUDY.insert(), rows)
            connection.execute(STUDY_WORD.insert(), spoken)
            connection.execute(STUDY_FINDING.insert(), found)
            connection.execute(IMAGE.insert(), image)
    with database.transaction() as connection:
        connection.exec_driver_sql("ANALYZE")


if __name__ == "__main__":
    fill(open_database(Settings.load()), int(sys.argv[1]))
