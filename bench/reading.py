"""From a file to findings, against TorchXRayVision's own way in the same run."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import process_time, sleep
from typing import Any

import data_store
import numpy as np
import onnxruntime

from bench.densenet import densenet_pipeline, reference_python
from bench.row import Row, alternate_ms, median_ms, spent_ms
from hilum import pipeline
from hilum.files.candidate import read_dicom
from hilum.files.find import file_candidate
from hilum.pipeline import PipelineContext
from hilum.predict.graph import load_graph
from hilum.predict.installed import open_installation
from hilum.predict.network import IMAGE, LOGITS, session_options

ROOT = Path(__file__).parents[1]
IMAGES = Path(data_store.__file__).parent / "data"
CASES = (
    ("uncompressed", "RG1_UNCR.dcm", 3.5),
    ("JPEG 2000 lossy", "RG1_J2KI.dcm", 2.2),
    ("JPEG 2000 lossless", "RG1_J2KR.dcm", 1.5),
)
"""What, which file, and how many times faster than TorchXRayVision it is to be."""

TURNS = 9
IN_A_ROW = 5
"""Throughput is promised, so a turn is several files, and the first after the rest does not
count: a processor that has slept takes up to half as long again, for either side."""

CALM_S = 0.4
"""Between two turns: the threads of either engine spin for a while after their work, and
would take the other's processor."""

PAUSE_S = 0.05
"""Between two images, as a node has it that waits for the next."""


