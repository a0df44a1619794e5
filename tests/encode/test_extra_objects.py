"""The objects that a site may ask for: valid, on the right pixels, readable by others."""

import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO

import highdicom
import numpy as np
import pydicom
import pytest
from highdicom.color import CIELabColor

from hilum.encode import ResultContext, extra_objects, report_documents, secondary_capture, to_bytes
from hilum.encode.segmentation import COLOURS
from hilum.explain import heat, overlay, regions
from hilum.language import ENGLISH, LANGUAGES
from hilum.settings import ExtraObject, ReportSettings
from invented import MODEL, bump, make_reading, radiograph_of
from messages import PORTUGUESE
from radiographs import make_radiograph, thorax
from sr_validators import dump, objections

WHEN = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
SCORES = {"Effusion": 0.91, "Mass": 0.8}
CELL = {"Effusion": (5, 1), "Mass": (2, 4)}
MAPS = {label: bump(*cell) for label, cell in CELL.items()}
OKABE_ITO = [
    *((230, 159, 0), (86, 180, 233), (0, 158, 115), (204, 121, 167)),
    *((213, 94, 0), (240, 228, 66), (0, 114, 178)),
]
PLANES = ("PlanePosition", "PlaneOrientation", "PlanePositionSlide")


def wanting(*objects, language=ENGLISH):
    """Return settings that ask for these objects."""
    return ReportSettings(objects=objects, language=language)


def written(source, *objects, model=MODEL, language=ENGLISH, picture=None):
    """Return the objects as whoever receives the files reads them."""
    reading = make_reading(radiograph_of(source), SCORES, MAPS, model=model)
    settings = wanting(*objects, language=language)
    results = extra_objects(
        ResultContext.of(reading, when=WHEN, settings=settings),
        regions(reading),
        heat=heat,
        picture=picture,
    )
    return [pydicom.dcmread(BytesIO(to_bytes(result))) for result in results]


def said_against(result, folder):
    """Return what dciodvfy says against an object."""
    (folder / "object.dcm").write_bytes(to_bytes(result))
    return objections(folder / "object.dcm")


def test_a_sites_own_words_are_written_whole(tmp_path):
    """Codes with accents, on an image that declares no letters beyond ASCII."""
    codes = tmp_path / "codes.toml"
    codes.write_text(
        '[findings.Effusion]\nvalue = "60046008"\nscheme = "SCT"\nmeaning = "Pleuraerguß"\n'
        'site = "pleura"\nsource = "a test"\n',
        "utf-8",
    )
    reading = make_reading(radiograph_of(make_radiograph()), SCORES, MAPS)
    settings = wanting(*ExtraObject).model_copy(update={"codes_file": codes})

    results = extra_objects(
        ResultContext.of(reading, when=WHEN, settings=settings), regions(reading), heat=heat
    )
    files = [to_bytes(result) for result in results]
    written_whole = [file for file in files if "Pleuraerguß".encode() in file]

    assert 2 == len(written_whole)  # the segmentation and one of the maps
    for file in written_whole:
        assert "ISO_IR 192" == pydicom.dcmread(BytesIO(file)).SpecificCharacterSet


@pytest.mark.parametrize("wanted", list(ExtraObject))
def test_further_objects_are_named_in_portuguese(wanted):
    """The names of the series say it in the language of the site."""
    for result in written(make_radiograph(), wanted, language=PORTUGUESE):
        assert result.SeriesDescription.startswith("IA ")
        assert result.SeriesDescription.endswith(" so pesquisa")


def test_nothing_is_written_unasked():
    """Without the setting there are no further objects."""
    assert [] == written(make_radiograph())


def test_nothing_is_written_about_negatives():
    """But for the document all of them are about positive findings: an image without has none."""
    reading = make_reading(radiograph_of(make_radiograph()))

    results = extra_objects(
        ResultContext.of(reading, when=WHEN, settings=wanting(*ExtraObject)), (), heat=heat
    )

    assert ["DOC"] == [result.Modality for result in results]


@pytest.mark.parametrize(
    "wanted",
    [each for each in ExtraObject if each is not ExtraObject.PARAMETRIC_MAP],
)
@pytest.mark.parametrize("language", LANGUAGES)
def test_validators_find_nothing(source, tmp_path, wanted, language):
    """Dciodvfy has nothing against them, whatever the source's header lacks."""
    for result in written(source, wanted, language=language):
        assert [] == said_against(result, tmp_path)


def test_a_map_has_only_the_known_errors(source, tmp_path):
    """Dciodvfy asks a map for plane positions, which a radiograph doesn't have."""
    for result in written(source, ExtraObject.PARAMETRIC_MAP):
        found = said_against(result, tmp_path)
        assert 6 == len(found)
        assert all(any(f"{plane}Sequence" in line for plane in PLANES) for line in found)


