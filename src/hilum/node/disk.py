"""Room on the disk: with too little of it the node pauses before something breaks."""

import shutil
import threading
from pathlib import Path
from time import monotonic
from typing import Final

from hilum.telemetry.logs import get_log

LOOK_S: Final = 1.0
"""Seconds for which an answer holds."""

log = get_log(__name__)


class DiskWatch:
    """Says whether there is too little room. Safe for several threads.

    Parameters
    ----------
    folder
        On the disk in question.
    min_free_bytes
        With less than that there is too little.
    """

    def __init__(self, folder: Path, min_free_bytes: int) -> None:
        self._folder = folder
        self._min_free_bytes = min_free_bytes
        self._lock = threading.Lock()
        self._next_look = 0.0
        self._low = False

    @property
    def free_bytes(self) -> int:
        """How much room there is; 0 when that can't be found out."""
        try:
            return shutil.disk_usage(self._folder).free
        except OSError:
            return 0

    @property
    def low(self) -> bool:
        """Whether there is too little room now; what changes is written to the log once."""
        with self._lock:
            if monotonic() >= self._next_look:
                self._next_look = monotonic() + LOOK_S
                self._look()
            return self._low

    def _look(self) -> None:
        free = self.free_bytes
        low = free < self._min_free_bytes
        if low and not self._low:
            log.warning(
                "disk.low",
                free_bytes=free,
                needed_bytes=self._min_free_bytes,
                remedy="make room on the disk of data_folder; the node goes on by itself",
            )
        if self._low and not low:
            log.info("disk.enough", free_bytes=free)
        self._low = low
