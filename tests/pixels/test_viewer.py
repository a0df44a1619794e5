"""An image in its own units: the values, windows and lengths that the study page shows."""

import json

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.pixels import apply_modality_lut, apply_windowing

from hilum import pixels
from hilum.errors import RadiographRefused
from hilum.settings import PixelSettings
from page_pixels import values
from pixel_cases import CASES, SQUARED, V, image, image8, signed, thirty_two, with_table
from radiographs import write_raw

SETTINGS = PixelSettings()

GREY = {
    "12 bits": image,
    "8 bits": image8,
    "signed": lambda: signed(V.astype(np.int64) - 2048),
    "rescaled": lambda: image(RescaleSlope=2.5, RescaleIntercept=-1000),
    "falling": lambda: image(RescaleSlope=-1, RescaleIntercept=4095),
    "table": lambda: with_table("ModalityLUTSequence", [4096, 0, 16], SQUARED * 65535),
    "MONOCHROME1": lambda: image(PhotometricInterpretation="MONOCHROME1"),
}


def facts_of(dataset: Dataset) -> dict[str, object]:
    """Return what the page is told, as it comes out of JSON."""
    return json.loads(json.dumps(pixels.viewer_image(dataset, SETTINGS).facts))


@pytest.mark.parametrize("make", GREY.values(), ids=GREY)
def test_values_are_those_after_the_modality_lut(make):
    """As pydicom has them, to the last digit."""
    dataset = make()
    made = pixels.viewer_image(dataset, SETTINGS)

    assert np.array_equal(
        apply_modality_lut(dataset.pixel_array, dataset), values(made.facts, made.codes)
    )


@pytest.mark.parametrize("name", CASES)
def test_the_page_shows_what_the_model_is_shown(name):
    """Every image of the table in docs/pixels.md, in 256 shades; what is refused is refused."""
    dataset = CASES[name].make()
    try:
        developed = pixels.radiograph_from_dicom(dataset, SETTINGS)
    except RadiographRefused:
        with pytest.raises(RadiographRefused):
            pixels.viewer_image(dataset, SETTINGS)
        return
    shown = pixels.viewer_image(dataset, SETTINGS).shown.astype(int)

    assert np.abs(pixels.present(developed.pixels).astype(int) - shown).max() <= 1


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_windows_are_in_the_images_units(function, photometric):
    """What pydicom makes of the same window is what is displayed."""
    window = {"WindowCenter": 3000, "WindowWidth": 2001, "VOILUTFunction": function}
    rescale = {"RescaleSlope": 2, "RescaleIntercept": -1000}
    dataset = image(PhotometricInterpretation=photometric, **window, **rescale)
    made = pixels.viewer_image(dataset, SETTINGS)
    share = (apply_windowing(values(made.facts, made.codes), dataset) + 1000) / (2 * 4095)
    expected = 1 - share if photometric == "MONOCHROME1" else share

    assert np.abs(expected * 255 - made.shown).max() <= 0.51
    preset = made.facts["presets"][0]
    assert (3000, 2001, function) == (preset["center"], preset["width"], preset["function"])


def test_every_window_has_the_name_that_the_image_gives_it():
    """The default is the one that is applied; those that would destroy the image are left out."""
    names = ["BROAD", "USELESS", "BONE"]
    dataset = image(
        WindowCenter=[2048, 9000, 3000],
        WindowWidth=[4096, 2, 1500],
        WindowCenterWidthExplanation=names,
    )
    presets = facts_of(dataset)["presets"]

    assert ["BROAD", "BONE"] == [each["name"] for each in presets if "name" in each]
    assert ["default", "other", "lung", "bone", "full"] == [each["code"] for each in presets]


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_window_of_bone_is_brighter_than_that_of_lung(photometric):
    """Whichever way the values rise."""
    presets = {
        each["code"]: each
        for each in facts_of(image(PhotometricInterpretation=photometric))["presets"]
    }
    falls = photometric == "MONOCHROME1"

    assert falls == (presets["bone"]["center"] < presets["lung"]["center"])
    full = presets["full"]
    assert (0, 4095) == (full["center"] - full["width"] / 2, full["center"] + full["width"] / 2)


def test_hounsfield_units_have_the_usual_windows():
    """A CT that was refused is looked at as on any workstation."""
    facts = facts_of(image(Modality="CT", RescaleSlope=1, RescaleIntercept=-1024))
    lung = next(each for each in facts["presets"] if each["code"] == "lung")

    assert ("HU", -600, 1500) == (facts["unit"], lung["center"], lung["width"])