def test_a_fixed_clock_gives_identical_bytes():
    """Same reading, same time: the same files, to the byte."""
    source = make_radiograph(SOPInstanceUID="2.25.1")

    one, other = (map(to_bytes, written(source, *ExtraObject)) for _ in range(2))

    assert list(one) == list(other)


def test_every_kind_has_a_series_of_its_own():
    """No series mixes modalities, and none is the source's."""
    source = make_radiograph()

    results = written(source, *ExtraObject)

    series = {result.SeriesInstanceUID for result in results}
    assert 5 == len(series)
    assert source.SeriesInstanceUID not in series
    assert [904, 905, 906, 907, 907, 908] == [result.SeriesNumber for result in results]


@pytest.mark.parametrize("wanted", list(ExtraObject))
def test_a_demonstration_says_so(wanted):
    """The stamp is in the series' name of every object."""
    for result in written(make_radiograph(), wanted, model=replace(MODEL, demonstration=True)):
        assert result.SeriesDescription.startswith("DEMONSTRATION ")


@pytest.mark.parametrize(
    ("shape", "changes"),
    [
        ((448, 448), {}),
        ((700, 448), {}),
        ((448, 700), {}),
        ((451, 333), {}),
        ((448, 448), {"PhotometricInterpretation": "MONOCHROME1"}),
    ],
    ids=["square", "tall", "wide", "odd", "monochrome1"],
)
def test_all_objects_name_the_same_pixels(shape, changes):
    """Region, segment, outline and map have their centre where the map has its peak."""
    source = make_radiograph(thorax(*shape), **changes)
    segmentation, state, map_, _ = written(
        source,
        ExtraObject.SEGMENTATION,
        ExtraObject.PRESENTATION_STATE,
        ExtraObject.PARAMETRIC_MAP,
    )
    side = min(shape) / 7
    expected = (np.array(shape) - min(shape)) // 2 + (np.array(CELL["Effusion"]) + 0.5) * side

    mask = segmentation.pixel_array[0]
    activation = np.frombuffer(map_.FloatPixelData, "<f4").reshape(shape)
    drawn = state.GraphicAnnotationSequence[0].GraphicObjectSequence[0].GraphicData
    outline = np.array(drawn).reshape(-1, 2)[:, ::-1]

    for found in (
        np.argwhere(mask).mean(axis=0) + 0.5,
        np.argwhere(activation > 0.95 * activation.max()).mean(axis=0) + 0.5,
        (outline.min(axis=0) + outline.max(axis=0)) / 2,
    ):
        np.testing.assert_allclose(found, expected, atol=side / 2)


def test_a_segment_covers_what_its_outline_encloses():
    """Mask and half of the peak are the same pixels, but for the border."""
    source = make_radiograph(thorax(448, 448))
    reading = make_reading(radiograph_of(source), SCORES, MAPS)

    (segmentation,) = written(source, ExtraObject.SEGMENTATION)

    for mask, finding in zip(segmentation.pixel_array, reading.positives, strict=True):
        heatmap = next(h for h in reading.heatmaps if h.label == finding.label)
        hot = heat(heatmap, 448, 448) >= heatmap.activation.max() / 2
        assert np.count_nonzero(mask.astype(bool) ^ hot) < 0.03 * np.count_nonzero(hot)


def test_highdicom_reads_the_segments():
    """Another library finds both segments, their codes and their algorithm."""
    (result,) = written(make_radiograph(), ExtraObject.SEGMENTATION)

    read = highdicom.seg.Segmentation.from_dataset(result)

    assert 2 == read.number_of_segments
    description = read.get_segment_description(1)
    assert "60046008" == description.segmented_property_type.value
    assert highdicom.seg.SegmentAlgorithmTypeValues.AUTOMATIC == description.algorithm_type


def test_each_segment_has_a_colour_of_its_own():
    """Those that the colour-blind tell apart, as another library converts them."""
    (result,) = written(make_radiograph(), ExtraObject.SEGMENTATION)
    shown = [item.RecommendedDisplayCIELabValue for item in result.SegmentSequence]

    assert OKABE_ITO == [CIELabColor.from_dicom_value(each).to_rgb() for each in COLOURS]
    assert [list(each) for each in COLOURS[: len(shown)]] == shown


