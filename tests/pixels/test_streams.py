"""Compressed pixels as other programs have written them, and as nobody should."""

import numpy as np
import pytest
from pydicom import Dataset
from pydicom import uid as uids

from hilum.errors import RadiographRefused
from hilum.files import dicom
from hilum.pixels import radiograph_from_dicom
from hilum.pixels.colour import to_grey
from hilum.pixels.decisions import DecisionRecord
from hilum.pixels.decode import decode
from hilum.pixels.image import describe
from hilum.pixels.stored import interpret
from hilum.settings import PixelSettings
from pixel_streams import (
    DELIMITER,
    WRAPPINGS,
    Coded,
    codings,
    even,
    is_right,
    item,
    stream_file,
    whole,
)

SETTINGS = PixelSettings()
CODINGS = codings()
JPEG = ("baseline", "extended_12", "full_progression", "lossless_1")


def dataset_of(coded: Coded, value: bytes, **attributes) -> Dataset:
    """Return an image whose Pixel Data are `value`, as if it had come so out of a file."""
    content = stream_file(coded, whole(coded.frame), **attributes)
    made = dicom.parse(content, name="generated")
    made.PixelData = value
    return made


def stored_of(dataset: Dataset):
    """Return the stored values, with their sign, as they go into a reading."""
    record = DecisionRecord()
    decoded, image = decode(dataset, describe(dataset, SETTINGS, record), record)
    samples, grey = to_grey(decoded, image, dataset, record)
    return interpret(samples, grey, dataset, record).values


def decisions_of(dataset: Dataset) -> list[str]:
    return [decision.code for decision in radiograph_from_dicom(dataset, SETTINGS).decisions]


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("wrapping", sorted(set(WRAPPINGS) - {"no_table"}))
def test_every_coding_is_read_in_every_wrapping(coding, wrapping):
    """Padding, fragments and offset tables of any kind leave the picture as it is."""
    coded = CODINGS[coding]

    assert is_right(stored_of(dataset_of(coded, WRAPPINGS[wrapping](coded.frame))), coded)


@pytest.mark.parametrize("coding", sorted(set(CODINGS) - {"uncompressed_in_items"}))
def test_the_first_item_may_be_the_image(coding):
    """Without the item of the offset table, the first one is the image."""
    coded = CODINGS[coding]

    assert is_right(stored_of(dataset_of(coded, WRAPPINGS["no_table"](coded.frame))), coded)


@pytest.mark.parametrize("coding", ["j2k", "jpeg_ls", "rle", *JPEG])
@pytest.mark.parametrize("lost", [3, 17, 200, 1000])
def test_an_image_that_lacks_data_is_refused(coding, lost):
    """Where more is missing than the end marker, no grey or black fills it up in silence."""
    coded = CODINGS[coding]
    cut = coded.frame.removesuffix(b"\xff\xd9")[:-lost]

    with pytest.raises(RadiographRefused, match="cannot be decoded"):
        stored_of(dataset_of(coded, item(b"") + item(even(cut)) + DELIMITER))


@pytest.mark.parametrize("coding", ["j2k", "jpeg_ls", *JPEG])
@pytest.mark.parametrize("lost", [200, 1000])
def test_an_end_marker_does_not_make_an_image_whole(coding, lost):
    """Where data are missing before an end marker, the image is refused too."""
    coded = CODINGS[coding]
    cut = coded.frame.removesuffix(b"\xff\xd9")[:-lost]

    with pytest.raises(RadiographRefused, match="cannot be decoded"):
        stored_of(dataset_of(coded, whole(cut + b"\xff\xd9")))


@pytest.mark.parametrize("coding", ["jpeg_ls", *JPEG])
def test_zeros_do_not_make_an_image_whole(coding):
    """A file that was filled up with zeros, as a broken transfer leaves it, is refused."""
    coded = CODINGS[coding]
    filled = coded.frame[:-300] + bytes(300)

    with pytest.raises(RadiographRefused, match="cannot be decoded"):
        stored_of(dataset_of(coded, whole(filled)))


def test_a_thumbnail_in_the_stream_is_not_its_end():
    """An end marker within a marker segment, as of a thumbnail, ends nothing."""
    coded = CODINGS["baseline"]
    thumbnail = b"\xff\xd8\xff\xd9" * 4
    segment = b"\xff\xe1" + (2 + len(thumbnail)).to_bytes(2, "big") + thumbnail
    frame = coded.frame[:2] + segment + coded.frame[2:]

    assert is_right(stored_of(dataset_of(coded, whole(frame))), coded)


def test_not_compressed_under_a_compressed_syntax():
    """Native Pixel Data of the right length are read, whatever the transfer syntax says."""
    coded = CODINGS["lossless_1"]
    dataset = dataset_of(coded, coded.truth.astype("<u2").tobytes())

    assert is_right(stored_of(dataset), coded)
    assert ["not_compressed"] == decisions_of(dataset)


@pytest.mark.parametrize("coding", ["baseline", "j2k", "jpeg_ls", "rle"])
def test_compressed_under_a_native_syntax(coding):
    """Pixel Data in items are read, although the transfer syntax says that they are in none."""
    coded = CODINGS[coding]
    dataset = dataset_of(coded, whole(coded.frame))
    dataset.file_meta.TransferSyntaxUID = uids.ExplicitVRLittleEndian

    assert is_right(stored_of(dataset), coded)
    assert "syntax_wrong" in decisions_of(dataset)


@pytest.mark.parametrize("coding", ["baseline", "j2k", "jpeg_ls", "rle"])
def test_a_stream_without_any_item(coding):
    """A codestream that stands alone in Pixel Data is read."""
    coded = CODINGS[coding]

    assert is_right(stored_of(dataset_of(coded, coded.frame)), coded)


def test_true_colour_is_refused_in_either_space():
    """Only a grey picture is taken out of a colour space that the header names wrongly."""
    coded = CODINGS["rgb_jpeg_without_adobe"]
    tinted = np.stack([coded.truth, coded.truth // 2, 255 - coded.truth], axis=2)
    for photometric in ("RGB", "YBR_FULL", "YBR_FULL_422"):
        dataset = dataset_of(coded, tinted.tobytes(), PhotometricInterpretation=photometric)
        dataset.file_meta.TransferSyntaxUID = uids.ExplicitVRLittleEndian

        with pytest.raises(RadiographRefused) as caught:
            radiograph_from_dicom(dataset, SETTINGS)

        assert ["colour"] == [reason.code for reason in caught.value.reasons]


def test_two_images_in_one_frame_are_the_first():
    """What lies behind the end of the image is never looked at."""
    coded, other = CODINGS["jpeg_ls"], CODINGS["baseline"]

    assert is_right(stored_of(dataset_of(coded, whole(coded.frame + other.frame))), coded)
