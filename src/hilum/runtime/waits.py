"""How long to wait before something is tried again, and until something is so."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from time import monotonic, sleep
from typing import Final, TypeVar

T = TypeVar("T")


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


def wait_until(
    ask: Callable[[], T],
    done: Callable[[T], object] = bool,
    *,
    timeout_s: float,
    every_s: float,
    pause: Callable[[float], object] = sleep,
) -> T:
    """Ask until the answer is as wanted; return the last one, which is not when the time was over.

    Parameters
    ----------
    ask
        Asked at once, then after each pause.
    done
        Whether an answer is as wanted; whether it is true where nothing else is said.
    timeout_s, every_s
        Seconds until it is given up, by a clock that nobody sets, and between two questions.
    pause
        Waits so many seconds; may end the wait by an error.
    """
    deadline = monotonic() + timeout_s
    while not done(answer := ask()) and monotonic() < deadline:
        pause(every_s)
    return answer
