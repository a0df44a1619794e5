"""A result's file: put together from what was written before, it is pydicom's own."""

from io import BytesIO

import pytest
from pydicom import Dataset, dcmread, dcmwrite
from pydicom.uid import ImplicitVRLittleEndian

from hilum.encode import ResultContext, extra_objects, report_documents, secondary_capture, to_bytes
from hilum.explain import heat, overlay, regions
from hilum.language import ENGLISH, LANGUAGES
from hilum.settings import ExtraObject, ReportSettings
from invented import bump, make_reading, radiograph_of
from radiographs import make_radiograph, thorax


def by_pydicom(dataset: Dataset) -> bytes:
    """Return a file in which nothing is kept from another."""
    buffer = BytesIO()
    dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


def results(source, when, language):
    """Return every object that can be written about an image, three times its kind at most."""
    reading = make_reading(radiograph_of(source), {"Effusion": 0.91}, {"Effusion": bump(5, 1)})
    settings = ReportSettings(objects=tuple(ExtraObject), language=language)
    context = ResultContext.of(reading, when=when, settings=settings)
    outlines = regions(reading)
    picture = secondary_capture(overlay(reading, when=when, language=language), context)
    reports = report_documents(context, outlines, visual_explanation=picture)
    return [picture, *reports, *extra_objects(context, outlines, heat=heat, picture=picture)]


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_file_is_the_one_that_pydicom_writes(source, when, language):
    """Whatever the source's letters and gaps are, byte for byte, the first time and the next."""
    for result in results(source, when, language):
        plain = by_pydicom(result)

        assert plain == to_bytes(result)
        assert plain == to_bytes(result)


def test_numbers_that_are_equal_keep_their_own_digits(when):
    """70 and 70.00 are one number, and two texts."""
    for weight in ("70", "70.00"):
        result = results(make_radiograph(thorax(), PatientWeight=weight), when, ENGLISH)[0]

        assert by_pydicom(result) == to_bytes(result)


def test_an_item_of_undefined_length_keeps_its_end(when):
    """An item that says where it ends, and not how long it is, is pydicom's to write."""
    result = results(make_radiograph(thorax()), when, ENGLISH)[0]
    result.SourceImageSequence[0].is_undefined_length_sequence_item = True

    assert by_pydicom(result) == to_bytes(result)


def test_a_file_in_another_encoding_is_pydicoms_alone(when):
    """Implicit VR is written as such."""
    result = results(make_radiograph(thorax()), when, ENGLISH)[1]
    read_back = dcmread(BytesIO(to_bytes(result)))
    read_back.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    del read_back.file_meta.FileMetaInformationGroupLength

    assert by_pydicom(read_back) == to_bytes(read_back)


def test_an_instance_that_was_renamed_is_named_so_in_front(when):
    """File Meta Information tells the UID that the instance has now."""
    result = results(make_radiograph(thorax()), when, ENGLISH)[1]
    result.SOPInstanceUID = "2.25.7"

    assert by_pydicom(result) == to_bytes(result)
