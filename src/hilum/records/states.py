"""States of an image, and how urgent it is."""

from enum import StrEnum
from typing import Final

from hilum.language import Message


class State(StrEnum):
    """State of one image. Every image that arrived has exactly one."""

    HELD = "held"
    """Waits until there is a model that can read it."""
    ELSEWHERE = "elsewhere"
    """The archive holds another hilum's report on it; this node analyzes it once it has a model."""
    QUEUED = "queued"
    """Waits for its turn."""
    READING = "reading"
    """In work, or in work when the process was killed."""
    STORED = "stored"
    """Read; the archive, asked again, shows the results."""
    REFUSED = "refused"
    """The gate or the pixels said no; the reasons say why."""
    FAILED = "failed"
    """Something broke; the reasons say what. Analyzed again when a user asks for it."""
    GONE = "gone"
    """Deleted from the archive before it was read."""


STATES: Final = {
    State.STORED: Message("Analyzed"),
    State.ELSEWHERE: Message("Analyzed elsewhere"),
    State.READING: Message("In progress"),
    State.QUEUED: Message("Waiting"),
    State.HELD: Message("Waiting for a model"),
    State.REFUSED: Message("Not analyzed"),
    State.FAILED: Message("Failed"),
    State.GONE: Message("Deleted"),
}
"""State of an image or study → its word."""

SETTLED: Final = frozenset({State.STORED, State.REFUSED, State.FAILED, State.GONE})
"""Final states."""

UNSETTLED: Final = frozenset(State) - SETTLED
"""States of images that are not settled."""

WAITED_FOR: Final = UNSETTLED - {State.ELSEWHERE}
"""States of images that wait for their result."""

ANALYZED: Final = frozenset({State.STORED, State.ELSEWHERE})
"""States of images of which there are findings."""

RETRIED: Final = frozenset({State.FAILED, State.REFUSED, State.GONE})
"""States from which a person may ask for another attempt."""


class Urgency(StrEnum):
    """How soon an image has to be read."""

    URGENT = "urgent"
    """Analyzed before all others."""
    ROUTINE = "routine"
    """In the order of arrival."""
    BACKFILL = "backfill"
    """An old image that somebody asked for: after what arrives meanwhile."""


URGENCIES: Final = {
    Urgency.URGENT: Message("urgent"),
    Urgency.ROUTINE: Message("routine"),
    Urgency.BACKFILL: Message("backfill"),
}
"""Urgency → its word."""
