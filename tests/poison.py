"""Sources that end or hold whatever process opens them."""

import os
import signal
import time
from typing import BinaryIO, NoReturn

from hilum.files.candidate import Candidate


def crash() -> BinaryIO:
    """End this process, as native code does that meets a bug of its own."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def hang() -> NoReturn:
    """Never return."""
    while True:
        time.sleep(60)


def poison(name: str = "/poison.dcm") -> Candidate:
    """Return a source that ends its process."""
    return Candidate(name, crash)