def test_a_segment_is_tracked_as_its_finding_is():
    """Segment and row of the structured report share a tracking UID."""
    source = make_radiograph()
    reading = make_reading(radiograph_of(source), SCORES, MAPS)
    settings = wanting(ExtraObject.SEGMENTATION)
    coded = report_documents(
        ResultContext.of(reading, when=WHEN, settings=settings), regions(reading)
    )[1]

    (segmentation,) = written(source, ExtraObject.SEGMENTATION)

    said = {element.value for element in coded.iterall() if element.keyword == "UID"}
    assert {segment.TrackingUID for segment in segmentation.SegmentSequence} <= said


def test_dcmtk_accepts_the_presentation_state(source, tmp_path):
    """DCMTK's checker of presentation states passes it, for every kind of header."""
    (state,) = written(source, ExtraObject.PRESENTATION_STATE)
    (tmp_path / "state.dcm").write_bytes(to_bytes(state))

    done = subprocess.run(
        ["dcmpschk", tmp_path / "state.dcm"], capture_output=True, check=True, text=True
    )

    told = done.stdout + done.stderr
    # The tool wants a name, which PS3.3 allows to be empty (Type 2).
    nameless = not source.get("PatientName") and "patientName absent or empty" in told
    assert "Test passed" in told or (nameless and told.count("absent or") == 1)


@pytest.mark.parametrize(
    ("photometric", "expected"), [("MONOCHROME1", "INVERSE"), ("MONOCHROME2", "IDENTITY")]
)
def test_a_presentation_state_shows_the_original_as_it_is(photometric, expected):
    """Window and polarity are those of the header, which a state replaces."""
    source = make_radiograph(
        PhotometricInterpretation=photometric, WindowCenter=[2000, 9], WindowWidth=[3000, 9]
    )

    (state,) = written(source, ExtraObject.PRESENTATION_STATE)

    assert expected == state.PresentationLUTShape
    (voi,) = state.SoftcopyVOILUTSequence
    assert (2000, 3000) == (voi.WindowCenter, voi.WindowWidth)


def test_outlines_are_drawn_with_name_and_score():
    """The state has each region's outline, and says what it is in the site's language."""
    source = make_radiograph()
    reading = make_reading(radiograph_of(source), SCORES, MAPS)

    (state,) = written(source, ExtraObject.PRESENTATION_STATE, language=PORTUGUESE)

    texts = [a.TextObjectSequence[0].UnformattedTextValue for a in state.GraphicAnnotationSequence]
    assert ["IA: Derrame pleural 0,91", "IA: Massa 0,80"] == texts
    drawn = [
        np.array(graphic.GraphicData).reshape(-1, 2)
        for annotation in state.GraphicAnnotationSequence
        for graphic in annotation.GraphicObjectSequence
    ]
    for expected, actual in zip(regions(reading), drawn, strict=True):
        np.testing.assert_allclose(expected.outline, actual, atol=1e-3)


def test_key_objects_select_the_image_and_its_picture(tmp_path):
    """DCMTK prints the selection: the radiograph and the overlay, of interest."""
    source = make_radiograph()
    reading = make_reading(radiograph_of(source), SCORES, MAPS)
    sheet = overlay(reading, when=WHEN, language=ENGLISH)
    picture = secondary_capture(
        sheet, ResultContext.of(reading, when=WHEN, settings=ReportSettings())
    )

    (selection,) = written(source, ExtraObject.KEY_OBJECTS, picture=picture)

    (tmp_path / "selection.dcm").write_bytes(to_bytes(selection))
    printed = dump(tmp_path / "selection.dcm")
    assert "Of Interest" in printed
    read = highdicom.ko.KeyObjectSelectionDocument.from_dataset(selection)
    selected = read.content.get_references()
    assert [source.SOPInstanceUID, picture.SOPInstanceUID] == [
        item.referenced_sop_instance_uid for item in selected
    ]


def test_a_map_holds_the_activation_in_its_own_unit():
    """One map a positive finding, float32, unscaled, class activation of that finding."""
    source = make_radiograph()
    reading = make_reading(radiograph_of(source), SCORES, MAPS)

    maps = written(source, ExtraObject.PARAMETRIC_MAP)

    assert [1, 2] == [result.InstanceNumber for result in maps]
    for result, finding in zip(maps, reading.positives, strict=True):
        heatmap = next(h for h in reading.heatmaps if h.label == finding.label)
        expected = heat(heatmap, source.Rows, source.Columns)
        actual = np.frombuffer(result.FloatPixelData, "<f4").reshape(expected.shape)
        np.testing.assert_array_equal(expected, actual)
        (mapping,) = result.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence
        assert (0.0, 1.0) == (mapping.RealWorldValueIntercept, mapping.RealWorldValueSlope)
        quantity = mapping.QuantityDefinitionSequence[0]
        assert "130402" == quantity.ConceptCodeSequence[0].CodeValue
        assert "RESEARCH" == result.ContentQualification
