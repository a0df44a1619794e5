"""A file out of an answer, as servers write these."""

import pytest

from hilum.pacs.dicomweb.multipart import body_of, first_part

FILE = b"\0" * 128 + b"DICM\r\n\r\n--b\n\n more"
KIND = 'multipart/related; type="application/dicom"; boundary={}'


@pytest.mark.parametrize("boundary", ["b0", '"b0"', '"b0"; start=x'])
@pytest.mark.parametrize(
    "body",
    [
        b"--b0\r\nContent-Type: application/dicom\r\n\r\n%s\r\n--b0--\r\n",
        b"--b0\r\nContent-Type: application/dicom\r\n\r\n%s\r\n--b0--",
        b"\r\n--b0\r\ncontent-length: 146\r\nMIME-Version: 1.0\r\n\r\n%s\r\n--b0--",
        b"This is a preamble\r\n--b0\r\n\r\n%s\r\n--b0--",
        b"--b0\nContent-Type: application/dicom\n\n%s\r\n--b0--",
        b"--b0\r\nContent-Length: 3\r\n\r\n%s\r\n--b0--",
        b"--b0\r\nX: y\r\n\r\n%s\r\n--b0\r\nX: y\r\n\r\nanother\r\n--b0--",
    ],
)
def test_file_is_found(boundary: str, body: bytes):
    """With a boundary in quotes or not, with and without a length, even a wrong one."""
    assert FILE == first_part(body % FILE, KIND.format(boundary))


def test_boundary_in_the_pixels_is_no_end_where_the_length_is_told():
    """Some servers always use the same boundary."""
    file = b"before\r\n--b0\r\nafter"
    body = b"--b0\r\nContent-Length: %d\r\n\r\n%s\r\n--b0--" % (len(file), file)

    assert file == first_part(body, KIND.format("b0"))


def test_single_part_is_the_file():
    """As cloud archives answer."""
    assert FILE == first_part(FILE, "application/dicom; transfer-syntax=*")
    assert FILE == first_part(FILE, "")


@pytest.mark.parametrize("cut", range(0, 180, 7))
def test_cut_off_answer_is_none(cut: int):
    """Wherever it ends."""
    body, kind = body_of(FILE)
    with pytest.raises(ValueError, match=r"\w"):
        first_part(body[:cut], kind)


@pytest.mark.parametrize(
    "kind", ["multipart/related", "multipart/related; boundary=", "multipart/x; boundary=z"]
)
def test_answer_without_its_boundary_is_none(kind: str):
    """It cannot be told where the file ends."""
    with pytest.raises(ValueError, match=r"\w"):
        first_part(body_of(FILE)[0], kind)


def test_what_we_send_is_read_back():
    """By ourselves."""
    assert FILE == first_part(*body_of(FILE))
