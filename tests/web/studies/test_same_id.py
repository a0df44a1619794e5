"""One Patient ID for two persons: the page ties together what is one person's, and no more."""

import pytest
from pydicom import Dataset

from hilum.web.context import WebContext
from page_studies import Shown, add_read, chest

pytestmark = pytest.mark.orthanc

JANE = {"PatientName": "Doe^Jane", "PatientID": "1001", "IssuerOfPatientID": "A"}
JANE |= {"PatientBirthDate": "19600101", "PatientSex": "F"}
JOHN = {"PatientName": "Smith^John", "PatientID": "1001", "IssuerOfPatientID": "B"}
JOHN |= {"PatientBirthDate": "19850505", "PatientSex": "M"}

APART = "Same ID, possibly another person"


def image(day: str, who: dict[str, str]) -> Dataset:
    """Return an image of somebody, of one day."""
    made = chest(3, ("effusion",))
    made.StudyDate = day
    made.StudyInstanceUID = made.SOPInstanceUID = f"1.2.{day}"
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    for keyword, value in who.items():
        setattr(made, keyword, value)
    return made


def pair(web: WebContext, first: dict[str, str], second: dict[str, str]) -> Shown:
    """Let two persons' images arrive; return the second one's study."""
    add_read(web, image("20230105", first))
    return add_read(web, image("20240607", second))


def test_another_persons_study_is_shown_apart_and_draws_no_line(web, reader):
    """With what differs, in the reader's language, and without any value of it."""
    shown = pair(web, JANE, JOHN)
    text = reader.get(shown.path).text
    reader.cookies.set("hilum_language", "pt-BR")
    translated = reader.get(shown.path, headers={"accept-language": "pt-BR"}).text

    assert APART in text
    assert "issuer of the ID, birth date, sex, name" in text
    assert 'href="/studies/1.2.20230105"' in text
    assert "Other studies" not in text
    assert 'class="course"' not in text
    assert "Jane" not in text
    assert "Mesmo ID, possivelmente outra pessoa" in translated
    assert "emissor do ID, data de nascimento, sexo, nome" in translated


def test_a_study_of_two_patients_says_so(web, reader):
    """On its page and in the API, in the reader's language, and without any name in it."""
    add_read(web, image("20240607", JANE))
    other = image("20240607", JOHN)
    other.SOPInstanceUID = other.file_meta.MediaStorageSOPInstanceUID = "1.2.99"
    shown = add_read(web, other)
    text = reader.get(shown.path).text
    api = reader.get(f"/api/v1{shown.path}").json()
    reader.cookies.set("hilum_language", "pt-BR")
    translated = reader.get(shown.path).text

    assert "Images in this study name different patients." in text
    assert [
        {"code": "patients_differ", "text": "Images in this study name different patients."}
    ] == api["warnings"]
    assert "As imagens deste estudo são de pacientes diferentes." in translated


def test_a_study_of_one_patient_says_nothing(web, reader):
    """No warning where nothing disagrees."""
    shown = add_read(web, image("20240607", JANE))

    assert "different patients" not in reader.get(shown.path).text
    assert [] == reader.get(f"/api/v1{shown.path}").json()["warnings"]


def test_a_married_name_keeps_the_course(web, reader):
    """Birth date, sex and given name agree: one person, and one line."""
    shown = pair(web, JANE, {**JANE, "PatientName": "Smith^Jane"})
    text = reader.get(shown.path).text

    assert "Other studies" in text
    assert APART not in text
    assert 'class="course"' in text


@pytest.mark.parametrize("nobody", ["ANONYMOUS", "0", "UNKNOWN"])
def test_an_id_of_nobody_ties_nothing(web, reader, nobody):
    """Not even where everything else is as empty in both."""
    who = {"PatientID": nobody, "PatientName": nobody, "PatientBirthDate": "", "PatientSex": ""}
    shown = pair(web, who, who)
    text = reader.get(shown.path).text

    assert APART not in text
    assert "Other studies" not in text
    assert 'class="course"' not in text
