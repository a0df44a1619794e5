"""How long to wait before something is tried again."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Final


@dataclass(frozen=True, slots=True)
class BackOff:
    """Waits of which each is longer than the one before, up to a longest.

    It only says how long: whoever waits does so in the way that its process can be stopped.
    """

    first_s: float
    longest_s: float
    """Seconds before the second attempt, and at most before any other."""
    factor: float = 2
    """How much longer each wait is than the one before."""

    def after(self, attempt: int) -> float:
        """Return the seconds to wait after an attempt that failed; the first one is 1."""
        wait_s = self.first_s
        for _ in range(attempt - 1):
            if wait_s >= self.longest_s:
                break
            wait_s *= self.factor
        return min(wait_s, self.longest_s)

    def __iter__(self) -> Iterator[float]:
        """Yield the wait after the first attempt, the second and so on, without end."""
        return map(self.after, count(1))


WHILE_AWAY: Final = BackOff(0.5, 10.0)
"""While the archive or the database does not answer, which may take days."""

STUMBLES: Final = 4
"""Waits for an archive that answers, but not to this question; then it is given up."""
