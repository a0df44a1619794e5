"""What the tests of the node share: an inference stand-in that remembers, and faults on the way."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from pydicom import Dataset, dcmread
from pydicom.filebase import DicomBytesIO

from databases import sqlite_at
from hilum.jobs.pause import Pause, Stopped
from hilum.jobs.queue import Queue
from hilum.node.disk import DiskWatch
from hilum.node.follower import Follower
from hilum.node.processed import ProcessedImage, Result
from hilum.node.steps import JOINED, REPEATED, NodeContext, Steps
from hilum.outcome import Status
from hilum.pacs.archive import Archive
from hilum.pacs.orthanc.archive import OrthancArchive
from hilum.pacs.plain_http import PlainTransport
from hilum.records import Database, images
from hilum.records.images import ImageRecord
from hilum.records.job import Job
from hilum.records.states import UNSETTLED, State
from hilum.settings import DeliverySettings, Settings
from hilum.settings.pacs import QuerySource
from radiographs import dicom_file, make_radiograph

ARCHIVE = "own"


class Recorder:
    """Reads nothing: remembers what it was given and answers with one result of ours."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.urgent: list[str] = []

    def __call__(
        self, file: bytes, _earlier: Sequence[bytes], _when: datetime, *, urgent: bool = False
    ) -> ProcessedImage:
        source = dcmread(DicomBytesIO(file))
        uid = str(source.SOPInstanceUID)
        self.seen.append(uid)
        self.urgent += [uid] if urgent else []
        return ProcessedImage(Status.READ, results=(result_of(source),))


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
        self._way = PlainTransport()
        self.fault: Callable[[httpx.Request], httpx.Response | None] = lambda _: None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self.fault(request) or self._way.handle_request(request)

    def close(self) -> None:
        self._way.close()


class Shortened(Pause):
    """A pause that takes no time, but lets a test do something meanwhile.

    What waits for another program needs real time: a test gives it, in `meanwhile`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: Callable[[], None] = lambda: None
        self.asked: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.asked.append(seconds)
        if self._stop.is_set() or len(self.asked) > 1000:
            raise Stopped
        self.meanwhile()


class Killed(BaseException):
    """The end of the process, as a test plays it: nothing may catch it."""


class Bench:
    """A node whose jobs are worked on one after the other, by the test itself.

    The engine that does this in earnest has tests of its own (tests/jobs), and all of it
    together in tests/acceptance.
    """

    def __init__(
        self,
        pacs: OrthancArchive,
        folder: Path,
        read: Any = None,
        archive: str = ARCHIVE,
        *,
        deliveries: DeliverySettings | None = None,
        query: Sequence[QuerySource] = (),
        **node: Any,
    ) -> None:
        self.recorder = Recorder()
        self.pacs = pacs
        settings = Settings.load(data_folder=folder, deliveries=deliveries or DeliverySettings())
        settings = settings.changed("node", **{"min_free_bytes": 0, **node})
        settings = settings.changed("pacs", query=tuple(query))
        self.database = Database(sqlite_at(folder / "hilum.sqlite"))
        self.pause = Shortened()
        self.late = timedelta(0)
        self.context = NodeContext(
            self.database,
            Queue(self.database),
            archive,
            pacs,
            read or self.recorder,
            settings,
            DiskWatch(folder, settings.node.min_free_bytes),
            self.pause,
            actor="node@test",
            now=lambda: datetime.now(UTC) + self.late,
        )
        self.follower = Follower(self.context)
        self.follower.intake.held = False
        self.steps = Steps(self.context).by_name()
        self.states: dict[str, dict[str, Any]] = {}

    def close(self) -> None:
        self.database.close()

    def follow(self) -> None:
        """Take up all there is."""
        while self.follower.step():
            pass

    def jobs(self) -> list[Job]:
        """Return what is to be done, in the order of arrival."""
        with self.database.look() as connection:
            found = images.entries(connection, self.context.archive, UNSETTLED)
        return [entry.job for entry in reversed(found)]

    def do(self, job: Job) -> None:
        """Do the steps of one job that are not remembered, as the engine does."""
        remembered = self.states.setdefault(job.id, {})
        state = dict(remembered)
        *before, (_, last) = self.steps.items()
        names = [name for name, _ in before]
        for (name, step), following in zip(before, [*names[1:], ""], strict=True):
            if "end" not in state and name not in state.get("done", ()):
                state.update(step(job, dict(state)), done=[*state.get("done", ()), name])
                if name not in REPEATED and following not in JOINED:
                    remembered.update(state)
        remembered.update(state | last(job, dict(state)))

    def work(self) -> None:
        """Take up and do all there is to do."""
        self.follow()
        for job in self.jobs():
            self.do(job)
        self.follow()

    def entry(self, identifier: str) -> ImageRecord:
        with self.database.look() as connection:
            found = images.called(connection, self.context.archive, identifier)
        assert 1 == len(found), f"{len(found)} images are called {identifier}"
        return found[0]

    def counts(self) -> dict[State, int]:
        with self.database.look() as connection:
            return images.counts(connection, self.context.archive)

    def restarted(self) -> "Bench":
        """Return a node on the same records that knows nothing by heart."""
        again = Bench.__new__(Bench)
        again.__dict__.update(self.__dict__)
        again.steps = Steps(self.context).by_name()
        return again


def send(pacs: Archive, **attributes: str) -> str:
    """Send a generated radiograph; return its SOP Instance UID."""
    image = make_radiograph(**attributes)
    pacs.store(dicom_file(image))
    return str(image.SOPInstanceUID)


def delete_everything(pacs: OrthancArchive) -> None:
    """Delete all patients."""
    for patient in pacs.request("GET", "/patients").json():
        pacs.request("DELETE", f"/patients/{patient}")


def refuse_once(path: str, status: int) -> Callable[[httpx.Request], httpx.Response | None]:
    """Return a fault: the first request whose path ends like `path` gets `status`."""
    left = [status]

    def fault(request: httpx.Request) -> httpx.Response | None:
        if request.url.path.endswith(path) and left:
            return httpx.Response(left.pop(), request=request)
        return None

    return fault
