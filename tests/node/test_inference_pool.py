"""Inference workers: what happens to one happens to no other."""

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

from hilum.errors import (
    InferenceTimeout,
    InferenceWorkerDied,
    RadiographRefused,
    WeightsMissing,
)
from hilum.node import file_buffer
from hilum.node.inference_pool import PAGE_NICE, InferencePool
from hilum.outcome import Status
from hilum.settings import Settings
from process_tools import ended
from radiographs import dicom_file, make_radiograph

WHEN = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings.load(data_folder=tmp_path / "data")
    return settings.changed("model", name="demonstration").changed("node", inference_workers=2)


@pytest.fixture
def pool(settings: Settings):
    with InferencePool(settings, in_demonstration=True) as started:
        yield started


def pids(pool: InferencePool) -> list[int]:
    """Return the process IDs of all workers, which are loaded then."""
    pool.hello()
    return [worker.call(30, os.getpid) for worker in pool._workers]


def test_pictures_for_the_page_leave_the_processor_to_images(pool):
    """In one session the kernel shares by niceness (sched(7)), of which 19 is the most."""
    workers = (*pool._workers, pool._for_page)

    assert [0, 0, min(PAGE_NICE, 19 - os.nice(0))] == [
        worker.call(30, os.nice, 0) - os.nice(0) for worker in workers
    ]


def read(pool: InferencePool, file: bytes | None = None):
    return pool.read(file or dicom_file(make_radiograph()), [], WHEN)


def test_worker_gives_back_all_that_is_kept(pool):
    """Results in the order of storing, the document, the maps, and the seconds of each stage."""
    answer = read(pool)
    modalities = [dcmread(DicomBytesIO(result.file)).Modality for result in answer.results]

    assert (Status.READ, ["OT", "SR", "SR"]) == (answer.status, modalities)
    assert len(answer.reading.document["readings"][0]["findings"]) == len(answer.reading.maps)
    assert "float16" == answer.reading.maps.dtype
    assert {"open", "prepare", "predict", "report"} == set(answer.seconds)


def test_worker_that_may_not_look_into_the_nodes_memory_finds_the_file_in_the_folder(
    pool, monkeypatch, tmp_path
):
    """In a sandbox that hides one process from another every image is read all the same."""
    monkeypatch.setattr(file_buffer, "_path_of", lambda _memory: "/proc/self/fd/hidden")
    answers = [read(pool) for _ in pool._workers]
    told = pool.document(dicom_file(make_radiograph()), "thorax.dcm")

    assert [Status.READ, Status.READ] == [answer.status for answer in answers]
    assert ("read", "thorax.dcm") == tuple(told["readings"][0][key] for key in ("status", "path"))
    assert [] == list((tmp_path / "data" / "reading").iterdir())


def test_same_file_at_the_same_time_gives_the_same_bytes(pool):
    """What was lost in a crash is made again, byte by byte, in whichever process."""
    file = dicom_file(make_radiograph())
    first, second = read(pool, file), read(pool, file)

    assert [r.file for r in first.results] == [r.file for r in second.results]


def test_refused_and_damaged_files_are_answers(pool):
    """Neither is an error: the reasons come back."""
    lateral = read(pool, dicom_file(make_radiograph(ViewPosition="LL")))
    damaged = read(pool, dicom_file(make_radiograph())[:5000])

    assert (Status.REFUSED, ()) == (lateral.status, lateral.results)
    assert "not_frontal" in {reason.code for reason in lateral.reasons}
    assert (Status.FAILED, "unreadable") == (damaged.status, damaged.reasons[0].code)


def test_killed_worker_fails_only_what_it_read(pool):
    """One worker dies in the middle of its work: the other goes on, and a new one starts."""
    first, second = pids(pool)
    with ThreadPoolExecutor(1) as threads:
        asked = threads.submit(pool._workers[0].call, 60, signal.pause)
        wait_until_begun(pool._workers[0])
        os.kill(first, signal.SIGKILL)

        assert InferenceWorkerDied is type(asked.exception(60))
    assert [Status.READ] * 3 == [read(pool).status for _ in range(3)]
    assert first not in pids(pool)
    assert second in pids(pool)


def test_worker_that_died_idle_is_replaced_without_a_failure(pool):
    """Nobody notices that a worker ended while it had nothing to do."""
    before = pids(pool)
    for pid in before:
        os.kill(pid, signal.SIGKILL)

    assert [Status.READ] * 3 == [read(pool).status for _ in range(3)]
    assert not set(before) & set(pids(pool))


