"""Windows and tables that would make a radiograph black and white."""

from datetime import UTC, datetime

import numpy as np
import pydicom
import pytest
from pydicom import Dataset

from conftest import real_file
from hilum.encode import ResultContext, extra_objects
from hilum.errors import RadiographRefused
from hilum.explain import heat, regions
from hilum.language import ENGLISH, LANGUAGES
from hilum.node.page_work import viewed
from hilum.phantom import make
from hilum.pixels import radiograph_from_dicom
from hilum.radiograph import PixelPipeline
from hilum.settings import (
    ExtraObject,
    PixelSettings,
    ReportSettings,
    Settings,
    UnusableWindow,
)
from invented import bump, make_reading
from messages import PORTUGUESE
from pixel_cases import table
from radiographs import dicom_file, make_radiograph, thorax

REFUSING = PixelSettings(unusable_window=UnusableWindow.REFUSE)
LUT_12 = [4096, 0, 16]

FULL_RANGE = make_radiograph(WindowCenter=None, WindowWidth=None)
"""The generated chest, 12 bits, without any window."""


def with_window(center, width, **attributes) -> Dataset:
    """Return the generated chest with windows."""
    return make_radiograph(WindowCenter=center, WindowWidth=width, **attributes)


def with_tables(keyword, *tables, **attributes) -> Dataset:
    """Return the generated chest with tables of 4096 entries."""
    made = make_radiograph(**{"WindowCenter": None, "WindowWidth": None, **attributes})
    setattr(made, keyword, [table(LUT_12, data) for data in tables])
    return made


def codes(dataset, settings=None) -> list[str]:
    """Return the codes of what was decided about the tones."""
    made = radiograph_from_dicom(dataset, settings or PixelSettings())
    about = ("window", "voi", "modality", "pixel_range")
    return [each.code for each in made.decisions if each.code.startswith(about)]


@pytest.mark.parametrize(
    "dataset",
    [
        with_window(40, 400),  # a CT's soft tissue
        with_window(-600, 1500),  # a CT's lung
        with_window(16, 32),
        with_window(127.5, 255),  # of eight bits
        with_window(0, 1),  # "no window" in some dental systems
        with_window(2048, 1),
        with_window(32768, 65536),  # of sixteen bits: black
        with_window(50000, 2000),
        with_window(1500, 20, VOILUTFunction="LINEAR_EXACT"),
        with_window(1500, 1e-6, VOILUTFunction="SIGMOID"),
        with_window(1500, 1e9, VOILUTFunction="SIGMOID"),  # all of one grey
        with_window(0.5, 1, RescaleSlope=1 / 100000, RescaleIntercept=0),
        with_window(["40", "16"], ["400", "32"]),
    ],
)
def test_a_window_that_destroys_the_image_is_not_applied(dataset):
    """The image looks as without any window, and the decisions say so."""
    np.testing.assert_array_equal(
        radiograph_from_dicom(FULL_RANGE, PixelSettings()).pixels,
        radiograph_from_dicom(dataset, PixelSettings()).pixels,
    )
    assert "window_destroys" == codes(dataset)[0]
    assert "pixel_range_used" == codes(dataset)[-1]


@pytest.mark.parametrize(
    "entries",
    [
        np.zeros(4096),
        np.full(4096, 65535),
        np.full(4096, 30000),  # one grey
        (np.arange(4096) > 1000) * 65535,
        np.arange(4096) // 1024 * 20000,  # four greys
        np.clip((np.arange(4096) - 4000) * 700, 0, 65535),
    ],
)
@pytest.mark.parametrize("keyword", ["VOILUTSequence", "ModalityLUTSequence"])
def test_a_table_that_destroys_the_image_is_not_applied(keyword, entries):
    """The image looks as without the table, and the decisions say so."""
    dataset = with_tables(keyword, entries)
    kind = "voi_lut" if keyword == "VOILUTSequence" else "modality_lut"

    np.testing.assert_array_equal(
        radiograph_from_dicom(FULL_RANGE, PixelSettings()).pixels,
        radiograph_from_dicom(dataset, PixelSettings()).pixels,
    )
    assert [f"{kind}_destroys", "pixel_range_used"] == codes(dataset)[-2:]


