"""The anatomy as DICOM: masks and measurements, valid, the same bytes, told apart from readings."""

from collections.abc import Iterator
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from highdicom import AlgorithmIdentificationSequence
from highdicom.seg import (
    SegmentAlgorithmTypeValues,
    Segmentation,
    SegmentationTypeValues,
    SegmentDescription,
    segread,
)
from highdicom.sr import srread
from pydicom import Dataset, dcmread
from pydicom.sr.codedict import codes

from anatomy_masks import CHEST, Box, found, masks
from hilum.encode import anatomy_objects, earlier_reports, load_codes, stored_report, to_bytes
from hilum.encode.segmentation import mask_of
from hilum.settings import ReportSettings, SRClass, SREncoder
from hilum.structures import LEFT_LUNG, Projection
from radiographs import make_radiograph
from sr_validators import objections

CUT: dict[str, Box] = {"Heart": (0.35, 0.75, 0.5, 1.1)}


BESIDE: dict[str, Box] = {
    "Right_Lung": (-0.1, 0.4, 0.1, 0.8),
    "Left_Lung": (0.6, 1.1, 0.1, 0.8),
}


def header(**changes: Any) -> Dataset:
    """Return the header of a small image."""
    return make_radiograph(Rows=320, Columns=288, **changes)


def measured(report: Dataset) -> Iterator[tuple[str, Dataset]]:
    """Yield the numbers of a report's measurement groups, each with what its group tracks."""
    (measurements,) = (
        item
        for item in report.ContentSequence
        if item.ConceptNameCodeSequence[0].CodeValue == "126010"
    )
    for group in measurements.ContentSequence:
        for each in group.get("ContentSequence", ()):
            if each.ValueType == "NUM":
                yield group.ContentSequence[0].TextValue, each


def numbers(report: Dataset) -> dict[str, tuple[float, str]]:
    """Return the numbers of a report: group and name → value and unit."""
    said = {}
    for place, each in measured(report):
        value = each.MeasuredValueSequence[0]
        name = each.ConceptNameCodeSequence[0].CodeMeaning
        unit = value.MeasurementUnitsCodeSequence[0].CodeValue
        said[f"{place}: {name}"] = (float(value.NumericValue), unit)
    return said


@pytest.fixture(scope="module")
def written() -> tuple[Dataset, Dataset]:
    """Return masks and report of a PA image, as they are stored."""
    when = datetime.fromisoformat("2024-01-02T10:30:00-03:00")
    objects = anatomy_objects(found(header()), when=when, settings=ReportSettings())
    return tuple(dcmread(BytesIO(to_bytes(each))) for each in objects)  # type: ignore[return-value]


def test_report_has_widths_and_ratio(written: tuple[Dataset, Dataset]):
    """The heart of 0.4 and the chest of 0.8 of 288 columns, 0.8 mm each."""
    _, report = written

    assert {
        "AI width of heart: Width": (pytest.approx(92.2, abs=0.4), "mm"),
        "AI width of chest_cavity: Width": (pytest.approx(184.3, abs=0.4), "mm"),
        "AI width of chest_cavity: Cardiothoracic ratio": (pytest.approx(0.5, abs=1e-3), "{ratio}"),
    } == numbers(report)


def test_faults_of_the_image_are_coded_once_and_said(when: datetime):
    """A chest that is cut at two sides and a shallow one are one code; good ones have none."""
    reports = [
        anatomy_objects(each, when=when, settings=ReportSettings())[-1]
        for each in (found(header(), masks(**BESIDE)), found(header()))
    ]
    faults = [
        [
            each.ConceptCodeSequence[0].CodeValue
            for each in report.ContentSequence[-1].ContentSequence
            if each.ConceptNameCodeSequence[0].CodeValue == "111052"
        ]
        for report in reports
    ]

    assert [["111209"], []] == faults
    assert any(
        each.get("TextValue", "").startswith("Image quality: cut off by the edge of the image")
        for each in reports[0].ContentSequence[-1].ContentSequence
    )
    assert reports[0].SOPInstanceUID != reports[1].SOPInstanceUID


