"""The comparison of a self-test: what is an alarm, what is only told, and what is silent."""

from dataclasses import replace

import pytest

from hilum import constancy
from hilum.constancy import LabelValue, PhantomResponse

REFERENCE = PhantomResponse(
    {"name": "net", "version": "1", "sha256": "ab" * 32, "pixel_pipeline": "display"},
    {
        "Effusion": LabelValue(0.6, 0.5),
        "Mass": LabelValue(0.2, 0.5),
        "Nodule": LabelValue(0.1, 0.3),
    },
    {"onnxruntime": "1.20.0", "processor": "A"},
)


def moved(**raw: float) -> PhantomResponse:
    """Return the reference with other raw values."""
    findings = {
        label: LabelValue(raw.get(label, said.raw), said.operating_point)
        for label, said in REFERENCE.findings.items()
    }
    return replace(REFERENCE, findings=findings)


def test_the_same_answer_is_silent():
    """No alarm, no note, no shift."""
    assert ((), (), 0.0) == (
        (held := constancy.compare(REFERENCE, REFERENCE, 1e-4)).alarms,
        held.notes,
        held.worst,
    )


def test_shift_within_the_tolerance_is_silent_and_its_size_is_told():
    """Another processor may round a last digit otherwise."""
    held = constancy.compare(REFERENCE, moved(Mass=0.20009), 1e-4)

    assert () == held.alarms
    assert 9e-5 == pytest.approx(held.worst)


def test_alarm_names_the_findings_and_their_shifts_largest_first():
    """Label, value, what it was, by how much, and that it crossed its operating point."""
    held = constancy.compare(REFERENCE, moved(Mass=0.2002, Effusion=0.45), 1e-4)
    first, second = held.alarms

    assert "Effusion: raw 0.4500, was 0.6000: changed by -0.150000" in first
    assert first.endswith("(tolerance 0.0001), and is now negative")
    assert "Mass: raw 0.2002, was 0.2000: changed by +0.000200" in second
    assert "now" not in second
    assert 0.15 == pytest.approx(held.worst)


def test_other_weights_are_an_alarm_although_nothing_moved():
    """The reference is of one file; whoever changes it on purpose records it anew."""
    other = replace(REFERENCE, model={**REFERENCE.model, "sha256": "cd" * 32})
    (alarm,) = constancy.compare(REFERENCE, other, 1e-4).alarms

    assert "weights: cdcdcdcdcdcd, the reference has abababababab" == alarm


def test_other_library_or_processor_is_told_and_is_no_alarm():
    """It explains a shift where there is one."""
    other = replace(REFERENCE, made_with={"onnxruntime": "1.21.0", "processor": "A"})
    held = constancy.compare(REFERENCE, other, 1e-4)

    assert () == held.alarms
    assert ("onnxruntime is 1.21.0, was 1.20.0",) == held.notes


def test_labels_that_come_and_go_and_moved_operating_points_are_alarms():
    """A finding that is missing is worse than one that moved."""
    findings = {
        "Effusion": LabelValue(0.6, 0.55),
        "Mass": LabelValue(0.2, 0.5),
        "Hernia": LabelValue(0.0, 0.5),
    }
    said = constancy.compare(REFERENCE, replace(REFERENCE, findings=findings), 1e-4).alarms

    assert {
        "Nodule: no longer reported",
        "Hernia: not reported before",
        "Effusion: operating point 0.55, was 0.5",
    } == set(said)


def test_answer_survives_the_database():
    """What is written as JSON is what is read."""
    assert REFERENCE == PhantomResponse.of(REFERENCE.document())
