"""What goes wrong around the node: outages, kills, deletions, and images that break something."""

from datetime import timedelta
from itertools import islice

import httpx
import pytest

from hilum.eligibility import Reason
from hilum.errors import InferenceTimeout, InferenceWorkerDied, PacsRefused, PacsUnavailable
from hilum.jobs.pause import Stopped
from hilum.node.processed import ProcessedImage
from hilum.node.steps import STORE_ROUNDS
from hilum.outcome import Status
from hilum.records import readings
from hilum.records.states import State
from hilum.runtime.waits import STUMBLES, WHILE_AWAY
from node_tools import Bench, Killed, Recorder, delete_everything, refuse_once, send
from orthanc_server import require, running_orthanc
from radiographs import dicom_file, make_radiograph

pytestmark = pytest.mark.orthanc


def end_of(node: Bench, uid: str) -> tuple[State, list[str]]:
    entry = node.entry(uid)
    return entry.state, [reason.code for reason in entry.reasons]


def test_failed_reading_is_recorded_in_its_own_words(pacs, bench):
    """What inference says of a damaged file ends the job with its text."""
    reason = Reason("unreadable", "the pixels end early")
    node = bench(lambda *_: ProcessedImage(Status.FAILED, (reason,)))
    uid = send(pacs)
    node.work()

    assert (State.FAILED, (reason,)) == (node.entry(uid).state, node.entry(uid).reasons)


@pytest.mark.parametrize(
    ("error", "code"), [(InferenceWorkerDied, "worker_died"), (InferenceTimeout, "too_slow")]
)
def test_lost_worker_is_tried_once_more(pacs, bench, error, code):
    """An image whose worker died or hung is analyzed again once; twice, and it has failed."""
    unlucky, deadly = Recorder(), send(pacs)
    lives = {deadly: 2}

    def read(file, earlier, when):
        answer = unlucky(file, earlier, when)
        if lives.get(unlucky.seen[-1], 0):
            lives[unlucky.seen[-1]] -= 1
            raise error("It ended.", "Look.")
        return answer

    node = bench(read)
    node.work()
    uid = send(pacs)
    lives[uid] = 1
    node.work()

    assert (State.FAILED, [code]) == end_of(node, deadly)
    assert (State.STORED, []) == end_of(node, uid)


def test_lost_earlier_report_does_not_fail_a_new_reading(pacs, bench, faults):
    """When the PACS stumbles over what was said before, the image is read all the same."""
    node = bench()
    uid = send(pacs)
    faults.fault = lambda request: (
        httpx.Response(500, request=request) if request.url.path == "/tools/find" else None
    )
    node.work()

    assert (State.STORED, []) == end_of(node, uid)


def test_image_deleted_before_its_turn_is_gone(pacs, bench):
    """An image that was deleted before it was fetched is noted as gone."""
    node = bench()
    uid = send(pacs)
    node.follow()
    delete_everything(pacs)
    node.work()

    assert ([], (State.GONE, [])) == (node.recorder.seen, end_of(node, uid))


def test_image_deleted_before_it_was_taken_up_is_passed_over(pacs, bench, faults):
    """A change about an image that is not there any more makes no work and no trouble."""
    node = bench()
    send(pacs)
    faults.fault = refuse_once("/simplified-tags", 404)
    node.work()

    assert {} == node.counts()


def test_image_deleted_while_it_is_read_gets_no_results(pacs, bench):
    """Results never bring a study back that was deleted meanwhile."""
    recorder = Recorder()

    def delete_and_read(file, earlier, when):
        delete_everything(pacs)
        return recorder(file, earlier, when)

    node = bench(delete_and_read)
    uid = send(pacs)
    node.work()

    assert (State.GONE, []) == end_of(node, uid)
    assert [] == pacs.request("GET", "/patients").json()


@pytest.mark.parametrize("path", ["/file", "/instances", "/tools/bulk-content", "/study"])
def test_outage_at_any_step_skips_nothing(pacs, bench, faults, path):
    """When the PACS goes away at any step, the job waits in place until it is back."""
    node = bench()
    uid = send(pacs)
    node.follow()
    down = [True]

    def outage(request: httpx.Request) -> httpx.Response | None:
        if down and (request.url.path.endswith(path) or request.url.path == "/system"):
            raise httpx.ConnectError("gone", request=request)
        return None

    faults.fault = outage
    node.pause.meanwhile = lambda: down.clear() if len(node.pause.asked) == 20 else None
    node.work()

    assert (State.STORED, []) == end_of(node, uid)
    assert 1 == node.entry(uid).attempts
    assert 20 == len(node.pause.asked)
    assert 2 == len(pacs.request("GET", "/instances").json())


