"""Sign, used bits and byte order: the picture shows whether the header is right."""

import warnings
from collections.abc import Callable
from pathlib import Path

import data_store
import numpy as np
import pydicom
import pytest
from pydicom import Dataset
from pydicom import uid as uids

from hilum.errors import RadiographRefused
from hilum.phantom import make
from hilum.pixels import radiograph_from_dicom
from hilum.pixels.decisions import DecisionRecord
from hilum.pixels.decode import decode
from hilum.pixels.image import describe
from hilum.radiograph import Radiograph
from hilum.settings import PixelSettings
from radiographs import make_radiograph, thorax

SETTINGS = PixelSettings()
DOUBTED = {"byte_order_wrong", "sign_found", "sign_ignored", "upper_bits_removed"}
"""Decisions that say that the header is wrong."""

PHANTOMS = range(900, 906)
REAL = ("RG1_UNCR", "RG1_J2KI", "RG3_UNCR", "RG3_J2KI")
"""Real radiographs of pydicom-data, a chest and a leg."""

PLAIN = dict.fromkeys(
    ("WindowCenter", "WindowWidth", "RescaleSlope", "RescaleIntercept", "PresentationLUTShape")
)


def radiograph(seed: int = 0) -> np.ndarray:
    """Return 12-bit values of a chest, with a detector's noise."""
    noise = np.random.default_rng(seed).normal(0, 8, (320, 288))
    return np.clip(thorax() + noise, 0, 4095).astype(np.int64)


def written(values: np.ndarray, kind: str = "<u2", **attributes) -> Dataset:
    """Return an image of `values`, of any sign and byte order."""
    width = 8 * np.dtype(kind).itemsize
    made = make_radiograph(
        radiograph().astype(np.uint16), **{**PLAIN, "BitsAllocated": width, **attributes}
    )
    made.PixelData = (values & (2**width - 1)).astype(kind.replace("i", "u")).tobytes()
    return made


def codes(read: Radiograph) -> set[str]:
    return {decision.code for decision in read.decisions}


def written_values_of(made: Dataset) -> set[str]:
    """Return the codes of an image's decisions, or of why it is refused: as noise, say."""
    try:
        return codes(radiograph_from_dicom(made, SETTINGS))
    except RadiographRefused as exc:
        return {reason.code for reason in exc.reasons}


def same_picture(first: Dataset, second: Dataset, atol: float = 1e-3) -> Radiograph:
    """Return the second image's radiograph after both were found to be one picture."""
    shown = radiograph_from_dicom(second, SETTINGS)
    np.testing.assert_allclose(
        radiograph_from_dicom(first, SETTINGS).pixels, shown.pixels, atol=atol
    )
    return shown


def signed(values: np.ndarray, **attributes) -> Dataset:
    return written(values, PixelRepresentation=1, **attributes)


AROUND_ZERO = radiograph() - 2048
CLEAN = signed(AROUND_ZERO)


def mixed(rows) -> np.ndarray:
    """Return 12-bit values around zero whose sign is extended in some rows or pixels only."""
    return np.where(rows, AROUND_ZERO, AROUND_ZERO & 0xFFF)


ROW = np.arange(320)[:, None]
NOT_EXTENDED = {
    "nowhere": AROUND_ZERO & 0xFFF,
    "in the first two rows": mixed(ROW < 2),
    "in the last row": mixed(ROW == 319),
    "in every second row": mixed(ROW % 2 == 0),
    "in the left half": mixed(np.arange(288) < 144),
    "in single pixels": mixed(np.random.default_rng(2).random((320, 288)) < 0.5),
    "and rubbish above": (AROUND_ZERO & 0xFFF) | 0x3000,
    "and rubbish above in places": mixed(ROW < 100) ^ (0x5000 * (ROW > 200)),
}


@pytest.mark.parametrize("where", NOT_EXTENDED)
def test_a_sign_that_is_extended_only_in_places(where):
    """Signed values are the same picture wherever their sign is extended."""
    shown = same_picture(CLEAN, signed(NOT_EXTENDED[where]))

    assert "sign_extended" in codes(shown)


