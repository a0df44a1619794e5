"""The texts of ``--help`` in the terminal's language."""

import inspect
from collections.abc import Iterator
from typing import Final

import click

from hilum.language import ENGLISH, Language

VERBATIM: Final = "\b"
"""Click's mark of a paragraph that is not wrapped; ``\\b`` in a catalogue."""

Owner = click.Command | click.Parameter


def commands(command: click.Command) -> Iterator[click.Command]:
    """Yield a command and all below it."""
    yield command
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            if (below := command.get_command(click.Context(command), name)) is not None:
                yield from commands(below)


def texts_of(command: click.Command) -> Iterator[tuple[Owner, str, str]]:
    """Yield each text of a command's help, with whose it is and the name that it has there."""
    owners: tuple[Owner, ...] = (command, *command.get_params(click.Context(command)))
    for owner in owners:
        for name in ("help", "epilog"):
            if text := getattr(owner, name, None):
                yield owner, name, inspect.cleandoc(text).replace(VERBATIM, "\\b")


class Translations:
    """Says the help of commands in a language, until it is taken back."""

    def __init__(self) -> None:
        self._before: dict[tuple[Owner, str], str] = {}

    def say(self, command: click.Command, language: Language) -> None:
        """Say the help of one command."""
        if language == ENGLISH:
            return
        for owner, name, text in texts_of(command):
            if (owner, name) not in self._before:
                self._before[owner, name] = vars(owner)[name]
                vars(owner)[name] = language.say(text).replace("\\b", VERBATIM)

    def take_back(self) -> None:
        """Make every help English again."""
        for (owner, name), text in self._before.items():
            vars(owner)[name] = text
        self._before.clear()
