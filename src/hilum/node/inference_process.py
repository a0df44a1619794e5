"""What runs inside an inference worker: one model, one image at a time.

Light to import, so that the node itself, which only names these functions, loads neither
a network nor a decoder.
"""

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from hilum.eligibility import Reason
from hilum.errors import RadiographRefused
from hilum.language import Message
from hilum.node.processed import MeasuredAnatomy, ProcessedImage
from hilum.outcome import Status
from hilum.reading import ModelIdentity
from hilum.records.stored_reading import StoredReading
from hilum.runtime.memory import release_freed_memory
from hilum.runtime.worker_process import become_worker
from hilum.settings import Settings
from hilum.telemetry import logs
from hilum.wording import path_reason

HEAVY: Final = "hilum.node.process_file"
"""The module with the path; it takes a second to load."""

ANATOMY: Final = "hilum.node.anatomy_file"
"""The module with the second network; loaded where it is needed."""

TOO_LARGE_ANATOMY: Final = Message("it takes more memory than anatomy.memory_bytes allows")


@dataclass(slots=True)
class ProcessState:
    """State of one inference worker; empty in every other process."""

    settings: Settings | None = None
    in_demonstration: bool = False
    context: Any = None


PROCESS: Final = ProcessState()


def initialize(settings: Settings, lines: Connection, *, in_demonstration: bool) -> None:
    """Make this process a context, with its limits; it loads the model when it first needs it.

    Parameters
    ----------
    lines
        Where the node takes the lines of its log.
    """
    become_worker(memory_bytes=settings.node.inference_memory_bytes)
    # what libraries say here is put down without its values, as in the node itself
    logs.write_to_standard_error(settings.telemetry.log_format, lines)
    PROCESS.settings, PROCESS.in_demonstration = settings, in_demonstration


def hello() -> ModelIdentity:
    """Return which model this process reads with.

    Raises
    ------
    ModelError
        There is none, or it cannot be used.
    SettingInvalid
        The site's codes file cannot be used.
    """
    identity: ModelIdentity = _pipeline().model.identity
    return identity


def read(
    path: str, earlier: Sequence[bytes], when: datetime, self_test: str | None = None
) -> ProcessedImage:
    """Read one file; see `hilum.node.process_file.read_file`.

    Raises
    ------
    OSError
        This process cannot open the file.
    ModelError
        There is no usable model any more.
    """
    context = _pipeline()
    heavy = importlib.import_module(HEAVY)
    try:
        answer: ProcessedImage = heavy.read_file(
            Path(path).read_bytes(), context, earlier, when=when, self_test=self_test
        )
    except MemoryError:
        return ProcessedImage(Status.FAILED, (path_reason("inference_memory"),))
    return answer


def document(path: str, name: str) -> Mapping[str, Any]:
    """Read one file of any kind; see `hilum.node.process_file.document_of`.

    Raises
    ------
    OSError
        This process cannot open the file.
    ModelError
        There is no usable model.
    """
    Path(path).open("rb").close()  # one that is hidden from us is not the person's bad file
    context = _pipeline()
    found: Mapping[str, Any] = importlib.import_module(HEAVY).document_of(Path(path), name, context)
    return found


def page(path: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """Return what a function of `hilum.node.page_work` makes of one file.

    Raises
    ------
    OSError
        This process cannot open the file.
    RadiographRefused
        It takes more memory than a worker has.
    """
    try:
        return function(Path(path).read_bytes(), _settings(), *arguments)
    except MemoryError:
        raise RadiographRefused((path_reason("inference_memory"),)) from None


def anatomy(path: str, when: datetime, reading: StoredReading | None) -> MeasuredAnatomy:
    """Measure the anatomy of one file; see `hilum.node.anatomy_file.measured`.

    Raises
    ------
    OSError
        This process cannot open the file.
    RadiographRefused
        It takes more memory than this process has.
    """
    heavy = importlib.import_module(ANATOMY)
    try:
        found: MeasuredAnatomy = heavy.measured(
            Path(path).read_bytes(),
            _settings(),
            when,
            reading,
            in_demonstration=PROCESS.in_demonstration,
        )
    except MemoryError:
        raise RadiographRefused((Reason("inference_memory", TOO_LARGE_ANATOMY),)) from None
    return found


def _pipeline() -> Any:
    """Return the loaded model, with the settings as they are now.

    It is loaded at the first use, and anew when other operating points are put to use.
    """
    settings, context = _settings(), PROCESS.context
    if context is None or context.settings.model != settings.model:
        heavy = importlib.import_module(HEAVY)
        PROCESS.context = context = None  # what cannot be loaded is not read with what was before
        context = heavy.open_pipeline(settings, in_demonstration=PROCESS.in_demonstration)
        release_freed_memory()
        PROCESS.context = context
    return replace(context, settings=settings)


def _settings() -> Settings:
    assert PROCESS.settings is not None, "initialize sets them"  # noqa: S101
    return PROCESS.settings.current()
