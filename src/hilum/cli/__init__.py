"""The command line: each command is a module of this folder."""

import os

# Before numpy is imported: the overlay's small products take twice the processor's time
# on two threads of OpenBLAS, which wait for each other by spinning (python -m bench overlay).
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from hilum.cli.main import main

__all__ = ["main"]
