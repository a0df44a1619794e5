"""The process from which workers are forked: it loads the libraries once.

Light to import: who begins it first of all has it load beside the rest of the program. Python has
no public way to start it before the first worker; tests/node/test_start.py holds what this uses.
"""

import multiprocessing
import signal
import threading
from collections.abc import Sized
from multiprocessing import forkserver, resource_tracker
from typing import Final

BLOCKED: Final = (signal.SIGINT, signal.SIGHUP)
"""Signals of a terminal that reach the whole family; the parent alone decides what to do."""

_FORGET: Final = resource_tracker.unregister


def begin(preloaded: str) -> None:
    """Let it start, unless it runs; it ends with this process.

    Parameters
    ----------
    preloaded
        Module that it loads before it forks.
    """
    resource_tracker.unregister = _forget
    multiprocessing.get_context("forkserver").set_forkserver_preload([preloaded])
    if threading.current_thread() is not threading.main_thread():
        forkserver.ensure_running()
        return
    resource_tracker.ensure_running()  # by itself: its start lets signals through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, BLOCKED)
    try:
        forkserver.ensure_running()  # what is blocked stays so in all its children
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)  # what came meanwhile is heard now


def _forget(name: Sized, rtype: str) -> None:
    """Let Python's resource tracker forget a semaphore, whether it knows of it or not.

    A tracker that takes the place of one that was killed knows none, and prints a traceback for
    each that it is to forget.
    """
    resource_tracker.register(name, rtype)  # no change where it is known
    _FORGET(name, rtype)
