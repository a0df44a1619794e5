"""What runs inside an inference worker: one model, one image at a time.

Light to import, so that the node itself, which only names these functions, loads neither
a network nor a decoder.
"""

import ctypes
import importlib
import os
import resource
import signal
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from hilum.eligibility import Reason
from hilum.errors import RadiographRefused
from hilum.language import Message
from hilum.node.fork_server import HEAVY
from hilum.node.processed import ProcessedImage
from hilum.outcome import Status
from hilum.reading import ModelIdentity
from hilum.runtime.memory import keep_freed_memory
from hilum.settings import Settings
from hilum.telemetry import logs

PR_SET_PDEATHSIG: Final = 1
"""Option of prctl(2), from linux/prctl.h: end with the process that forked this one."""

OOM_SCORE: Final = "700"
"""Of 1000: when memory runs out the kernel ends a context, not the node or the PACS."""


TOO_LARGE: Final = Message("reading it takes more memory than node.inference_memory_bytes allows")


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
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the node says when to end: an image is finished
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    keep_freed_memory()
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(OOM_SCORE, encoding="ascii")
    limit = settings.node.inference_memory_bytes
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    if most == resource.RLIM_INFINITY or limit < most:
        resource.setrlimit(resource.RLIMIT_DATA, (limit, most))
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    # what libraries say here is put down without its values, as in the node itself
    logs.write_to_standard_error(settings.telemetry.log_format, lines)
    warnings.filterwarnings("ignore", module=r"(pydicom|highdicom)\.")
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
        return ProcessedImage(Status.FAILED, (Reason("inference_memory", TOO_LARGE),))
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
        raise RadiographRefused((Reason("inference_memory", TOO_LARGE),)) from None


def _pipeline() -> Any:
    """Return the loaded model, at the first use loaded, with the settings as they are now."""
    if PROCESS.context is None:
        heavy = importlib.import_module(HEAVY)
        PROCESS.context = heavy.open_pipeline(
            PROCESS.settings, in_demonstration=PROCESS.in_demonstration
        )
    return replace(PROCESS.context, settings=_settings())


def _settings() -> Settings:
    assert PROCESS.settings is not None, "initialize sets them"  # noqa: S101
    return PROCESS.settings.current()
