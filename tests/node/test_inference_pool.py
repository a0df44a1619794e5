"""Reader processes: what happens to one happens to no other."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.filebase import DicomBytesIO

from hilum.errors import ReaderDied, ReaderTooSlow, WeightsMissing
from hilum.node import file_buffer
from hilum.node.inference_pool import Readers
from hilum.outcome import Status
from hilum.settings import Settings
from process_tools import ended
from radiographs import dicom_file, make_radiograph

WHEN = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings.load(data_folder=tmp_path / "data")
    return settings.changed("model", name="demonstration").changed("node", readers=2)


@pytest.fixture
def readers(settings: Settings):
    with Readers(settings, in_demonstration=True) as started:
        yield started


def pids(readers: Readers) -> list[int]:
    """Return the process IDs of all readers, which are loaded then."""
    readers.hello()
    return [seat.call(30, os.getpid) for seat in readers._seats]


def read(readers: Readers, file: bytes | None = None):
    return readers.read(file or dicom_file(make_radiograph()), [], WHEN)


def test_reader_gives_back_all_that_is_kept(readers):
    """Results in the order of storing, the document, the maps, and the seconds of each room."""
    answer = read(readers)
    modalities = [dcmread(DicomBytesIO(result.file)).Modality for result in answer.results]

    assert (Status.READ, ["OT", "SR", "SR"]) == (answer.status, modalities)
    assert len(answer.reading.document["readings"][0]["findings"]) == len(answer.reading.maps)
    assert "float16" == answer.reading.maps.dtype
    assert {"open", "prepare", "predict", "report"} == set(answer.seconds)


def test_reader_that_may_not_look_into_the_nodes_memory_finds_the_file_in_the_folder(
    readers, monkeypatch, tmp_path
):
    """In a sandbox that hides one process from another every image is read all the same."""
    monkeypatch.setattr(file_buffer, "_path_of", lambda _memory: "/proc/self/fd/hidden")
    answers = [read(readers) for _ in readers._seats]
    told = readers.document(dicom_file(make_radiograph()), "thorax.dcm")

    assert [Status.READ, Status.READ] == [answer.status for answer in answers]
    assert ("read", "thorax.dcm") == tuple(told["readings"][0][key] for key in ("status", "path"))
    assert [] == list((tmp_path / "data" / "reading").iterdir())


def test_same_file_at_the_same_time_gives_the_same_bytes(readers):
    """What was lost in a crash is made again, byte by byte, in whichever process."""
    file = dicom_file(make_radiograph())
    first, second = read(readers, file), read(readers, file)

    assert [r.file for r in first.results] == [r.file for r in second.results]


def test_refused_and_damaged_files_are_answers(readers):
    """Neither is an error: the reasons come back."""
    lateral = read(readers, dicom_file(make_radiograph(ViewPosition="LL")))
    damaged = read(readers, dicom_file(make_radiograph())[:5000])

    assert (Status.REFUSED, ()) == (lateral.status, lateral.results)
    assert "not_frontal" in {reason.code for reason in lateral.reasons}
    assert (Status.FAILED, "unreadable") == (damaged.status, damaged.reasons[0].code)


def test_killed_reader_fails_only_what_it_read(readers):
    """One reader dies in the middle of its work: the other goes on, and a new one starts."""
    first, second = pids(readers)
    with ThreadPoolExecutor(1) as threads:
        asked = threads.submit(readers._seats[0].call, 60, signal.pause)
        wait_until_begun(readers._seats[0])
        os.kill(first, signal.SIGKILL)

        assert ReaderDied is type(asked.exception(60))
    assert [Status.READ] * 3 == [read(readers).status for _ in range(3)]
    assert first not in pids(readers)
    assert second in pids(readers)


def test_reader_that_died_idle_is_replaced_without_a_failure(readers):
    """Nobody notices that a reader ended while it had nothing to do."""
    before = pids(readers)
    for pid in before:
        os.kill(pid, signal.SIGKILL)

    assert [Status.READ] * 3 == [read(readers).status for _ in range(3)]
    assert not set(before) & set(pids(readers))


def test_hung_reader_is_ended_in_time(settings):
    """A reader that no longer answers is ended, and the image is told apart from others."""
    hasty = settings.changed("node", readers=1, read_timeout_s=0.5)
    with Readers(hasty, in_demonstration=True) as readers:
        (pid,) = pids(readers)
        with pytest.raises(ReaderTooSlow, match=r"longer than 0\.5 s"):
            readers._seats[0].call(0.5, signal.pause)

        assert ended(pid)
        assert pid not in pids(readers)


def test_reader_that_is_killed_while_it_answers_costs_one_image(settings):
    """Half an answer in the pipe holds up nobody: the next image has a reader."""
    one = settings.changed("node", readers=1)
    with Readers(one, in_demonstration=True) as readers:
        (pid,) = pids(readers)
        killer = threading.Thread(target=kill_as_it_writes, args=(pid,))
        killer.start()
        with pytest.raises(ReaderDied):
            readers._seats[0].call(30, bytes, 300_000_000)
        killer.join()

        assert pid not in pids(readers)


def kill_as_it_writes(pid: int) -> None:
    """Kill a process while it waits for room in a pipe."""
    waits_in = Path(f"/proc/{pid}/wchan")
    while "pipe_write" not in waits_in.read_text():
        time.sleep(0.0005)
    os.kill(pid, signal.SIGKILL)


def test_reader_is_held_to_its_memory(settings):
    """More memory than a reader may have is refused to it, not taken from the machine."""
    narrow = settings.changed("node", readers=1, reader_memory_bytes=512 * 1024**2)
    with (
        Readers(narrow, in_demonstration=True) as readers,
        pytest.raises(MemoryError),
    ):
        readers._seats[0].call(30, bytearray, 1024**3)


def test_reader_is_the_first_to_go_when_memory_runs_out(readers):
    """The kernel ends a reader before the node or the PACS."""
    for pid in pids(readers):
        assert int(Path(f"/proc/{pid}/oom_score_adj").read_text()) > int(
            Path("/proc/self/oom_score_adj").read_text()
        )


def test_readers_wait_for_their_model(settings):
    """Without weights each reader says so, and finds them once they are there."""
    without = settings.changed("model", name="densenet121-res224-all")
    with Readers(without) as readers:
        with pytest.raises(WeightsMissing, match="hilum models pull"):
            readers.hello()
        with pytest.raises(WeightsMissing):
            read(readers)


def test_readers_end_with_a_killed_node(tmp_path):
    """After kill -9 of the node no reader stays behind."""
    script = textwrap.dedent(
        f"""
        import os, time
        from pathlib import Path
        from hilum.node.inference_pool import Readers
        from hilum.settings import Settings
        if __name__ == "__main__":
            settings = Settings.load(data_folder=Path({str(tmp_path)!r}))
            settings = settings.changed("model", name="demonstration").changed("node", readers=2)
            readers = Readers(settings)
            readers.warm()
            print(*(seat.call(30, os.getpid) for seat in readers._seats), flush=True)
            time.sleep(60)
        """
    )
    path = tmp_path / "node.py"
    path.write_text(script)
    with subprocess.Popen([sys.executable, path], stdout=subprocess.PIPE, text=True) as node:
        assert node.stdout is not None
        found = [int(pid) for pid in node.stdout.readline().split()]
        node.kill()

    assert 2 == len(found)
    assert all(ended(pid) for pid in found)


def wait_until_begun(seat) -> None:
    """Return once the reader works on something."""
    pause = threading.Event()
    for _ in range(1200):
        if any(task.started for task in seat._pool._pool_manager.task_manager.tasks.values()):
            return
        pause.wait(0.05)
    pytest.fail("the reader did not begin")
