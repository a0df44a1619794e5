"""A process that reads images for another one: its limits, and its end."""

import ctypes
import faulthandler
import os
import signal
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Final

from hilum.runtime.memory import keep_freed_memory

PR_SET_PDEATHSIG: Final = 1
"""Option of prctl(2), from linux/prctl.h: end with the process that forked this one."""

OOM_SCORE: Final = "700"
"""Of 1000: when memory runs out the kernel ends a worker, not the node or the PACS."""

STOPPING: Final = ("SIGINT", "SIGTERM", "SIGHUP")
"""Whoever gave the work says when to end: an image is finished. Windows has not all of them."""


def become_worker(*, memory_bytes: int) -> None:
    """Make this process a worker that takes no more memory than it may, and ends with its parent.

    Parameters
    ----------
    memory_bytes
        What it may take; more is a `MemoryError`.
    """
    for name in STOPPING:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        _limit(memory_bytes)
    keep_freed_memory()
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(OOM_SCORE, encoding="ascii")
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    warnings.filterwarnings("ignore", module=r"(pydicom|highdicom)\.")


@contextmanager
def ended_after(limit_s: float) -> Iterator[None]:
    """End this process if the block takes longer, whatever native code it is in."""
    faulthandler.dump_traceback_later(limit_s, exit=True, file=_nowhere())
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()


@cache
def _nowhere() -> int:
    """Return the descriptor of what takes what nobody reads, open as long as the process is."""
    return os.open(os.devnull, os.O_WRONLY)


def _limit(memory_bytes: int) -> None:
    import resource  # noqa: PLC0415  Windows has none

    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    if most == resource.RLIM_INFINITY or memory_bytes < most:
        resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, most))
