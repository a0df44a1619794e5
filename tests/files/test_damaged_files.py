"""Damaged DICOM files are read where DCMTK or pydicom read them, else refused with the place."""

import shutil
import subprocess
import warnings
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, config, dcmread

from damaged_files import (
    READ,
    UNREADABLE,
    before_pixels,
    copied_as_un,
    element,
    mutated,
    sound,
)
from hilum.errors import SourceUnreadable
from hilum.files import dicom
from hilum.files.damage import CORRECTIONS
from hilum.pixels.texts import DECISIONS

MUTATIONS = 150

LOOKED_AT = (
    "PatientID",
    "PatientAge",
    "Modality",
    "ViewPosition",
    "StudyInstanceUID",
    "Rows",
    "Columns",
    "BitsStored",
)
"""What a reader must have right to have read a file."""


@pytest.fixture(autouse=True)
def quiet() -> None:
    """Pydicom warns of damage with the values in it."""
    warnings.simplefilter("ignore", UserWarning)


def seen(dataset: Dataset) -> dict[str, object]:
    """Return what a reader took from a file."""
    return {
        **{keyword: str(dataset[keyword].value) for keyword in LOOKED_AT},
        "PixelData": dataset.PixelData,
    }


def by_pydicom(content: bytes) -> dict[str, object] | None:
    """Return what pydicom reads, None if that is not all."""
    try:
        return seen(dcmread(BytesIO(content), force=True))
    except Exception:  # noqa: BLE001  whatever it raises
        return None


def by_dcmtk(content: bytes, folder: Path) -> dict[str, object] | None:
    """Return what DCMTK reads, None if it refuses."""
    damaged, read = folder / "damaged.dcm", folder / "read.dcm"
    damaged.write_bytes(content)
    done = subprocess.run(["dcmconv", "+te", damaged, read], capture_output=True, check=False)
    return by_pydicom(read.read_bytes()) if done.returncode == 0 else None


def native_pixels(read: Dataset) -> bytes:
    """Return what the pixels are in the sound file's order of bytes, or the one fragment."""
    value = bytes(read.PixelData)
    if read.get_item("PixelData").is_undefined_length:
        return value[16:-2] + sound()[-2:]
    if read.original_encoding[1] is False:
        return np.frombuffer(value, ">u2").astype("<u2").tobytes()
    return value


@pytest.mark.parametrize("name", READ)
def test_what_can_be_read_is_read_with_its_corrections(name: str):
    """Values and pixels are those of the sound file, and what was put right is on record."""
    with config.disable_value_validation():
        file = dicom.read(READ[name].content(), name="x")
        read = file.dataset
        assert READ[name].codes == tuple(note.code for note in file.corrections)
        expected = seen(dcmread(BytesIO(sound())))
        assert expected == {**seen(read), "PixelData": native_pixels(read)}


def test_every_correction_is_reached():
    """No text is written that no file brings about."""
    assert CORRECTIONS == {code for case in READ.values() for code in case.codes}
    assert CORRECTIONS <= DECISIONS.keys()


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_read_says_where(name: str):
    """Truncated is only what ends early; the rest is damaged, at a byte."""
    content, text = UNREADABLE[name]

    with pytest.raises(SourceUnreadable, match=f"^x {text}"):
        dicom.parse(content(), name="x")


def test_sequence_items_are_kept_when_a_length_was_wrong():
    """What is put right is the frame, not the picture: the items are all there."""
    read = dicom.parse(READ["private sequence short of an item"].content(), name="x")

    assert ["CHEST", "CHEST"] == [
        each.ScheduledProcedureStepDescription for each in read[0x0041, 0x1075].value
    ]


def test_items_in_items_of_a_sequence_copied_as_un_are_kept():
    """Who copied it knew no VR: its items have none either, however deep they are."""
    read = dicom.parse(copied_as_un(0x0040), name="x")

    step = read[0x0040, 0x0260].value[0]
    protocol = step.ScheduledProtocolCodeSequence[0]
    assert "CHEST" == protocol.CodeMeaning
    assert "AP" == protocol[0x0040, 0x0441].value[0].CodeMeaning


def test_first_of_two_elements_counts():
    """As for DCMTK and so for Orthanc: the result belongs to the patient that the PACS shows."""
    content = before_pixels(element(0x0010, 0x0020, b"LO", b"ANOTHER "))

    assert "GENERATED-1" == dicom.parse(content, name="x").PatientID


@pytest.mark.skipif(shutil.which("dcmconv") is None, reason="DCMTK is not installed")
@pytest.mark.parametrize("number", range(MUTATIONS))
def test_whatever_another_reader_reads_rightly_is_read(number: int, tmp_path: Path):
    """DCMTK's and pydicom's answers on the same seeded damage; nothing worse than a refusal."""
    content = mutated(number)
    with config.disable_value_validation():
        whole = seen(dcmread(BytesIO(sound())))
        others = [by_pydicom(content), by_dcmtk(content, tmp_path)]
        try:
            read = seen(dicom.parse(content, name="x"))
        except (SourceUnreadable, KeyError, AttributeError):  # refused, or an element is gone
            read = None

    assert whole not in others or read == whole
