"""The demonstration: sends images to a node in a throw-away folder, and collects the results.

Nothing is simulated: Orthanc, C-STORE and REST, the changes feed, a durable job for each
image, inference workers, DICOM results.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Final

from pydicom import Dataset

from hilum import encode
from hilum.demo.images import DemoImage, Route
from hilum.demo.node import demo_node
from hilum.eligibility import Reason
from hilum.files import dicom
from hilum.files.find import file_candidate
from hilum.language import Message
from hilum.node.page_work import restored
from hilum.node.service import Service
from hilum.outcome import Outcome, Read, Status
from hilum.pacs import credentials
from hilum.pacs.credentials import PacsAddress
from hilum.pacs.send import DicomTarget, Sender, deliver, open_sender
from hilum.pacs.send.outcome import ARRIVED
from hilum.records import images, readings
from hilum.records.images import ImageRecord
from hilum.records.states import SETTLED, State
from hilum.settings import Settings

PATIENCE_S: Final = 120.0
"""For how long an image that arrived is waited for."""

STATUS_OF: Final = {State.STORED: Status.READ, State.REFUSED: Status.REFUSED}
"""What a state of the node is called here; any other has failed."""


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """Outcome of one image of the demonstration."""

    image: DemoImage
    outcome: Outcome
    """Read, refused or failed; its path is the image's name."""
    row: Mapping[str, Any]
    """Its row of a hilum.reading/1 document, as the node wrote it."""
    results: tuple[Dataset, ...] = ()
    """What came back from the PACS, in the order in which it was stored."""


def run_demonstration(
    settings: Settings,
    made: Sequence[DemoImage],
    *,
    started: Callable[[Service], None],
    ended: Callable[[Shown], None],
) -> list[Shown]:
    """Start a node of its own, send it the images, and wait for what becomes of each.

    `started` is told once, when the node runs; `ended` of each image, in their order.

    Raises
    ------
    NodeError
        Orthanc is not installed or does not start.
    """
    stop = threading.Event()

    def all_of_them(service: Service) -> list[Shown]:
        try:
            return list(_sent_and_read(service, made, ended))
        finally:
            stop.set()

    with demo_node(settings, stop, page=False) as service:
        started(service)
        with ThreadPoolExecutor(1, "demonstration") as pool:
            shown = pool.submit(all_of_them, service)
            service.run(stop)
            return shown.result()


def _sent_and_read(
    service: Service, made: Sequence[DemoImage], ended: Callable[[Shown], None]
) -> Iterator[Shown]:
    lost = {image.name: why for image in made if (why := send(image, service.address))}
    for image in made:
        if image.name in lost:
            shown = _not_read(
                service, image, Status.FAILED, (Reason("not_sent", lost[image.name]),)
            )
        else:
            shown = _settled(service, image)
        ended(shown)
        yield shown


def _settled(service: Service, image: DemoImage) -> Shown:
    """Wait until the node is done with an image, and return what it made of it."""
    entry = _wait(service, image)
    if entry is None or entry.state not in SETTLED:
        why = Message("the self-test did not finish within {seconds:g} s", seconds=PATIENCE_S)
        return _not_read(service, image, Status.FAILED, (Reason("not_seen", why),))
    with service.context.database.look() as connection:
        kept = readings.get(connection, service.context.archive, entry.uids)
    if entry.state is not State.STORED or kept is None:
        status = STATUS_OF.get(entry.state, Status.FAILED)
        return _not_read(service, image, status, entry.reasons)
    row = {**kept.document["readings"][0], "path": image.name}
    read = Read(restored(kept, None))
    outcome = Outcome(image.name, Status.READ, entry.uids, read.reading.warnings, read)
    fetch = service.context.pacs.fetch
    results = (dicom.parse(fetch(each), name="a result") for each in entry.result_references)
    return Shown(image, outcome, row, tuple(results))


def _wait(service: Service, image: DemoImage) -> ImageRecord | None:
    """Return the image's line once it is settled, or as it is when the patience is over."""
    context = service.context
    if image.uids is None:
        return None
    return images.wait_for(
        context.database, context.archive, image.uids, timeout_s=PATIENCE_S, pause=context.pause
    )


def _not_read(
    service: Service, image: DemoImage, status: Status, reasons: tuple[Reason, ...]
) -> Shown:
    outcome = Outcome(image.name, status, image.uids, reasons=reasons)
    codes = encode.load_codes(service.settings.report.codes_file)
    return Shown(image, outcome, encode.document_row(outcome, codes))


def send(image: DemoImage, address: PacsAddress) -> str:
    """Send one image its own way; return why it did not arrive, or nothing."""
    sender = _sender(image.route, address)
    try:
        candidate = replace(file_candidate(image.path), name=image.path.name)
        (sent,) = deliver([candidate], sender)
    finally:
        sender.close()
    return "" if sent.sent in ARRIVED else sent.detail


def _sender(route: Route, address: PacsAddress) -> Sender:
    if route is Route.C_STORE:
        return open_sender(DicomTarget(address.aet, credentials.LOOPBACK, address.dicom_port))
    return open_sender(address.target())