def test_lines_lie_on_the_source(written: tuple[Dataset, Dataset]):
    """Each number has its line as its only child: OHIF draws no other."""
    _, report = written
    lines = [each.ContentSequence for _, each in measured(report)]

    assert [1, 1, 1] == [len(children) for children in lines]
    assert all("SCOORD" == children[0].ValueType for children in lines)
    assert list(lines[0][0].GraphicData) == pytest.approx([100.8, 210.4, 216, 210.4], abs=2)


def test_masks_are_segments_on_the_source(written: tuple[Dataset, Dataset]):
    """Three binary segments of the source's size, coded, with their sides."""
    segmentation, _ = written
    read = segread(BytesIO(to_bytes(segmentation)))
    left, right, top, bottom = CHEST[LEFT_LUNG]
    inside = read.pixel_array[1].astype(bool)

    assert (3, 320, 288) == read.pixel_array.shape
    assert inside.sum() == pytest.approx(288**2 * (right - left) * (bottom - top), rel=0.03)
    kinds = [
        (
            each.SegmentedPropertyTypeCodeSequence[0].CodeValue,
            [
                side.CodeMeaning
                for side in each.SegmentedPropertyTypeCodeSequence[0].get(
                    "SegmentedPropertyTypeModifierCodeSequence", ()
                )
            ],
        )
        for each in segmentation.SegmentSequence
    ]
    assert [("39607008", ["Right"]), ("39607008", ["Left"]), ("80891009", [])] == kinds


def test_masks_are_written_as_highdicom_writes_them(when: datetime):
    """The reference gives the same frames, in the same order, about the same image."""
    image, made = header(), found(header())
    (ours, _) = anatomy_objects(found(image), when=when, settings=ReportSettings())
    shape = image.Rows, image.Columns
    stack = np.stack([mask_of(made.outlines(name), shape) for name in made.structures], axis=-1)
    theirs = Segmentation(
        [image],
        stack[None].astype(np.uint8),
        SegmentationTypeValues.BINARY,
        [
            SegmentDescription(
                number,
                name,
                codes.SCT.AnatomicalStructure,
                codes.SCT.Heart,
                SegmentAlgorithmTypeValues.AUTOMATIC,
                AlgorithmIdentificationSequence("n", codes.DCM.ArtificialIntelligence, "1"),
            )
            for number, name in enumerate(made.structures, start=1)
        ],
        *("1.2.3", 909, "1.2.3.4", 1, "m", "m", "1", "1"),
        omit_empty_frames=False,
    )
    same = ("PixelData", "Rows", "Columns", "NumberOfFrames", "BitsAllocated", "SegmentsOverlap")

    assert {name: theirs[name].value for name in same} == {name: ours[name].value for name in same}
    assert [
        each.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        for each in theirs.PerFrameFunctionalGroupsSequence
    ] == [1, 2, 3]
    assert (
        theirs.ReferencedSeriesSequence[0].SeriesInstanceUID
        == ours.ReferencedSeriesSequence[0].SeriesInstanceUID
    )


@pytest.mark.parametrize(
    ("boxes", "projection", "spacing"),
    [
        ({}, Projection.PA, [0.8, 0.8]),
        ({}, Projection.AP, None),
        (CUT, Projection.UNKNOWN, [0.8, 0.8]),
        (BESIDE, Projection.PA, [0.8, 0.8]),
        ({}, Projection.OTHER, [0.8, 0.8]),
        ({name.replace(" ", "_"): (2, 3, 2, 3) for name in CHEST}, Projection.PA, None),
    ],
)
def test_objects_are_valid(
    boxes: dict[str, Box], projection: Projection, spacing: Any, when: datetime, tmp_path: Path
):
    """Dciodvfy finds no error, and highdicom reads the report, whatever could be measured."""
    image = header(ImagerPixelSpacing=spacing)
    made = found(image, masks(**boxes), projection=projection)
    for number, each in enumerate(anatomy_objects(made, when=when, settings=ReportSettings())):
        path = tmp_path / f"{number}.dcm"
        path.write_bytes(to_bytes(each))

        assert [] == objections(path)
        if each.Modality == "SR":
            srread(path)


