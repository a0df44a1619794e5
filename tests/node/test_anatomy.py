"""The anatomy of images that were read: asked for once, measured later, stored exactly once."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from hilum import phantom
from hilum.errors import InferenceWorkerDied, RadiographRefused
from hilum.jobs.pause import Pause, Stopped
from hilum.jobs.workflow import END
from hilum.node.anatomy import AnatomyMeasurer, AnatomyWorker, ask, asking_after
from hilum.node.anatomy_file import measured
from hilum.node.inference_pool import InferenceWorker
from hilum.node.processed import MeasuredAnatomy
from hilum.records import anatomies, audit, retention
from hilum.records.anatomies import AnatomyRecord, AnatomyState
from hilum.records.images import ImageRecord
from hilum.records.states import State
from hilum.records.stored_reading import StoredReading
from hilum.settings import AnatomyMode, NodeMode
from hilum.settings.sources import write_page_values
from memory_archive import MemoryArchive
from node_tools import Bench, Killed
from radiographs import dicom_file

Work = Callable[[bytes, datetime, StoredReading | None], MeasuredAnatomy]


@pytest.fixture
def archive() -> MemoryArchive:
    return MemoryArchive()


@pytest.fixture
def node(archive: MemoryArchive, tmp_path: Path, settled_reader: Any) -> Iterator[Bench]:
    """Return a node that reads, and whose settings let anatomy be asked for by click."""
    made = Bench(archive, tmp_path, settled_reader)
    switched(made, AnatomyMode.ON_CLICK)
    yield made
    made.close()


def switched(node: Bench, mode: AnatomyMode) -> None:
    """Let the settings of a node say when anatomy is measured, with the shipped network."""
    settings = node.context.settings.changed("anatomy", mode=mode, model="demonstration-anatomy")
    node.context = replace(node.context, settings=settings)
    node.steps = {**node.steps, "settle": asking_after(node.context, node.steps["settle"])}


@pytest.fixture
def image(archive: MemoryArchive, node: Bench) -> ImageRecord:
    """Return a phantom that was read."""
    return read(archive, node)


def read(archive: MemoryArchive, node: Bench, findings: tuple[str, ...] = ()) -> ImageRecord:
    """Let a node read a phantom."""
    made = phantom.make(31, findings=findings, size=256).dataset
    archive.store(dicom_file(made))
    node.work()
    return node.entry(str(made.SOPInstanceUID))


@pytest.fixture
def work(node: Bench) -> Work:
    """Return what measures, in this process."""
    settings = node.context.settings

    def measure(file: bytes, when: datetime, reading: StoredReading | None) -> MeasuredAnatomy:
        return measured(file, settings, when, reading, in_demonstration=True)

    return measure


def record(node: Bench, image: ImageRecord) -> AnatomyRecord | None:
    """Return what is written down about the anatomy of an image."""
    with node.database.look() as connection:
        return anatomies.entry(connection, image.archive, image.uids)


def ours(archive: MemoryArchive) -> list[str]:
    """Return the UIDs of masks and measurements that an archive has."""
    return sorted(
        str(each.dataset.SOPInstanceUID)
        for each in archive.kept.values()
        if each.dataset.get("SeriesNumber") in {909, 910}
    )


def test_anatomy_that_was_asked_for_is_stored(archive, node, image, work):
    """Masks and measurements lie beside the image, and the page has what they say."""
    assert ask(node.context, image.job)
    AnatomyMeasurer(node.context, work)(image.job, 1)
    found = record(node, image)
    assert found is not None
    assert found.document is not None

    assert AnatomyState.MEASURED is found.state
    assert list(found.results) == sorted(found.results, key=found.results.index)
    assert sorted(found.results) == ours(archive)
    assert 2 == len(found.results)
    assert 0.3 < found.document["cardiothoracic_ratio"] < 0.7
    assert any("ardiothoracic ratio" in text for text in found.said)
    with node.database.look() as connection:
        assert "anatomy.measured" in [each.line.action for each in audit.lines(connection)]


def test_it_is_asked_for_once(node, image):
    """A second click while it waits, or after, changes nothing."""
    assert [True, False] == [ask(node.context, image.job) for _ in range(2)]


def test_work_done_twice_is_stored_once(archive, node, image, work):
    """Killed after storing and before that was written down: the same objects, the same bytes."""
    ask(node.context, image.job)

    class Dies(AnatomyMeasurer):
        def _store(self, *given):
            super()._store(*given)
            raise Killed

    with pytest.raises(Killed):
        Dies(node.context, work)(image.job, 1)
    before = {uid: each.file for uid, each in archive.kept.items()}
    AnatomyMeasurer(node.context, work)(image.job, 1)

    assert before == {uid: each.file for uid, each in archive.kept.items()}
    assert 2 == len(ours(archive))
    found = record(node, image)
    assert found is not None
    assert AnatomyState.MEASURED is found.state


def test_anatomy_of_a_silent_image_is_recorded_alone(archive, node, work):
    """The PACS is told nothing of what was found."""
    write_page_values(node.context.settings.data_folder, {"node": {"mode": NodeMode.SILENT}})
    image = read(archive, node)
    ask(node.context, image.job)
    AnatomyMeasurer(node.context, work)(image.job, 1)
    found = record(node, image)
    assert found is not None

    assert (AnatomyState.MEASURED, ()) == (found.state, found.results)
    assert found.document is not None
    assert [image.sop_instance_uid] == [
        str(each.dataset.SOPInstanceUID) for each in archive.kept.values()
    ]


def test_done_work_is_not_done_again(node, image, work):
    """A job that comes back after its end finds nothing to do."""
    ask(node.context, image.job)
    calls = []

    def counted(*given):
        calls.append(given)
        return work(*given)

    measurer = AnatomyMeasurer(node.context, counted)
    for _ in range(2):
        measurer(image.job, 1)

    assert 1 == len(calls)


def test_lost_process_is_tried_again(node, image, work):
    """Once; then the anatomy has failed, and the findings stay."""
    ask(node.context, image.job)
    left = [1]

    def dies_once(*given):
        if left:
            left.pop()
            raise InferenceWorkerDied("It ended.", "Look.")
        return work(*given)

    AnatomyMeasurer(node.context, dies_once)(image.job, 1)
    found = record(node, image)
    assert found is not None

    assert AnatomyState.MEASURED is found.state


def test_process_killed_in_the_middle_leaves_one_anatomy(
    archive, node, image, tmp_path: Path, monkeypatch
):
    """A real kill -9, while it reads the image: another process measures, and all is there once."""
    ask(node.context, image.job)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    given = [str(pipe)]
    with AnatomyWorker(node.context.settings, node.context.pause, in_demonstration=True) as worker:
        process = worker._worker
        first = process.call(60, os.getpid)
        holding = process.buffer.holding

        @contextmanager
        def held(file: bytes) -> Iterator[str]:
            with holding(file) as path:
                yield given.pop() if given else str(path)

        def kill() -> None:
            end = os.open(pipe, os.O_WRONLY)  # once the process has opened it to read
            os.kill(first, signal.SIGKILL)
            os.close(end)

        monkeypatch.setattr(process.buffer, "holding", held)
        killer = Thread(target=kill)
        killer.start()
        AnatomyMeasurer(node.context, worker)(image.job, 1)
        killer.join()
        second = process.call(60, os.getpid)
    found = record(node, image)
    assert found is not None

    assert first != second
    assert (AnatomyState.MEASURED, 1) == (found.state, found.attempt)
    assert sorted(found.results) == ours(archive)
    assert 2 == len(found.results)


def test_node_that_stops_waits_for_no_anatomy(node, monkeypatch):
    """The job is left as it is, and done after the next start."""
    pause, over = Pause(), Event()
    monkeypatch.setattr(InferenceWorker, "hand_over", lambda *_given: over.wait(60))
    with AnatomyWorker(node.context.settings, pause, in_demonstration=True) as worker:
        pause.stop()
        with pytest.raises(Stopped):
            worker(b"an image that takes long", datetime.now().astimezone(), None)
        over.set()


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        (InferenceWorkerDied("It ended.", "Look."), "It ended"),
        (RadiographRefused(()), ""),
    ],
)
def test_failure_says_why_and_can_be_asked_for_again(node, image, work, problem, said):
    """What failed is asked for anew by a click, as another attempt."""
    ask(node.context, image.job)

    def fails(*_given):
        raise problem

    AnatomyMeasurer(node.context, fails)(image.job, 1)
    found = record(node, image)
    assert found is not None

    assert AnatomyState.FAILED is found.state
    assert said in found.why
    assert State.STORED is node.entry(image.sop_instance_uid).state
    assert ask(node.context, image.job)
    AnatomyMeasurer(node.context, work)(image.job, 2)
    again = record(node, image)
    assert again is not None
    assert (AnatomyState.MEASURED, 2, "") == (again.state, again.attempt, again.why)


def test_deleted_image_keeps_no_anatomy(archive, node, image, work):
    """What was stored for an image that is gone goes too."""
    ask(node.context, image.job)

    def deleted_meanwhile(*given):
        archive.delete(image.reference)
        return work(*given)

    AnatomyMeasurer(node.context, deleted_meanwhile)(image.job, 1)
    found = record(node, image)
    assert found is not None

    assert AnatomyState.FAILED is found.state
    assert [] == ours(archive)


@pytest.mark.parametrize(
    ("mode", "findings", "expected"),
    [
        (AnatomyMode.ON_CLICK, ("cardiomegaly",), False),
        (AnatomyMode.CARDIOMEGALY, ("cardiomegaly",), True),
        (AnatomyMode.CARDIOMEGALY, (), False),
        (AnatomyMode.ALWAYS, (), True),
    ],
)
def test_mode_says_after_which_images(archive, node, mode, findings, expected):
    """By click alone, for large hearts, or for all."""
    switched(node, mode)
    image = read(archive, node, findings)

    assert expected is (record(node, image) is not None)


def test_settled_again_it_is_asked_for_once(archive, node):
    """The last step is done again after a crash."""
    switched(node, AnatomyMode.ALWAYS)
    image = read(archive, node)
    first = record(node, image)

    assert {END: State.STORED.value} == node.steps["settle"](image.job, node.states[image.job.id])
    assert first == record(node, image)


def test_anatomy_makes_no_work(node, image, work):
    """Results of ours are met in the feed and left alone."""
    ask(node.context, image.job)
    AnatomyMeasurer(node.context, work)(image.job, 1)
    node.follow()

    assert [] == node.jobs()


def test_forgotten_image_takes_its_anatomy_along(node, image, work):
    """After node.keep_days nothing of it is left."""
    ask(node.context, image.job)
    AnatomyMeasurer(node.context, work)(image.job, 1)
    with node.database.transaction() as connection:
        retention.forget(connection, datetime.now().astimezone(), limit=10)

    assert record(node, image) is None
