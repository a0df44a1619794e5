"""Images whose shape is not a chest's: strips, long bones, stitched spines."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from hilum import gate, pipeline
from hilum.errors import RadiographRefused
from hilum.gate.table import REFUSAL_RULES
from hilum.pipeline import PipelineContext
from hilum.pixels import radiograph_from_dicom, radiograph_from_picture
from hilum.predict import load_model
from hilum.settings import GateSettings, PixelSettings, Settings
from radiographs import make_radiograph, thorax

CHESTS = [
    (2500, 2048),  # NIH, 14 × 17 inches
    (2048, 2500),
    (2992, 2991),  # 17 × 17
    (4280, 3520),  # PadChest
    (2140, 1760),
    (3056, 2544),
    (1024, 1024),
    (2400, 1800),  # a small cassette, 18 × 24 cm
    (3200, 2000),  # the limit itself
]

NO_CHESTS = [
    (1955, 460),  # a quarter of a chest, cut lengthwise
    (460, 1955),
    (3956, 2368),  # ribs
    (8000, 2000),  # a stitched spine
    (4300, 1800),  # an 18 × 43 cm cassette
    (3201, 2000),  # just beyond the limit
    (65535, 224),
]


def header(rows, columns):
    """Return a chest's header of this size."""
    return make_radiograph(Rows=rows, Columns=columns, PixelData=None)


def png(rows, columns):
    """Return a picture of this size."""
    buffer = BytesIO()
    shown = np.linspace(0, 255, rows * columns).reshape(rows, columns).astype(np.uint8)
    Image.fromarray(shown).save(buffer, "PNG")
    return buffer.getvalue()


def context(**changes):
    """Return a pipeline with the demonstration model, its gate changed."""
    settings = Settings().changed("model", name="demonstration").changed("gate", **changes)
    return PipelineContext(load_model(settings), settings, in_demonstration=True)


@pytest.mark.parametrize(("rows", "columns"), CHESTS)
def test_the_shapes_of_chests_are_read(rows, columns):
    """Formats of detectors and cassettes, and sizes of public collections, pass."""
    assert gate.judge(header(rows, columns), GateSettings()).accepted
    assert gate.judge_picture(rows, columns, GateSettings()).accepted


def test_every_rule_on_the_size_alone_is_asked_of_pictures():
    """A new one need not be entered anywhere but in the table."""
    on_size = {rule.code for rule in REFUSAL_RULES if {"Rows", "Columns"} >= {*rule.attributes}}
    assert {"too_small", "aspect_ratio"} < on_size == {rule.code for rule in gate.PICTURE_RULES}


@pytest.mark.parametrize(("rows", "columns"), NO_CHESTS)
def test_other_shapes_are_refused_with_both_numbers(rows, columns):
    """The reason names the size, the ratio and the limit."""
    eligibility = gate.judge(header(rows, columns), GateSettings())
    of_picture = gate.judge_picture(rows, columns, GateSettings())

    (reason,) = eligibility.objections
    assert "aspect_ratio" == reason.code
    assert f"{columns} × {rows}" in reason.text
    assert f"1 : {max(rows, columns) / min(rows, columns):.2f}" in reason.text
    assert "1 : 1.6 " in reason.text
    assert eligibility.objections == of_picture.objections


def test_the_limit_is_a_setting():
    """A site that reads ribs raises it; one that reads square images only lowers it."""
    assert gate.judge(header(3956, 2368), GateSettings(max_aspect_ratio=2)).accepted
    assert not gate.judge(header(2500, 2048), GateSettings(max_aspect_ratio=1.1)).accepted


def test_a_tiny_strip_has_two_reasons():
    """Too small and too long are said together."""
    eligibility = gate.judge(header(20, 2000), GateSettings())

    assert ["too_small", "aspect_ratio"] == [reason.code for reason in eligibility.objections]


def test_what_is_no_image_has_no_shape():
    """Without Rows and Columns, that alone is said."""
    eligibility = gate.judge(header(0, 2000), GateSettings())

    assert ["not_an_image"] == [reason.code for reason in eligibility.objections]


@pytest.mark.parametrize("size", [(1000, 250), (250, 1000)])
def test_a_picture_is_refused_on_its_way_to_the_model(size):
    """A PNG of a strip is not read either."""
    with pytest.raises(RadiographRefused) as caught:
        pipeline.prepare_picture(png(*size), context())

    assert ["aspect_ratio"] == [reason.code for reason in caught.value.reasons]


@pytest.mark.parametrize(("rows", "columns", "share"), [(400, 300, "25%"), (300, 420, "29%")])
def test_a_crop_that_drops_a_lot_is_said(rows, columns, share):
    """The decision has the share, of a DICOM image and of a picture."""
    image = make_radiograph(thorax(rows, columns))

    for made in (
        radiograph_from_dicom(image, PixelSettings()),
        radiograph_from_dicom(image, PixelSettings()),
        radiograph_from_picture(png(rows, columns), PixelSettings()),
    ):
        (decision,) = [each for each in made.decisions if each.code == "crop_leaves_out"]
        assert share in decision.text


@pytest.mark.parametrize(("rows", "columns"), [(425, 350), (350, 425), (300, 300)])
def test_the_usual_crop_is_not_worth_a_word(rows, columns):
    """A 14 × 17 inch image loses 18 % like all images that the model learned from."""
    made = radiograph_from_dicom(make_radiograph(thorax(rows, columns)), PixelSettings())

    assert "crop_leaves_out" not in [decision.code for decision in made.decisions]
