"""Results that this process stored recently."""

import threading
from collections import OrderedDict
from typing import Final

MOST_REMEMBERED: Final = 20_000
"""Results of ours whose UIDs are known by heart."""


class RecentlyStored:
    """The last results that this process stored: the feed will tell of them in a moment.

    Orthanc takes long to say what a report holds; of these nobody has to ask.
    """

    def __init__(self) -> None:
        self._names: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, name: str) -> None:
        """Remember a result by its UID, before it is sent, or by Orthanc's identifier."""
        with self._lock:
            self._names[name] = None
            if len(self._names) > MOST_REMEMBERED:
                self._names.popitem(last=False)

    def __contains__(self, name: str) -> bool:
        with self._lock:
            return name in self._names
