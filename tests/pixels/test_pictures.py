"""A PNG or JPEG picture becomes a Radiograph."""

from io import BytesIO

import imagecodecs
import numpy as np
import pytest
from PIL import ExifTags, Image

from hilum.errors import RadiographRefused, SourceUnreadable
from hilum.pixels import present, radiograph_from_picture
from hilum.settings import PixelSettings

SETTINGS = PixelSettings()

RAMP = (np.arange(48 * 40) * 255 // (48 * 40 - 1)).reshape(48, 40).astype(np.uint8)


def encoded(image: Image.Image, kind: str = "PNG") -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "P"])
def test_grey_pictures_of_every_kind_are_read(mode):
    """A grey picture gives its grey values, however its PNG stores them."""
    file = encoded(Image.fromarray(RAMP).convert(mode))

    radiograph = radiograph_from_picture(file, SETTINGS)

    np.testing.assert_allclose((2 * (RAMP / 255) - 1) * 1024, radiograph.pixels, atol=1e-3)
    assert None is radiograph.header


def test_sixteen_bits_are_kept():
    """A 16-bit PNG gives all its grey values."""
    values = RAMP.astype(np.uint16) * 257
    values[0, 1] = 1

    radiograph = radiograph_from_picture(encoded(Image.fromarray(values)), SETTINGS)

    np.testing.assert_allclose((2 * (values / 65535) - 1) * 1024, radiograph.pixels, atol=1e-3)


TEN_BITS = RAMP.astype(np.uint16) * 4 + 3
"""Values of a detector with ten bits, as they are put into pictures of sixteen."""


def brightness(file: bytes):
    """Return what is shown, from 0 for black to 1 for white, and the decisions' codes."""
    radiograph = radiograph_from_picture(file, SETTINGS)
    codes = [decision.code for decision in radiograph.decisions]
    return (radiograph.pixels.astype(np.float64) / 1024 + 1) / 2, codes


def with_alpha(grey, alpha: int, count: int):
    """Return `count` equal channels and a transparency."""
    return np.stack([grey] * count + [np.full_like(grey, alpha)], axis=2)


@pytest.mark.parametrize(
    ("values", "codes"),
    [
        (TEN_BITS, []),
        (np.stack([TEN_BITS] * 3, axis=2), ["rgb_grey"]),
        (with_alpha(TEN_BITS, 65535, 1), []),
        (with_alpha(TEN_BITS, 65535, 3), ["rgb_grey"]),
        (with_alpha(TEN_BITS, 500, 1), ["transparency_ignored"]),
    ],
    ids=["grey", "rgb", "grey and alpha", "rgb and alpha", "transparent"],
)
def test_unused_bits_of_a_picture_are_no_darkness(values, codes):
    """Ten bits in a PNG of sixteen are scaled over ten, whatever stands beside them."""
    shown, recorded = brightness(imagecodecs.png_encode(values))

    np.testing.assert_allclose(TEN_BITS / 1023, shown, atol=1e-6)
    assert [*codes, "fewer_bits_used"] == recorded


@pytest.mark.parametrize("bits", [10, 12, 14])
def test_unused_bits_below_are_none(bits):
    """Values in the upper bits of a PNG of sixteen are as bright as they are shown."""
    aligned = (RAMP.astype(np.uint16) << (bits - 8)) << (16 - bits)

    shown, recorded = brightness(imagecodecs.png_encode(aligned))

    np.testing.assert_allclose(aligned / 65535, shown, atol=1e-6)
    assert [] == recorded


@pytest.mark.parametrize("bits", [12, 16])
def test_lossless_and_deep_jpegs_are_read(bits):
    """A lossless JPEG of more than 8 bits, as viewers export it, keeps all its values."""
    values = RAMP.astype(np.uint16) << (bits - 8)
    file = imagecodecs.jpeg8_encode(values, lossless=True, bitspersample=bits, predictor=1)

    np.testing.assert_allclose(values / (2**bits - 1), brightness(file)[0], atol=1e-6)


def test_unused_bits_of_a_deep_jpeg():
    """Ten bits in a JPEG of sixteen are scaled over ten too."""
    file = imagecodecs.jpeg8_encode(TEN_BITS, lossless=True, bitspersample=16, predictor=1)

    shown, recorded = brightness(file)

    np.testing.assert_allclose(TEN_BITS / 1023, shown, atol=1e-6)
    assert ["fewer_bits_used"] == recorded


