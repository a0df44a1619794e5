"""What the tests of the node share: a handler that remembers, and faults on the way."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
from pydicom import Dataset, dcmread
from pydicom.filebase import DicomBytesIO

from hilum.credentials import load_or_generate
from hilum.jobs.ledger import Ledger
from hilum.node.one_by_one import Handler, InstanceOutcome, Node, Result
from hilum.orthanc import Orthanc
from hilum.outcome import Status
from hilum.settings import NodeSettings, Settings
from hilum.store.orthanc_process import OrthancProcess
from radiographs import dicom_file, make_radiograph

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


@contextmanager
def own_orthanc(settings: Settings) -> Iterator[Orthanc]:
    address = load_or_generate(settings)
    with OrthancProcess(settings, address) as process:
        process.start(NO_STOP)
        with Orthanc(address.url, username=address.username, password=address.secret) as orthanc:
            yield orthanc