@pytest.mark.parametrize("bits", [10, 12, 14, 15])
def test_a_sign_in_any_bit(bits):
    """The sign is restored for every depth."""
    values = (radiograph() >> 2 << bits - 10) - (1 << bits - 1)
    said = {"BitsStored": bits, "HighBit": bits - 1}

    same_picture(signed(values, **said), signed(values & (2**bits - 1), **said))


def test_a_sign_beyond_bits_stored_is_kept():
    """Values that go on smoothly above Bits Stored are values, with or without a sign."""
    shown = radiograph_from_dicom(signed(AROUND_ZERO * 4), SETTINGS)

    assert {"values_above_bits_stored", "more_bits_used"} <= codes(shown)
    assert "sign_extended" not in codes(shown)


@pytest.mark.parametrize("bits", [12, 16])
def test_a_sign_that_is_not_said(bits):
    """Values around zero that are said to be unsigned are read as signed."""
    said = {"BitsStored": bits, "HighBit": bits - 1}

    shown = same_picture(signed(AROUND_ZERO, **said), written(AROUND_ZERO, **said))

    assert "sign_found" in codes(shown)


@pytest.mark.parametrize("bits", [12, 16])
def test_a_sign_that_is_not_there(bits):
    """Values from zero on that are said to be signed are read as unsigned."""
    values, said = radiograph() << (bits - 12), {"BitsStored": bits, "HighBit": bits - 1}

    shown = same_picture(written(values, **said), signed(values, **said))

    assert "sign_ignored" in codes(shown)


@pytest.mark.parametrize("place", [12, 13, 15])
@pytest.mark.parametrize("kind", ["text", "noise", "bands", "everywhere"])
def test_bits_above_the_image(place, kind):
    """An overlay or rubbish in the unused bits is taken out, without an Overlay Plane to say so."""
    text = np.zeros((320, 288), bool)
    text[40:90, 30:200:3] = True
    where = {
        "text": text,
        "noise": np.random.default_rng(4).random((320, 288)) < 0.3,
        "bands": np.arange(320)[:, None] % 64 < 40,
        "everywhere": np.ones((320, 288), bool),
    }[kind]

    shown = same_picture(
        written(radiograph()), written(radiograph() | (where.astype(np.int64) << place))
    )

    assert "upper_bits_removed" in codes(shown)


def test_values_that_go_on_above_bits_stored_are_kept():
    """A Bits Stored that is too small takes nothing away."""
    shown = same_picture(
        written(radiograph() * 4, BitsStored=14, HighBit=13), written(radiograph() * 4)
    )

    assert {"values_above_bits_stored", "more_bits_used"} <= codes(shown)


def border(value: int) -> np.ndarray:
    """Return a chest with a border of one value at two sides."""
    values = radiograph()
    values[:40], values[:, -30:] = value, value
    return values


@pytest.mark.parametrize("value", [65535, 63536, 32768, 16383, 8192])
def test_a_border_far_above_bits_stored_does_not_darken_the_image(value):
    """A border, letters and painted masks are no sign that Bits Stored is too small."""
    shown = same_picture(written(border(4095)), written(border(value)))

    assert {"values_above_bits_stored", "stray_values_clipped"} <= codes(shown)


def test_letters_far_above_bits_stored_do_not_darken_the_image():
    """Also where their edges are softened, in a few shades."""
    letters = np.zeros((320, 288), np.int64)
    letters[10:40, 10:200:7] = 65535
    letters[10:40, 11:200:7] = 40000

    shown = same_picture(
        written(np.where(letters, 4095, radiograph())),
        written(np.where(letters, letters, radiograph())),
    )

    assert {"values_above_bits_stored", "stray_values_clipped"} <= codes(shown)


SHIFTED = {
    "12 bits in the upper ones": (radiograph() << 4, {"HighBit": 15}),
    "10 bits in the middle": (radiograph() >> 2 << 3, {"BitsStored": 10, "HighBit": 12}),
    "with rubbish below": (radiograph() << 4 | 9, {"HighBit": 15}),
    "High Bit says so only": (radiograph(), {"HighBit": 15}),
    "High Bit of 0": (radiograph(), {"HighBit": 0}),
    "High Bit of 200": (radiograph(), {"HighBit": 200}),
}