def test_padding_and_shutters_have_no_value():
    """They are the code 0, which is black and no part of any window."""
    made = pixels.viewer_image(image(PixelPaddingValue=0), SETTINGS)

    assert made.facts["hidden"]
    assert np.array_equal(made.codes == 0, V == 0)
    assert np.array_equal(V[V > 0], values(made.facts, made.codes)[V > 0])


@pytest.mark.parametrize(
    "rescale",
    [{"RescaleIntercept": "1e308"}, {"RescaleSlope": "1e300"}, {"RescaleSlope": "1e-300"}],
)
def test_absurd_units_are_no_units(rescale):
    """The image is there all the same, and nothing that a browser cannot read."""
    dataset = image()
    for keyword, text in rescale.items():
        write_raw(dataset, keyword, text)
    made = pixels.viewer_image(dataset, SETTINGS)

    json.dumps(made.facts, allow_nan=False)
    assert 100 < len(np.unique(made.shown))


def test_values_beyond_sixteen_bits_are_rounded_and_say_so():
    """The step is told, by which a value may be off."""
    made = pixels.viewer_image(thirty_two(), SETTINGS)
    step = made.facts["step"]

    assert made.codes.max() <= 65535
    assert np.ptp(values(made.facts, made.codes)) > 65535 or step == 1


@pytest.mark.parametrize(
    ("attributes", "kind", "spacing"),
    [
        ({}, "", None),
        ({"ImagerPixelSpacing": [0.14, 0.14]}, "detector", [0.14, 0.14]),
        ({"PixelSpacing": [0.14, 0.14]}, "stated", [0.14, 0.14]),
        (
            {"PixelSpacing": [0.14, 0.14], "ImagerPixelSpacing": [0.14, 0.14]},
            "detector",
            [0.14, 0.14],
        ),
        (
            {"PixelSpacing": [0.12, 0.12], "ImagerPixelSpacing": [0.14, 0.14]},
            "calibrated",
            [0.12, 0.12],
        ),
        (
            {"PixelSpacing": [0.12, 0.12], "PixelSpacingCalibrationType": "FIDUCIAL"},
            "calibrated",
            [0.12, 0.12],
        ),
        (
            {"ImagerPixelSpacing": [0.14, 0.14], "EstimatedRadiographicMagnificationFactor": 1.12},
            "magnified",
            [0.125, 0.125],
        ),
        (
            {"ImagerPixelSpacing": [0.14, 0.14], "EstimatedRadiographicMagnificationFactor": 0},
            "detector",
            [0.14, 0.14],
        ),
        ({"NominalScannedPixelSpacing": [0.2, 0.1]}, "scanned", [0.2, 0.1]),
        ({"PixelSpacing": [0, 0], "ImagerPixelSpacing": [0.14, 0.14]}, "detector", [0.14, 0.14]),
        ({"PixelSpacing": [0, 0]}, "", None),
    ],
)
def test_lengths_say_where_they_hold(attributes, kind, spacing):
    """At the detector, calibrated, divided by the magnification, or not at all."""
    plain = {"PixelSpacing": None, "ImagerPixelSpacing": None}
    facts = facts_of(image(**{**plain, **attributes}))

    assert kind == facts["kind"]
    assert (
        spacing is None if facts["spacing"] is None else facts["spacing"] == pytest.approx(spacing)
    )


def test_pixels_that_are_not_square_say_their_shape():
    """By their spacing, else by Pixel Aspect Ratio."""
    spaced = {"PixelSpacing": None, "ImagerPixelSpacing": [0.2, 0.1]}
    ratio = {"PixelSpacing": None, "ImagerPixelSpacing": None, "PixelAspectRatio": [3, 2]}

    assert [2, 1.5] == [facts_of(image(**each))["aspect"] for each in (spaced, ratio)]


def test_place_is_told_only_where_the_image_says_it():
    """Letters of a direction come from Patient Orientation alone."""
    said = {"PatientOrientation": ["L", "F"], "ImageLaterality": "R", "ViewPosition": "PA"}
    facts = facts_of(image(**said))
    silent = facts_of(image(PatientOrientation=None, ViewPosition=None))

    assert (["L", "F"], "R", "PA") == (facts["orientation"], facts["laterality"], facts["view"])
    assert ([], "", "") == (silent["orientation"], silent["laterality"], silent["view"])
