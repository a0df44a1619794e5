"""Keeps freed memory for the next image, and returns what loading a model took."""

import ctypes
import sys
from contextlib import suppress
from typing import Final

M_TRIM_THRESHOLD: Final = -1
M_MMAP_THRESHOLD: Final = -3
"""Options of mallopt(3), from malloc.h of the GNU C library."""

KEPT_MEMORY: Final = 1 << 28
LARGEST_KEPT: Final = 1 << 25
"""Bytes of free memory that a process keeps, and of the largest block of it (glibc's limit)."""


def release_freed_memory() -> None:
    """Return what was freed to the system, for once, in the arenas of every thread.

    Loading a model frees tens of megabytes, of which another thread's arena makes no use. Does
    nothing where the C library is not GNU's.
    """
    if sys.platform == "linux":
        with suppress(AttributeError):
            ctypes.CDLL(None).malloc_trim(0)


def keep_freed_memory() -> None:
    """Let this process keep what it frees: for one that makes image after image.

    The kernel takes 20 to 50 ms of the processor to give a radiograph's memory anew for each
    image. Does nothing where the C library is not GNU's.
    """
    if sys.platform == "linux":
        with suppress(AttributeError):  # musl has none
            libc = ctypes.CDLL(None)
            libc.mallopt(M_MMAP_THRESHOLD, LARGEST_KEPT)
            libc.mallopt(M_TRIM_THRESHOLD, KEPT_MEMORY)
