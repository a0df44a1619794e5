"""Keeps from the terminal what native libraries remark about a processor while they are loaded."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile
from typing import Final

REMARKS: Final = re.compile(rb"cpuinfo|cpuid_info|device_discovery|CPU part|chip model|SoC/chip")
"""Lines that ONNX Runtime prints of machines that it does not know; nobody can act on them."""

STANDARD_ERROR: Final = 2


@contextmanager
def without_remarks() -> Iterator[None]:
    """Hold standard error back for as long as the block runs, then write the rest of it.

    Native code writes to the descriptor, past Python's streams and every setting of a logger.
    """
    try:
        held, terminal = TemporaryFile(), os.dup(STANDARD_ERROR)  # noqa: SIM115  closed below
    except OSError:  # no standard error, or no folder for the file: nothing is held back
        yield
        return
    with held:
        os.dup2(held.fileno(), STANDARD_ERROR)
        try:
            yield
        finally:
            os.dup2(terminal, STANDARD_ERROR)
            os.close(terminal)
            held.seek(0)
            for line in held:
                if not REMARKS.search(line):
                    os.write(STANDARD_ERROR, line)
