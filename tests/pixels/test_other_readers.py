"""What DCMTK, GDCM or pydicom read rightly, hilum reads: held on a thousand generated files."""

import shutil
import subprocess
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import UID

from hilum.errors import RadiographRefused, SourceUnreadable
from hilum.files import dicom
from hilum.pixels.colour import to_grey
from hilum.pixels.decisions import DecisionRecord
from hilum.pixels.decode import DECODING_FAILED, decode
from hilum.pixels.image import describe
from hilum.pixels.stored import interpret
from hilum.settings import PixelSettings
from pixel_streams import Coded, codings, files, is_right, stream_file, whole

pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, ("dcmdjpeg", "gdcmconv"))), reason="needs DCMTK and GDCM's programs"
)

MIXED = 60
"""Files that a seeded generator mixes, besides each coding in each wrapping."""

SECONDS = 20
"""Longest that another reader is waited for."""


def hilum(path: Path):
    """Return the stored values that hilum reads from a file."""
    dataset = dicom.parse(path.read_bytes(), name=path.name)
    record = DecisionRecord()
    decoded, image = decode(dataset, describe(dataset, PixelSettings(), record), record)
    samples, grey = to_grey(decoded, image, dataset, record)
    return interpret(samples, grey, dataset, record).values


def by_pydicom(path: Path):
    return pydicom.dcmread(path).pixel_array


def by_program(path: Path, *command: str | Path):
    """Return what a program that removes the compression leaves; it raises where it can't."""
    subprocess.run(command, capture_output=True, check=True, timeout=SECONDS)
    written = pydicom.dcmread(path.with_suffix(".out"))
    assert not written.file_meta.TransferSyntaxUID.is_encapsulated
    return written.pixel_array


def by_gdcm(path: Path):
    return by_program(path, "gdcmconv", "--raw", path, path.with_suffix(".out"))


def by_dcmtk(path: Path):
    """Return what DCMTK reads; it has a program for each family of codings."""
    syntax = UID(pydicom.dcmread(path, stop_before_pixels=True).file_meta.TransferSyntaxUID)
    known = {"RLE": "dcmdrle", "JPEG-LS": "dcmdjpls"}
    program = next((known[word] for word in known if word in syntax.name), "dcmdjpeg")
    return by_program(path, program, path, path.with_suffix(".out"))


OTHERS = {"pydicom": by_pydicom, "DCMTK": by_dcmtk, "GDCM": by_gdcm}
"""The readers that hilum is compared with."""

FAILED = (
    *DECODING_FAILED,
    AssertionError,
    RadiographRefused,
    SourceUnreadable,
    subprocess.SubprocessError,
)
"""How a reader says that it does not read a file."""


def reads(reader: Callable[[Path], np.ndarray], path: Path, coded: Coded) -> bool:
    """Whether a reader gets the right picture out of a file."""
    path.with_suffix(".out").unlink(missing_ok=True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydicom warns of what is wrong with each file
            return is_right(reader(path), coded)
    except FAILED:
        return False


def test_hilum_reads_what_any_of_them_reads(tmp_path):
    """Coding × wrapping, wrong names, icons, and mixed: no other reader reads more than hilum."""
    path, missed, count = tmp_path / "image.dcm", [], 0
    for name, coded, content in files(MIXED, seed=5):
        path.write_bytes(content)
        count += 1
        if not reads(hilum, path, coded):
            missed += [
                f"{name}: {other}" for other, ask in OTHERS.items() if reads(ask, path, coded)
            ]

    assert [] == missed
    assert 900 <= count


@pytest.mark.parametrize(("other", "least"), [("pydicom", 18), ("DCMTK", 22), ("GDCM", 28)])
def test_the_others_are_really_asked(tmp_path, other, least):
    """Each of the other readers reads most of the codings as they should be."""
    path, right = tmp_path / "image.dcm", 0
    for coded in codings().values():
        path.write_bytes(stream_file(coded, whole(coded.frame)))
        right += reads(OTHERS[other], path, coded)

    assert least <= right
