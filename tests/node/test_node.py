"""The node on a real Orthanc: what arrives is read once, and nothing is lost or skipped."""

import json

import httpx
import numpy as np
import pytest

from hilum.eligibility import Reason
from hilum.node.processed import ProcessedImage
from hilum.outcome import Status
from hilum.records import audit, feature_samples, readings
from hilum.records.states import State, Urgency
from hilum.records.tables import FEED, STUDY
from hilum.values import half_precision
from node_tools import ARCHIVE, delete_everything, send
from radiographs import dicom_file, make_radiograph

pytestmark = pytest.mark.orthanc


def without_digests(request: httpx.Request) -> httpx.Response | None:
    """Answer as an Orthanc with ``StoreMD5ForAttachments`` off, which ours is."""
    if request.url.path.endswith("/attachments/dicom/md5"):
        return httpx.Response(404, request=request)
    return None


def test_new_image_is_read_once_and_its_result_is_in_the_pacs(pacs, bench):
    """One image, one reading, one result in the archive, one line in the records."""
    node = bench()
    uid = send(pacs)
    node.work()
    entry = node.entry(uid)

    assert [uid] == node.recorder.seen
    assert (State.STORED, 1) == (entry.state, entry.run)
    assert all(pacs.find_objects(result) for result in entry.results)
    assert {"fetch", "store", "verify"} <= set(entry.seconds)


def test_own_results_make_no_work(pacs, bench):
    """What we stored arrives as a change too, and is neither read nor listed."""
    node = bench()
    send(pacs)
    node.work()
    node.work()

    assert 1 == len(node.recorder.seen)
    assert {State.STORED: 1} == node.counts()


def test_what_was_stored_a_moment_ago_needs_no_question(pacs, bench, faults):
    """The feed tells of our results, and the PACS is asked nothing about them."""
    node = bench()
    send(pacs)
    node.follow()
    for job in node.jobs():
        node.do(job)
    asked: list[str] = []
    faults.fault = lambda request: asked.append(request.url.path)
    node.follow()

    assert {"/changes"} == set(asked)


def test_own_result_is_recognised_whatever_it_is_called(pacs, bench):
    """A changed description does not turn a result of ours into work."""
    node = bench()
    send(pacs, ManufacturerModelName="hilum", SeriesDescription="CHEST PA", Modality="DX")
    node.work()

    assert ([], {}) == (node.recorder.seen, node.counts())


def test_position_survives_the_process(pacs, bench):
    """A node that starts later goes on after what the last one did."""
    first = bench()
    send(pacs)
    first.work()
    second = bench()
    uid = send(pacs)
    second.work()

    assert [uid] == second.recorder.seen


def test_second_follower_takes_nothing_up_twice(pacs, bench):
    """Two that follow one feed: what one has taken up, the other finds done."""
    first, second = bench(), bench()
    uid = send(pacs)
    first.follow()
    second.work()
    first.work()

    assert [uid] == second.recorder.seen + first.recorder.seen
    assert 1 == node_run(first, uid)


def node_run(node, uid: str) -> int:
    return node.entry(uid).run


def test_overtaken_follower_keeps_nothing(pacs, bench, monkeypatch):
    """A follower that was overtaken between looking and writing rolls back, and goes on."""
    slow, quick = bench(), bench()
    slow.follow()
    uid = send(pacs)
    looked = slow.follower.intake.facts

    def look_slowly(reference):
        quick.follow()
        return looked(reference)

    monkeypatch.setattr(slow.follower.intake, "facts", look_slowly)
    assert slow.follower.step()
    monkeypatch.undo()
    slow.work()

    assert [uid] == slow.recorder.seen
    assert 1 == node_run(slow, uid)


def test_refusal_is_recorded_with_its_reasons(pacs, bench):
    """An image that may not be read keeps its reasons."""
    reason = Reason("not_chest", "not a chest: Body Part Examined is LEG")
    node = bench(lambda *_: ProcessedImage(Status.REFUSED, (reason,)))
    uid = send(pacs)
    node.work()

    assert (State.REFUSED, (reason,)) == (node.entry(uid).state, node.entry(uid).reasons)


def test_features_of_an_image_that_was_read_are_kept(pacs, bench):
    """Once, however often it is read: by them unusual images are told."""
    packed = half_precision.packed(np.arange(4, dtype=np.float32))
    node = bench(lambda *_: ProcessedImage(Status.READ, model="mine", sample=("mine x", packed)))
    send(pacs)
    node.work()

    with node.database.look() as connection:
        found = feature_samples.sample(connection, ARCHIVE, "mine x")
    assert [[0, 1, 2, 3]] == found.tolist()


