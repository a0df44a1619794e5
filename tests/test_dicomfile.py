"""A DICOM file is whole, or it is unreadable with one clear line."""

import warnings
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom.data
import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import DeflatedExplicitVRLittleEndian

from hilum import dicomfile
from hilum.errors import SourceUnreadable
from radiographs import dicom_file, make_radiograph

PYDICOM_FILES = Path(pydicom.data.__file__).parent / "test_files"
READABLE = sorted(
    path
    for path in PYDICOM_FILES.glob("*.dcm")
    if dicomfile.has_preamble(path.read_bytes()) and "trunc" not in path.name
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
        read = dicomfile.parse(path.read_bytes(), name=path.name)
        expected = dcmread(path)

        assert set(expected.keys()) == set(read.keys())


@pytest.mark.parametrize("name", ["MR_truncated.dcm", "rtplan_truncated.dcm"])
def test_truncated_files_are_named(name: str):
    """Pydicom reads these two without an error."""
    with pytest.raises(SourceUnreadable, match=f"^{name} is truncated"):
        dicomfile.parse((PYDICOM_FILES / name).read_bytes(), name=name)


def test_every_cut_is_seen():
    """Wherever a file is cut off, but exactly between two elements."""
    without = (
        *("AnatomicRegionSequence", "ViewCodeSequence", "AcquisitionContextSequence"),
        "SpecificCharacterSet",  # pydicom converts it at once, and forgets where it was
    )
    content = dicom_file(make_radiograph(**dict.fromkeys(without)))
    read = dicomfile.parse(content, name="x", header_only=True)
    elements = [read.get_item(tag) for tag in list(read.keys())]
    missed = set()
    for end in range(dicomfile.split(content, name="x").offset + 1, elements[-1].value_tell):
        try:
            dicomfile.parse(content[:end], name="x")
        except SourceUnreadable:
            continue
        missed.add(end)

    assert missed == {each.value_tell + each.length for each in elements[:-1]}


def test_header_only_stops_before_the_pixels(radiograph: Dataset):
    """Pixels may be missing then."""
    content = dicom_file(radiograph)

    assert "PixelData" not in dicomfile.parse(content, name="x", header_only=True)
    assert "Rows" in dicomfile.parse(content[:-1000], name="x", header_only=True)


def test_too_many_elements_are_refused(monkeypatch: pytest.MonkeyPatch, radiograph: Dataset):
    """A file of a million empty elements would fill the memory."""
    monkeypatch.setattr(dicomfile, "MAX_ELEMENTS", 10)

    with pytest.raises(SourceUnreadable, match="more than 10 data elements"):
        dicomfile.parse(dicom_file(radiograph), name="x")


def deflated(radiograph: Dataset) -> bytes:
    """Return a file with a deflated data set."""
    radiograph.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    return dicom_file(radiograph)


def test_deflated_file_is_read(radiograph: Dataset):
    """As any other."""
    read = dicomfile.parse(deflated(radiograph), name="x")

    assert radiograph.PixelData == read.PixelData


def test_deflated_bomb_is_refused(monkeypatch: pytest.MonkeyPatch):
    """Looked at in pieces, before it is inflated as a whole."""
    monkeypatch.setattr(dicomfile, "MAX_INFLATED_BYTES", 1 << 20)
    content = deflated(make_radiograph(np.zeros((2000, 2000), np.uint16)))

    with pytest.raises(SourceUnreadable, match="inflates to more than"):
        dicomfile.parse(content, name="x")


@pytest.mark.parametrize("cut", [1, 100])
def test_truncated_deflated_file_is_named(radiograph: Dataset, cut: int):
    """The stream does not end."""
    content = deflated(radiograph).rstrip(b"\0")

    with pytest.raises(SourceUnreadable, match="truncated"):
        dicomfile.parse(content[: -cut - 8], name="x")


def test_damaged_deflated_file_is_named(radiograph: Dataset):
    """Zlib's error is ours to tell."""
    content = deflated(radiograph)
    offset = dicomfile.split(content, name="x").offset
    with pytest.raises(zlib.error):
        zlib.decompress(b"\xff" * 100, -zlib.MAX_WBITS)

    with pytest.raises(SourceUnreadable, match="damaged"):
        dicomfile.parse(content[:offset] + b"\xff" * 100, name="x")


def test_shortest_bare_data_set_is_read():
    """One that is shorter than a preamble."""
    dataset = Dataset()
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1"
    buffer = BytesIO()
    dataset.save_as(buffer, implicit_vr=True, little_endian=True)

    assert 1 == len(dicomfile.parse(buffer.getvalue(), name="x"))
