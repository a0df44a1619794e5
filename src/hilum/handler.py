"""The node's way through the pipeline: one file in, what became of it and its results out."""

import time
from collections.abc import Callable
from datetime import datetime
from typing import Final

from pydicom import Dataset

from hilum import dicomfile, encode, pipeline
from hilum.errors import ModelError, RadiographRefused
from hilum.logs import EventLog
from hilum.node import Handler, InstanceOutcome, Result
from hilum.outcome import Status
from hilum.pipeline import Reader
from hilum.predict import Model, load_model
from hilum.settings import Settings

LOOK_AGAIN_S: Final = 5.0
"""Seconds between two looks for a model while there is none."""

DEMONSTRATION_HELD: Final = (
    "The demonstration model does not read images of patients. "
    "Run hilum models pull and set model.name to a trained model."
)
"""Why a node with the demonstration model keeps its images unread (docs/node.md)."""

log = EventLog(__name__)


def read_instance(file: bytes, reader: Reader, *, when: datetime) -> InstanceOutcome:
    """Read one image and write down what was found, for the PACS that it came from.

    Raises
    ------
    SourceUnreadable
        It is not DICOM, cut off or damaged.
    EncodingFailed
        What was found can't be written down as DICOM.
    """
    dataset = dicomfile.parse(file, name="The image")
    try:
        reading = pipeline.read(dataset, reader)
    except RadiographRefused as exc:
        texts = pipeline.report_refusal(dataset, exc.reasons, reader.settings, when=when)
        return InstanceOutcome(Status.REFUSED, exc.reasons, _results(texts))
    reports = pipeline.report(reading, reader.settings, when=when)
    return InstanceOutcome(Status.READ, reading.warnings, _results(reports))


class ModelWatch:
    """Finds the model of the settings; while there is none, looks again now and then.

    Parameters
    ----------
    settings
        Name the model.
    in_demonstration
        True inside `hilum demo` only: there the demonstration model may read.
    load
        Loads the model.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        in_demonstration: bool = False,
        load: Callable[[Settings], Model] = load_model,
    ) -> None:
        self._settings = settings
        self._in_demonstration = in_demonstration
        self._load = load
        self._handler: Handler | None = None
        self._next_look = 0.0
        self.model: Model | None = None
        self.missing = ""
        """Why there is no usable model, as a line for people; empty when there is one."""

    def __call__(self) -> Handler | None:
        """Return what reads an image, None while there is no usable model."""
        if self._handler is None and time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + LOOK_AGAIN_S
            self._look()
        return self._handler

    def _look(self) -> None:
        before = self.missing
        try:
            self.model = self._load(self._settings)
            demonstration = self.model.identity.demonstration
            held = demonstration and not self._in_demonstration
            self.missing = DEMONSTRATION_HELD if held else ""
        except ModelError as exc:
            self.missing = str(exc)
        if self.missing and self.missing != before:
            log.warning("model.missing", why=self.missing)
        if self.model is not None and not self.missing:
            identity = self.model.identity
            log.info("model.loaded", model=identity.name, version=identity.version)
            self._handler = self._bind(self.model)

    def _bind(self, model: Model) -> Handler:
        reader = Reader(model, self._settings, in_demonstration=self._in_demonstration)

        def handle(file: bytes) -> InstanceOutcome:
            return read_instance(file, reader, when=datetime.now().astimezone())

        return handle


def _results(datasets: tuple[Dataset, ...]) -> tuple[Result, ...]:
    return tuple(Result(str(each.SOPInstanceUID), encode.to_bytes(each)) for each in datasets)
