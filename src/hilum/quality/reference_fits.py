"""Statistics of the reference images that a node fits by itself, each in a process of its own.

Light to import, as `hilum.quality.schedule` is.
"""

from time import monotonic
from typing import Final

from hilum.errors import DatabaseUnavailable
from hilum.predict.reference_files import ReferenceFiles, reference_key
from hilum.reading import ModelIdentity
from hilum.records import Database, feature_samples
from hilum.runtime.own_command import SILENT, OwnCommand
from hilum.settings import Settings
from hilum.telemetry.logs import get_log

LOOK_S: Final = 60.0
"""Seconds between two looks whether there are enough images."""

REST_S: Final = 1800.0
"""Seconds after a fit, or one that failed."""

TIMES: Final = (1, 2, 4)
"""At how many times `model.reference_images` statistics are fitted. Then they stay as they are,
until a person fits new ones: statistics that followed the images would hide a drift."""

log = get_log(__name__)


class ReferenceFits:
    """Begins fits of the model that reads. For one thread."""

    def __init__(self, settings: Settings, database: Database, archive: str) -> None:
        self._settings = settings
        self._database = database
        self._archive = archive
        self._command = OwnCommand("models", "ood", "fit")
        self._next_look = 0.0
        self._files: dict[str, ReferenceFiles] = {}

    def tend(self, model: ModelIdentity | None) -> None:
        """Begin one that is due, or say how the last one ended; returns at once."""
        if (ended := self._command.ended()) is not None:
            status, why = ended
            if status:
                log.warning("reference.failed", why=why or SILENT)
            else:
                log.info("reference.fitted")
        if self._command.runs or monotonic() < self._next_look:
            return
        self._next_look = monotonic() + LOOK_S
        try:
            if model is not None and self.is_due(model):
                self._next_look = monotonic() + REST_S
                self._command.begin()
        except DatabaseUnavailable as exc:
            log.warning("reference.waits", why=str(exc))

    def is_due(self, model: ModelIdentity) -> bool:
        """Whether there are as many images as the next fit needs."""
        settings = self._settings.current()
        if model.demonstration or not settings.model.unusual_percentile:
            return False
        pipeline = settings.pixels.pipeline
        files = self._files.setdefault(model.key, ReferenceFiles(settings.data_folder, model))
        known = files.newest(pipeline)  # read once, not at every look
        have = 0 if known is None else known.images
        steps = (settings.model.reference_images * times for times in TIMES)
        needed = next((count for count in steps if count > have), None)
        if needed is None:
            return False
        with self._database.look() as connection:
            key = reference_key(model.key, pipeline)
            return feature_samples.count(connection, self._archive, key) >= needed

    def close(self) -> None:
        """End the one that is under way; what it had written so far is not there."""
        self._command.end()
