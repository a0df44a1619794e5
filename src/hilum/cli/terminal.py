"""Makes standard streams safe to write to: not UTF-8, closed, or read by `head`.

The command goes on all the same; only what nobody can read is not shown.
"""

import codecs
import io
import os
import re
import sys
import unicodedata
from pathlib import Path
from typing import Any, Final, TextIO

import click

from hilum.errors import SourceUnreadable
from hilum.language import of_environment
from hilum.language.system import system_error
from hilum.values.control_characters import REPLACEMENT, UNSAFE

PLAIN: Final = "hilum-plain"
"""Name of the way to write characters that a terminal does not have."""

SPELLED: Final = {
    "≥": ">=",
    "≤": "<=",
    "→": "->",
    "←": "<-",
    "–": "-",
    "—": "-",
    "−": "-",
    "×": "x",
    "…": "...",
    "·": "-",
    "•": "*",
    "µ": "u",
    "±": "+/-",
    "Δ": "d",
    "√": "sqrt",
    "✓": "v",
    "“": '"',
    "”": '"',
    "„": '"',
    "‘": "'",
    "’": "'",
    "█": "#",
    "━": "-",
    "│": "|",
    "½": "1/2",
}
"""Characters of our texts, and how they are written without them."""


COLOUR_OR_UNSAFE: Final = re.compile(rf"\x1b\[[0-9;]*m|\r(?!\n)|{UNSAFE.pattern}")
"""Colours and weights (ECMA-48, SGR), which do no harm; all else that changes other text."""


def prepare() -> None:
    """Make the standard streams take everything that a command may print."""
    codecs.register_error(PLAIN, _plain)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by whoever started us
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=PLAIN)
            if stream is getattr(sys, f"__{name}__"):
                setattr(sys, name, ResilientStream(stream))
    if sys.stdin is None:
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115, PTH123


class ResilientStream(io.TextIOWrapper):
    """A standard stream that outlives its reader, and the disk that it is written to.

    What comes after `head` is gone, or after the disk is full, goes nowhere.

    Attributes
    ----------
    failed
        Whether something was lost that somebody waited for.
    """

    def __init__(self, stream: io.TextIOWrapper) -> None:
        super().__init__(
            stream.detach(),
            encoding=stream.encoding,
            errors=PLAIN,
            line_buffering=stream.line_buffering,
        )
        self.failed = False

    def write(self, text: str, /) -> int:
        """Write, or drop what nobody reads; on a terminal no file's text moves the cursor."""
        self.draw(COLOUR_OR_UNSAFE.sub(_harmless, text) if self.isatty() else text)
        return len(text)

    def draw(self, text: str, /) -> int:
        """Write what moves the cursor, too: progress bars alone."""
        try:
            return super().write(text)
        except OSError as exc:
            self._end(exc)
            return len(text)

    def flush(self) -> None:
        """Flush, or drop what nobody reads."""
        try:
            super().flush()
        except OSError as exc:
            self._end(exc)

    def _end(self, exc: OSError) -> None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.fileno())
        os.close(nowhere)
        if not isinstance(exc, BrokenPipeError):
            self.failed = True
            why = system_error(exc)
            echo("hilum: the output cannot be written: {why}. Free some space.", err=True, why=why)


class BarStream:
    """A standard stream for a progress bar, which moves the cursor."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.write = stream.draw if isinstance(stream, ResilientStream) else stream.write

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def output_failed() -> bool:
    """Return whether a standard stream could not be written, its reader being there."""
    streams = (sys.stdout, sys.stderr)
    return any(isinstance(stream, ResilientStream) and stream.failed for stream in streams)


def check_paths(paths: tuple[str, ...]) -> None:
    """Say of paths of which none is there that they are not, before anything else is done.

    Raises
    ------
    SourceUnreadable
        None of them exists. One that is missing among others is a file that failed.
    """
    if not any(os.path.lexists(path) for path in paths):
        first, *more = paths
        path, count = Path(first), len(more)
        if more:
            raise SourceUnreadable(
                "{path} and {count} more do not exist.",
                "Check the path.",
                path=path,
                count=count,
            )
        raise SourceUnreadable("{path} does not exist.", "Check the path.", path=path)


def _harmless(found: re.Match[str]) -> str:
    return found[0] if found[0].endswith("m") and len(found[0]) > 1 else REPLACEMENT


def _plain(error: UnicodeError) -> tuple[str | bytes, int]:
    """Write what a terminal does not have as near as it can."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    written = "".join(_spelled(each) for each in error.object[error.start : error.end])
    return written, error.end


def _spelled(character: str) -> str:
    if character in SPELLED:
        return SPELLED[character]
    if "\udc80" <= character <= "\udcff":  # a byte of a file's name that is no UTF-8
        return f"%{ord(character) - 0xDC00:02X}"
    base = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return base or "?"


def say(message: str, plural: str = "", /, **values: object) -> str:
    """Return a message in the language of the terminal."""
    return of_environment().say(message, plural, **values)


def echo(
    message: str, plural: str = "", /, *, err: bool = False, nl: bool = True, **values: object
) -> None:
    """Print a message in the language of the terminal."""
    click.echo(say(message, plural, **values), err=err, nl=nl)
