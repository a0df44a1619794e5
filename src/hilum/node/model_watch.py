"""Whether there is a model that may read; until there is, images are held."""

import math
import time
from collections.abc import Callable
from typing import Final

from hilum.errors import InferenceTimeout, InferenceWorkerDied, ModelError
from hilum.language import Message
from hilum.reading import ModelIdentity
from hilum.telemetry.logs import get_log

LOOK_AGAIN_S: Final = 5.0
"""Seconds between two looks for a model while there is none."""

DEMONSTRATION_HELD: Final = Message(
    "The demonstration model does not read images of patients; "
    "run hilum models pull and set model.name to a trained model."
)
"""Why a node with the demonstration model analyzes no image (docs/node.md)."""

log = get_log(__name__)


class ModelWatch:
    """Finds the model of the settings; while there is none, looks again now and then.

    Parameters
    ----------
    hello
        Asks a worker which model it has; see `hilum.node.inference_pool.InferencePool.hello`.
    in_demonstration
        True inside `hilum demo` only: there the demonstration model reads.

    Attributes
    ----------
    model
        The model that reads; None while there is no usable one.
    missing
        Why there is no usable model, as a line for people; empty when there is one.
    """

    def __init__(
        self, hello: Callable[[], ModelIdentity], *, in_demonstration: bool = False
    ) -> None:
        self._hello = hello
        self._in_demonstration = in_demonstration
        self._next_look = 0.0
        self.model: ModelIdentity | None = None
        self.missing = ""

    def __call__(self) -> ModelIdentity | None:
        """Return the model that reads, None while there is no usable one.

        Raises
        ------
        SettingInvalid
            The site's codes file cannot be used.
        """
        if self.model is None and time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + LOOK_AGAIN_S
            self._look()
        return self.model

    def _look(self) -> None:
        try:
            model = self._hello()
        except (ModelError, InferenceWorkerDied, InferenceTimeout) as exc:
            self._say_missing(exc.message)
            return
        if model.demonstration and not self._in_demonstration:
            self._next_look = math.inf  # the settings are read once
            self._say_missing(DEMONSTRATION_HELD)
            return
        self.model, self.missing = model, ""
        log.info("model.loaded", model=model.name, version=model.version)

    def _say_missing(self, why: str) -> None:
        if why != self.missing:
            log.warning("model.missing", why=why)
        self.missing = why
