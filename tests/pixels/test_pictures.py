"""A PNG or JPEG picture becomes a Radiograph."""

from io import BytesIO

import numpy as np
import pytest
from PIL import ExifTags, Image

from hilum.errors import RadiographRefused, SourceUnreadable
from hilum.pixels import develop_picture, present
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

    radiograph = develop_picture(file, SETTINGS)

    np.testing.assert_allclose((2 * (RAMP / 255) - 1) * 1024, radiograph.pixels, atol=1e-3)
    assert None is radiograph.header


def test_sixteen_bits_are_kept():
    """A 16-bit PNG gives all its grey values."""
    values = RAMP.astype(np.uint16) * 257
    values[0, 1] = 1

    radiograph = develop_picture(encoded(Image.fromarray(values)), SETTINGS)

    np.testing.assert_allclose((2 * (values / 65535) - 1) * 1024, radiograph.pixels, atol=1e-3)


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_jpeg_is_read(mode, tmp_path):
    """A JPEG is read from its path, within what its coding loses."""
    path = tmp_path / "chest.jpg"
    path.write_bytes(encoded(Image.fromarray(RAMP).convert(mode), "JPEG"))

    radiograph = develop_picture(path, SETTINGS)

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

    radiograph = develop_picture(buffer.getvalue(), SETTINGS)

    np.testing.assert_allclose((2 * (RAMP / 255) - 1) * 1024, radiograph.pixels, atol=1e-3)
    recorded = [decision.code for decision in radiograph.decisions]
    assert (["picture_turned"] if orientation > 1 else []) == recorded


def test_black_and_white_is_recorded():
    """A picture of one bit is read, and says so."""
    radiograph = develop_picture(encoded(Image.fromarray(RAMP).convert("1")), SETTINGS)

    assert ["one_bit"] == [decision.code for decision in radiograph.decisions]


def test_animated_picture_is_refused():
    """More than one frame is refused, never read as its first."""
    buffer = BytesIO()
    first, second = Image.fromarray(RAMP), Image.fromarray(255 - RAMP)
    first.save(buffer, "PNG", save_all=True, append_images=[second])

    with pytest.raises(RadiographRefused) as caught:
        develop_picture(buffer.getvalue(), SETTINGS)

    assert ["multi_frame"] == [reason.code for reason in caught.value.reasons]


def test_colour_is_refused():
    """A picture in true colour is no radiograph."""
    picture = Image.merge("RGB", [Image.fromarray(x) for x in (RAMP, 255 - RAMP, RAMP)])

    with pytest.raises(RadiographRefused) as caught:
        develop_picture(encoded(picture), SETTINGS)

    assert ["colour"] == [reason.code for reason in caught.value.reasons]


def test_blank_is_refused():
    """A picture in one shade is no radiograph."""
    with pytest.raises(RadiographRefused) as caught:
        develop_picture(encoded(Image.new("L", (50, 50), 9)), SETTINGS)

    assert ["blank"] == [reason.code for reason in caught.value.reasons]


def test_too_many_pixels_are_refused_before_decoding():
    """The limit of the settings holds for pictures too."""
    with pytest.raises(RadiographRefused) as caught:
        develop_picture(encoded(Image.fromarray(RAMP)), PixelSettings(max_pixels=100))

    assert ["too_many_pixels"] == [reason.code for reason in caught.value.reasons]


@pytest.mark.parametrize(
    "file", [b"", b"no picture", encoded(Image.fromarray(RAMP))[:60], b"GIF89a" + b"\0" * 30]
)
def test_broken_or_foreign_files_are_unreadable(file):
    """What is not a whole PNG or JPEG gets one clear line."""
    with pytest.raises(SourceUnreadable, match="PNG or JPEG"):
        develop_picture(file, SETTINGS)


def test_present_is_what_a_screen_shows():
    """Black is 0, white is 255, and the middle is between."""
    pixels = np.array([[-1024, 0, 1024, 2000, -2000]], np.float32)

    np.testing.assert_array_equal([[0, 128, 255, 255, 0]], present(pixels))
