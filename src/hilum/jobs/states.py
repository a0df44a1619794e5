"""What can become of an instance that arrived."""

from enum import StrEnum
from typing import Final


class State(StrEnum):
    """How far one instance is. Everything that arrived has exactly one."""

    READING = "reading"
    """In work, or in work when the node was killed."""
    WAITING = "waiting"
    """To be read again, because someone asked for it or the PACS went away."""
    STORED = "stored"
    """Read; the PACS, asked again, shows the results."""
    REFUSED = "refused"
    """The gate or the pixels said no; the reasons say why."""
    FAILED = "failed"
    """Something broke; the reasons say what. Retried when someone asks for it."""
    OWN = "own"
    """A result of ours, which makes no work."""
    GONE = "gone"
    """Deleted from the PACS before it was read."""


SETTLED: Final = frozenset({State.STORED, State.REFUSED, State.FAILED, State.OWN, State.GONE})
"""States in which nothing more happens by itself."""

LISTED: Final = tuple(state for state in State if state is not State.OWN)
"""States that a person wants to see; our own results are only counted."""

RETRIED: Final = frozenset({State.FAILED, State.REFUSED, State.GONE})
"""States from which a person may ask for another attempt."""
