"""An image that is stored turned or mirrored: seen upright by the model, written of as stored.

One bright blob, at the upper right of the upright chest, goes through all of hilum in each of
the eight positions, with a network that only says where its image is bright.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from io import BytesIO
from types import SimpleNamespace

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom import Dataset

from conftest import real_file
from hilum import pipeline
from hilum.explain import heat
from hilum.explain.drawing import as_picture
from hilum.explain.panel import heated, shrunk
from hilum.files import dicom
from hilum.node.page_work import viewed
from hilum.node.process_file import read_file
from hilum.pipeline import PipelineContext
from hilum.pixels import fit, radiograph_from_dicom
from hilum.predict import load_model
from hilum.predict.network import Outputs
from hilum.radiograph import PixelPipeline, Turn
from hilum.settings import ExtraObject, GateSettings, NotUpright, PixelSettings, Settings
from page_studies import tools_here
from radiographs import dicom_file, make_radiograph
from sr_reader import walk

ROWS, COLUMNS = 331, 288
"""Upright. Neither square nor different by an even number: no crop is in the very middle."""

ROW, COLUMN = 97.0, 201.0
"""Centre of the blob in the upright image, in pixels."""

POSITIONS: dict[str, Callable[[NDArray[np.generic]], NDArray[np.generic]]] = {
    "L\\F": lambda upright: upright,
    "R\\F": lambda upright: upright[:, ::-1],
    "L\\H": lambda upright: upright[::-1],
    "R\\H": lambda upright: upright[::-1, ::-1],
    "F\\L": lambda upright: upright.T,
    "F\\R": np.rot90,
    "H\\L": lambda upright: np.rot90(upright, -1),
    "H\\R": lambda upright: upright[::-1, ::-1].T,
}
"""Patient Orientation → the upright image as it is stored then."""

WHEN = datetime(2026, 11, 26, 12, tzinfo=UTC)


def blob() -> NDArray[np.uint16]:
    """Return the upright image: dark, with a bright blob."""
    y, x = np.mgrid[0:ROWS, 0:COLUMNS]
    peak = np.exp(-((y - ROW) ** 2 + (x - COLUMN) ** 2) / (2 * 30.0**2))
    return (400 + 3000 * peak).astype(np.uint16)


def stored(position: str) -> Dataset:
    """Return the image as it is stored in a position."""
    pixels = np.ascontiguousarray(POSITIONS[position](blob()))
    return make_radiograph(pixels, PatientOrientation=position.split("\\"))


def place(position: str) -> tuple[float, float]:
    """Return row and column of the blob's centre in the image as it is stored."""
    mark = np.zeros((ROWS, COLUMNS), np.uint8)
    mark[int(ROW), int(COLUMN)] = 1
    ((row, column),) = np.argwhere(POSITIONS[position](mark))
    return row + 0.5, column + 0.5


def brightness(image: NDArray[np.float32]) -> Outputs:
    """Say, as a network of one finding, how bright each of 7 × 7 cells is."""
    cells = image.reshape(7, 32, 7, 32).mean(axis=(1, 3)) / 1024
    maps = (cells + 1 - cells.min() * 0.5).astype(np.float32)
    logits = np.full((1, LABELS), 9.0, np.float32)
    return Outputs(logits, np.broadcast_to(maps, (1, LABELS, 7, 7)), None)


LABELS = len(load_model(Settings().changed("model", name="demonstration")).labels)


@pytest.fixture
def context() -> PipelineContext:
    """Return a reader whose network looks for what is bright, with every result asked for."""
    settings = Settings().changed("model", name="demonstration")
    settings = settings.changed("report", objects=tuple(ExtraObject))
    model = load_model(settings)
    model._network = SimpleNamespace(run=brightness)
    return PipelineContext(model, settings, in_demonstration=True)


def centre(strength: NDArray[np.generic]) -> tuple[float, float]:
    """Return row and column of the middle of what is strong, in continuous coordinates."""
    strong = strength >= (strength.min() + strength.max()) / 2
    row, column = np.argwhere(strong).mean(axis=0) + 0.5
    return float(row), float(column)


def near(position: str, cells: float = 0.5) -> object:
    """Return the blob's place, as exactly as a map of 7 × 7 cells can tell it."""
    return pytest.approx(place(position), abs=cells * min(ROWS, COLUMNS) / 7)


def results(position: str, context: PipelineContext) -> dict[str, Dataset]:
    """Return what is stored in the PACS for the image, by modality, as it is read there."""
    answer = read_file(dicom_file(stored(position)), context, (), when=WHEN)
    made = [pydicom.dcmread(BytesIO(result.file)) for result in answer.results]
    return {str(each.SOPClassUID.name): each for each in reversed(made)}


