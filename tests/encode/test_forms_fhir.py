"""FHIR R4 resources, validated by a FHIR library."""

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from fhir.resources.R4B.bundle import Bundle

from hilum.encode.forms.fhir import fhir, fhir_date
from hilum.encode.forms.plain_text import text
from hilum.language import ENGLISH
from hilum.settings import ReportSettings
from hilum.wording import score_text
from invented import MODEL, make_reading, radiograph_of
from messages import PORTUGUESE
from radiographs import make_radiograph

WHEN = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
IN_ENGLISH = ReportSettings()
IN_PORTUGUESE = ReportSettings(language=PORTUGUESE)


@pytest.fixture
def reading():
    source = make_radiograph(
        SOPInstanceUID="1.2.3.4", StudyInstanceUID="1.2.3", PatientName="Somebody^Else"
    )
    return make_reading(radiograph_of(source), {"Mass": 0.8, "Effusion": 0.91})


def resources(bundle, kind):
    """Return the resources of one type."""
    found = [entry["resource"] for entry in bundle["entry"]]
    return [resource for resource in found if resource["resourceType"] == kind]


def coded(concept):
    """Return a CodeableConcept's first code with its system."""
    return concept["coding"][0]["system"], concept["coding"][0]["code"]


@pytest.mark.parametrize("settings", [IN_ENGLISH, IN_PORTUGUESE], ids=["en", "pt"])
def test_a_fhir_library_finds_it_valid(source, settings):
    """Every kind of header gives a Bundle that a strict FHIR model accepts."""
    reading = make_reading(radiograph_of(source), {"Mass": 0.8})

    bundle = fhir(reading, when=WHEN, settings=settings)

    validated = Bundle.model_validate_json(json.dumps(bundle))
    assert len(bundle["entry"]) == len(validated.entry)


def test_one_observation_for_each_finding(reading):
    """The report refers to all observations, and each says present or absent."""
    bundle = fhir(reading, when=WHEN, settings=IN_ENGLISH)

    (report,) = resources(bundle, "DiagnosticReport")
    observations = resources(bundle, "Observation")
    by_url = {entry["fullUrl"]: entry["resource"] for entry in bundle["entry"]}
    assert observations == [by_url[result["reference"]] for result in report["result"]]
    for finding, observation in zip(reading.findings, observations, strict=True):
        state = "52101004" if finding.positive else "272519000"
        assert ("http://snomed.info/sct", state) == coded(observation["valueCodeableConcept"])


def test_numbers_are_those_of_the_reading(reading):
    """Score, operating point, raw value and its threshold, in this order."""
    bundle = fhir(reading, when=WHEN, settings=IN_ENGLISH)

    for finding, observation in zip(
        reading.findings, resources(bundle, "Observation"), strict=True
    ):
        values = [part["valueQuantity"]["value"] for part in observation["component"]]
        shown = float(score_text(finding, ENGLISH))
        expected = [shown, 0.5, finding.raw, finding.operating_point]
        assert values == pytest.approx(expected, abs=1e-7)


def test_codes_are_those_of_the_structured_report(reading):
    """The effusion is SNOMED CT's, its score of the private scheme, by that scheme's UID."""
    bundle = fhir(reading, when=WHEN, settings=IN_ENGLISH)

    effusion = resources(bundle, "Observation")[7]
    assert ("http://snomed.info/sct", "60046008") == coded(effusion["code"])
    system, code = coded(effusion["component"][0]["code"])
    assert system.startswith("urn:oid:2.25.")
    assert "SCORE08" == code


def test_nothing_claims_a_persons_word(reading):
    """Report and observations are preliminary, the observations a device's."""
    bundle = fhir(reading, when=WHEN, settings=IN_ENGLISH)

    observations = resources(bundle, "Observation")
    assert {"preliminary"} == {
        resource["status"] for resource in [*resources(bundle, "DiagnosticReport"), *observations]
    }
    (device,) = resources(bundle, "Device")
    assert {f"urn:uuid:{device['id']}"} == {o["device"]["reference"] for o in observations}
    assert all("Research use only" in o["note"][0]["text"] for o in observations)


def test_the_image_is_named_and_the_patient_is_not(reading):
    """Study and instance by UID, the patient by ID alone."""
    bundle = fhir(reading, when=WHEN, settings=IN_ENGLISH)

    (study,) = resources(bundle, "ImagingStudy")
    assert {"system": "urn:dicom:uid", "value": "urn:oid:1.2.3"} == study["identifier"][0]
    assert "1.2.3.4" == study["series"][0]["instance"][0]["uid"]
    assert "GENERATED-1" == study["subject"]["identifier"]["value"]
    assert "Somebody" not in json.dumps(bundle)


def test_the_text_report_is_attached(reading):
    """What a person reads is the plain-text report, in the language set."""
    bundle = fhir(reading, when=WHEN, settings=IN_PORTUGUESE)

    (form,) = resources(bundle, "DiagnosticReport")[0]["presentedForm"]
    expected = text(reading, when=WHEN, language=PORTUGUESE)
    assert expected == base64.b64decode(form["data"]).decode()
    assert "pt" == form["language"]


def test_a_demonstration_is_marked_as_test_data(reading):
    """Every resource carries FHIR's own mark of test data, which systems can filter by."""
    stamped = replace(reading, model=replace(MODEL, demonstration=True))

    bundle = fhir(stamped, when=WHEN, settings=IN_ENGLISH)

    for entry in bundle["entry"]:
        assert "HTEST" == entry["resource"]["meta"]["security"][0]["code"]
    assert "DEMONSTRATION" in resources(bundle, "DiagnosticReport")[0]["conclusion"]


def test_the_same_reading_gives_the_same_bundle(reading):
    """Identifiers are derived, so storing twice is storing once."""
    one, other = (fhir(reading, when=WHEN, settings=IN_ENGLISH) for _ in range(2))

    assert one == other
    assert len({entry["fullUrl"] for entry in one["entry"]}) == len(one["entry"])


def test_a_picture_without_a_header_has_no_fhir_resources():
    """PNG and JPEG have no patient and no study to report on."""
    with pytest.raises(ValueError, match="without a DICOM header"):
        fhir(make_reading(), when=WHEN, settings=IN_ENGLISH)


def test_a_time_without_offset_is_no_instant(reading):
    """FHIR's instants need a time zone."""
    with pytest.raises(ValueError, match="UTC offset"):
        fhir(reading, when=WHEN.replace(tzinfo=None), settings=IN_ENGLISH)


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        ("20240102", "2024-01-02"),
        ("2024.01.02", "2024-01-02"),
        ("20240231", None),
        ("", None),
        (None, None),
        ("yesterday", None),
    ],
)
def test_dates_are_written_as_fhir_does(stored, expected):
    """Real dates only; what is none is left out."""
    assert expected == fhir_date(stored)


def test_a_code_that_no_table_has_is_still_valid():
    """A model of the user's own, with labels of its own, gives a valid Bundle."""
    reading = make_reading(radiograph_of(make_radiograph()))
    own = replace(
        reading,
        findings=tuple(replace(f, label=f"Own {n}") for n, f in enumerate(reading.findings)),
        heatmaps=tuple(replace(h, label=f"Own {n}") for n, h in enumerate(reading.heatmaps)),
    )

    bundle = fhir(own, when=WHEN, settings=IN_ENGLISH)

    Bundle.model_validate_json(json.dumps(bundle))
