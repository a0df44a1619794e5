"""What OHIF is told of objects that it would not show as they are."""

import json
from datetime import UTC, datetime

import pytest
from pydicom import Dataset

from anatomy_masks import found
from hilum.encode import anatomy_objects
from hilum.settings import ReportSettings
from hilum.web.ohif_metadata import NO_PLACE, PER_FRAME, SHARED, for_ohif
from radiographs import make_radiograph

PLANE = "00209116"


@pytest.fixture
def segmentation() -> Dataset:
    """Return lungs and heart of a radiograph."""
    when = datetime(2026, 1, 2, 10, 30, tzinfo=UTC)
    image = make_radiograph(Rows=320, Columns=288)
    made, _ = anatomy_objects(found(image), when=when, settings=ReportSettings())
    del made.PixelData
    return made


def told(*objects: Dataset) -> list[dict]:
    """Return what OHIF is told of objects."""
    return json.loads(for_ohif(json.dumps([each.to_json_dict() for each in objects]).encode()))


def test_a_segmentation_of_a_radiograph_has_a_plane(segmentation: Dataset):
    """Else OHIF opens none; the file itself says nothing of the kind."""
    (seen,) = told(segmentation)
    before = segmentation.to_json_dict()

    assert dict(NO_PLACE) == seen[SHARED]["Value"][0]
    assert not any(PLANE in group["Value"][0] for group in (before[SHARED], before[PER_FRAME]))
    assert before[PER_FRAME] == seen[PER_FRAME]


@pytest.mark.parametrize("shared", [True, False])
def test_a_plane_of_its_own_is_left(segmentation: Dataset, shared: bool):
    """Of a segmentation of a CT series, say."""
    plane = Dataset()
    plane.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]
    groups = (
        segmentation.SharedFunctionalGroupsSequence
        if shared
        else (segmentation.PerFrameFunctionalGroupsSequence)
    )
    for each in groups:
        each.PlaneOrientationSequence = [plane]
    (seen,) = told(segmentation)

    assert segmentation.to_json_dict()[PER_FRAME] == seen[PER_FRAME]
    assert shared == (PLANE in seen[SHARED]["Value"][0])
    assert [NO_PLACE[PLANE]] != [seen[SHARED]["Value"][0].get(PLANE)]


def test_other_objects_have_none(segmentation: Dataset):
    """Also beside a segmentation."""
    image = make_radiograph()
    del image.PixelData

    assert image.to_json_dict() == told(image, segmentation)[0]


@pytest.mark.parametrize(
    "metadata",
    [
        b'[{"00080016":{"vr":"UI","Value":["1.2.840.10008.5.1.4.1.1.66.4"]}}]',
        b'[{"00080016":"1.2.840.10008.5.1.4.1.1.66.4"}]',
        b'{"00080016":"1.2.840.10008.5.1.4.1.1.66.4"}',
        b'[{"00080016":{"vr":"UI","Value":["1.2.840.10008.5.1.4.1.1.66.4"]}, "52009230":',
    ],
)
def test_metadata_that_say_something_else_are_handed_on(metadata: bytes):
    """Byte by byte."""
    assert metadata == for_ohif(metadata)
