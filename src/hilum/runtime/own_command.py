"""A command of hilum in a process of its own, looked after from a loop."""

import subprocess
import sys
from typing import Final

SILENT: Final = "it ended without a word"
"""Said of one that wrote no error."""


class OwnCommand:
    """Runs ``hilum`` with some arguments, one at a time. For one thread.

    Parameters
    ----------
    arguments
        Of the command.
    """

    def __init__(self, *arguments: str) -> None:
        self.arguments = arguments
        self._process: subprocess.Popen[str] | None = None

    @property
    def runs(self) -> bool:
        """Whether it was begun and nobody has heard of its end."""
        return self._process is not None

    def begin(self) -> None:
        """Begin; returns at once."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "hilum", *self.arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ended(self) -> tuple[int, str] | None:
        """Return status and last line of its errors, once; None while it runs, or without one."""
        if self._process is None or self._process.poll() is None:
            return None
        process, self._process = self._process, None
        _, said = process.communicate()
        return process.returncode, (said.strip().splitlines() or [""])[-1]

    def end(self, grace_s: float = 0.0) -> None:
        """End it; it may finish for so long before it is killed."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.communicate(timeout=grace_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
        self._process = None
