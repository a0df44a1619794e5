"""What an inference worker does with one file: from bytes to the objects that are stored."""

from datetime import UTC, datetime

import pytest
from pydicom import dcmread
from pydicom.filebase import DicomBytesIO

from hilum.ingest.earlier_reports import EarlierReports
from hilum.node.process_file import open_pipeline, read_file
from hilum.outcome import Status
from hilum.radiograph import ImageUIDs
from hilum.settings import Settings
from radiographs import dicom_file, make_radiograph

WHEN = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    """Return a pipeline that may read anything."""
    settings = Settings.load(data_folder=tmp_path_factory.mktemp("data"))
    return open_pipeline(settings.changed("model", name="demonstration"), in_demonstration=True)


def parsed(answer):
    """Return the results of an answer as data sets."""
    return [dcmread(DicomBytesIO(result.file)) for result in answer.results]


def test_reports_come_after_what_they_refer_to(context):
    """The picture is stored first: a report never refers to what is not there yet."""
    answer = read_file(dicom_file(make_radiograph()), context, [], when=WHEN)

    assert ["OT", "SR", "SR"] == [result.Modality for result in parsed(answer)]
    assert [r.SOPInstanceUID for r in parsed(answer)] == [
        r.sop_instance_uid for r in answer.results
    ]


def test_refusal_is_written_down_only_where_the_site_wants_it(context):
    """A lateral view stores nothing, or one text report that makes no statement."""
    lateral = dicom_file(make_radiograph(ViewPosition="LL"))
    silent = read_file(lateral, context, [], when=WHEN)
    wanted = context.settings.changed("report", report_refusals=True)
    told = read_file(lateral, type(context)(context.model, wanted), [], when=WHEN)

    assert (Status.REFUSED, ()) == (silent.status, silent.results)
    assert "not_frontal" in {reason.code for reason in silent.reasons}
    (report,) = parsed(told)
    assert "NOT ANALYZED" in report.ContentSequence[0].ContentSequence[0].TextValue


def test_damaged_file_has_failed_with_a_remedy(context):
    """A file that was cut off is never half read."""
    answer = read_file(dicom_file(make_radiograph())[:5000], context, [], when=WHEN)

    assert (Status.FAILED, ()) == (answer.status, answer.results)
    assert "truncated" in answer.reasons[0].text


@pytest.mark.orthanc
def test_newer_reading_names_its_predecessor(context, empty_orthanc):
    """Read again with other settings: new reports that say which ones they replace."""
    image = make_radiograph()
    file = dicom_file(image)
    portuguese = context.settings.changed("report", language="pt")
    again = type(context)(context.model, portuguese, in_demonstration=True)
    first = read_file(file, context, [], when=WHEN)
    with empty_orthanc.client() as orthanc:
        for content in (file, *(result.file for result in first.results)):
            orthanc.store(content)
        (instance,) = orthanc.find_objects(str(image.SOPInstanceUID))
        earlier = EarlierReports(orthanc).files(instance, ImageUIDs.of(image))
    same = read_file(file, context, earlier, when=WHEN)
    second = read_file(file, again, earlier, when=WHEN)

    replaced = [
        report.PredecessorDocumentsSequence[0]
        .ReferencedSeriesSequence[0]
        .ReferencedSOPSequence[0]
        .ReferencedSOPInstanceUID
        for report in parsed(second)[1:]
    ]
    assert [result.sop_instance_uid for result in first.results[1:]] == replaced
    assert not any("PredecessorDocumentsSequence" in report for report in parsed(same))
