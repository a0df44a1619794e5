"""Dask's workers: killed ones, a file that kills them, others than ours, and a dead scheduler."""

import gc
import re
import subprocess
import sys
from contextlib import contextmanager

import dask
import pytest
from distributed import Client, LocalCluster
from distributed.comm import CommClosedError

from hilum.dataset import cluster as ours
from hilum.dataset.cluster import DaskEngine, Patience
from hilum.dataset.parts import DatasetRun, read_results
from hilum.dataset.run import DatasetWriter, Tally, read_shards
from hilum.dataset.shards import Shard, batches
from hilum.errors import SchedulerUnavailable, WorkerDiffers, WorkersDied
from hilum.files.find import find_candidates
from job_tools import until
from poison import poison

QUICK = {
    "distributed.scheduler.allowed-failures": 0,
    "distributed.worker.memory.terminate": False,
    "distributed.worker.profile.enabled": False,
}
"""One death is enough to blame a shard: the sources beside a poisonous one are blamed as well."""


@pytest.fixture(autouse=True)
def no_client_left():
    """Close clients that never connected: their end, in the next one's loop, would hold that."""
    yield
    gc.collect()


@contextmanager
def cluster_of(workers):
    """Yield a scheduler with so many workers."""
    with (
        dask.config.set(QUICK),
        LocalCluster(
            n_workers=workers, threads_per_worker=1, dashboard_address=None, silence_logs=50
        ) as cluster,
    ):
        yield cluster


@pytest.fixture(scope="module")
def workers(data_folder):  # noqa: ARG001  set before they start
    """Return a scheduler with a worker that nothing kills."""
    with cluster_of(1) as cluster:
        yield cluster


@pytest.mark.usefixtures("data_folder")
@pytest.mark.filterwarnings("ignore")
def test_every_image_once_though_a_file_kills_its_worker(
    tmp_path, phantoms, dataset_run, about_run
):
    """It is one failed row; another worker reads the others.

    There are two, as Dask starts another in its place only after a while, if the machine is busy.
    """
    sources = [poison(), *find_candidates([phantoms])]
    writer = DatasetWriter(tmp_path, dataset_run, Tally(total=len(sources)), about_run)

    with (
        cluster_of(2) as cluster,
        DaskEngine(cluster.scheduler_address, dataset_run.metadata) as engine,
    ):
        assert 2 == engine.workers
        shards = [*batches(sources[:1]), *batches(sources[1:], 12)]
        read_shards(shards, engine, writer, lambda _tally: None)
    columns = read_results(tmp_path, ["path", "status"])
    status = dict(zip(columns["path"], columns["status"], strict=True))

    assert len(sources) == len(columns["path"])
    assert "failed" == status.pop("/poison.dcm")
    assert {str(path): "read" for path in phantoms.iterdir()} == status


@pytest.mark.filterwarnings("ignore")
def test_result_that_its_worker_took_with_it_is_waited_for(phantoms, dataset_run, workers):
    """The shard was read, and is read anew before its rows were fetched: the scheduler is there."""
    shard = Shard.of(list(find_candidates([phantoms])))
    with DaskEngine(workers.scheduler_address, dataset_run.metadata) as engine:
        engine.submit(shard)
        ((future, _),) = engine._shards.items()
        until(lambda: future.status == "finished")
        loop = engine._client.loop
        loop.add_callback(future._state.lose)
        until(lambda: future.status == "lost")
        loop.add_callback(loop.call_later, 0.1, future._state.finish)

        end = engine.wait()

    assert shard == end.shard
    assert len(end.rows) == shard.count


@pytest.fixture
def quick(monkeypatch):
    """Let engines look for workers often."""
    monkeypatch.setattr(ours, "LOOK_S", 0.1)
    monkeypatch.setattr(ours, "RESTART_S", 0.0)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("data_folder", "quick")
def test_run_whose_only_worker_is_killed_says_so_and_ends(dataset_run):
    """Dask itself waits without a word, and without end."""
    told = []
    with cluster_of(0) as cluster:
        command = [sys.executable, "-m", "distributed.cli.dask_worker", cluster.scheduler_address]
        worker = subprocess.Popen(
            [*command, "--no-nanny", "--nthreads", "1", "--no-dashboard"],
            stderr=subprocess.DEVNULL,
        )
        cluster.wait_for_workers(1)
        patience = Patience(1.0, told.append)
        with DaskEngine(cluster.scheduler_address, dataset_run.metadata, patience) as engine:
            worker.kill()
            worker.wait()
            engine.submit(Shard.of([poison()]))
            with pytest.raises(WorkersDied, match="has no worker"):
                engine.wait()

    assert 1 == engine.workers
    assert ["no worker. Start one with `dask worker"] == [
        str(each).partition(" has ")[2].partition(" tcp")[0] for each in told
    ]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("quick")
def test_worker_that_comes_late_is_waited_for(dataset_run, phantoms, workers, monkeypatch):
    """As where a cluster's queue is full: said once, then read."""
    told = []
    shard = Shard.of(list(find_candidates([phantoms])))
    patience = Patience(60.0, told.append)
    with DaskEngine(workers.scheduler_address, dataset_run.metadata, patience) as engine:
        with monkeypatch.context() as nobody:
            nobody.setattr(engine, "_threads", lambda: 0)
            engine._look()
            engine._look()
        engine.submit(shard)
        end = engine.wait()

    assert shard.count == len(end.rows)
    assert 1 == len(told)


@pytest.mark.filterwarnings("ignore")
def test_worker_that_goes_while_all_are_compared_is_no_fault(dataset_run, workers, monkeypatch):
    """The one in its place compares with its first shard."""
    gone = {"tcp://127.0.0.1:1": CommClosedError("closed"), "tcp://127.0.0.1:2": None}
    monkeypatch.setattr(Client, "run", lambda *_args, **_named: gone)

    with DaskEngine(workers.scheduler_address, dataset_run.metadata) as engine:
        assert 1 == engine.workers


@pytest.mark.filterwarnings("ignore")
def test_worker_of_another_version_is_one_clear_line(dataset_run, workers):
    """Before anything is read."""
    other = DatasetRun(dataset_run.labels, {**dataset_run.about, "hilum": "0.0.1"})

    with pytest.raises(WorkerDiffers, match="this machine: hilum differ"):
        DaskEngine(workers.scheduler_address, other.metadata)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "nowhere", "http://127.0.0.1:9"])
def test_scheduler_that_is_not_there_is_one_clear_line(monkeypatch, address):
    """No traceback."""
    monkeypatch.setattr(ours, "CONNECT_S", 0.2)

    with pytest.raises(SchedulerUnavailable, match=f"No Dask scheduler answers at {address}"):
        DaskEngine(address, b"{}")


@pytest.mark.filterwarnings("ignore")
def test_scheduler_that_dies_ends_the_run(dataset_run):
    """What was read is kept, and the line says how to go on."""
    scheduler = subprocess.Popen(
        [sys.executable, "-m", "distributed.cli.dask_scheduler", "--port", "0", "--no-dashboard"],
        stderr=subprocess.PIPE,
        text=True,
    )
    said = re.compile(r"Scheduler at: +(tcp://\S+)")
    address = next(found[1] for line in scheduler.stderr if (found := said.search(line)))
    try:
        with DaskEngine(address, dataset_run.metadata) as engine:
            engine.submit(Shard.of([poison()]))
            scheduler.kill()
            with pytest.raises(SchedulerUnavailable, match="goes on from here"):
                engine.wait()
    finally:
        scheduler.kill()
        scheduler.communicate()
