"""One event a line on standard error: time, level, name, then key=value.

Nothing about a patient is ever logged; SOP Instance UIDs are, names beside them never.
"""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Final

FACTS: Final = "facts"
"""Attribute of a log record that holds an event's values."""


class EventLog:
    """Writes events of one part of the program.

    Parameters
    ----------
    name
        Name of the logger, usually the module's.
    """

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def info(self, event: str, **facts: object) -> None:
        """Write what happened."""
        self._logger.info(event, extra={FACTS: facts})

    def warning(self, event: str, **facts: object) -> None:
        """Write what somebody should look at."""
        self._logger.warning(event, extra={FACTS: facts})

    def bug(self, event: str, error: Exception, **facts: object) -> None:
        """Write a fault of ours, with its kind and where in the code it came up."""
        self._logger.error(event, extra={FACTS: facts}, exc_info=error)


class EventFormatter(logging.Formatter):
    """Formats an event as ``2026-01-02T03:04:05.678Z info node.stored instance=…``."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of one event."""
        when = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        facts: dict[str, object] = dict(getattr(record, FACTS, {}))
        if record.exc_info and record.exc_info[0] is not None:
            # the text of a foreign error may quote the data set; its place in the code cannot
            facts |= {"error": record.exc_info[0].__name__, "at": _place(record)}
        pairs = (f"{key}={_value(value)}" for key, value in facts.items())
        start = f"{when.replace('+00:00', 'Z')} {record.levelname.lower()} {record.getMessage()}"
        return " ".join((start, *pairs))


def write_to_standard_error() -> None:
    """Let every event of hilum go to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(EventFormatter())
    hilum = logging.getLogger("hilum")
    hilum.handlers[:] = [handler]
    hilum.setLevel(logging.INFO)
    hilum.propagate = False


def _place(record: logging.LogRecord) -> str:
    """Return "file:line" of the innermost frame of a logged error."""
    trace = record.exc_info[2] if record.exc_info else None
    place = ""
    while trace is not None:
        place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


def _value(value: object) -> str:
    """Return a value as it is, in quotes only where a blank or quote would mislead."""
    text = f"{value:.3f}" if isinstance(value, float) else str(value)
    plain = text and not any(char.isspace() or char in '="' for char in text)
    return text if plain else json.dumps(text, ensure_ascii=False)
