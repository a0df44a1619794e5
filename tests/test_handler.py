"""What the node does with one file: from bytes to the objects that are stored."""

from functools import partial

import pytest
from pydicom import dcmread
from pydicom.filebase import DicomBytesIO

from hilum.arrive import earlier_results
from hilum.errors import SourceUnreadable
from hilum.handler import build_handler
from hilum.outcome import Status
from hilum.pipeline import open_reader
from hilum.settings import Settings
from radiographs import dicom_file, make_radiograph


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    """Return a reader that may read anything."""
    settings = Settings.load(data_folder=tmp_path_factory.mktemp("data"))
    return open_reader(settings.changed("model", name="demonstration"), in_demonstration=True)


def parsed(outcome):
    """Return the results of an outcome as data sets."""
    return [dcmread(DicomBytesIO(result.file)) for result in outcome.results]


def test_reports_come_after_what_they_refer_to(reader):
    """The picture is stored first: a report never refers to what is not there yet."""
    outcome = build_handler(reader)(dicom_file(make_radiograph()))

    assert Status.READ is outcome.status
    assert ["OT", "SR", "SR"] == [result.Modality for result in parsed(outcome)]
    assert [r.SOPInstanceUID for r in parsed(outcome)] == [
        r.sop_instance_uid for r in outcome.results
    ]


def test_doing_it_twice_gives_the_same_names(reader):
    """The UIDs of results depend on the image and the model, not on the moment."""
    file = dicom_file(make_radiograph())
    first, second = build_handler(reader)(file), build_handler(reader)(file)

    assert [r.sop_instance_uid for r in first.results] == [
        r.sop_instance_uid for r in second.results
    ]


def test_refusal_is_written_down_only_where_the_site_wants_it(reader):
    """A lateral view stores nothing, or one text report that makes no statement."""
    lateral = dicom_file(make_radiograph(ViewPosition="LL"))
    silent = build_handler(reader)(lateral)
    wanted = reader.settings.changed("report", report_refusals=True)
    told = build_handler(type(reader)(reader.model, wanted))(lateral)

    assert (Status.REFUSED, ()) == (silent.status, silent.results)
    assert "not_frontal" in {reason.code for reason in silent.reasons}
    (report,) = parsed(told)
    assert "NOT READ" in report.ContentSequence[0].ContentSequence[0].TextValue


def test_damaged_file_is_an_error_with_a_remedy(reader):
    """A file that was cut off is never half read."""
    with pytest.raises(SourceUnreadable, match="truncated"):
        build_handler(reader)(dicom_file(make_radiograph())[:5000])


@pytest.mark.orthanc
def test_newer_reading_names_its_predecessor(reader, empty_orthanc):
    """Read again with other settings: new reports that say which ones they replace."""
    file = dicom_file(make_radiograph())
    portuguese = reader.settings.changed("report", language="pt")
    again = type(reader)(reader.model, portuguese, in_demonstration=True)
    with empty_orthanc.client() as orthanc:
        earlier = partial(earlier_results, orthanc)
        first = build_handler(reader, earlier=earlier)(file)
        for content in (file, *(result.file for result in first.results)):
            orthanc.upload(content)
        same = build_handler(reader, earlier=earlier)(file)
        second = build_handler(again, earlier=earlier)(file)

    replaced = [
        report.PredecessorDocumentsSequence[0]
        .ReferencedSeriesSequence[0]
        .ReferencedSOPSequence[0]
        .ReferencedSOPInstanceUID
        for report in parsed(second)[1:]
    ]
    assert [result.sop_instance_uid for result in first.results[1:]] == replaced
    assert not any("PredecessorDocumentsSequence" in report for report in parsed(same))
