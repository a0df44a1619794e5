"""The demonstration: a node in a throw-away folder is sent its images, and what it answers.

Every link is the one that reads patients' images: Orthanc, C-STORE and REST, the changes
feed, a durable job for each image, reader processes, DICOM out. It is the one node whose
demonstration model may read what it is sent: its archive is its own and goes with it.
"""

import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from pydicom import Dataset

from hilum import encode
from hilum.demo.images import DemoImage, Route
from hilum.eligibility import Reason
from hilum.errors import PortTaken
from hilum.files import dicom
from hilum.files.find import file_candidate
from hilum.language import Message
from hilum.node.service import Service
from hilum.node.start import started
from hilum.outcome import Outcome, Read, Status
from hilum.pacs import credentials
from hilum.pacs.credentials import PacsAddress
from hilum.pacs.send import DicomTarget, Sender, deliver, open_sender
from hilum.pacs.send.outcome import ARRIVED
from hilum.predict import models_folder
from hilum.records import images, readings
from hilum.records.images import ImageRecord
from hilum.records.restored import restored
from hilum.records.states import SETTLED, State
from hilum.settings import (
    AnatomyMode,
    AnatomySettings,
    ConstancySettings,
    NodeSettings,
    OidcSettings,
    PacsSettings,
    PageSettings,
    Settings,
    TelemetrySettings,
)

ATTEMPTS: Final = 5
"""Another program may take a port between its choice and Orthanc's start."""


@contextmanager
def demo_node(settings: Settings, stop: threading.Event, *, page: bool = True) -> Iterator[Service]:
    """Start a node that touches nothing outside its own folder; delete that at the end.

    See `own_settings` for what of the user's settings holds here.

    Raises
    ------
    NodeError
        Orthanc is not installed or does not start.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="hilum-demo-")))
        models = models_folder(settings.data_folder)
        if models.is_dir():
            models_folder(folder).symlink_to(models.resolve(), target_is_directory=True)
        for attempt in range(1, ATTEMPTS + 1):
            own = own_settings(settings, folder).changed("page", enabled=page)
            try:
                service = stack.enter_context(started(own, stop, in_demonstration=True))
            except PortTaken:  # by another program, since it was found free
                if attempt == ATTEMPTS:
                    raise
                continue
            yield service
            return


def own_settings(settings: Settings, folder: Path) -> Settings:
    """Return the settings of a node that reaches nothing outside `folder`.

    What the user's settings say of model, pixels, gate, reports and worklist holds here as
    well. What names another database, archive, machine or user does not: results of a
    demonstration go nowhere else, and nobody but this machine reaches its page.
    """
    http_port, dicom_port = free_ports(2)
    pacs, node, page = settings.pacs, settings.node, settings.page
    return settings.model_copy(
        update={
            "data_folder": folder,
            "pacs": PacsSettings(
                program=pacs.program,
                http_port=http_port,
                dicom_port=dicom_port,
                timeout_s=pacs.timeout_s,
            ),
            "node": NodeSettings(
                inference_workers=node.inference_workers,
                inference_timeout_s=node.inference_timeout_s,
                inference_memory_bytes=node.inference_memory_bytes,
                max_file_bytes=node.max_file_bytes,
                min_free_bytes=node.min_free_bytes,
            ),
            "page": PageSettings(
                port=page.port if _is_free(page.port) else 0, ohif_folder=page.ohif_folder
            ),
            "anatomy": _anatomy(settings),
            "oidc": OidcSettings(),
            "telemetry": TelemetrySettings(log_format=settings.telemetry.log_format),
            "constancy": ConstancySettings(),
        }
    )


def _anatomy(settings: Settings) -> AnatomySettings:
    """Return what the user set of the anatomy; else the network that comes with hilum, by click."""
    if settings.anatomy.mode is not AnatomyMode.OFF:
        return settings.anatomy
    return settings.anatomy.model_copy(
        update={"mode": AnatomyMode.ON_CLICK, "model": ANATOMY_DEMONSTRATION}
    )


def _is_free(port: int) -> bool:
    """Whether the page can listen on a port of this machine now."""
    try:
        with socket.create_server((PageSettings().host, port)):
            return True
    except OSError:
        return False


def free_ports(count: int) -> list[int]:
    """Return ports on which nothing listens now."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind((credentials.LOOPBACK, 0))
        return [int(one.getsockname()[1]) for one in sockets]


ANATOMY_DEMONSTRATION: Final = "demonstration-anatomy"
"""Name of the card of the segmentation network that comes with hilum."""

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
            shown = settled(service, image)
        ended(shown)
        yield shown


def settled(service: Service, image: DemoImage) -> Shown:
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
    outcome = Outcome(image.name, Status.READ, entry.uids, entry.reasons, read)
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