@pytest.mark.parametrize(
    "dataset",
    [
        with_window(2048, 4096),
        with_window(1500, 1600),  # 39 % of the range
        with_window(1400, 1115),  # 27 %, the narrowest of 109,999
        with_window(1500, 800, VOILUTFunction="SIGMOID"),
        with_window(8192, 16384),  # dark, but all there
        with_tables("VOILUTSequence", (np.arange(4096) / 4095) ** 2 * 65535),
        with_tables("VOILUTSequence", np.arange(4096)[::-1] * 16),
        with_tables("ModalityLUTSequence", np.sqrt(np.arange(4096) / 4095) * 65535),
    ],
)
def test_windows_and_tables_of_use_are_applied(dataset):
    """Narrow, dark, curved and inverted: the image is still there."""
    assert codes(dataset)[0].endswith("_applied")
    assert not [code for code in codes(dataset) if code.endswith("_destroys")]


@pytest.mark.parametrize("name", ["RG1_UNCR.dcm", "RG1_J2KI.dcm", "RG3_UNCR.dcm"])
def test_real_radiographs_keep_their_windows(name):
    """What the modality wrote is applied to what it measured."""
    assert ["window_applied"] == codes(pydicom.dcmread(real_file(name)))


@pytest.mark.parametrize("seed", range(3, 9))
@pytest.mark.parametrize(("center", "width"), [(16, 32), (40, 400)])
def test_phantoms_keep_their_own_windows_only(seed, center, width):
    """Each phantom as it is made is shown as it is made; through a CT's window it is not."""
    phantom = make(seed).dataset
    assert not [code for code in codes(phantom) if code.endswith("_destroys")]

    for keyword in ("VOILUTSequence", "VOILUTFunction"):
        if keyword in phantom:
            delattr(phantom, keyword)
    phantom.WindowCenter, phantom.WindowWidth = center, width

    assert ["window_destroys", "pixel_range_used"] == [
        code for code in codes(phantom) if code.startswith(("window", "pixel_range"))
    ]


def test_of_several_windows_the_first_that_leaves_an_image_is_applied():
    """A second window that fits is better than none."""
    both = with_window([40, 2048, 1500], [400, 4096, 1000])

    assert ["window_destroys", "window_applied"] == codes(both)
    assert "Window 2 of 3" in radiograph_from_dicom(both, PixelSettings()).decisions[-1].text


def test_of_thousands_of_windows_only_some_are_tried():
    """A header cannot keep hilum busy, nor fill its reports."""
    made = with_window(["40"] * 3000, ["1"] * 3000)

    assert [*["window_destroys"] * 16, "pixel_range_used"] == codes(made)


def test_one_grey_is_not_called_black_or_white():
    """A sigmoid of absurd width leaves a shade or two, in the middle between them."""
    made = with_window(1500, 1e9, VOILUTFunction="SIGMOID")

    text = radiograph_from_dicom(made, PixelSettings()).decisions[0].text

    assert "of 256 shades and make 0% of" in text


def test_a_window_stands_in_for_a_voi_lut_of_no_use():
    """What the VOI LUT hides, the window beside it shows."""
    both = with_tables("VOILUTSequence", np.zeros(4096), WindowCenter=2048, WindowWidth=4096)

    assert ["voi_lut_destroys", "window_applied"] == codes(both)


def test_borders_and_air_do_not_count():
    """A window that makes all around a small chest black and white is applied."""
    pixels = np.full((640, 640), 4000, np.uint16)
    pixels[:, :60] = np.arange(60)
    pixels[150:490, 150:490] = thorax(340, 340)

    made = make_radiograph(pixels, WindowCenter=1900, WindowWidth=2800)

    assert ["window_applied"] == codes(made)