def test_the_eight_positions_are_eight_turns():
    """No two positions are brought upright in the same way, and upright is left alone."""
    turns = {position: Turn.stated(position.split("\\")) for position in POSITIONS}

    assert 8 == len(set(turns.values()))
    assert Turn() == turns["L\\F"]
    assert {"R\\F", "L\\H", "F\\L", "H\\R"} == {p for p, turn in turns.items() if turn.mirrors}


@pytest.mark.parametrize("pipeline_", list(PixelPipeline))
@pytest.mark.parametrize("position", POSITIONS)
def test_the_model_sees_the_upright_image(position, pipeline_):
    """Whatever the position, the network's input is the very same."""
    settings = PixelSettings(pipeline=pipeline_)

    seen = fit(radiograph_from_dicom(stored(position), settings), 224)
    right = fit(radiograph_from_dicom(stored("L\\F"), settings), 224)

    np.testing.assert_array_equal(seen.pixels, right.pixels)


@pytest.mark.parametrize("position", POSITIONS)
def test_the_field_of_view_is_what_the_model_saw(position):
    """The field of view, cut from the stored image and turned upright, is the input's square."""
    radiograph = radiograph_from_dicom(stored(position), PixelSettings())

    seen = fit(radiograph, COLUMNS)
    view = seen.field_of_view
    cut = radiograph.pixels[view.top : view.top + view.height, view.left : view.left + view.width]

    np.testing.assert_array_equal(radiograph.turn.upright(cut), seen.pixels)


@pytest.mark.parametrize("position", POSITIONS)
def test_the_heatmap_is_where_the_stored_image_is_bright(position, context):
    """Its heat lies on the blob, in the rows and columns of the file."""
    reading = pipeline.process(stored(position), context).reading
    shape = reading.radiograph.pixels.shape

    assert near(position) == centre(heat(reading.heatmaps[0], *shape))


@pytest.mark.parametrize("position", POSITIONS)
def test_every_dicom_result_points_at_the_blob(position, context):
    """Outlines, masks and maps stand on the pixels of the source as it is stored."""
    made = results(position, context)
    report = made["Comprehensive 3D SR Storage"]
    outline = np.array(next(i.GraphicData for i in walk(report) if "GraphicData" in i)).reshape(
        -1, 2
    )
    drawn = made["Grayscale Softcopy Presentation State Storage"].GraphicAnnotationSequence[0]
    line = np.array(drawn.GraphicObjectSequence[0].GraphicData).reshape(-1, 2)
    mask = made["Segmentation Storage"].pixel_array
    values = made["Parametric Map Storage"].pixel_array

    assert near(position) == tuple((outline.min(axis=0) + outline.max(axis=0))[::-1] / 2)
    assert near(position) == tuple((line.min(axis=0) + line.max(axis=0))[::-1] / 2)
    assert near(position) == centre(mask if mask.ndim == 2 else mask[0])
    assert near(position) == centre(values)
    assert mask.shape[-2:] == values.shape == POSITIONS[position](blob()).shape


@pytest.mark.parametrize("position", POSITIONS)
def test_the_overlay_has_the_heat_on_the_blob(position, context):
    """On the sheet, what is hot and what is bright in the radiograph are one place."""
    reading = pipeline.process(stored(position), context).reading
    radiograph = reading.radiograph
    grey = shrunk(radiograph, radiograph.columns, radiograph.rows)
    shown = np.asarray(as_picture(heated(grey, reading.heatmaps[0], radiograph))).astype(int)

    assert place(position) == pytest.approx(centre(np.asarray(grey).astype(int)), abs=2)
    assert near(position) == centre(np.ptp(shown, axis=2))  # grey has no colour


@pytest.mark.parametrize("position", POSITIONS)
def test_the_page_shows_image_and_heatmap_in_one_place(position, context):
    """The page's picture is as stored, and the maps that are laid over it are too."""
    file = dicom_file(stored(position))
    kept = read_file(file, context, (), when=WHEN).reading
    tools = tools_here(context.settings)

    (line, *_) = tools.outlines(kept.maps[0].astype(np.float32), kept.field_of_view)

    assert place(position) == pytest.approx(
        centre(viewed(file, context.settings).shown.astype(int)), abs=2
    )
    assert near(position) == tuple((line.min(axis=0) + line.max(axis=0))[::-1] / 2)


