"""What every `Sender` promises, shown for each against a real Orthanc."""

import warnings
from contextlib import closing
from io import BytesIO
from pathlib import Path

import pytest
from pydantic import SecretStr
from pydicom import Dataset, config, dcmread
from pydicom.uid import (
    UID,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    generate_uid,
)

from hilum.files import dicom
from hilum.files.find import find_candidates
from hilum.pacs.send import Outgoing, Sender, SendStatus, WebTarget, deliver, open_sender
from orthanc_server import OrthancServer, running_orthanc
from radiographs import dicom_file, make_radiograph

pytestmark = pytest.mark.orthanc


def data_set_bytes(file: bytes) -> bytes:
    """Return what follows the File Meta Information."""
    return file[dicom.split(file, name="file").offset :]


def stored_file(server: OrthancServer, sop_instance_uid: str) -> bytes:
    """Return a file as Orthanc stores it."""
    with server.client() as client:
        return client.fetch(*client.find_objects(sop_instance_uid))


def to(server: OrthancServer) -> WebTarget:
    """Return the REST API of an Orthanc as a target."""
    password = SecretStr(server.password)
    return WebTarget(server.url, dicomweb=False, username=server.username, password=password)


def outgoing(dataset: Dataset) -> Outgoing:
    """Return a data set as a file to be sent."""
    return Outgoing.from_bytes(dicom_file(dataset), name="a.dcm")


def test_reachable_pacs_passes_the_check(sender: Sender):
    """A PACS that is there and accepts the credentials raises nothing."""
    sender.check()


def test_file_arrives_byte_for_byte(sender: Sender, radiograph: Dataset, orthanc: OrthancServer):
    """The data set in the PACS is the one that was sent, to the byte."""
    file = outgoing(radiograph)

    assert SendStatus.STORED is sender.send(file).sent
    assert data_set_bytes(file.content) == data_set_bytes(
        stored_file(orthanc, radiograph.SOPInstanceUID)
    )


def test_compressed_file_stays_compressed(
    sender: Sender, chest_lossless_path: Path, orthanc: OrthancServer
):
    """A real lossless JPEG 2000 radiograph is stored as it is, nothing decoded."""
    file = Outgoing.from_bytes(
        chest_lossless_path.read_bytes(), name="RG1", path=chest_lossless_path
    )

    assert SendStatus.STORED is sender.send(file).sent
    arrived = dcmread(BytesIO(stored_file(orthanc, file.sop_instance_uid)))
    assert JPEG2000Lossless == arrived.file_meta.TransferSyntaxUID
    # whole, not by the byte: OrthancArchive's own receiver writes sequences anew
    assert dcmread(chest_lossless_path) == arrived


def test_sending_again_changes_nothing(sender: Sender, radiograph: Dataset, orthanc: OrthancServer):
    """The second time ends well, and the PACS still has one instance."""
    sender.send(outgoing(radiograph))

    assert sender.send(outgoing(radiograph)).well
    with orthanc.client() as client:
        assert 1 == len(client.find("Instance", {}))


def test_file_without_preamble_arrives(sender: Sender, radiograph: Dataset, orthanc: OrthancServer):
    """A bare data set, as old software writes it, gets the head that it lacks."""
    bare = data_set_bytes(dicom_file(radiograph))

    assert SendStatus.STORED is sender.send(Outgoing.from_bytes(bare, name="bare")).sent
    assert bare == data_set_bytes(stored_file(orthanc, radiograph.SOPInstanceUID))


def test_invalid_uid_is_sent_unchanged_with_a_warning(sender: Sender, orthanc: OrthancServer):
    """A leading zero, common in teaching files, neither stops nor changes the file."""
    uid = UID("09599604.8225.1.1", validation_mode=config.IGNORE)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Invalid value for VR UI")  # pydicom's own
        outcome = sender.send(outgoing(make_radiograph(SOPInstanceUID=uid)))

    assert SendStatus.STORED is outcome.sent
    assert ("SOP Instance UID is not a valid UID; it is sent unchanged.",) == outcome.warnings
    assert stored_file(orthanc, uid)


def test_report_without_pixels_arrives(sender: Sender, orthanc: OrthancServer):
    """Any DICOM object can be sent, not only images."""
    report = make_radiograph(
        SOPClassUID="1.2.840.10008.5.1.4.1.1.88.11", Modality="SR", PixelData=None, Rows=None
    )

    assert SendStatus.STORED is sender.send(outgoing(report)).sent
    assert stored_file(orthanc, report.SOPInstanceUID)


def test_file_that_a_filter_of_the_pacs_drops_is_refused(tmp_path: Path, radiograph: Dataset):
    """An Orthanc answers with success to what a script of its own lets pass away."""
    script = tmp_path / "filter.lua"
    script.write_text('function ReceivedInstanceFilter(dicom) return dicom.Modality ~= "SR" end')
    report = make_radiograph(Modality="SR")
    with (
        running_orthanc(tmp_path / "orthanc", LuaScripts=[str(script)]) as server,
        closing(open_sender(to(server))) as sender,
    ):
        kept, dropped = (sender.send(outgoing(each)) for each in (radiograph, report))
        with server.client() as client:
            assert [] == client.find_objects(report.SOPInstanceUID)

    assert (SendStatus.STORED, SendStatus.REFUSED) == (kept.sent, dropped.sent)
    assert "FilteredOut" in dropped.detail


def test_many_files_at_once_arrive_each_once(
    sender: Sender, tmp_path: Path, orthanc: OrthancServer
):
    """Files of one study in two transfer syntaxes, several under way: outcomes in their order."""
    study = generate_uid()
    for number in range(12):
        radiograph = make_radiograph(StudyInstanceUID=study, InstanceNumber=number)
        if number % 2:
            radiograph.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
        (tmp_path / f"{number:02}.dcm").write_bytes(dicom_file(radiograph))

    outcomes = list(deliver(find_candidates([tmp_path]), sender, at_once=4))

    assert [SendStatus.STORED] * 12 == [outcome.sent for outcome in outcomes]
    assert sorted(outcome.name for outcome in outcomes) == [outcome.name for outcome in outcomes]
    with orthanc.client() as client:
        assert 12 == len(client.find("Instance", {}))
        assert 1 == len(client.find("Study", {}))