def test_without_a_model_images_are_held(pacs, bench):
    """While there is no model images are listed as held, and their jobs are there."""
    node = bench()
    node.follower.intake.held = True
    uid = send(pacs)
    node.follow()

    assert State.HELD is node.entry(uid).state
    node.work()
    assert [uid] == node.recorder.seen


def test_too_large_file_is_refused_unfetched(pacs, bench):
    """A file over the limit is refused with its size, and never fetched."""
    node = bench(max_file_bytes=1000)
    uid = send(pacs)
    node.work()

    assert ([], "too_large") == (node.recorder.seen, node.entry(uid).reasons[0].code)


def test_image_sent_again_after_deletion_is_read_again(pacs, bench):
    """When image and results were deleted, the same image is work again."""
    node = bench()
    image = dicom_file(make_radiograph())
    for _ in range(2):
        pacs.store(image)
        node.work()
        delete_everything(pacs)

    assert 2 == len(node.recorder.seen)


def test_image_sent_again_beside_its_results_is_not(pacs, bench):
    """When only the image was deleted and comes again, its results still stand."""
    node = bench()
    image = make_radiograph()
    pacs.store(dicom_file(image))
    node.work()
    pacs.delete(*pacs.find_objects(str(image.SOPInstanceUID)))
    pacs.store(dicom_file(image))
    node.work()

    assert 1 == len(node.recorder.seen)


@pytest.mark.parametrize("keeps_digests", [True, False])
def test_changed_image_is_read_again(pacs, bench, faults, keeps_digests):
    """The same UID with another content is a new run, whether or not Orthanc keeps digests."""
    if not keeps_digests:
        faults.fault = without_digests
    node = bench()
    image = make_radiograph()
    uid = str(image.SOPInstanceUID)
    pacs.store(dicom_file(image))
    node.work()
    pacs.delete(*pacs.find_objects(uid))
    image.ImageComments = "sent again, corrected"
    pacs.store(dicom_file(image))
    node.work()

    assert [uid, uid] == node.recorder.seen
    assert 2 == node.entry(uid).run


def test_without_digests_the_feed_told_twice_reads_once(pacs, bench, faults):
    """The same file is the same, though Orthanc keeps no digest of it."""
    faults.fault = without_digests
    node = bench()
    uid = send(pacs)
    node.work()
    with node.database.transaction() as connection:
        connection.execute(FEED.delete())
    node.work()

    assert ([uid], 1) == (node.recorder.seen, node.entry(uid).run)


@pytest.mark.parametrize("priority", ["STAT", "HIGH"])
def test_stat_order_is_urgent(pacs, bench, priority):
    """What was ordered in haste is read before the rest."""
    node = bench()
    urgent, other = send(pacs, RequestedProcedurePriority=priority), send(pacs)
    node.follow()

    assert Urgency.URGENT is node.entry(urgent).urgency
    assert Urgency.ROUTINE is node.entry(other).urgency

    node.work()

    assert [urgent] == node.recorder.urgent
    assert {urgent, other} == set(node.recorder.seen)


def test_study_of_the_image_is_on_the_worklist(pacs, bench):
    """The study's row is there as soon as its image is, and follows its state."""
    node = bench()
    uid = send(pacs, PatientID="P-1")
    node.follow()
    with node.database.look() as connection:
        before = connection.execute(STUDY.select()).one()
    node.work()
    with node.database.look() as connection:
        after = connection.execute(STUDY.select()).one()

    assert (State.QUEUED, "P-1") == (before.state, before.patient_id)
    assert (State.STORED, 1) == (after.state, after.images)
    assert node.entry(uid).study_instance_uid == after.study_instance_uid


def test_end_is_in_the_audit_trail(pacs, bench):
    """What was read is written down there, without a word of the patient."""
    node = bench()
    uid = send(pacs, PatientName="Somebody^Special")
    node.work()
    with node.database.look() as connection:
        (line,) = [each.line for each in audit.lines(connection)]

    assert ("node@test", "image.stored", uid) == (line.actor, line.action, line.sop_instance_uid)
    assert "Special" not in json.dumps(dict(line.detail))


def test_reading_is_kept_for_the_page(pacs, bench, settled_reader):
    """Document and maps of a reading are in the records, as inference gave them."""
    node = bench(settled_reader)
    uid = send(pacs)
    node.work()
    with node.database.look() as connection:
        kept = readings.get(connection, "own", node.entry(uid).uids)

    assert uid == kept.document["readings"][0]["sop_instance_uid"]
    assert len(kept.document["readings"][0]["findings"]) == len(kept.maps)
    assert kept.document["model"]["name"] in node.entry(uid).model
