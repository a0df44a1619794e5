"""What is wrong with a study: images of different patients, and one that was replaced."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)

from hilum.records import studies, worklist
from hilum.records.states import Urgency
from hilum.records.studies import StudyFacts, StudyWarning

JANE = StudyFacts("1.1", "Doe^Jane", "1001", "19600101", "F", issuer="A", whole_name="Doe^Jane")

OTHERS = {
    "another ID": {"patient_id": "2002"},
    "another issuer": {"issuer": "B"},
    "another birth date": {"birth_date": "19850505"},
    "another sex": {"sex": "M"},
    "another name": {"patient_name": "Smith^John", "whole_name": "Smith^John"},
}
"""How another patient's image is known → what it says."""

SAME = {
    "the same": {},
    "nothing said": {"patient_id": "", "birth_date": "", "sex": "", "whole_name": ""},
    "anonymous": {"patient_id": "ANONYMOUS", "patient_name": "ANON", "whole_name": "ANON"},
    "an ID in small letters": {"patient_id": " 1001 "},
    "a married name": {"patient_name": "Roe^Jane", "whole_name": "Roe^Jane"},
    "an initial": {"patient_name": "Doe^J", "whole_name": "Doe^J"},
}
"""What the same person's second image may say."""


def warnings_of(connection: Connection, *facts: StudyFacts) -> list[str]:
    """Return the warnings of the study after images came that say so."""
    for each in facts:
        studies.arrived(connection, "own", each, urgency=Urgency.ROUTINE, now=NOW)
    return list(worklist.row(connection, "own", "1.1").warnings)


@pytest.mark.parametrize("said", OTHERS.values(), ids=list(OTHERS))
def test_images_of_different_patients_are_noticed(connection: Connection, said: dict[str, str]):
    """Whatever tells them apart, and once, however many come."""
    other = replace(JANE, **said)

    assert [StudyWarning.PATIENTS_DIFFER] == warnings_of(connection, JANE, other, JANE, other)


@pytest.mark.parametrize("said", SAME.values(), ids=list(SAME))
def test_images_of_one_patient_are_not(connection: Connection, said: dict[str, str]):
    """What is not said, or said in other words, disagrees with nothing."""
    assert [] == warnings_of(connection, JANE, replace(JANE, **said))


def test_warning_stays_when_images_are_read(connection: Connection):
    """Writing the row anew from its images takes nothing away."""
    warnings_of(connection, JANE, replace(JANE, sex="M"))
    studies.warn(connection, "own", "1.1", StudyWarning.IMAGE_REPLACED)
    studies.refresh(connection, "own", "1.1", NOW)

    assert ["patients_differ", "image_replaced"] == warnings_of(connection)


def test_warning_of_an_unknown_study_is_none(connection: Connection):
    """Nothing happens."""
    studies.warn(connection, "own", "1.1", StudyWarning.IMAGE_REPLACED)

    assert worklist.row(connection, "own", "1.1") is None