@contextmanager
def reference() -> Iterator[Callable[[Path], dict[str, float]] | None]:
    """Start TorchXRayVision beside us; yields a function that reads one file its own way."""
    python = reference_python()
    if python is None:
        print("  (no reference environment: see scripts/reference_environment.sh)")
        yield None
        return
    command = [python, str(ROOT / "scripts" / "reference_way.py")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "ready"

        def ask(path: Path) -> dict[str, float]:
            process.stdin.write(f"{path}\n")
            process.stdin.flush()
            answer: dict[str, float] = json.loads(process.stdout.readline())
            return answer

        yield ask
        process.stdin.close()


def in_turns(
    path: Path, ours: PipelineContext, ask: Any
) -> tuple[float, float | None, float | None]:
    """Return our median, TorchXRayVision's, and its peak memory, on one file in turns."""

    def read() -> None:
        pipeline.process(read_dicom(file_candidate(path)), ours)

    mine: list[float] = []
    theirs: list[float] = []
    peak = None
    for turn in range(TURNS + 1):
        sleep(CALM_S)
        own = [spent_ms(read) for _ in range(IN_A_ROW)]
        sleep(CALM_S)
        answers = [ask(path) for _ in range(IN_A_ROW)] if ask is not None else []
        if turn:  # the first turn warms up
            mine += own[1:]
            theirs += [answer["ms"] for answer in answers[1:]]
            peak = answers[-1]["mib"] if answers else None
    return statistics.median(mine), statistics.median(theirs) if theirs else None, peak


def memory(folder: str) -> float:
    """Return the peak memory in MiB of ``hilum read`` on one radiograph.

    Asked of the kernel by the process itself: what a parent is told of a child counts
    the moment in which the child was still a copy of the parent.
    """
    code = (
        "import re, sys; from pathlib import Path; from hilum.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit as end: assert not end.code\n"
        "status = Path('/proc/self/status').read_text()\n"
        "print(re.search(r'VmHWM:\\s+(\\d+)', status)[1])"
    )
    command = [sys.executable, "-c", code, "read", str(image("RG1_UNCR.dcm"))]
    environment = {**os.environ, "HILUM_DATA_FOLDER": folder}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return int(done.stdout.split()[-1]) / 1024


def whole_command_ms(folder: str) -> float:
    """Return what ``hilum read`` of one radiograph takes from its start to its end, the median."""
    command = [sys.executable, "-m", "hilum", "read", str(image("RG1_UNCR.dcm"))]
    environment = {**os.environ, "HILUM_DATA_FOLDER": folder}

    def read() -> None:
        subprocess.run(command, env=environment, capture_output=True, check=True)

    return median_ms(read, repeats=5)


def image(name: str) -> Path:
    """Return the path of one of pydicom-data's images."""
    return next(IMAGES.rglob(name))


def cut_to(
    kept: list[str], ours: PipelineContext, folder: str
) -> onnxruntime.InferenceSession | None:
    """Return the bare engine with the same network without its other outputs.

    The cut needs the package onnx, which only the reference environment has.
    """
    python = reference_python()
    if python is None:
        return None
    whole, cut = Path(folder, "whole.onnx"), Path(folder, "cut.onnx")
    graph = load_graph(ours.model.card.graph)
    whole.write_bytes(graph.onnx)
    code = (
        "import onnx, sys; model = onnx.load(sys.argv[1], load_external_data=False);"
        "keep = [o for o in model.graph.output if o.name in sys.argv[3:]];"
        "maps = [o.name for o in model.graph.output if o.name not in sys.argv[3:]];"
        "nodes = [n for n in model.graph.node if not set(n.output) & set(maps)];"
        "del model.graph.output[:], model.graph.node[:];"
        "model.graph.output.extend(keep); model.graph.node.extend(nodes);"
        "onnx.save(model, sys.argv[2])"
    )
    subprocess.run([python, "-c", code, whole, cut, *kept], check=True)
    network = ours.model._network
    options = session_options(0)
    tensors = graph.tensors_of(
        open_installation(ours.model.card, ours.settings.data_folder).contents,
        len(ours.model.card.labels),
    )
    names = [name for name in tensors if not name.startswith(f"{graph.classifier}.")]
    options.add_external_initializers(names, network._values)
    return onnxruntime.InferenceSession(cut.read_bytes(), options)


def network_rows(ours: PipelineContext, folder: str) -> Iterator[Row]:
    """Measure the network through `Model.predict` against the bare engine, in turns."""
    model = ours.model
    prepared = pipeline.prepare(read_dicom(file_candidate(image("RG1_UNCR.dcm"))).dataset, ours)
    feed = {
        IMAGE: np.ascontiguousarray(prepared.model_input.pixels)[None, None],
        **model._network._classifier,
    }
    whole, alone = model._network._session, cut_to([LOGITS], ours, folder)
    through, bare = alternate_ms(
        lambda: model.predict(prepared.model_input), lambda: whole.run(None, feed), repeats=40
    )
    yield Row(
        "the network, through hilum", through, "ms", bare, "bare engine", ratio_at_least=1 / 1.05
    )
    if alone is not None:
        with_maps, without = alternate_ms(
            lambda: whole.run(None, feed), lambda: alone.run(None, feed), repeats=40
        )
        yield Row(
            "findings, heatmaps and features",
            with_maps,
            "ms",
            without,
            "findings",
            ratio_at_least=1 / 1.05,
        )


def threads_row(ours: PipelineContext) -> Row:
    """Measure what the processor spends on an image and a pause: threads may spin in it."""
    model_input = pipeline.prepare(
        read_dicom(file_candidate(image("RG1_UNCR.dcm"))).dataset, ours
    ).model_input

    def spending(threads: int) -> Callable[[], None]:
        model = pipeline.open_pipeline(ours.settings.changed("model", threads=threads)).model

        def work() -> None:
            model.predict(model_input)
            sleep(PAUSE_S)

        return work

    two, one = alternate_ms(spending(2), spending(1), clock=process_time)
    return Row(
        "the network on two threads, and a pause (CPU)",
        two,
        "ms",
        one,
        "one thread",
        ratio_at_least=1 / 1.5,
    )


def rows() -> Iterator[Row]:
    """Measure the rows of reading."""
    with tempfile.TemporaryDirectory() as folder, reference() as ask:
        ours = densenet_pipeline(folder)
        peak = None
        for what, name, at_least in CASES:
            mine, theirs, peak = in_turns(image(name), ours, ask)
            yield Row(
                f"file to findings and heatmaps, {what}",
                mine,
                "ms",
                theirs,
                "TorchXRayVision",
                ratio_at_least=at_least,
            )
        yield from network_rows(ours, folder)
        yield threads_row(ours)
        yield Row("hilum read of that file, the command", whole_command_ms(folder), "ms", limit=800)
        yield Row(
            "peak memory of hilum read", memory(folder), "MiB", peak, "TorchXRayVision", limit=350
        )
