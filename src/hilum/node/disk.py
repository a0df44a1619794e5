"""Free disk space: when it runs low the node pauses before something breaks."""

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
    """Says whether disk space is low. Thread-safe."""

    def __init__(self, folder: Path, min_free_bytes: int) -> None:
        self._folder = folder
        self._min_free_bytes = min_free_bytes
        self._lock = threading.Lock()
        self._next_look = 0.0
        self._low = False

    @property
    def free_bytes(self) -> int:
        """Free bytes; 0 when that cannot be determined."""
        try:
            return shutil.disk_usage(self._folder).free
        except OSError:
            return 0

    @property
    def low(self) -> bool:
        """Whether disk space is low now; a change is logged once."""
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
                remedy="free space on the disk of data_folder; the node resumes by itself",
            )
        if self._low and not low:
            log.info("disk.enough", free_bytes=free)
        self._low = low