def test_outage_of_the_feed_is_told_and_changes_nothing(pacs, bench, faults):
    """While the feed does not answer nothing moves."""
    node = bench()
    uid = send(pacs)
    faults.fault = refuse_once("/changes", 503)
    with pytest.raises(PacsUnavailable):
        node.follow()
    node.work()

    assert [uid] == node.recorder.seen


def test_waiting_ends_with_the_process(pacs, bench, faults):
    """A stop while the PACS is away leaves the job as it is, and the next process does it."""
    node = bench()
    uid = send(pacs)
    node.follow()
    faults.fault = lambda request: httpx.Response(503, request=request)
    node.pause.meanwhile = node.pause.stop
    with pytest.raises(Stopped):
        node.do(node.jobs()[0])
    assert State.READING is node.entry(uid).state
    faults.fault = lambda _: None
    again = bench()
    again.work()

    assert (State.STORED, []) == end_of(again, uid)


def test_image_at_which_the_pacs_always_stumbles_fails_in_the_end(pacs, bench, faults):
    """When only one image makes the PACS fail, it is tried a few times, then the next is read."""
    bad, good = send(pacs), send(pacs)
    node = bench()
    (bad_id,) = pacs.find_objects(bad)
    faults.fault = lambda request: (
        httpx.Response(500, request=request)
        if request.url.path.endswith(f"{bad_id}/file")
        else None
    )
    node.work()

    assert list(islice(WHILE_AWAY, STUMBLES)) == node.pause.asked
    assert (State.FAILED, ["pacs"]) == end_of(node, bad)
    assert [good] == node.recorder.seen


def test_lost_password_fails_no_image(pacs, bench, faults):
    """When the PACS lets nobody in any more, images wait; none is marked as failed."""
    node = bench()
    uid = send(pacs)
    faults.fault = lambda request: httpx.Response(401, request=request)
    with pytest.raises(PacsRefused, match="does not accept"):
        node.follow()
    faults.fault = lambda _: None
    node.follow()
    closed = [True]
    faults.fault = lambda request: httpx.Response(401, request=request) if closed else None
    node.pause.meanwhile = lambda: closed.clear() if len(node.pause.asked) == 5 else None
    node.do(node.jobs()[0])

    assert (State.STORED, []) == end_of(node, uid)


def test_result_that_the_pacs_does_not_show_is_no_success(pacs, bench, faults):
    """A job is done only when the archive, asked again, has the results."""
    uploads = []

    def hide(request: httpx.Request) -> httpx.Response | None:
        if request.method == "POST" and request.url.path == "/instances":
            uploads.append(request)
        if request.url.path == "/tools/bulk-content":
            return httpx.Response(200, json=[], request=request)
        return None

    node = bench()
    uid = send(pacs)
    faults.fault = hide
    node.work()

    assert (State.FAILED, ["not_shown"]) == end_of(node, uid)
    assert STORE_ROUNDS == len(uploads)


@pytest.mark.parametrize("step", ["read", "store", "verify", "settle"])
def test_killed_work_is_repeated_without_a_second_result(pacs, bench, step, settled_reader):
    """After a kill before or after any step, each result is there once."""
    for after in (False, True):
        node = bench(settled_reader)
        uid = send(pacs)
        node.follow()
        (job,) = node.jobs()
        do = node.steps[step]

        def die(job, done, do=do, after=after):
            if after:
                do(job, done)
            raise Killed

        node.steps = {**node.steps, step: die}
        with pytest.raises(Killed):
            node.do(job)
        again = node.restarted()
        again.do(job)
        entry = node.entry(uid)
        study = pacs.find("Instance", {"StudyInstanceUID": entry.study_instance_uid})
        with node.database.look() as connection:
            kept = readings.get(connection, "own", entry.uids)

        assert State.STORED is entry.state
        assert 1 + len(entry.results) == len(study)
        assert kept.document["model"]["name"] in entry.model


