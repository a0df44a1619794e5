"""The process from which readers are forked: it loads all that reads, once.

Light to import: who begins it first of all has it load beside the rest of the node.
"""

import multiprocessing
import signal
import threading
from multiprocessing import forkserver
from typing import Final

HEAVY: Final = "hilum.node.reading"
"""The module with the path; it takes a second to load."""

IGNORED: Final = (signal.SIGINT, signal.SIGHUP)
"""Signals of a terminal that reach the whole family; the node alone decides what to do."""


def begin() -> None:
    """Let it start, unless it runs; it ends with this process."""
    multiprocessing.get_context("forkserver").set_forkserver_preload([HEAVY])
    if threading.current_thread() is not threading.main_thread():
        forkserver.ensure_running()
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in IGNORED}
    try:
        forkserver.ensure_running()  # what is ignored stays so in all its children
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
