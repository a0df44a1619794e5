"""Progress: a bar on a terminal, plain lines without one; outcomes go to standard output."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from time import sleep
from typing import TYPE_CHECKING, Final, TextIO, cast

import click

from hilum.cli.terminal import BarStream, echo
from hilum.values.control_characters import visible

if TYPE_CHECKING:
    from rich.console import Console

SAID_FROM_S: Final = 60.0
"""A pause that is as long as that is mentioned."""


def pause(seconds: float) -> None:
    """Wait for a PACS, and say until when if it is long."""
    if seconds >= SAID_FROM_S:
        until = datetime.now(UTC) + timedelta(seconds=seconds)
        echo("Paused until {time:%H:%M}.", time=until.astimezone(), err=True)
    sleep(seconds)


def tell_unfetched(studies: int) -> None:
    """Say how many studies of another PACS did not come; nothing where all did."""
    if studies:
        echo(
            "{count} study could not be fetched; run the same command again.",
            "{count} studies could not be fetched; run the same command again.",
            count=studies,
            err=True,
        )


def console_on(stream: TextIO) -> "Console":
    """Return what draws on a standard stream."""
    from rich.console import Console  # noqa: PLC0415  as below

    return Console(file=cast("TextIO", BarStream(stream)))


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[str], None]]:
    """Show how far a long piece of work is.

    Parameters
    ----------
    what
        What is being done, e.g. ``"reading"``.

    Yields
    ------
    callable
        Call it once a step with the line that says how the step ended.
    """
    lines_to_terminal = sys.stdout.isatty()
    console = None if total <= 1 else console_on(sys.stdout if lines_to_terminal else sys.stderr)
    if console is None or not console.is_terminal:
        yield click.echo
        return
    from rich.progress import (  # noqa: PLC0415  one file has no bar, and is read sooner without it
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(what, total=total)

        def advance(line: str) -> None:
            if lines_to_terminal:  # above the bar, which shares the terminal
                bar.console.print(visible(line), markup=False, highlight=False, soft_wrap=True)
            else:
                click.echo(line)
            bar.advance(task)

        yield advance