def test_colours_of_few_bits_are_colours():
    """Ten-bit colours in a PNG of sixteen differ by little of the range, and are colours."""
    coloured = np.stack([TEN_BITS, TEN_BITS[::-1], TEN_BITS], axis=2)

    with pytest.raises(RadiographRefused) as caught:
        radiograph_from_picture(imagecodecs.png_encode(coloured), SETTINGS)

    assert ["colour"] == [reason.code for reason in caught.value.reasons]


def test_noise_is_refused():
    """A picture whose neighbouring pixels have nothing in common is no radiograph."""
    noise = np.random.default_rng(1).integers(0, 256, (80, 80)).astype(np.uint8)

    with pytest.raises(RadiographRefused) as caught:
        radiograph_from_picture(encoded(Image.fromarray(noise)), SETTINGS)

    assert ["noise"] == [reason.code for reason in caught.value.reasons]


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_jpeg_is_read(mode, tmp_path):
    """A JPEG is read from its path, within what its coding loses."""
    path = tmp_path / "chest.jpg"
    path.write_bytes(encoded(Image.fromarray(RAMP).convert(mode), "JPEG"))

    radiograph = radiograph_from_picture(path, SETTINGS)

    np.testing.assert_allclose((2 * (RAMP / 255) - 1) * 1024, radiograph.pixels, atol=60)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_picture_is_read_as_it_is_shown(orientation):
    """A photograph that its camera marked as turned is read upright, and that is recorded."""
    upright = Image.fromarray(RAMP)
    back = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = upright.transpose(back[orientation]) if orientation in back else upright
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    buffer = BytesIO()
    stored.save(buffer, "PNG", exif=exif)

    radiograph = radiograph_from_picture(buffer.getvalue(), SETTINGS)

    np.testing.assert_allclose((2 * (RAMP / 255) - 1) * 1024, radiograph.pixels, atol=1e-3)
    recorded = [decision.code for decision in radiograph.decisions]
    assert (["picture_turned"] if orientation > 1 else []) == recorded


def test_black_and_white_is_recorded():
    """A picture of one bit is read, and says so."""
    radiograph = radiograph_from_picture(encoded(Image.fromarray(RAMP).convert("1")), SETTINGS)

    assert ["one_bit"] == [decision.code for decision in radiograph.decisions]


def test_animated_picture_is_refused():
    """More than one frame is refused, never read as its first."""
    buffer = BytesIO()
    first, second = Image.fromarray(RAMP), Image.fromarray(255 - RAMP)
    first.save(buffer, "PNG", save_all=True, append_images=[second])

    with pytest.raises(RadiographRefused) as caught:
        radiograph_from_picture(buffer.getvalue(), SETTINGS)

    assert ["multi_frame"] == [reason.code for reason in caught.value.reasons]


def test_colour_is_refused():
    """A picture in true colour is no radiograph."""
    picture = Image.merge("RGB", [Image.fromarray(x) for x in (RAMP, 255 - RAMP, RAMP)])

    with pytest.raises(RadiographRefused) as caught:
        radiograph_from_picture(encoded(picture), SETTINGS)

    assert ["colour"] == [reason.code for reason in caught.value.reasons]


def test_blank_is_refused():
    """A picture in one shade is no radiograph."""
    with pytest.raises(RadiographRefused) as caught:
        radiograph_from_picture(encoded(Image.new("L", (50, 50), 9)), SETTINGS)

    assert ["blank"] == [reason.code for reason in caught.value.reasons]


def test_too_many_pixels_are_refused_before_decoding():
    """The limit of the settings holds for pictures too."""
    with pytest.raises(RadiographRefused) as caught:
        radiograph_from_picture(encoded(Image.fromarray(RAMP)), PixelSettings(max_pixels=100))

    assert ["too_many_pixels"] == [reason.code for reason in caught.value.reasons]


@pytest.mark.parametrize(
    "file", [b"", b"no picture", encoded(Image.fromarray(RAMP))[:60], b"GIF89a" + b"\0" * 30]
)
def test_broken_or_foreign_files_are_unreadable(file):
    """What is not a whole PNG or JPEG gets one clear line."""
    with pytest.raises(SourceUnreadable, match="PNG or JPEG"):
        radiograph_from_picture(file, SETTINGS)


def test_present_is_what_a_screen_shows():
    """Black is 0, white is 255, and the middle is between."""
    pixels = np.array([[-1024, 0, 1024, 2000, -2000]], np.float32)

    np.testing.assert_array_equal([[0, 128, 255, 255, 0]], present(pixels))
