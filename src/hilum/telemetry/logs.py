"""One event per line on standard error, as text or JSON, never with patient data.

Ours say a name and scalar facts: SOP Instance UIDs, yes; names beside them, never. What
libraries say is put down with the words of their source code and without a single value,
because a value may be quoted from a data set. Errors are kind and place, never text.
"""

import atexit
import json
import logging
import os
import sys
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import Enum
from functools import cache
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path, PurePath
from types import TracebackType
from typing import Any, Final, TextIO
from uuid import UUID

from hilum.settings.telemetry import LogFormat
from hilum.telemetry.library_messages import words_of

MOST_ALIKE: Final = 20
"""Lines of one event from one place that are written in `WINDOW_S`."""

WINDOW_S: Final = 60.0

IMAGE: Final = "instance"
"""Fact of every event that tells of an image: these are written whatever their number."""

REPEATED: Final = "log.repeated"
"""The event that tells how many lines were held back."""

Place = tuple[object, ...]


class LogEvent(dict[str, object]):
    """What a line of ours says: its ``event``, and facts. No library logs one of these."""


@dataclass(slots=True)
class _Window:
    """How often something was said since `began`, and how many of these were not written."""

    began: float
    written: int = 0
    held: int = 0


class RepeatFilter(logging.Filter):
    """Lets `MOST_ALIKE` lines of an event pass in a minute, then counts and tells the count.

    An event of an image always passes: nothing about an image is lost.

    Parameters
    ----------
    tell
        Is given an event's name and how many of its lines were held back.
    clock
        Seconds that only grow.
    """

    def __init__(
        self, tell: Callable[[str, int], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self._tell = tell
        self._clock = clock
        self._windows: dict[Place, _Window] = {}
        self._lock = threading.Lock()

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a line is written."""
        facts = record.msg if isinstance(record.msg, LogEvent) else {}
        if IMAGE in facts or facts.get("event") == REPEATED:
            return True
        event = str(facts.get("event", record.name))
        line = facts.get("at") if facts else (record.pathname, record.lineno)
        place = (event, record.name, line)
        self._end(place, WINDOW_S)
        with self._lock:
            window = self._windows.setdefault(place, _Window(self._clock()))
            if window.written < MOST_ALIKE:
                window.written += 1
                return True
            window.held += 1
            first = window.held == 1
        if first:  # nothing else may ever be said again, and still the count is told
            timer = threading.Timer(WINDOW_S, self._end, (place,))
            timer.daemon = True
            timer.start()
        return False

    def tell_all(self) -> None:
        """Tell every count now: the process ends."""
        for place in list(self._windows):
            self._end(place)

    def _end(self, place: Place, older_than_s: float = 0) -> None:
        with self._lock:
            window = self._windows.get(place)
            if window is None or self._clock() - window.began < older_than_s:
                return
            del self._windows[place]
        if window.held:
            self._tell(str(place[0]), window.held)


SCALARS: Final = (str, int, float, PurePath, date, UUID, Enum, type(None))
"""Kinds of facts that are written as they are; of anything else only its kind is."""

IDENTIFYING: Final = frozenset(
    {
        "accession_number",
        "birth_date",
        "description",
        "other_patient_ids",
        "patient",
        "patient_birth_date",
        "patient_id",
        "patient_name",
    }
)
"""Names of facts that are never written, whatever their value."""

WITHHELD: Final = "withheld"

FIRST: Final = ("time", "level", "event")
"""What every line begins with, in this order."""

LONGEST_FACT: Final = 500
"""Characters of one fact; no event needs more, a data set in text has more."""

LIBRARIES: Final = (
    *("dbos", "sqlalchemy", "uvicorn", "uvicorn.error", "uvicorn.access"),
    *("pynetdicom", "pydicom", "httpx", "httpcore", "opentelemetry"),
)
"""Loggers that may have handlers of their own for standard error, which are removed."""

PACKAGE: Final = Path(__file__).parents[1]


class Log:
    """Writes events of one part of the program. Get one with `get_log`."""

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def info(self, event: str, **facts: object) -> None:
        """Write what happened."""
        self._write(logging.INFO, event, facts)

    def warning(self, event: str, **facts: object) -> None:
        """Write what somebody should look at."""
        self._write(logging.WARNING, event, facts)

    def bug(self, event: str, error: BaseException, **facts: object) -> None:
        """Write a fault of ours, with its kind and where in the code it came up."""
        self._write(logging.ERROR, event, facts | _fault(error))

    def _write(self, level: int, event: str, facts: Mapping[str, object]) -> None:
        said = {name: _allowed(name, value) for name, value in facts.items()}
        self._logger.log(level, LogEvent(event=event, **said))


def get_log(name: str) -> Log:
    """Return the logger of one part of the program."""
    return Log(name)


class OneLine(logging.Formatter):
    """Turns a log record, ours or a library's, into one line."""

    def __init__(self, log_format: LogFormat = LogFormat.TEXT) -> None:
        super().__init__()
        self._rendered = RENDERERS[log_format]

    def format(self, record: logging.LogRecord) -> str:
        """Return time, level and event first, then the facts; of a library, see `_library`."""
        facts = record.msg if isinstance(record.msg, LogEvent) else _library(record)
        when = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        start = {"time": when.replace("+00:00", "Z"), "level": record.levelname.lower()}
        return self._rendered({**start, "event": facts["event"], **facts})


KEPT_LINES: Final = 500
"""Lines of the log that are kept in memory."""

_RECENT: Final[deque[str]] = deque(maxlen=KEPT_LINES)


def recent_lines() -> list[str]:
    """Return what this process, and those that were given its `line_sink`, wrote last."""
    return list(_RECENT)


LONGEST_SENT: Final = 4000
"""Bytes of a line that is sent; a pipe takes 4096 at once or none (POSIX, PIPE_BUF)."""


@cache
def line_sink() -> Connection:
    """Return where another process of this node sends its lines, for `recent_lines` here.

    Nobody waits for it and nothing is locked, so a process may be killed as it writes: a line goes
    in whole or, when the pipe is full, not at all. Standard error has them all.
    """
    reader, writer = Pipe(duplex=False)
    os.set_blocking(writer.fileno(), False)
    threading.Thread(target=_gather, args=(reader,), name="log lines", daemon=True).start()
    return writer


def _gather(reader: Connection) -> None:
    while True:
        _RECENT.append(reader.recv_bytes().decode("utf-8", "replace"))


class StandardError(logging.StreamHandler[TextIO]):
    """Writes to whatever standard error is at the time; silent about events it can't write."""

    def __init__(self, log_format: LogFormat, sink: Connection | None = None) -> None:
        logging.Handler.__init__(self)
        self.setFormatter(OneLine(log_format))
        self._sink = sink

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of an event, and keep it for `recent_lines`, here or in the node."""
        line = super().format(record)
        if self._sink is None:
            _RECENT.append(line)
        else:
            with suppress(OSError):  # the pipe is full, or the node has ended
                self._sink.send_bytes(f"{line} process={record.process}".encode()[:LONGEST_SENT])
        return line

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        """Where lines go."""
        return sys.stderr

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  logging's name
        """Say that a line was lost, and no more: Python would print its values."""
        sys.stderr.write(f"error log.broken logger={record.name}\n")


def write_to_standard_error(
    log_format: LogFormat = LogFormat.TEXT, sink: Connection | None = None
) -> None:
    """Let every event of this process go to standard error, and nothing go there by itself.

    Ours from *info* on, those of libraries from *warning* on. Errors that nobody caught,
    in whichever thread, and Python's own warnings are written as events, too. What is said
    over and over is counted instead, see `RepeatFilter`.

    Parameters
    ----------
    sink
        The `line_sink` of the node that this process belongs to.
    """
    handler = StandardError(log_format, sink)
    repeats = RepeatFilter(lambda event, count: log.warning(REPEATED, of=event, lines=count))
    handler.addFilter(repeats)
    atexit.register(repeats.tell_all)
    root, hilum = logging.getLogger(), logging.getLogger("hilum")
    root.handlers[:], hilum.handlers[:] = [handler], [handler]
    root.setLevel(logging.WARNING)
    hilum.setLevel(logging.INFO)
    hilum.propagate = False
    for name in LIBRARIES:
        library = logging.getLogger(name)
        library.handlers[:] = [handler]  # DBOS adds one of its own where it finds none
        library.propagate = False
        library.setLevel(logging.WARNING)
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread
    sys.unraisablehook = _unraisable
    warnings.showwarning = _warned  # type: ignore[assignment]  # names of parameters alone differ


def _allowed(name: str, value: object) -> object:
    if name in IDENTIFYING:
        return WITHHELD
    if not isinstance(value, SCALARS):
        return f"<{type(value).__name__}>"
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, bool | int | float) or value is None:
        return value
    text = str(value)
    return text if len(text) <= LONGEST_FACT else f"{text[:LONGEST_FACT]}…"


def _fault(error: BaseException) -> dict[str, str]:
    """Return what may be said of an error: its kind, and its place in the code."""
    inner, ours = _places(error.__traceback__)
    facts = {"error": type(error).__name__, "at": inner}
    return facts if ours in {"", inner} else {**facts, "via": ours}


def _places(trace: TracebackType | None) -> tuple[str, str]:
    """Return "file:line" of the innermost frame, and of the innermost frame of hilum."""
    inner = ours = ""
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        inner = f"{file}:{trace.tb_lineno}"
        if Path(file).is_relative_to(PACKAGE):
            ours = inner
        trace = trace.tb_next
    return inner, ours


def _library(record: logging.LogRecord) -> Mapping[str, object]:
    """Return the event of a library's line: where it was said, in the words of its source."""
    facts = {
        "event": "library.said",
        "logger": record.name,
        "words": words_of(record.pathname, record.lineno),
        "from": f"{record.pathname}:{record.lineno}",
    }
    error = record.exc_info[1] if record.exc_info else None
    return facts if error is None else facts | _fault(error)


def _as_text(facts: Mapping[str, object]) -> str:
    rest = {name: value for name, value in facts.items() if name not in FIRST}
    pairs = (f"{name}={_quoted(value)}" for name, value in rest.items())
    return " ".join((*(str(facts[name]) for name in FIRST), *pairs))


def _as_json(facts: Mapping[str, object]) -> str:
    return json.dumps(facts, ensure_ascii=False)


RENDERERS: Final[Mapping[LogFormat, Callable[[Mapping[str, object]], str]]] = {
    LogFormat.TEXT: _as_text,
    LogFormat.JSON: _as_json,
}


def _quoted(value: object) -> str:
    """Return a value as it is, in quotes only where a blank or quote would mislead."""
    text = f"{value:.3f}" if isinstance(value, float) else str(value)
    plain = text and not any(char.isspace() or char in '="' for char in text)
    return text if plain else json.dumps(text, ensure_ascii=False)


log = get_log(__name__)


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    log.bug("process.bug", error)


def _uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None:
        log.bug("thread.bug", args.exc_value, thread=args.thread.name if args.thread else "unknown")


def _unraisable(args: Any) -> None:
    if args.exc_value is not None:
        log.bug("process.bug", args.exc_value)


def _warned(
    _message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    _file: TextIO | None = None,
    _line: str | None = None,
) -> None:
    """Write that Python warned, without the words: pydicom's quote what they are about."""
    log.warning("python.warned", kind=category.__name__, at=f"{filename}:{lineno}")
