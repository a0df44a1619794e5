"""A PACS that lasts as long as the demonstration does, and what is read in it.

Every link is the real thing: Orthanc, C-STORE and REST, the changes feed, the gate, a
network, DICOM out. Only what makes a node durable (`hilum.jobs`) is left out, because
nothing here outlives the command.
"""

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Self

from pydicom import Dataset

from hilum import PRODUCT, credentials, dicomfile, encode, pipeline
from hilum.arrive import file_candidate
from hilum.arrive.changes import START, follow
from hilum.credentials import PacsAddress
from hilum.demo.images import DemoImage, Route
from hilum.errors import HilumError, PortTaken
from hilum.orthanc import Orthanc
from hilum.outcome import Outcome, Refused, Status
from hilum.pipeline import Reader, Writing
from hilum.settings import Settings
from hilum.store import DicomTarget, Sender, WebTarget, deliver, open_sender
from hilum.store.orthanc_process import OrthancProcess
from hilum.store.outcome import ARRIVED
from hilum.verdict import Reason

MODEL_NAME_TAG: Final = "0008-1090"
"""Manufacturer's Model Name (PS3.3 C.7.5.1): every result of ours has our name there."""

ATTEMPTS: Final = 5
"""Another program may take a port between its choice and Orthanc's start."""


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """What became of one image of the demonstration.

    Attributes
    ----------
    image
        The image.
    outcome
        Read, refused or failed; its path is the image's file name.
    results
        What came back from the PACS, in the order in which it was stored.
    """

    image: DemoImage
    outcome: Outcome
    results: tuple[Dataset, ...]


class Demonstration:
    """A PACS of its own, for as long as the demonstration lasts.

    Parameters
    ----------
    settings
        Those of the node that will be used; the archive is a temporary one.
    reader
        The model; it may be the demonstration model.
    """

    def __init__(self, settings: Settings, reader: Reader) -> None:
        self._settings = settings
        self._reader = reader
        self._stack = ExitStack()
        self._outcomes: dict[str, Outcome] = {}
        self._results: dict[str, tuple[str, ...]] = {}

    def __enter__(self) -> Self:
        with ExitStack() as starting:
            folder = Path(starting.enter_context(TemporaryDirectory(prefix="hilum-demo-")))
            self.address = starting.enter_context(throw_away_pacs(self._settings, folder))
            self.orthanc = starting.enter_context(
                Orthanc(
                    self.address.url,
                    username=self.address.username,
                    password=self.address.secret,
                )
            )
            self._stack = starting.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    def run(self, images: list[DemoImage]) -> Iterator[Shown]:
        """Send each image its own way, read what arrives, and yield what became of each."""
        lost = {image.name: why for image in images if (why := send(image, self.address))}
        self._follow()
        for image in images:
            if image.name in lost:
                reason = Reason("not_sent", lost[image.name])
                outcome = Outcome(image.name, Status.FAILED, reasons=(reason,))
            else:
                outcome = self._outcome(image)
            yield Shown(image, outcome, tuple(self._fetch(image)))

    def _follow(self) -> None:
        """Read all that the feed tells of; results of ours, which come along, are no work."""
        position, more = START, True
        while more:
            page = follow(self.orthanc, position)
            for arrival in page.arrivals:
                if self.orthanc.text(arrival.instance_id, MODEL_NAME_TAG) != PRODUCT:
                    self._take(arrival.instance_id)
            more, position = page.position != position, page.position

    def _take(self, instance_id: str) -> None:
        """Read one image and store its results beside it."""
        uid = self.orthanc.describe(instance_id).sop_instance_uid
        when = datetime.now(UTC).astimezone()
        results: Sequence[Dataset] = ()
        try:
            dataset = dicomfile.parse(self.orthanc.file(instance_id), name="the instance")
            result = pipeline.process(dataset, self._reader, writing=Writing(when))
            if isinstance(result, Refused):
                outcome = Outcome(uid, Status.REFUSED, uid, reasons=result.reasons)
                results = result.objects
            else:
                warnings = result.reading.warnings
                outcome = Outcome(uid, Status.READ, uid, reasons=warnings, read=result)
                results = () if result.written is None else result.written.objects
        except HilumError as exc:
            reasons = (Reason("unreadable", str(exc)),)
            outcome = Outcome(uid, Status.FAILED, uid, reasons=reasons)
        for each in results:
            self.orthanc.upload(encode.to_bytes(each))
        self._outcomes[uid] = outcome
        self._results[uid] = tuple(str(each.SOPInstanceUID) for each in results)

    def _outcome(self, image: DemoImage) -> Outcome:
        """Return what became of an image that arrived."""
        if image.sop_instance_uid in self._outcomes:
            return replace(self._outcomes[image.sop_instance_uid], path=image.name)
        reasons = (Reason("not_seen", "it was not in the feed of the PACS"),)
        return Outcome(image.name, Status.FAILED, image.sop_instance_uid, reasons=reasons)

    def _fetch(self, image: DemoImage) -> Iterator[Dataset]:
        """Yield the results of one image as the PACS gives them."""
        for uid in self._results.get(image.sop_instance_uid, ()):
            instance = self.orthanc.find_instance(uid)
            if instance is not None:
                yield dicomfile.parse(self.orthanc.file(instance), name="a result")


def send(image: DemoImage, address: PacsAddress) -> str:
    """Send one image its own way; return why it did not arrive, or nothing."""
    sender = _sender(image.route, address)
    try:
        (sent,) = deliver([file_candidate(image.path)], sender)
    finally:
        sender.close()
    return "" if sent.sent in ARRIVED else sent.detail.replace(str(image.path), image.path.name)


def _sender(route: Route, address: PacsAddress) -> Sender:
    if route is Route.C_STORE:
        return open_sender(DicomTarget(address.aet, credentials.LOOPBACK, address.dicom_port))
    return open_sender(
        WebTarget(address.url, username=address.username, password=address.password, dicomweb=False)
    )


@contextmanager
def throw_away_pacs(settings: Settings, folder: Path) -> Iterator[PacsAddress]:
    """Start an Orthanc on free ports that keeps everything below `folder`.

    Raises
    ------
    NodeError
        Orthanc is not installed or does not start.
    """
    for attempt in range(1, ATTEMPTS + 1):
        http_port, dicom_port = free_ports(2)
        own = settings.model_copy(update={"data_folder": folder}).changed(
            "pacs",
            url=None,
            dicom_host=None,
            dicom_port=dicom_port,
            http_port=http_port,
        )
        address = credentials.load_or_generate(own)
        process = OrthancProcess(own, address)
        try:
            process.start(threading.Event())
        except PortTaken:
            if attempt == ATTEMPTS:
                raise
            continue
        with process:
            yield address
        return


def free_ports(count: int) -> list[int]:
    """Return ports on which nothing listens now."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind((credentials.LOOPBACK, 0))
        return [int(one.getsockname()[1]) for one in sockets]
