"""The node on a real Orthanc: what arrives is read once, and nothing is lost or skipped."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from pydicom import Dataset, dcmread
from pydicom.filebase import DicomBytesIO
from pydicom.uid import generate_uid

from hilum.credentials import load_or_generate
from hilum.errors import PacsError, PacsRefused, PacsUnavailable, RadiographRefused
from hilum.jobs.ledger import Ledger, ledger_file
from hilum.jobs.states import State
from hilum.node import MAX_ATTEMPTS, Handler, InstanceOutcome, Node, Result
from hilum.orthanc import Orthanc
from hilum.outcome import Status
from hilum.settings import NodeSettings, Settings
from hilum.store.orthanc_process import OrthancProcess
from hilum.verdict import Reason
from orthanc_server import OrthancServer, free_ports, require
from radiographs import dicom_file, make_radiograph

pytestmark = pytest.mark.orthanc

NO_STOP = threading.Event()


class Recorder:
    """A handler that remembers what it was given and answers with one result of ours."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def __call__(self, file: bytes) -> InstanceOutcome:
        source = dcmread(DicomBytesIO(file))
        self.seen.append(str(source.SOPInstanceUID))
        return InstanceOutcome(Status.READ, results=(result_of(source),))


def result_of(source: Dataset) -> Result:
    """Return an object of ours about `source`, under the same UID whenever it is made."""
    uid = f"{source.SOPInstanceUID[:60]}.9"
    made = make_radiograph(
        SOPInstanceUID=uid,
        SeriesInstanceUID=f"{uid}.1"[:64],
        StudyInstanceUID=source.StudyInstanceUID,
        ManufacturerModelName="hilum",
    )
    return Result(uid, dicom_file(made))


class Faults(httpx.BaseTransport):
    """The way to the real Orthanc, with faults where a test wants them."""

    def __init__(self) -> None:
        self._way = httpx.HTTPTransport()
        self.fault: Callable[[httpx.Request], httpx.Response | None] = lambda _: None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self.fault(request) or self._way.handle_request(request)

    def close(self) -> None:
        self._way.close()


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def pacs(empty_orthanc: OrthancServer, faults: Faults) -> Iterator[Orthanc]:
    server = empty_orthanc
    with Orthanc(
        server.url, username=server.username, password=server.password, transport=faults
    ) as client:
        yield client


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(ledger_file(tmp_path / "data"), "own") as opened:
        yield opened


def node_of(pacs: Orthanc, ledger: Ledger, handler: Handler | None, **settings: object) -> Node:
    return Node(pacs, ledger, find_handler=lambda: handler, settings=NodeSettings(**settings))


def send(pacs: Orthanc, **attributes: object) -> str:
    """Send a new image; return its SOP Instance UID."""
    image = make_radiograph(**attributes)
    pacs.upload(dicom_file(image))
    return str(image.SOPInstanceUID)


def work(node: Node) -> None:
    """Let the node do all there is to do."""
    while node.step(NO_STOP):
        pass


def refuse_once(path: str, status: int) -> Callable[[httpx.Request], httpx.Response | None]:
    """Return a fault: the first request whose path ends like `path` gets `status`."""
    left = [status]

    def fault(request: httpx.Request) -> httpx.Response | None:
        if request.url.path.endswith(path) and left:
            return httpx.Response(left.pop(), request=request)
        return None

    return fault


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


@contextmanager
def own_orthanc(settings: Settings) -> Iterator[Orthanc]:
    address = load_or_generate(settings)
    with OrthancProcess(settings, address) as process:
        process.start(NO_STOP)
        with Orthanc(address.url, username=address.username, password=address.secret) as orthanc:
            yield orthanc


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


def test_events_name_no_patient(pacs, ledger, caplog):
    """The log has the instance and how it ended, and nothing of the patient."""
    uid = send(pacs, PatientName="Somebody^Special", PatientID=generate_uid())
    with caplog.at_level("INFO", logger="hilum"):
        work(node_of(pacs, ledger, Recorder()))
    facts = [record.facts for record in caplog.records]

    assert [uid] == [each["sop_instance_uid"] for each in facts]
    assert "Special" not in str(facts)