@pytest.mark.parametrize("sr_class", list(SRClass))
def test_highdicom_writes_the_same_bytes(sr_class: SRClass, when: datetime):
    """The reference encoder and hilum's own agree."""
    made = found(header())
    reports = [
        to_bytes(
            anatomy_objects(
                made, when=when, settings=ReportSettings(encoder=encoder, sr_class=sr_class)
            )[-1]
        )
        for encoder in SREncoder
    ]

    assert reports[0] == reports[1]


def test_same_anatomy_gives_the_same_bytes(when: datetime):
    """Done again after a crash, it changes nothing that is there."""
    image = header()
    twice = [
        [
            to_bytes(each)
            for each in anatomy_objects(found(image), when=when, settings=ReportSettings())
        ]
        for _ in range(2)
    ]

    assert twice[0] == twice[1]


def test_other_limit_or_network_gives_other_objects(when: datetime):
    """What changes the content changes the UIDs."""
    image = header()
    first = anatomy_objects(found(image), when=when, settings=ReportSettings())
    others = (
        anatomy_objects(
            found(image, projection=Projection.AP), when=when, settings=ReportSettings()
        ),
        anatomy_objects(found(image, sha256="cd" * 32), when=when, settings=ReportSettings()),
    )
    uids = {str(each.SOPInstanceUID) for made in (first, *others) for each in made}

    assert 6 == len(uids)


def test_failure_is_coded(when: datetime):
    """A cut heart gives a measurement failure with its reason, and the chest's width."""
    made = found(header(), masks(**CUT))
    report = anatomy_objects(made, when=when, settings=ReportSettings())[-1]
    content = report.ContentSequence[-1].ContentSequence
    said = [each.TextValue for each in content if each.ValueType == "TEXT"]

    assert "114006" == content[0].ConceptCodeSequence[0].CodeValue
    assert any("cut off by the edge of the image: Heart (bottom)" in text for text in said)
    assert ["AI width of chest_cavity: Width"] == list(numbers(report))


def test_demonstration_is_stamped(when: datetime):
    """Series, widths and ratio of the demonstration network say so."""
    made = found(header(), demonstration=True, name="demonstration-anatomy")
    objects = anatomy_objects(made, when=when, settings=ReportSettings())

    assert all(each.SeriesDescription.startswith("DEMONSTRATION ") for each in objects)
    assert any("DEMONSTRATION Cardiothoracic ratio" in name for name in numbers(objects[-1]))


def test_report_is_no_reading(written: tuple[Dataset, Dataset]):
    """Its title is that of a regions report: it neither replaces one nor is read back as one."""
    _, report = written

    assert stored_report(report, load_codes()) is None
    assert () == earlier_reports(header(), [report])


def test_nothing_found_gives_a_report_alone(when: datetime):
    """A segmentation without a segment is no object."""
    nothing: dict[str, Box] = {name.replace(" ", "_"): (2, 3, 2, 3) for name in CHEST}
    objects = anatomy_objects(
        found(header(), masks(**nothing)), when=when, settings=ReportSettings()
    )

    assert ["SR"] == [each.Modality for each in objects]


def test_picture_is_no_dicom(when: datetime):
    """A PNG has no study to write into."""
    with pytest.raises(ValueError, match="DICOM"):
        anatomy_objects(found(None), when=when, settings=ReportSettings())


def test_mask_of_an_outline_counts_pixel_centres():
    """An outline around two by two pixels fills those and no other."""
    ring = np.array([[1.0, 1.0], [3.0, 1.0], [3.0, 3.0], [1.0, 3.0], [1.0, 1.0]])
    mask = mask_of([ring], (5, 5))

    assert mask[1:3, 1:3].all()
