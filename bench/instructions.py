"""Instructions of the processor for each part of the way of an image, counted by callgrind.

Times vary by a third on a machine that is shared with others; instructions do not, so a change
that costs processor time shows here. The counts of the last accepted state are in
``bench/instructions.json``; ``python -m bench instructions --write`` accepts the new ones, and
``make instructions`` fails where one is exceeded.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from bench import encode, overlay
from bench.densenet import densenet_pipeline
from bench.reading import image
from bench.row import Row
from hilum.files.candidate import read_dicom
from hilum.files.find import file_candidate
from hilum.pipeline import PipelineContext, prepare

ACCEPTED = Path(__file__).with_suffix(".json")
SLACK = 1.05
"""A part may take this many times the instructions that were accepted."""

TIMES = 3
"""Each part is counted for so many images, after one that warms up."""


def rows() -> Iterator[Row]:
    """Count, and compare with what was accepted."""
    if shutil.which("valgrind") is None:
        print("  (no valgrind: apt-get install valgrind)")
        return
    accepted = json.loads(ACCEPTED.read_text(encoding="utf-8"))
    for what, count in counted().items():
        known = accepted.get(what)
        yield Row(
            what,
            count,
            "million",
            reference=known,
            against="accepted" if known else "",
            limit=None if known is None else round(SLACK * known, 1),
        )


def main(options: list[str]) -> int:
    """Write the counts down as accepted."""
    if options != ["--write"]:
        print("python -m bench instructions [--write]", file=sys.stderr)
        return 2
    ACCEPTED.write_text(json.dumps(counted(), indent=2) + "\n", encoding="utf-8")
    return 0


def counted() -> dict[str, float]:
    """Return the millions of instructions of each part for one image."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "counts")
        command = [
            *("valgrind", "--quiet", "--tool=callgrind", "--instr-atstart=no"),
            *(f"--callgrind-out-file={out}", sys.executable, "-m", "bench.instructions"),
        ]
        own = os.environ | {"PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1"}
        with subprocess.Popen(
            command, env=own, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            found: dict[str, float] = {}
            while what := process.stdout.readline().strip():
                _control(process.pid, "--instr=on")
                _control(process.pid, "--zero")
                print("go", file=process.stdin, flush=True)
                process.stdout.readline()
                _control(process.pid, "--dump")
                _control(process.pid, "--instr=off")
                found[what] = round(_dumped(Path(folder)) / TIMES / 1e6, 1)
                print("go", file=process.stdin, flush=True)
            return found


def _dumped(folder: Path) -> int:
    """Return the instructions of the only dump that lies there, and delete it."""
    (dump,) = folder.glob("counts.*")
    total = re.search(r"^totals: (\d+)", dump.read_text(), re.MULTILINE)
    dump.unlink()
    assert total is not None
    return int(total[1])


def _control(pid: int, order: str) -> None:
    command = ["callgrind_control", order, str(pid)]
    subprocess.run(command, check=True, capture_output=True)


def _parts() -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield each part by its name, ready to run.

    The network is not among them: valgrind emulates fused multiplication, and needs minutes.
    """
    with tempfile.TemporaryDirectory() as folder:
        context = densenet_pipeline(folder, threads=1)
    for name, file in (("uncompressed", "RG1_UNCR.dcm"), ("JPEG 2000 lossless", "RG1_J2KR.dcm")):
        yield f"file to the network's input, {name}", partial(_prepared, image(file), context)
    read = overlay.reading()
    yield "overlay, 3 positives, as a DICOM file", partial(overlay.ours, read)
    yield "both structured reports, 3 positives", partial(encode.ours, encode.SCORES)


def _prepared(path: Path, context: PipelineContext) -> object:
    return prepare(read_dicom(file_candidate(path)).dataset, context)


def _run() -> None:
    """Run each part when told, between two lines: this is what valgrind looks at."""
    for what, work in _parts():
        work()
        print(what, flush=True)
        input()
        for _ in range(TIMES):
            work()
        print("done", flush=True)
        input()


if __name__ == "__main__":
    _run()
