"""What each network costs beside the classifier: time, processor time and memory of one image.

``python -m bench image``. Weights are arbitrary: they cost the same. Each network runs in a process
of its own, on one thread: threads that wait for another count as processor time.
"""

import hashlib
import multiprocessing
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter, process_time
from typing import Final

import numpy as np
import onnxruntime

from bench.row import Row, median_ms
from hilum.predict import ModelCard, find_card, load_model
from hilum.predict.card import WeightsFormat
from hilum.predict.graph import load_graph
from hilum.predict.installed import Source, install
from hilum.predict.network import FEATURES, IMAGE, LOGITS, MAPS
from hilum.predict.segmentation import load_segmentation
from hilum.predict.view import ViewNetwork
from hilum.radiograph import FieldOfView, ModelInput
from hilum.settings import Settings

NETWORKS: Final = (
    "densenet121-res224-all",
    "resnet50-res224-view",
    "demonstration-anatomy",
    "pspnet-chestx-det",
)
"""The classifier first: the others are held against it."""

REPEATS: Final = 4
TURNS: Final = 60
"""Passes with the features, and as many without."""

KIB_PER_MB: Final = 1e6 / 1024


def installed(card: ModelCard, folder: Path) -> None:
    """Install a network with small positive weights, which neither grow nor fade to denormals."""
    if card.weights.format is WeightsFormat.SHIPPED:
        return
    count = load_graph(card.graph).weights_size(len(card.labels)) // 4
    weights = np.random.default_rng(1).uniform(0.005, 0.02, count).astype("<f4").tobytes()
    digest = card.weights.sha256 or hashlib.sha256(weights).hexdigest()
    install(card, weights, Source(digest, verified=True), data_folder=folder)


def opened(name: str, settings: Settings) -> Callable[[ModelInput], object]:
    """Return what shows an image to a network."""
    card = find_card(name, settings.data_folder)
    if name == NETWORKS[0]:
        return load_model(settings.changed("model", name=name)).read
    if name == NETWORKS[1]:
        return ViewNetwork(card, settings).frontal
    return load_segmentation(settings.changed("anatomy", model=name)).masks


def peak_kib() -> int:
    """Return the most memory that this process has held so far."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.partition("VmHWM:")[2].split()[0])


def cost(job: tuple[str, Path]) -> tuple[float, float, float]:
    """Return milliseconds, milliseconds of the processor and MB of a network, all its own."""
    name, folder = job
    settings = Settings.load(data_folder=folder).changed("model", threads=1)
    side = find_card(name, folder).input_size
    pixels = np.random.default_rng(2).uniform(-1024, 1024, (side, side)).astype(np.float32)
    image = ModelInput(pixels, FieldOfView(0, 0, side, side))
    before = peak_kib()
    show = opened(name, settings)
    elapsed, used = (
        median_ms(lambda: show(image), repeats=REPEATS, warm_up=1, clock=clock)
        for clock in (perf_counter, process_time)
    )
    after = peak_kib()
    return elapsed, used, (after - before) / KIB_PER_MB


def pass_ms(folder: Path) -> tuple[float, float]:
    """Return processor time of a pass with the features and without, medians, turn about."""
    settings = Settings.load(data_folder=folder).changed("model", threads=1, name=NETWORKS[0])
    network = load_model(settings)._network
    pixels = np.random.default_rng(2).uniform(-1024, 1024, (1, 1, 224, 224)).astype(np.float32)
    given = {IMAGE: pixels, **network._classifier}  # type: ignore[union-attr]
    options = onnxruntime.RunOptions()
    options.only_execute_path_to_fetches = True  # else an output that is left out is computed too
    spent: dict[bool, list[float]] = {True: [], False: []}
    for number in range(2 * TURNS + 2):
        features = number % 2 == 0
        began = process_time()
        network._session.run([LOGITS, MAPS, *([FEATURES] if features else [])], given, options)
        spent[features].append(1000 * (process_time() - began))
    both = (float(np.median(spent[features][1:])) for features in (True, False))
    return next(both), next(both)


def rows() -> Iterator[Row]:
    """Measure every network."""
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder, spawn.Pool(1, maxtasksperchild=1) as pool:
        for name in NETWORKS:
            installed(find_card(name, Path(folder)), Path(folder))
        jobs = [(name, Path(folder)) for name in NETWORKS]
        costs = dict(zip(NETWORKS, pool.imap(cost, jobs), strict=True))
        told, untold = pool.apply(pass_ms, (Path(folder),))
    yield Row(
        "a pass with the features (CPU)", told, "ms", untold, "without", ratio_at_least=1 / 1.02
    )
    units = (("time", "ms"), ("processor time", "ms"), ("memory", "MB"))
    for name, found in costs.items():
        for (what, unit), value, classifier in zip(units, found, costs[NETWORKS[0]], strict=True):
            yield Row(f"{name}: {what}", value, unit, classifier, "classifier")
