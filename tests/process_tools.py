"""What tests ask about processes."""

import os
import select
import sys
from pathlib import Path

LONG_S = 60.0
"""Longer than anything here takes on a loaded machine; reached only when it went wrong."""


def ended(pid: int) -> bool:
    """Return whether a process has ended, or ends in time."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], LONG_S)[0])
    finally:
        os.close(descriptor)


def without_environment(path: str) -> str:
    """Return PATH without the programs of the virtual environment that runs this.

    pynetdicom's are named like DCMTK's, storescu for one, and an activated environment puts
    them first.
    """
    own = str(Path(sys.prefix, "bin"))
    if sys.prefix == sys.base_prefix:
        return path
    return os.pathsep.join(each for each in path.split(os.pathsep) if each != own)
