"""A phantom from the side: another image of the same patient, and no frontal one."""

import numpy as np
import pytest
from pydicom.sr.codedict import codes

from hilum import gate, phantom, pixels
from hilum.settings import GateSettings, PixelSettings


@pytest.fixture(scope="module")
def lateral() -> phantom.Phantom:
    """Return a small one."""
    return phantom.make(64, size=160, lateral=True)


def test_it_is_another_image_of_the_same_patient(lateral: phantom.Phantom):
    """Under its own UID, whatever was asked for is not in it."""
    frontal = phantom.make(64, findings=(), size=160).dataset

    assert frontal.PatientID == lateral.dataset.PatientID
    assert frontal.SOPInstanceUID != lateral.dataset.SOPInstanceUID
    assert () == lateral.truth.findings == phantom.make(64, lateral=True, size=64).truth.findings


def test_header_says_lateral_and_the_gate_refuses_it(lateral: phantom.Phantom):
    """As a detector writes it: view, code and orientation agree."""
    header = lateral.dataset
    refused = gate.judge(header, GateSettings(min_side=100), clinical_model=False)

    assert ("LL", "LL", ["P", "F"]) == (
        lateral.truth.view,
        header.ViewPosition,
        list(header.PatientOrientation),
    )
    if "ViewCodeSequence" in header:
        named = codes.cid4010.LeftLateral
        assert named.value == header.ViewCodeSequence[0].CodeValue
    assert "not_frontal" in {reason.code for reason in refused.objections}


@pytest.mark.parametrize("seed", range(4))
def test_air_is_dark_and_bone_is_bright(seed: int):
    """In the middle of the chest there is lung, behind it the spine, beside the patient nothing."""
    made = phantom.make(seed, size=128, lateral=True)
    shown = pixels.radiograph_from_dicom(made.dataset, PixelSettings()).pixels
    rows, columns = shown.shape

    def middle(row: float, column: float) -> float:
        r, c = int(row * rows), int(column * columns)
        return float(np.median(shown[r - 4 : r + 5, c - 4 : c + 5]))

    assert middle(0.45, 0.55) < middle(0.8, 0.55)
    assert shown.std() > 150
