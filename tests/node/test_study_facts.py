"""What a node keeps of the patient and study of an image."""

import pytest

from hilum.node.intake import study_facts


def facts(**tags: str):
    """Return what is kept of an image with these tags."""
    return study_facts({"StudyInstanceUID": "1.2", **tags})


def test_age_is_that_at_the_date_of_the_image():
    """By the rule of the gate, from all dates of the image."""
    found = facts(PatientBirthDate="1998-01-01", AcquisitionDate="20110601", StudyDate="20230601")

    assert found.age_years is not None
    assert 13 == int(found.age_years)


@pytest.mark.parametrize("said", ["2023-06-01", "2023.06.01", "01.06.2023", "20230601101112"])
def test_dates_are_kept_as_dicom_writes_them(said: str):
    """So that studies are in the order of their dates, however these are written."""
    found = facts(PatientBirthDate=said, StudyDate=said)

    assert ("20230601", "20230601") == (found.birth_date, found.study_date)


@pytest.mark.parametrize("said", ["1960", "03/04/1960", "later"])
def test_what_is_not_one_day_stays_as_it_is(said: str):
    """Nothing is made up."""
    assert said == facts(PatientBirthDate=said).birth_date