@pytest.mark.parametrize("case", SHIFTED)
def test_high_bit_elsewhere(case):
    """Values that lie higher than Bits Stored says are shifted down, if they do."""
    values, attributes = SHIFTED[case]

    shown = radiograph_from_dicom(written(values, **attributes), SETTINGS)

    np.testing.assert_allclose(
        radiograph_from_dicom(written(radiograph()), SETTINGS).pixels, shown.pixels, atol=2.1
    )


def in_order(little: bool, native: np.ndarray, **attributes) -> Dataset:
    """Return an image whose transfer syntax and pixels are of the two byte orders."""
    made = written(native, "<u2" if little else ">u2", **attributes)
    made.file_meta.TransferSyntaxUID = (
        uids.ExplicitVRBigEndian if little else uids.ExplicitVRLittleEndian
    )
    return made


ORDERS: dict[str, Callable[[], tuple[np.ndarray, dict[str, object]]]] = {
    "12 bits": lambda: (radiograph(), {}),
    "10 bits": lambda: (radiograph() >> 2, {"BitsStored": 10, "HighBit": 9}),
    "16 bits": lambda: (radiograph() << 4, {"BitsStored": 16, "HighBit": 15}),
    "said to be 16": lambda: (radiograph(), {"BitsStored": 16, "HighBit": 15}),
    "signed": lambda: (
        AROUND_ZERO,
        {"BitsStored": 16, "HighBit": 15, "PixelRepresentation": 1},
    ),
}


@pytest.mark.parametrize("case", ORDERS)
@pytest.mark.parametrize("little", [True, False])
def test_the_other_byte_order(case, little):
    """Pixels in the other byte order than their transfer syntax are swapped, and it is said."""
    values, attributes = ORDERS[case]()

    shown = same_picture(written(values, **attributes), in_order(little, values, **attributes))

    assert "byte_order_wrong" in codes(shown)


def test_bytes_exchanged_in_words():
    """8-bit samples that were swapped as words, in either transfer syntax, are put back."""
    eight = {"BitsStored": 8, "HighBit": 7}
    values = radiograph() >> 4
    exchanged = values.reshape(-1, 2)[:, ::-1].reshape(values.shape)

    shown = same_picture(written(values, "u1", **eight), written(exchanged, "u1", **eight))

    assert "byte_order_wrong" in codes(shown)


@pytest.mark.parametrize("period", [2, 3, 4])
def test_a_grid_is_no_exchange(period):
    """The lines of an antiscatter grid do not look like exchanged bytes."""
    grid = (np.arange(288) % period == 0) * 9
    values = np.clip((radiograph() >> 4) + grid, 0, 255)

    shown = radiograph_from_dicom(written(values, "u1", BitsStored=8, HighBit=7), SETTINGS)

    assert not codes(shown) & DOUBTED


def test_noise_is_refused_and_counted():
    """Bytes that are no image in either byte order are refused, with the figure."""
    noise = np.random.default_rng(8).integers(0, 65536, (320, 288))

    with pytest.raises(RadiographRefused, match=r"noise: roughness (0\.9|1\.)"):
        radiograph_from_dicom(written(noise, BitsStored=16, HighBit=15), SETTINGS)


