"""Whether there is a model that may read; until there is, the node keeps its images."""

import math
import time
from collections.abc import Callable
from typing import Final

from hilum.errors import ModelError
from hilum.handler import Earlier, build_handler, nothing_earlier
from hilum.logs import get_log
from hilum.node.one_by_one import Handler
from hilum.pipeline import Reader
from hilum.predict import Model, load_model
from hilum.settings import Settings

LOOK_AGAIN_S: Final = 5.0
"""Seconds between two looks for a model while there is none."""

DEMONSTRATION_HELD: Final = (
    "The demonstration model does not read images of patients; "
    "run hilum models pull and set model.name to a trained model."
)
"""Why a node with the demonstration model keeps its images unread (docs/node.md)."""

log = get_log(__name__)


class ModelWatch:
    """Finds the model of the settings; while there is none, looks again now and then.

    Parameters
    ----------
    settings
        Name the model.
    load
        Loads the model.
    earlier
        Finds the reports that new ones replace.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        load: Callable[[Settings], Model] = load_model,
        earlier: Earlier = nothing_earlier,
    ) -> None:
        self._settings = settings
        self._load = load
        self._earlier = earlier
        self._handler: Handler | None = None
        self._next_look = 0.0
        self.model: Model | None = None
        """The model that reads; None while there is no usable one."""
        self.missing = ""
        """Why there is no usable model, as a line for people; empty when there is one."""

    def __call__(self) -> Handler | None:
        """Return what reads an image, None while there is no usable model."""
        if self._handler is None and time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + LOOK_AGAIN_S
            self._look()
        return self._handler

    def _look(self) -> None:
        try:
            model = self._load(self._settings)
        except ModelError as exc:
            self._say_missing(str(exc))
            return
        if model.identity.demonstration:
            self._next_look = math.inf  # the settings are read once
            self._say_missing(DEMONSTRATION_HELD)
            return
        self.model, self.missing = model, ""
        self._handler = build_handler(Reader(model, self._settings), earlier=self._earlier)
        log.info("model.loaded", model=model.identity.name, version=model.identity.version)

    def _say_missing(self, why: str) -> None:
        if why != self.missing:
            log.warning("model.missing", why=why)
        self.missing = why