def test_hung_worker_is_ended_in_time(settings):
    """A worker that no longer answers is ended, and the image is told apart from others."""
    hasty = settings.changed("node", inference_workers=1, inference_timeout_s=0.5)
    with InferencePool(hasty, in_demonstration=True) as pool:
        (pid,) = pids(pool)
        with pytest.raises(InferenceTimeout, match=r"longer than 0\.5 s"):
            pool._workers[0].call(0.5, signal.pause)

        assert ended(pid)
        assert pid not in pids(pool)


def test_worker_that_is_killed_while_it_answers_costs_one_image(settings):
    """Half an answer in the pipe holds up nobody: the next image has a worker."""
    one = settings.changed("node", inference_workers=1)
    with InferencePool(one, in_demonstration=True) as pool:
        (pid,) = pids(pool)
        killer = threading.Thread(target=kill_as_it_writes, args=(pid,))
        killer.start()
        with pytest.raises(InferenceWorkerDied):
            pool._workers[0].call(30, bytes, 300_000_000)
        killer.join()

        assert pid not in pids(pool)


def kill_as_it_writes(pid: int) -> None:
    """Kill a process while it waits for room in a pipe."""
    waits_in = Path(f"/proc/{pid}/wchan")
    while "pipe_write" not in waits_in.read_text():
        time.sleep(0.0005)
    os.kill(pid, signal.SIGKILL)


def test_worker_is_held_to_its_memory(settings):
    """More memory than a worker may have is refused to it, not taken from the machine."""
    narrow = settings.changed("node", inference_workers=1, inference_memory_bytes=512 * 1024**2)
    with (
        InferencePool(narrow, in_demonstration=True) as pool,
        pytest.raises(MemoryError),
    ):
        pool._workers[0].call(30, bytearray, 1024**3)


def test_picture_for_the_page_is_held_to_the_same_memory(settings):
    """One that would take more has no pixels that can be shown, and the worker goes on."""
    narrow = settings.changed("node", inference_workers=1, inference_memory_bytes=512 * 1024**2)
    with InferencePool(narrow, in_demonstration=True) as pool:
        with pytest.raises(RadiographRefused, match="inference_memory_bytes"):
            pool.page(gluttonous, b"")

        assert "b.dcm" == pool.page(second_of, b"a.dcm", "b.dcm")


def test_the_page_takes_no_worker_from_images(settings):
    """However long its pictures take, an image is read meanwhile."""
    one = settings.changed("node", inference_workers=1)
    with InferencePool(one, in_demonstration=True) as pool, ThreadPoolExecutor(1) as threads:
        pid = pool.page(own_pid, b"")
        asked = threads.submit(pool.page, pausing, b"")
        wait_until_begun(pool._for_page)

        assert Status.READ == read(pool).status
        assert not asked.done()
        os.kill(pid, signal.SIGKILL)
        assert InferenceWorkerDied is type(asked.exception(60))


def own_pid(_file: bytes, _settings: Settings) -> int:
    return os.getpid()


def pausing(_file: bytes, _settings: Settings) -> None:
    signal.pause()


def gluttonous(_file: bytes, _settings: Settings) -> int:
    return len(bytearray(1024**3))


def second_of(_file: bytes, _settings: Settings, second: str) -> str:
    return second


def test_worker_is_the_first_to_go_when_memory_runs_out(pool):
    """The kernel ends a worker before the node or the PACS."""
    for pid in pids(pool):
        assert int(Path(f"/proc/{pid}/oom_score_adj").read_text()) > int(
            Path("/proc/self/oom_score_adj").read_text()
        )


def test_workers_wait_for_their_model(settings):
    """Without weights each worker says so, and finds them once they are there."""
    without = settings.changed("model", name="densenet121-res224-all")
    with InferencePool(without) as pool:
        with pytest.raises(WeightsMissing, match="hilum models pull"):
            pool.hello()
        with pytest.raises(WeightsMissing):
            read(pool)


def test_workers_end_with_a_killed_node(tmp_path):
    """After kill -9 of the node no worker stays behind."""
    script = textwrap.dedent(
        f"""
        import os, time
        from pathlib import Path
        from hilum.node.inference_pool import PAGE_NICE, InferencePool
        from hilum.settings import Settings
        if __name__ == "__main__":
            settings = Settings.load(data_folder=Path({str(tmp_path)!r}))
            settings = settings.changed("model", name="demonstration")
            settings = settings.changed("node", inference_workers=2)
            pool = InferencePool(settings)
            pool.warm()
            print(*(worker.call(30, os.getpid) for worker in pool._workers), flush=True)
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


def wait_until_begun(worker) -> None:
    """Return once the worker works on something."""
    pause = threading.Event()
    for _ in range(1200):
        if any(task.started for task in worker._pool._pool_manager.task_manager.tasks.values()):
            return
        pause.wait(0.05)
    pytest.fail("the worker did not begin")
