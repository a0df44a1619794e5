"""What goes wrong around the node: outages, kills, deletions, and images that break something."""

import threading

import httpx
import pytest

from hilum.errors import PacsError, PacsRefused, PacsUnavailable, RadiographRefused
from hilum.jobs.states import State
from hilum.node.one_by_one import MAX_ATTEMPTS, InstanceOutcome
from hilum.settings import Settings
from hilum.verdict import Reason
from node_tools import Recorder, node_of, own_orthanc, refuse_once, send, work
from orthanc_server import free_ports, require
from radiographs import dicom_file, make_radiograph

pytestmark = pytest.mark.orthanc


def test_broken_image_stops_nobody_else(pacs, ledger):
    """A fault that one image shows is written down; the images after it are read."""
    handler = Recorder()
    uids = [send(pacs), send(pacs)]

    def stumble(file: bytes) -> InstanceOutcome:
        if uids[0].encode() in file:
            raise ZeroDivisionError("Generated^Radiograph")
        return handler(file)

    work(node_of(pacs, ledger, stumble))

    assert (State.FAILED, "bug") == (
        ledger.entry(uids[0]).state,
        ledger.entry(uids[0]).reasons[0].code,
    )
    assert "Generated" not in ledger.entry(uids[0]).reasons[0].text
    assert [uids[1]] == handler.seen


def test_error_of_ours_is_recorded_in_its_own_words(pacs, ledger):
    """An error that the pipeline raises on purpose ends the job with its text."""

    def refuse(_: bytes) -> InstanceOutcome:
        raise RadiographRefused([Reason("cut_off", "the pixels end early")])

    uid = send(pacs)
    work(node_of(pacs, ledger, refuse))

    assert State.FAILED is ledger.entry(uid).state
    assert "the pixels end early" in ledger.entry(uid).reasons[0].text


def test_image_deleted_before_its_turn_is_gone(pacs, ledger, faults):
    """An image that was deleted before it was fetched is noted as gone."""
    handler = Recorder()
    send(pacs)
    faults.fault = refuse_once("/file", 404)
    work(node_of(pacs, ledger, handler))

    assert ([], {State.GONE: 1}) == (handler.seen, ledger.counts())


def test_image_deleted_while_it_is_read_gets_no_results(pacs, ledger):
    """Results never bring a study back that was deleted meanwhile."""

    def delete_and_read(file: bytes) -> InstanceOutcome:
        for patient in pacs.request("GET", "/patients").json():
            pacs.request("DELETE", f"/patients/{patient}")
        return Recorder()(file)

    send(pacs)
    work(node_of(pacs, ledger, delete_and_read))

    assert {State.GONE: 1} == ledger.counts()
    assert [] == pacs.request("GET", "/patients").json()


@pytest.mark.parametrize("path", ["/changes", "/file", "/instances", "/tools/lookup"])
def test_outage_at_any_step_skips_nothing(pacs, ledger, faults, path):
    """When the PACS goes away at any step, the image is finished once it is back."""
    uid = send(pacs)
    handler = Recorder()
    node = node_of(pacs, ledger, handler)
    down = [True]

    def outage(request: httpx.Request) -> httpx.Response | None:
        if down and (request.url.path.endswith(path) or request.url.path == "/system"):
            raise httpx.ConnectError("gone", request=request)
        return None

    faults.fault = outage
    with pytest.raises(PacsUnavailable):
        work(node)
    down.clear()
    work(node)

    assert (State.STORED, 1) == (ledger.entry(uid).state, ledger.entry(uid).attempts)
    assert 2 == len(pacs.request("GET", "/instances").json())


def test_image_at_which_the_pacs_always_stumbles_fails_in_the_end(pacs, ledger, faults):
    """When only one image makes the PACS fail, it is tried a few times, then the next is read."""
    bad, good = send(pacs), send(pacs)
    handler = Recorder()
    node = node_of(pacs, ledger, handler)
    bad_id = pacs.find_instance(bad)
    faults.fault = lambda request: (
        httpx.Response(500, request=request)
        if request.url.path.endswith(f"{bad_id}/file")
        else None
    )
    stumbles = 0
    for _ in range(2 * MAX_ATTEMPTS):
        try:
            work(node)
        except PacsError:
            stumbles += 1

    assert MAX_ATTEMPTS - 1 == stumbles
    assert (State.FAILED, "pacs") == (ledger.entry(bad).state, ledger.entry(bad).reasons[0].code)
    assert [good] == handler.seen


