"""Turns into Orthanc, and ends with the process that started it, even by ``kill -9``.

Run as a script, in a process of its own that then turns into Orthanc (``execv``): code
between fork and exec inside the node would not be safe once the node has threads.

Sources
-------
prctl(2), PR_SET_PDEATHSIG: the signal survives ``execve``, and is sent when the *thread*
that started this process ends; hence the node starts Orthanc from its main thread.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Sequence
from typing import Final

PR_SET_PDEATHSIG: Final = 1
"""Option of prctl(2), from linux/prctl.h."""


def launch(parent: int, command: Sequence[str]) -> None:
    """Replace this process by `command`, tied to the life of `parent`.

    Parameters
    ----------
    parent
        Process ID of whoever must be alive.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:  # it ended before the line above took hold
        sys.exit(0)
    os.execv(command[0], list(command))  # noqa: S606  no shell is wanted


if __name__ == "__main__":
    launch(int(sys.argv[1]), sys.argv[2:])
