"""A DICOM file is whole, or it is unreadable with one clear line."""

import struct
import warnings
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom.data
import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian

from hilum.errors import SourceUnreadable
from hilum.files import dicom, elements
from radiographs import dicom_file, make_radiograph

PYDICOM_FILES = Path(pydicom.data.__file__).parent / "test_files"
READABLE = sorted(
    path
    for path in PYDICOM_FILES.glob("*.dcm")
    if dicom.has_preamble(path.read_bytes()) and "trunc" not in path.name
)
SHORT = {"emri_small_jpeg_2k_lossless_too_short.dcm"}
"""A test file of pydicom whose last element is cut off, though its name says it otherwise."""


@pytest.mark.parametrize("path", READABLE, ids=lambda path: path.stem)
def test_whole_files_are_read_as_pydicom_reads_them(path: Path):
    """Strange as pydicom's own test files are: whole is whole."""
    if path.name in SHORT:
        pytest.skip("not whole")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # pydicom's, about strange values
        read = dicom.parse(path.read_bytes(), name=path.name)
        expected = dcmread(path)

        assert set(expected.keys()) == set(read.keys())


@pytest.mark.parametrize("name", ["MR_truncated.dcm", "rtplan_truncated.dcm"])
def test_truncated_files_are_named(name: str):
    """Pydicom reads these two without an error."""
    with pytest.raises(SourceUnreadable, match=f"^{name} is truncated"):
        dicom.parse((PYDICOM_FILES / name).read_bytes(), name=name)


def test_every_cut_is_seen():
    """Wherever a file is cut off, but exactly between two elements."""
    without = (
        *("AnatomicRegionSequence", "ViewCodeSequence", "AcquisitionContextSequence"),
        "SpecificCharacterSet",  # pydicom converts it at once, and forgets where it was
    )
    content = dicom_file(make_radiograph(**dict.fromkeys(without)))
    read = dicom.parse(content, name="x", header_only=True)
    elements = [read.get_item(tag) for tag in list(read.keys())]
    missed = set()
    for end in range(dicom.split(content, name="x").offset + 1, elements[-1].value_tell):
        try:
            dicom.parse(content[:end], name="x")
        except SourceUnreadable:
            continue
        missed.add(end)

    assert missed == {each.value_tell + each.length for each in elements[:-1]}


@pytest.mark.parametrize("group", [0x5000, 0x6000, 0x601E])
def test_overlays_and_curves_are_known_without_vrs(radiograph: Dataset, group: int):
    """Each of their elements may follow another one, in every group that repeats."""
    for element, vr, value in ((0x0010, "US", 8), (0x0022, "LO", "text"), (0x3000, "OW", bytes(8))):
        radiograph.add_new((group, element), vr, value)
    radiograph.private_block(0x5001, "hilum", create=True).add_new(1, "LO", "no curve of old")
    radiograph.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    file = dicom.read(dicom_file(radiograph), name="it")

    assert ((), 8, bytes(8)) == (
        file.corrections,
        file.dataset[group, 0x0010].value,
        file.dataset[group, 0x3000].value,
    )


def test_header_only_stops_before_the_pixels(radiograph: Dataset):
    """Pixels may be missing then."""
    content = dicom_file(radiograph)

    assert "PixelData" not in dicom.parse(content, name="x", header_only=True)
    assert "Rows" in dicom.parse(content[:-1000], name="x", header_only=True)


def test_too_many_elements_are_refused(monkeypatch: pytest.MonkeyPatch, radiograph: Dataset):
    """A file of a million empty elements would fill the memory."""
    monkeypatch.setattr(elements, "MAX_ELEMENTS", 10)

    with pytest.raises(SourceUnreadable, match="more than 10 data elements"):
        dicom.parse(dicom_file(radiograph), name="x")


def element(group: int, number: int, vr: bytes, value: bytes = b"", length: int = -1) -> bytes:
    """Return one element in Explicit VR Little Endian, with a long length where its VR has one."""
    size = len(value) if length < 0 else length
    if vr in {b"SQ", b"UN", b"OB", b"UT"}:
        return struct.pack("<HH2sHI", group, number, vr, 0, size) + value
    return struct.pack("<HH2sH", group, number, vr, size) + value


def before_pixels(radiograph: Dataset, bomb: bytes) -> bytes:
    """Return the file of a radiograph with something in front of its pixels."""
    content = dicom_file(radiograph)
    at = content.rindex(b"\xe0\x7f\x10\x00")
    return content[:at] + bomb + content[at:]


def item(value: bytes = b"", length: int = -1) -> bytes:
    """Return an item of a sequence."""
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(value) if length < 0 else length) + value


END = struct.pack("<HHI", 0xFFFE, 0xE00D, 0) + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
ENDLESS = 0xFFFFFFFF


def nested(depth: int) -> bytes:
    """Return sequences in each other, each with its length."""
    inner = b""
    for _ in range(depth):
        inner = element(0x0008, 0x2218, b"SQ", item(inner))
    return inner


