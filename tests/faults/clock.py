"""A clock that a test can move: what Debian's libfaketime does, which breaks Python's sleep."""

import subprocess
from pathlib import Path
from typing import Final

from orthanc_server import require

SOURCE: Final = Path(__file__).with_name("clock.c")


def build_clock(folder: Path) -> Path:
    """Return a library for LD_PRELOAD that adds what CLOCK_OFFSET_FILE says, in seconds."""
    library = folder / "clock.so"
    command = [require("cc"), "-O1", "-shared", "-fPIC", "-nostdlib", "-o"]
    subprocess.run([*command, library, SOURCE], check=True)
    return library