def test_lost_password_fails_no_image(pacs, ledger, faults):
    """When the PACS lets nobody in any more, images wait; none is marked as failed."""
    uid = send(pacs)
    node = node_of(pacs, ledger, Recorder())
    faults.fault = lambda request: httpx.Response(401, request=request)
    with pytest.raises(PacsRefused, match="does not accept"):
        work(node)
    faults.fault = lambda _: None
    work(node)

    assert State.STORED is ledger.entry(uid).state


def test_result_that_the_pacs_does_not_show_is_no_success(pacs, ledger, faults):
    """A job is done only when the archive, asked again, has the results."""
    uid = send(pacs)
    faults.fault = lambda request: (
        httpx.Response(200, json=[], request=request)
        if request.url.path == "/tools/lookup"
        else None
    )
    work(node_of(pacs, ledger, Recorder()))

    assert (State.FAILED, "not_shown") == (
        ledger.entry(uid).state,
        ledger.entry(uid).reasons[0].code,
    )


def test_killed_work_is_repeated_without_a_second_result(pacs, ledger):
    """After a kill between storing and writing down, the same result is there once."""
    uid = send(pacs)
    handler = Recorder()

    class Killed(BaseException):
        """What no handler of errors may catch."""

    def die(file: bytes) -> InstanceOutcome:
        pacs.upload(handler(file).results[0].file)
        raise Killed

    with pytest.raises(Killed):
        work(node_of(pacs, ledger, die))
    assert State.READING is ledger.entries((State.READING,))[0].state
    work(node_of(pacs, ledger, handler))

    assert State.STORED is ledger.entry(uid).state
    assert 2 == len(pacs.request("GET", "/instances").json())


def test_image_that_kills_the_node_fails_in_the_end(pacs, ledger):
    """An image at which the process ended again and again is given up, with that reason."""
    uid = send(pacs)

    class Killed(BaseException):
        """What no handler of errors may catch."""

    def die(_: bytes) -> InstanceOutcome:
        raise Killed

    node = node_of(pacs, ledger, die)
    for _ in range(MAX_ATTEMPTS):
        with pytest.raises(Killed):
            work(node)
    work(node)
    (entry,) = ledger.entries((State.FAILED,))

    assert "stopped_the_node" == entry.reasons[0].code
    assert pacs.find_instance(uid) == entry.instance_id


def test_asking_again_reads_a_failed_image(pacs, ledger):
    """What failed is read again once a person asks for it."""

    def stumble(_: bytes) -> InstanceOutcome:
        raise ZeroDivisionError

    uid = send(pacs)
    work(node_of(pacs, ledger, stumble))
    handler = Recorder()
    node = node_of(pacs, ledger, handler)
    work(node)
    assert [] == handler.seen
    (failed,) = ledger.entries((State.FAILED,))
    ledger.ask_again([failed.instance_id])
    work(node)

    assert ([uid], State.STORED) == (handler.seen, ledger.entry(uid).state)


def test_run_waits_out_an_outage(pacs, ledger, faults):
    """The loop goes on by itself once the PACS is back."""
    stop = threading.Event()
    uid = send(pacs)

    def read_and_stop(file: bytes) -> InstanceOutcome:
        stop.set()
        return Recorder()(file)

    faults.fault = refuse_once("/changes", 503)
    node_of(pacs, ledger, read_and_stop).run(stop)

    assert State.STORED is ledger.entry(uid).state


def test_new_database_is_read_from_its_start(tmp_path, ledger):
    """When Orthanc's database was lost, what is sent to the new one is read, all of it."""
    require("Orthanc")
    http_port, dicom_port = free_ports(2)
    ports = {"http_port": http_port, "dicom_port": dicom_port}
    image = dicom_file(make_radiograph())
    handler = Recorder()
    for life in range(2):
        settings = Settings.load(data_folder=tmp_path / f"life-{life}").changed("pacs", **ports)
        with own_orthanc(settings) as pacs:
            pacs.upload(image)
            work(node_of(pacs, ledger, handler))

    assert 2 == len(handler.seen)
    assert 1 == len(ledger.entries((State.STORED,)))
