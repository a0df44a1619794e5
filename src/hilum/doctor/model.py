"""The model: whether ONNX Runtime works here, and whether images would be analyzed."""

from collections.abc import Iterator

import numpy as np

from hilum.doctor.check import CheckResult, ok, problem, warning
from hilum.predict import DEMONSTRATION, ReferenceFiles, load_model
from hilum.radiograph import FieldOfView, ModelInput
from hilum.settings import Settings


def runtime(_settings: Settings) -> Iterator[CheckResult]:
    """Run the small network that comes with hilum, independent of the model of the settings."""
    defaults = Settings.model_construct()
    model = load_model(defaults.changed("model", name=DEMONSTRATION, threads=1))
    side = model.identity.input_size
    blank = np.zeros((side, side), np.float32)
    findings, _ = model.predict(ModelInput(blank, FieldOfView(0, 0, side, side)))
    yield ok(
        "runs a network of {side}×{side} pixels with {count} findings",
        side=side,
        count=len(findings),
    )


def usable(settings: Settings) -> Iterator[CheckResult]:
    """Load the model of the settings: its weights are checked, its thresholds chosen."""
    model = load_model(settings)
    name = f"{model.identity.name} {model.identity.version}"
    if model.identity.demonstration:
        yield problem(
            "{name} is the demonstration model, which reads no images of patients",
            "Run hilum models pull and set model.name to a trained model.",
            name=name,
        )
    elif not model.identity.verified:
        yield warning(
            "{name} is installed, and its weights have no published hash: trust on first use",
            "Have its SHA-256 confirmed; hilum models show {card} prints it.",
            name=name,
            card=model.card.name,
        )
    else:
        yield ok("{name} is installed and matches its published hash", name=name)
    known = ReferenceFiles(settings.data_folder, model.identity).newest(settings.pixels.pipeline)
    if settings.model.unusual_percentile and known is None:
        yield ok("not enough images yet to tell unusual ones: see hilum models ood show")
