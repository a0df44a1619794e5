"""What tests ask about processes."""

import os
import select

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
