"""The processes of this machine: what ends one of them takes nothing else with it."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from hilum.cli import main
from hilum.dataset.engine import LocalEngine
from hilum.dataset.parts import DatasetRun, read_results
from hilum.dataset.run import DatasetWriter, Tally, read_shards
from hilum.dataset.shards import Shard, batches
from hilum.dataset.worker import read_shard
from hilum.errors import WorkerDiffers
from hilum.files.find import find_candidates
from poison import poison


def test_file_that_crashes_its_process_is_one_failed_row(
    tmp_path, phantoms, dataset_run, about_run
):
    """All others are read, each once, and say the same as alone."""
    sources = [*find_candidates([phantoms]), poison()]
    writer = DatasetWriter(tmp_path, dataset_run, Tally(total=len(sources)), about_run)
    with LocalEngine(dataset_run.metadata, 2) as engine:
        read_shards(list(batches(sources)), engine, writer, lambda _: None)
    columns = read_results(tmp_path)
    status = dict(zip(columns["path"], columns["status"], strict=True))

    assert "failed" == status.pop("/poison.dcm")
    assert {str(path): "read" for path in phantoms.iterdir()} == status
    alone = read_shard(Shard.of(sources[:1]).packed, dataset_run.metadata)
    there = list(columns["path"]).index(sources[0].name)
    score = next(name for name in columns if name.endswith(" score"))
    assert np.float32(alone[0][score]) == columns[score][there]


def test_row_says_what_is_known_of_the_image(phantoms, dataset_run):
    """Patient, view, device and date beside the findings."""
    (row,) = read_shard(
        Shard.of(list(find_candidates([phantoms / "00.dcm"]))).packed, dataset_run.metadata
    )

    assert ("PA", "O", "Generated", "2024-01", 54) == (
        row["view"], row["sex"], row["manufacturer"], row["study_month"], int(row["age_years"])
    )  # fmt: skip
    assert (16, "demonstration") == (len(row["patient"]), row["model"])
    assert {f"{label} positive" for label in dataset_run.labels} < row.keys()


def test_worker_with_other_weights_says_so(dataset_run):
    """Its results would not belong to the others."""
    other = DatasetRun(dataset_run.labels, {**dataset_run.about, "model_sha256": "ab"})

    with pytest.raises(WorkerDiffers, match="model_sha256 differ"):
        read_shard(Shard.of([]).packed, other.metadata)


def test_source_that_takes_too_long_ends_its_process():
    """Whatever it hangs in: the process is given up, not the run."""
    program = (
        "from hilum.runtime.worker_process import ended_after\n"
        "import time\n"
        "with ended_after(0.1):\n"
        "    time.sleep(60)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)

    assert (1, b"", b"") == (done.returncode, done.stdout, done.stderr)


@pytest.mark.usefixtures("data_folder")
def test_killed_driver_leaves_nobody_behind_and_goes_on(tmp_path, phantoms):
    """After kill -9 its workers end, and the same command reads what is left, each image once."""
    command = [sys.executable, "-m", "hilum", "dataset", "run", str(phantoms), "--out", "out"]
    driver = subprocess.Popen([*command, "--workers", "2"], cwd=tmp_path, stderr=subprocess.DEVNULL)
    while not list(tmp_path.glob("out/*.parquet")) and driver.poll() is None:
        time.sleep(0.01)
    children = [pid for pid in descendants(driver.pid) if pid != driver.pid]
    driver.kill()
    driver.wait()
    done = CliRunner().invoke(main, ["dataset", "run", str(phantoms), "--out", f"{tmp_path}/out"])
    columns = read_results(tmp_path / "out", ["path"])

    assert sorted(map(str, phantoms.iterdir())) == sorted(columns["path"])
    assert "24 read, 0 refused, 0 failed" in done.output
    assert f"Next: hilum evaluate {tmp_path}/out" in done.output
    assert [] == [pid for pid in children if is_running(pid)]


def descendants(pid: int) -> list[int]:
    """Return a process and all below it."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            found += descendants(int(child))
    return found


def is_running(pid: int) -> bool:
    """Whether a process is there, and not only its exit status."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