def test_what_was_white_before_does_not_count():
    """A plate with an overexposed middle is what it is, with every window."""
    pixels = thorax()
    pixels[100:220, 80:208] = 4095

    assert ["window_applied"] == codes(make_radiograph(pixels))


def test_an_image_of_two_values_keeps_its_window():
    """Where there is nothing between black and white, nothing can be lost."""
    pixels = np.where(thorax() > 1200, 3500, 500).astype(np.uint16)

    assert ["window_applied"] == codes(make_radiograph(pixels))


def test_padding_does_not_count():
    """What is no image is black with every window."""
    pixels = thorax()
    pixels[90:200] = 5

    made = make_radiograph(pixels, PixelPaddingValue=5, WindowCenter=1700, WindowWidth=2400)

    assert ["window_applied"] == codes(made)


def test_the_decision_names_the_share():
    """It has window, share and shades, in every language."""
    made = with_window(16, 32)

    decision = radiograph_from_dicom(made, PixelSettings()).decisions[0]

    for text in (language.say(decision.text) for language in LANGUAGES):
        assert "16" in text
        assert "32" in text
        assert "100%" in text


@pytest.mark.parametrize(
    ("language", "said"), [(ENGLISH, "black or white"), (PORTUGUESE, "preta ou branca")]
)
def test_a_site_may_refuse_such_images(language, said):
    """All windows and tables are named, in every language."""
    made = with_tables(
        "VOILUTSequence", np.zeros(4096), WindowCenter=[40, 16], WindowWidth=[400, 32]
    )

    with pytest.raises(RadiographRefused) as caught:
        radiograph_from_dicom(made, REFUSING)

    reasons = caught.value.reasons
    assert ["voi_lut_destroys", "window_destroys", "window_destroys"] == [r.code for r in reasons]
    told = [language.say(reason.text) for reason in reasons]
    assert all(said in text and not text.endswith(".") for text in told)


def test_a_refusing_site_reads_what_a_second_window_shows():
    """Nothing is lost where one of the windows can be applied."""
    assert ["window_destroys", "window_applied"] == codes(
        with_window([40, 2048], [400, 4096]), REFUSING
    )


def test_the_page_shows_what_was_refused():
    """A person can look at it, scaled over the range of its pixels."""
    settings = Settings().changed("pixels", unusable_window=UnusableWindow.REFUSE)

    shown = viewed(dicom_file(with_window(16, 32)), settings).shown

    assert 100 < len(np.unique(shown))


def test_the_limit_is_a_setting():
    """At 1 nothing is too much, but for what leaves no shades; a low limit is strict."""
    narrow = with_window(1400, 200)
    assert ["window_destroys", "pixel_range_used"] == codes(narrow)

    assert ["window_applied"] == codes(narrow, PixelSettings(max_clipped_share=1))
    strict = PixelSettings(max_clipped_share=0.01)
    assert ["window_destroys", "pixel_range_used"] == codes(with_window(1400, 1115), strict)


def test_the_torchxrayvision_pipeline_applies_no_window_anyway():
    """It says that there is one, whatever it would do."""
    settings = PixelSettings(pipeline=PixelPipeline.TORCHXRAYVISION)

    assert ["voi_not_applied"] == codes(with_window(16, 32), settings)


@pytest.mark.parametrize(("center", "there"), [(2048, True), (-2000, False)])
def test_a_presentation_state_has_no_window_that_destroys_the_image(center, there):
    """A workstation that opens it shows the radiograph, not a black square."""
    radiograph = radiograph_from_dicom(with_window(center, 4096 if there else 32), PixelSettings())
    reading = make_reading(radiograph, {"Mass": 0.8}, {"Mass": bump(2, 4)})
    settings = ReportSettings(objects=(ExtraObject.PRESENTATION_STATE,))

    (state,) = extra_objects(
        ResultContext.of(reading, when=datetime(2026, 11, 26, tzinfo=UTC), settings=settings),
        regions(reading),
        heat=heat,
    )

    assert there is ("SoftcopyVOILUTSequence" in state)
