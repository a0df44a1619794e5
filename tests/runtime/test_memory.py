"""Freed memory goes back to the system when it is asked for."""

import subprocess
import sys
from pathlib import Path

import pytest

CODE = """
from pathlib import Path
from hilum.runtime.memory import keep_freed_memory, release_freed_memory

def resident():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))

keep_freed_memory()
blocks = [bytearray(1 << 16) for _ in range(800)]
for block in blocks:
    block[:] = b'x' * len(block)
last = bytearray(1 << 16)
del blocks
kept = resident()
release_freed_memory()
print(kept - resident())
"""


def test_memory_that_was_kept_is_released():
    """Fifty megabytes in the heap, below a block that is still in use."""
    if not Path("/proc/self/status").exists():
        pytest.skip("only Linux tells what is resident")
    done = subprocess.run([sys.executable, "-c", CODE], check=True, capture_output=True, text=True)

    assert int(done.stdout) > 30_000
