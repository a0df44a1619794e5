"""The source's header is read as it is: whatever is in it, quietly."""

import gc
import weakref
from io import BytesIO

import pytest
from pydicom import Dataset, dcmread
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import FileMetaDataset
from pydicom.tag import Tag
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from hilum.encode.source import as_source, source_of
from invented import make_reading, radiograph_of
from radiographs import make_radiograph
from sr_cases import generated


@pytest.mark.parametrize(
    "transfer_syntax",
    [
        ExplicitVRLittleEndian,
        ImplicitVRLittleEndian,
        ExplicitVRBigEndian,
        DeflatedExplicitVRLittleEndian,
    ],
    ids=lambda uid: uid.name,
)
def test_any_encoding_gives_the_same_source(transfer_syntax):
    """How a header was encoded does not show in what is copied from it."""
    radiograph = make_radiograph(PatientName="Conceição^João", SOPInstanceUID="1.2.3")
    radiograph.pop("PixelData")
    radiograph.file_meta.TransferSyntaxUID = transfer_syntax
    buffer = BytesIO()
    radiograph.save_as(buffer, enforce_file_format=True)
    arrived = dcmread(BytesIO(buffer.getvalue()))

    assert "Conceição^João" == as_source(arrived).PatientName
    assert (radiograph.Rows, radiograph.Columns) == (
        as_source(arrived).Rows,
        as_source(arrived).Columns,
    )
    assert "272479007" == as_source(arrived).ViewCodeSequence[0].CodeValue


def raw(**values: bytes) -> Dataset:
    """Return a header as it arrives, with values that pydicom would not write without a word."""
    header = generated()
    for keyword, value in values.items():
        tag = Tag(tag_for_keyword(keyword))
        header[tag] = RawDataElement(
            tag,
            dictionary_VR(tag),
            len(value),
            value,
            0,
            is_implicit_VR=False,
            is_little_endian=True,
        )
    return header


def test_invalid_values_are_copied_without_a_warning():
    """Warnings are errors in these tests, so this one holds by passing."""
    source = as_source(
        raw(StudyID=b"A\x00B", AccessionNumber=b"12^34", StudyDescription=b"caf\xe9")
    )

    assert "12^34" == source.AccessionNumber
    assert "café" == source.StudyDescription


def test_empty_attributes_are_there():
    """What a result must have, it has, empty."""
    source = as_source(generated(PatientID=None, PatientName=None, StudyDate=None))

    assert not source.PatientID
    assert not source.PatientName
    assert not source.StudyDate


@pytest.mark.parametrize("sex", [b"U", b"W", b"m", b""])
def test_impossible_sex_is_taken_away(sex):
    """Only M, F and O may be written; anything else is unknown."""
    assert not as_source(raw(PatientSex=sex)).PatientSex


@pytest.mark.parametrize("orientation", ["L", ["L", "F", "H"], ""])
def test_impossible_orientation_is_taken_away(orientation):
    """Rows and columns need one letter group each."""
    assert "PatientOrientation" not in as_source(generated(PatientOrientation=orientation))


@pytest.mark.parametrize("spacing", [[0, 0], 0.2, [-1, 1]])
def test_impossible_spacing_is_taken_away(spacing):
    """Nobody shall measure with a pixel of no size."""
    assert "ImagerPixelSpacing" not in as_source(generated(ImagerPixelSpacing=spacing))


def test_number_that_is_none_is_left_out():
    """Text where a number belongs can't be copied into a valid result."""
    source = as_source(raw(PatientWeight=b"70 kilos"))

    assert "PatientWeight" not in source


def test_character_set_is_written_as_the_standard_spells_it():
    """Another spelling of it is understood, and not repeated."""
    source = as_source(
        raw(SpecificCharacterSet=b"ISO-IR-100", PatientName=b"Concei\xe7\xe3o^Jo\xe3o")
    )

    assert "ISO_IR 100" == source.SpecificCharacterSet
    assert "Conceição^João" == source.PatientName


def test_letters_outside_the_declared_character_set_become_utf_8():
    """Latin-1 bytes that the declared Thai repertoire does not have are kept as letters."""
    source = as_source(raw(SpecificCharacterSet=b"ISO_IR 166", PatientName=b"M\xfcller^Jos\xff"))

    assert "ISO_IR 192" == source.SpecificCharacterSet
    assert "Müller^Josÿ" == source.PatientName


def test_private_attributes_and_pixels_stay_behind():
    """A result repeats nothing that it does not understand, nor the image."""
    header = generated()
    header.private_block(0x0011, "SOMEONE", create=True).add_new(1, "LO", "something")
    header.add_new(0x60003000, "OW", b"\0\0")
    source = as_source(header)

    assert not [tag for tag in source if tag.tag.is_private]
    assert max(source.keys()) < 0x60000000


def test_file_meta_information_is_not_needed():
    """A header that came over DICOMweb has none."""
    header = generated()
    header.file_meta = FileMetaDataset()

    assert header.PatientName == as_source(header).PatientName


def test_all_results_of_a_reading_share_one_source():
    """It is read from the header once, and given up together with the reading."""
    reading = make_reading(radiograph_of(make_radiograph()), {"Mass": 0.8})
    source = source_of(reading)

    assert source_of(reading) is source

    left = weakref.ref(source)
    del reading, source
    gc.collect()
    assert left() is None
