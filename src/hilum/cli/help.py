"""The texts of ``--help``, and click's own words, in the terminal's language."""

import gettext
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import click

from hilum.language import ENGLISH, Language
from hilum.language.language import translations

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


@contextmanager
def click_in(language: Language) -> Iterator[None]:
    """Let click say usage, options and errors in a language.

    It asks gettext, which looks for compiled catalogues in a folder of the system.
    """
    told = translations(language)
    before = {name: vars(gettext)[name] for name in ("dgettext", "dngettext")}

    def one(_domain: str | None, text: str) -> str:
        return told.gettext(text) if text else text  # the empty text is a catalogue's head

    def several(_domain: str | None, text: str, plural: str, count: int) -> str:
        return told.ngettext(text, plural, count)

    vars(gettext).update(dgettext=one, dngettext=several)
    try:
        yield
    finally:
        vars(gettext).update(before)


class Translations:
    """Says the help of commands in a language, until it is taken back."""

    def __init__(self) -> None:
        self._before: dict[tuple[Owner, str], str] = {}

    def say(self, command: click.Command, language: Language) -> None:
        """Say the help of one command."""
        if language == ENGLISH:
            return
        with click_in(ENGLISH):  # which makes the help of --help when it is first asked for
            texts = list(texts_of(command))
        for owner, name, text in texts:
            if (owner, name) not in self._before:
                self._before[owner, name] = vars(owner)[name]
                vars(owner)[name] = language.say(text).replace("\\b", VERBATIM)

    def take_back(self) -> None:
        """Make every help English again."""
        for (owner, name), text in self._before.items():
            vars(owner)[name] = text
        self._before.clear()