COUNT = 150_000
BOMBS = {
    "elements": element(0x0029, 0x1010, b"LO") * COUNT,
    "empty items": element(0x0054, 0x0220, b"SQ", item() * COUNT),
    "items with an element": element(
        0x0040, 0x0275, b"SQ", item(element(0x0008, 0x0060, b"CS")) * COUNT
    ),
    "elements of an item": element(
        0x0040, 0x0275, b"SQ", item(element(0x0008, 0x0060, b"CS") * COUNT)
    ),
    "items of unknown length": element(0x0040, 0x0275, b"SQ", length=ENDLESS)
    + item() * COUNT
    + END[8:],
    "items in an unknown element": element(0x0041, 0x1075, b"UN", length=ENDLESS)
    + item() * COUNT
    + END[8:],
    "text": element(0x0010, 0x4000, b"UT", b"chest " * 200_000),
    "text of unknown kind": element(0x0010, 0x4000, b"UN", b"chest " * 200_000),
    "text in an item": element(
        0x0040, 0x0275, b"SQ", item(element(0x0010, 0x4000, b"UT", b"chest " * 200_000))
    ),
    "sequences in each other": nested(4_000),
    "endless sequences in each other": (
        element(0x0008, 0x2218, b"SQ", length=ENDLESS) + item(length=ENDLESS)
    )
    * 20_000
    + END * 20_000,
}


@pytest.mark.parametrize("bomb", BOMBS)
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "deflated"])
def test_bomb_of_elements_is_refused(radiograph: Dataset, bomb: str, packed: bool):
    """Small files that would keep a worker busy for minutes, or end it, are named as such."""
    content = before_pixels(radiograph, BOMBS[bomb])
    if packed:
        offset = dicom.split(content, name="x").offset
        begins = dicom.split(deflated(radiograph), name="x").offset
        packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        squeezed = packer.compress(content[offset:]) + packer.flush()
        content = deflated(radiograph)[:begins] + squeezed

    with pytest.raises(SourceUnreadable, match="more than 100000 data elements, more than 32"):
        dicom.parse(content, name="x")


def test_bomb_in_the_file_meta_information_is_refused(radiograph: Dataset):
    """It is read before anything else is known."""
    content = dicom_file(radiograph)
    offset = dicom.split(content, name="x").offset
    content = content[:offset] + element(0x0002, 0x0102, b"UI") * COUNT + content[offset:]

    with pytest.raises(SourceUnreadable, match="more than 100000 data elements"):
        dicom.parse(content, name="x")


def test_real_sequences_are_no_bomb(radiograph: Dataset):
    """Large tables and icons in sequences, and some depth, are read as they are."""
    table = element(0x0028, 0x3006, b"OB", b"\xfe\xff\x00\xe0" * 32_000)
    content = before_pixels(
        radiograph, element(0x0040, 0x0275, b"SQ", item(table) * 4) + nested(30)
    )

    assert 4 == len(dicom.parse(content, name="x")[0x0040, 0x0275].value)


def deflated(radiograph: Dataset) -> bytes:
    """Return a file with a deflated data set."""
    radiograph.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    return dicom_file(radiograph)


def test_deflated_file_is_read(radiograph: Dataset):
    """As any other."""
    read = dicom.parse(deflated(radiograph), name="x")

    assert radiograph.PixelData == read.PixelData


def test_deflated_bomb_is_refused(monkeypatch: pytest.MonkeyPatch):
    """Looked at in pieces, before it is inflated as a whole."""
    monkeypatch.setattr(dicom, "MAX_INFLATED_BYTES", 1 << 20)
    content = deflated(make_radiograph(np.zeros((2000, 2000), np.uint16)))

    with pytest.raises(SourceUnreadable, match="inflates to more than"):
        dicom.parse(content, name="x")


@pytest.mark.parametrize("cut", [1, 100])
def test_truncated_deflated_file_is_named(radiograph: Dataset, cut: int):
    """The stream does not end."""
    content = deflated(radiograph).rstrip(b"\0")

    with pytest.raises(SourceUnreadable, match="truncated"):
        dicom.parse(content[: -cut - 8], name="x")


def test_damaged_deflated_file_is_named(radiograph: Dataset):
    """Zlib's error is ours to tell."""
    content = deflated(radiograph)
    offset = dicom.split(content, name="x").offset
    with pytest.raises(zlib.error):
        zlib.decompress(b"\xff" * 100, -zlib.MAX_WBITS)

    with pytest.raises(SourceUnreadable, match="damaged"):
        dicom.parse(content[:offset] + b"\xff" * 100, name="x")


def test_shortest_bare_data_set_is_read():
    """One that is shorter than a preamble."""
    dataset = Dataset()
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1"
    buffer = BytesIO()
    dataset.save_as(buffer, implicit_vr=True, little_endian=True)

    assert 1 == len(dicom.parse(buffer.getvalue(), name="x"))
