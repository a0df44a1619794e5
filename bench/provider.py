"""Execution providers: images a second by batch, and how far the answers are from the CPU's."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from bench.densenet import install_densenet
from bench.reading import CASES, image
from bench.row import Row, median_ms
from hilum import phantom, pipeline, pixels
from hilum.dataset.batch import read_many
from hilum.files.candidate import read_dicom
from hilum.files.find import file_candidate
from hilum.outcome import Status
from hilum.pipeline import PipelineContext
from hilum.predict.network import PROVIDERS
from hilum.radiograph import ModelInput
from hilum.settings import ExecutionProvider, PixelSettings, Settings

BATCHES: Final = {
    ExecutionProvider.CPU: (1, 2, 8),
    ExecutionProvider.CUDA: (1, 2, 4, 8, 16, 32, 64),
}
FILES: Final = {ExecutionProvider.CPU: 24, ExecutionProvider.CUDA: 240}
"""Files of one run from file to findings."""

PHANTOMS: Final = 24
"""Images that are compared, besides the public radiograph."""

MILLIONTHS: Final = 1e6
RAW_TOLERANCE: Final = {ExecutionProvider.CUDA: 1e-5}
"""Largest difference of a raw value from the CPU's that is promised (docs/speed.md)."""


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """One network on one provider, and how long it took until it had read an image."""

    context: PipelineContext
    seconds: float


def load(settings: Settings, provider: ExecutionProvider, first: Any) -> Loaded:
    """Load the network on a provider and read one image with it."""
    start = perf_counter()
    context = pipeline.open_pipeline(settings.changed("model", provider=provider))
    pipeline.process(first, context)
    return Loaded(context, perf_counter() - start)


def network_ms(context: PipelineContext, batch: int) -> float:
    """Return the milliseconds of one image in a batch of so many, the network alone."""
    side = context.model.identity.input_size
    values = np.random.default_rng(batch).uniform(-1024, 1024, (batch, 1, side, side))
    network, images = context.model._network, values.astype(np.float32)
    return median_ms(lambda: network.run(images), repeats=21, warm_up=5) / batch


def raw_values(images: list[ModelInput], context: PipelineContext) -> NDArray[np.float64]:
    """Return the raw values of all findings, shape ``(images, labels)``."""
    findings = [context.model.predict(one)[0] for one in images]
    return np.array([[finding.raw for finding in of_one] for of_one in findings])


def model_inputs(datasets: list[Any], side: int) -> list[ModelInput]:
    """Return what the network takes, without the gate: phantoms are no images of patients."""
    radiographs = [pixels.radiograph_from_dicom(dataset, PixelSettings()) for dataset in datasets]
    return [pixels.fit(radiograph, side) for radiograph in radiographs]


def end_to_end_ms(path: Path, context: PipelineContext, files: int) -> float:
    """Return the milliseconds a file from reading it to findings and heatmaps."""
    start = perf_counter()
    outcomes = list(read_many([file_candidate(path)] * files, context))
    assert all(outcome.status is Status.READ for outcome in outcomes)
    return (perf_counter() - start) * 1000 / files


def rows() -> Iterator[Row]:
    """Measure every provider that the installed engine has."""
    here = onnxruntime.get_available_providers()
    with tempfile.TemporaryDirectory(prefix="hilum-provider-") as folder:
        settings = install_densenet(Path(folder))
        chest = read_dicom(file_candidate(image("RG1_UNCR.dcm"))).dataset
        phantoms = [phantom.make(seed, size=1024).dataset for seed in range(PHANTOMS)]
        reference: NDArray[np.float64] | None = None
        for provider in ExecutionProvider:
            if PROVIDERS[provider][0] not in here:
                continue
            loaded = load(settings, provider, chest)
            yield Row(f"{provider}: start to the first answer", loaded.seconds * 1000, "ms")
            for batch in BATCHES[provider]:
                ms = network_ms(loaded.context, batch)
                yield Row(f"{provider}: the network in batches of {batch}", 1000 / ms, "images/s")
            for name, file, _ in CASES:
                ms = end_to_end_ms(image(file), loaded.context, FILES[provider])
                yield Row(f"{provider}: file to findings, {name}", 1000 / ms, "images/s")
            side = loaded.context.model.identity.input_size
            values = raw_values(model_inputs([chest, *phantoms], side), loaded.context)
            if reference is None:
                reference = values
                continue
            difference = float(np.abs(values - reference).max())
            yield Row(
                f"{provider}: largest difference of a raw value from the CPU's",
                difference * MILLIONTHS,
                "millionths",
                limit=RAW_TOLERANCE[provider] * MILLIONTHS,
            )
