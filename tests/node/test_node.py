"""The node on a real Orthanc: what arrives is read once, and nothing is lost or skipped."""

import threading

import pytest
from pydicom.uid import generate_uid

from hilum.jobs.states import State
from hilum.node.one_by_one import InstanceOutcome
from hilum.outcome import Status
from hilum.verdict import Reason
from node_tools import Recorder, node_of, send, work
from radiographs import dicom_file, make_radiograph

pytestmark = pytest.mark.orthanc


def test_new_image_is_read_once_and_its_result_is_in_the_pacs(pacs, ledger):
    """One image, one reading, one result in the archive, one line in the ledger."""
    handler = Recorder()
    uid = send(pacs)
    work(node_of(pacs, ledger, handler))
    entry = ledger.entry(uid)

    assert [uid] == handler.seen
    assert State.STORED is entry.state
    assert all(pacs.find_instance(result) for result in entry.results)


def test_own_results_make_no_work(pacs, ledger):
    """What we stored arrives as a change too, is counted as ours, and is never read."""
    handler = Recorder()
    send(pacs)
    node = node_of(pacs, ledger, handler)
    work(node)
    work(node)

    assert 1 == len(handler.seen)
    assert {State.STORED: 1, State.OWN: 1} == ledger.counts()


def test_own_result_is_recognised_whatever_it_is_called(pacs, ledger):
    """A changed description does not turn a result of ours into work."""
    handler = Recorder()
    send(pacs, ManufacturerModelName="hilum", SeriesDescription="CHEST PA", Modality="DX")
    work(node_of(pacs, ledger, handler))

    assert [] == handler.seen


def test_position_survives_the_process(pacs, ledger):
    """A node that starts later goes on after what the last one did."""
    first, second = Recorder(), Recorder()
    send(pacs)
    work(node_of(pacs, ledger, first))
    uid = send(pacs)
    work(node_of(pacs, ledger, second))

    assert [uid] == second.seen


def test_refusal_is_recorded_with_its_reasons(pacs, ledger):
    """An image that may not be read keeps its reasons in the ledger."""
    reason = Reason("not_chest", "not a chest: Body Part Examined is LEG")
    uid = send(pacs)
    work(node_of(pacs, ledger, lambda _: InstanceOutcome(Status.REFUSED, (reason,))))

    assert (State.REFUSED, (reason,)) == (ledger.entry(uid).state, ledger.entry(uid).reasons)


def test_without_a_model_images_are_kept_and_read_later(pacs, ledger):
    """While there is no model the feed stays where it is; with one, nothing is missing."""
    uid = send(pacs)
    work(node_of(pacs, ledger, None))
    assert {} == ledger.counts()

    handler = Recorder()
    work(node_of(pacs, ledger, handler))
    assert [uid] == handler.seen


def test_too_large_file_is_refused_unfetched(pacs, ledger):
    """A file over the limit is refused with its size, and never fetched."""
    handler = Recorder()
    uid = send(pacs)
    work(node_of(pacs, ledger, handler, max_file_bytes=1000))

    assert ([], "too_large") == (handler.seen, ledger.entry(uid).reasons[0].code)


def test_image_sent_again_after_deletion_is_read_again(pacs, ledger):
    """When image and results were deleted, the same image is work again."""
    handler = Recorder()
    image = dicom_file(make_radiograph())
    node = node_of(pacs, ledger, handler)
    for _ in range(2):
        pacs.upload(image)
        work(node)
        for patient in pacs.request("GET", "/patients").json():
            pacs.request("DELETE", f"/patients/{patient}")

    assert 2 == len(handler.seen)


def test_image_sent_again_beside_its_results_is_not(pacs, ledger):
    """When only the image was deleted and comes again, its results still stand."""
    handler = Recorder()
    image = make_radiograph()
    node = node_of(pacs, ledger, handler)
    pacs.upload(dicom_file(image))
    work(node)
    instance = pacs.find_instance(str(image.SOPInstanceUID))
    pacs.request("DELETE", f"/instances/{instance}")
    pacs.upload(dicom_file(image))
    work(node)

    assert 1 == len(handler.seen)


def test_stop_ends_after_the_image_in_work(pacs, ledger):
    """When the stop comes during an image, that image is finished and the next is not begun."""
    stop = threading.Event()
    handler = Recorder()
    uids = [send(pacs), send(pacs)]

    def stop_meanwhile(file: bytes) -> InstanceOutcome:
        stop.set()
        return handler(file)

    node_of(pacs, ledger, stop_meanwhile).run(stop)

    assert uids[:1] == handler.seen
    assert State.STORED is ledger.entry(uids[0]).state


def test_events_name_no_patient(pacs, ledger, caplog):
    """The log has the instance and how it ended, and nothing of the patient."""
    uid = send(pacs, PatientName="Somebody^Special", PatientID=generate_uid())
    with caplog.at_level("INFO", logger="hilum"):
        work(node_of(pacs, ledger, Recorder()))
    facts = [record.facts for record in caplog.records]

    assert [uid] == [each["sop_instance_uid"] for each in facts]
    assert "Special" not in str(facts)