@pytest.mark.parametrize("hard", [0, 4095])
def test_a_hard_edge_is_no_wrong_sign(hard):
    """A collimated border next to the brightest or darkest tissue is left as it is."""
    values = np.clip(radiograph() // 2 + (2047 if hard == 0 else 0), 0, 4095)
    values[:60], values[-60:], values[:, :50], values[:, -50:] = (hard,) * 4

    assert not codes(radiograph_from_dicom(written(values), SETTINGS)) & DOUBTED


@pytest.mark.parametrize("ringing", [0, 6])
@pytest.mark.parametrize("background", [0, 40])
def test_white_letters_on_black_are_no_wrong_sign(background, ringing):
    """Letters at the end of the range are as they are, even where lossy coding blurred them."""
    values = np.clip(radiograph() // 2, background, 4095)
    values[:90] = background
    values[10:80:2, 20:250] = 4095
    blurred = np.random.default_rng(6).integers(-ringing, ringing + 1, values.shape)

    shown = radiograph_from_dicom(written(np.clip(values + blurred, 0, 4095)), SETTINGS)

    assert not codes(shown) & DOUBTED


COLUMN = np.arange(288)[None, :]
LINES = np.broadcast_to(COLUMN // (5 + ROW // 60) % 2 == 0, (320, 288))
TWO_VALUES = {
    "halves": np.broadcast_to(COLUMN < 144, (320, 288)),
    "a few letters": np.broadcast_to((ROW % 20 < 4) & (COLUMN % 37 < 2), (320, 288)),
    "a grid": (ROW % 16 < 1) | (COLUMN % 16 < 1),
    "a checkerboard": (ROW // 8 + COLUMN // 8) % 2 == 0,
    "a disc": (ROW - 160) ** 2 + (COLUMN - 144) ** 2 < 100**2,
    "pairs of lines": LINES,
    "a mask of the chest": radiograph() > 2000,
}
"""Images of black and white alone, as masks and test objects are."""


def both_ends(white: np.ndarray, noise: float) -> np.ndarray:
    """Return 12-bit values of black and white, with noise that the ends of the range cut."""
    values = white * 4095 + np.random.default_rng(7).normal(0, noise, white.shape)
    return np.clip(values.round(), 0, 4095).astype(np.int64)


@pytest.mark.parametrize("noise", [0, 2, 4])
@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize("kind", TWO_VALUES)
def test_black_and_white_alone_have_no_other_sign(kind, inverted, noise):
    """White beside black is -1 beside 0 with a sign, and still no evidence of one."""
    values = both_ends(TWO_VALUES[kind] != inverted, noise)

    for made in (written(values), signed(values - 2048)):
        assert not written_values_of(made) & DOUBTED


@pytest.mark.parametrize("gain", [2, 5, 30])
def test_a_saturated_radiograph_has_no_other_sign(gain):
    """However much of it is quite black and quite white."""
    values = np.clip((radiograph() - 2000) * gain + 2048, 0, 4095)

    for made in (written(values), signed(values - 2048)):
        assert not codes(radiograph_from_dicom(made, SETTINGS)) & DOUBTED


def test_a_mottled_test_object_has_no_other_sign():
    """Near black and near white, with noise that nothing cuts."""
    values = np.where(LINES, 3935, 160) + np.random.default_rng(9).normal(0, 40, LINES.shape)

    assert not codes(radiograph_from_dicom(written(values.astype(np.int64)), SETTINGS)) & DOUBTED


@pytest.mark.parametrize("seed", PHANTOMS)
def test_no_phantom_is_doubted(seed):
    """No decision says of a right header that it is wrong, and no picture is noise."""
    assert not codes(radiograph_from_dicom(make(seed).dataset, SETTINGS)) & DOUBTED


@pytest.mark.parametrize("name", REAL)
def test_no_real_radiograph_is_doubted(name):
    """No decision says of a real radiograph that its header is wrong."""
    dataset = pydicom.dcmread(Path(data_store.__file__).parent / "data" / f"{name}.dcm")

    assert not codes(radiograph_from_dicom(dataset, SETTINGS)) & DOUBTED


@pytest.mark.parametrize("name", REAL)
def test_every_real_radiograph_in_the_other_byte_order_is_found(name):
    """The real radiographs, swapped, are swapped back: not one of them is read as noise."""
    dataset = pydicom.dcmread(Path(data_store.__file__).parent / "data" / f"{name}.dcm")
    right = radiograph_from_dicom(dataset, SETTINGS)
    values, _ = decode(dataset, describe(dataset, SETTINGS, DecisionRecord()), DecisionRecord())
    dataset.file_meta.TransferSyntaxUID = uids.ExplicitVRLittleEndian
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom warns that compressed pixels become native
        dataset.PixelData = values.byteswap().tobytes()
    dataset["PixelData"].is_undefined_length = False

    shown = radiograph_from_dicom(dataset, SETTINGS)

    assert "byte_order_wrong" in codes(shown)
    np.testing.assert_array_equal(right.pixels, shown.pixels)