@pytest.mark.parametrize(
    ("said", "same"),
    [
        (["LA", "F"], "L\\F"),
        (["LPH", "FL"], "L\\F"),
        (["l", "h"], "L\\H"),
        (["H ", " L"], "H\\L"),
        (["RP", "HA"], "R\\H"),
        (["R/F"], "R\\F"),
        (["F L"], "F\\L"),
        (["L", "H\n"], "L\\H"),
        (["L", "I"], "L\\F"),
        (["R", "S"], "R\\H"),
        (["S", "LP"], "H\\L"),
        (["LEFT", "FOOT"], "L\\F"),
        (["Right\\Head"], "R\\H"),
        (["LEFT/SUPERIOR"], "L\\H"),
    ],
)
def test_values_that_say_a_position_in_another_way(said, same):
    """Oblique directions count by their larger part; words and S and I for H and F are plain."""
    assert Turn.stated(same.split("\\")) == Turn.stated(said)


@pytest.mark.parametrize(
    "said",
    [["L", "L"], ["L", "R"], ["L"], ["PA"], ["L", ""], ["", "F"], ["A", "F"], ["P", "H"],
     ["L", "P"], ["L", "F", "P"], ["LR", "F"], ["L", "FH"], ["X", "F"], ["L", "SH"]],
)  # fmt: skip
def test_values_that_say_no_position(said):
    """Nothing is turned, and the decision quotes the value."""
    radiograph = radiograph_from_dicom(make_radiograph(PatientOrientation=said), PixelSettings())

    assert Turn() == radiograph.turn
    (decision,) = [d for d in radiograph.decisions if d.code == "orientation_unusable"]
    assert "\\".join(said) in decision.text


@pytest.mark.parametrize("said", [None, "", ["L", "F"]])
def test_an_upright_image_needs_no_decision(said):
    """Without a value, or with the usual one, there is nothing to say."""
    radiograph = radiograph_from_dicom(make_radiograph(PatientOrientation=said), PixelSettings())

    assert Turn() == radiograph.turn
    assert not {"turned_upright", "mirrored_upright", "orientation_unusable"} & {
        decision.code for decision in radiograph.decisions
    }


@pytest.mark.parametrize("position", [p for p in POSITIONS if p != "L\\F"])
def test_every_report_warns_of_an_image_that_was_turned(position, context):
    """The warning and the decision both quote the header."""
    reading = pipeline.process(stored(position), context).reading

    (warning,) = [w for w in reading.warnings if w.code == "not_upright"]
    (decision,) = [d for d in reading.radiograph.decisions if d.code.endswith("_upright")]
    assert f"Patient Orientation is {position}" in warning.text
    assert f"Patient Orientation is {position}" in decision.text


@pytest.mark.parametrize("position", [p for p in POSITIONS if p != "L\\F"])
def test_a_site_may_refuse_what_is_not_upright(position, context):
    """With the setting, the refusal quotes the header."""
    settings = context.settings.changed("gate", not_upright=NotUpright.REFUSE)
    strict = PipelineContext(context.model, settings, in_demonstration=True)

    (reason,) = pipeline.process(stored(position), strict).reasons

    assert "not_upright" == reason.code
    assert position in reason.text


def test_where_upright_images_are_wanted_they_are_read(context):
    """The setting refuses no upright image, nor one that says nothing."""
    assert NotUpright.TURN is GateSettings().not_upright
    settings = context.settings.changed("gate", not_upright=NotUpright.REFUSE)
    strict = PipelineContext(context.model, settings, in_demonstration=True)

    for said in (["L", "F"], None):
        assert pipeline.process(make_radiograph(PatientOrientation=said), strict).reading


def test_what_was_done_before_the_image_was_stored_is_not_done_again():
    """Field of View Rotation and Flip tell how the detector's image became the stored one."""
    done = make_radiograph(FieldOfViewRotation=90, FieldOfViewHorizontalFlip="YES")

    assert Turn() == radiograph_from_dicom(done, PixelSettings()).turn


def test_a_real_radiograph_is_stored_mirrored_as_its_header_says():
    """RG3 says R to F, and the R beside the leg is mirror writing: turned, its stem is left."""
    file = real_file("RG3_UNCR.dcm").read_bytes()
    radiograph = radiograph_from_dicom(dicom.parse(file, name="RG3"), PixelSettings())
    letter = radiograph.pixels[1394:1470, 1148:1222]

    stems = (
        (letter > letter.mean()).sum(axis=0),
        (radiograph.turn.upright(letter) > letter.mean()).sum(axis=0),
    )

    assert Turn(columns_reversed=True) == radiograph.turn
    assert [True, False] == [int(stem.argmax()) > len(stem) // 2 for stem in stems]
