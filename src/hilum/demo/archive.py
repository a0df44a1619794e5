"""A PACS and a node that last as long as the demonstration does.

Every link is the real thing: Orthanc, C-STORE and REST, the gate, a network, DICOM out.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Self

from pydicom import Dataset

from hilum import credentials, dicomfile
from hilum.arrive import file_candidate
from hilum.credentials import PacsAddress
from hilum.demo.images import DemoImage, Route
from hilum.errors import PortTaken
from hilum.handler import build_handler
from hilum.jobs.ledger import Ledger, ledger_file
from hilum.node.one_by_one import Node
from hilum.orthanc import Orthanc
from hilum.outcome import Outcome, Status
from hilum.pipeline import Reader
from hilum.settings import Settings
from hilum.store import DicomTarget, Sender, WebTarget, deliver, open_sender
from hilum.store.orthanc_process import OrthancProcess
from hilum.store.outcome import ARRIVED
from hilum.verdict import Reason

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
    """A PACS and a node of their own, for as long as the demonstration lasts.

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
            self._ledger = starting.enter_context(Ledger(ledger_file(folder), self.address.url))
            self._stack = starting.pop_all()
        handler = build_handler(self._reader, listener=self._note)
        self._node = Node(
            self.orthanc,
            self._ledger,
            find_handler=lambda: handler,
            settings=self._settings.node,
        )
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    def run(self, images: list[DemoImage]) -> Iterator[Shown]:
        """Send each image its own way, let the node work, and yield what became of each."""
        lost = {image.name: why for image in images if (why := self._send(image))}
        stop = threading.Event()
        while self._node.step(stop):
            pass
        for image in images:
            if image.name in lost:
                reason = Reason("not_sent", lost[image.name])
                outcome = Outcome(image.name, Status.FAILED, reasons=(reason,))
            else:
                outcome = self._outcome(image)
            yield Shown(image, outcome, tuple(self._fetch(image)))

    def _send(self, image: DemoImage) -> str:
        """Send one image; return why it did not arrive, or nothing."""
        sender = self._sender(image.route)
        try:
            (sent,) = deliver([file_candidate(image.path)], sender)
        finally:
            sender.close()
        return "" if sent.sent in ARRIVED else sent.detail.replace(str(image.path), image.path.name)

    def _sender(self, route: Route) -> Sender:
        if route is Route.C_STORE:
            return open_sender(
                DicomTarget(self.address.aet, credentials.LOOPBACK, self.address.dicom_port)
            )
        return open_sender(
            WebTarget(
                self.address.url,
                username=self.address.username,
                password=self.address.password,
                dicomweb=False,
            )
        )

    def _note(self, outcome: Outcome) -> None:
        if outcome.sop_instance_uid is not None:
            self._outcomes[outcome.sop_instance_uid] = outcome

    def _outcome(self, image: DemoImage) -> Outcome:
        """Return what the node made of an image; the ledger knows also what broke."""
        if image.sop_instance_uid in self._outcomes:
            return replace(self._outcomes[image.sop_instance_uid], path=image.name)
        entry = self._ledger.entry(image.sop_instance_uid)
        reasons = entry.reasons if entry else (Reason("not_seen", "the node did not see it"),)
        return Outcome(image.name, Status.FAILED, image.sop_instance_uid, reasons=reasons)

    def _fetch(self, image: DemoImage) -> Iterator[Dataset]:
        """Yield the results of one image as the PACS gives them."""
        entry = self._ledger.entry(image.sop_instance_uid)
        for uid in entry.results if entry else ():
            instance = self.orthanc.find_instance(uid)
            if instance is not None:
                yield dicomfile.parse(self.orthanc.file(instance), name="a result")


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