def test_results_tell_the_time_of_the_first_attempt(pacs, bench):
    """So what one that was killed stored and what the next makes are the same bytes."""
    times = []

    def read(file, earlier, when):
        times.append(when)
        return Recorder()(file, earlier, when)

    node = bench(read)
    send(pacs)
    node.follow()
    (job,) = node.jobs()
    store = node.steps["store"]

    def die(job, done):
        store(job, done)
        raise Killed

    node.steps = {**node.steps, "store": die}
    with pytest.raises(Killed):
        node.do(job)
    again = node.restarted()
    again.late = timedelta(hours=1)
    again.do(job)

    assert 2 == len(times)
    assert times[0] == times[1]


def test_job_of_an_earlier_release_is_stored(pacs, bench):
    """One that remembers what was read alone has its results stored before they are asked for."""
    node = bench()
    uid = send(pacs)
    node.follow()
    (job,) = node.jobs()
    done = node.steps["read"](job, {})
    del done["attempt"]
    done.update(node.restarted().steps["verify"](job, dict(done)))
    node.steps["settle"](job, done)
    entry = node.entry(uid)

    assert State.STORED is entry.state
    assert 1 == len(entry.results) == len(entry.result_references)


def test_who_was_thought_dead_stores_nothing(pacs, bench):
    """Work that another process has begun meanwhile is left to it."""
    node = bench()
    uid = send(pacs)
    node.follow()
    (job,) = node.jobs()
    done = node.steps["read"](job, {})
    node.restarted().steps["read"](job, {})
    done.update(node.steps["store"](job, dict(done)))
    node.steps["settle"](job, done)

    assert "stored_as" not in done
    assert State.READING is node.entry(uid).state


def test_asking_again_reads_a_failed_image(pacs, bench):
    """What failed is read again once a person asks for it, and only then."""
    calls = []

    def stumble_once(file, earlier, when):
        calls.append(when)
        if len(calls) == 1:
            return ProcessedImage(Status.FAILED, (Reason("unreadable", "cut off"),))
        return Recorder()(file, earlier, when)

    node = bench(stumble_once)
    uid = send(pacs)
    node.work()
    node.work()
    assert State.FAILED is node.entry(uid).state
    with node.database.transaction() as connection:
        node.context.queue.retry(connection, "own", [node.entry(uid).uids], node.context.now())
    node.work()

    assert (State.STORED, 2) == (node.entry(uid).state, node.entry(uid).run)


def test_full_disk_pauses_the_node_and_says_so(pacs, bench, caplog):
    """With too little room nothing is taken up or begun; with room again all of it is."""
    node = bench()
    uid = send(pacs)
    node.follow()
    node.context.disk._min_free_bytes = 1 << 62

    def make_room():
        node.context.disk._min_free_bytes = 0
        node.context.disk._next_look = 0.0

    assert node.context.disk.low
    node.pause.meanwhile = make_room
    with caplog.at_level("WARNING", logger="hilum"):
        node.do(node.jobs()[0])

    assert 1 == len(node.pause.asked)
    assert (State.STORED, []) == end_of(node, uid)


def test_job_of_another_pacs_is_no_work_here(pacs, bench):
    """When the settings name another PACS now, what waited for the old one fails and says so."""
    old = bench(archive="http://old:8042")
    uid = send(pacs)
    old.follow()
    new = bench()
    new.do(old.jobs()[0])

    assert (State.FAILED, ["other_pacs"]) == end_of(old, uid)


def test_new_database_is_read_from_its_start(tmp_path):
    """When Orthanc's database was lost, what is sent to the new one is read, all of it."""
    require("Orthanc")
    image = dicom_file(make_radiograph())
    for life in range(2):
        with running_orthanc(tmp_path / f"life-{life}") as server, server.client() as pacs:
            node = Bench(pacs, tmp_path / "data")
            pacs.store(image)
            node.work()

            assert 1 == len(node.recorder.seen)
            assert {State.STORED: 1} == node.counts()
            node.close()


@pytest.mark.parametrize(
    ("url", "start_at", "read"),
    [
        (None, None, 1),
        ("http://pacs:8042", None, 0),
        ("http://pacs:8042", "beginning", 1),
        (None, "now", 0),
    ],
)
def test_first_start_begins_where_it_should(pacs, tmp_path, url, start_at, read):
    """Our own Orthanc is followed from its beginning, somebody's PACS from now on; or as set."""
    before = send(pacs)
    node = Bench(pacs, tmp_path / "data", start_at=start_at)
    settings = node.context.settings.changed("pacs", url=url)
    object.__setattr__(node.context, "settings", settings)
    node.work()
    after = send(pacs)
    node.work()
    node.close()

    assert [before, after][1 - read :] == node.recorder.seen
