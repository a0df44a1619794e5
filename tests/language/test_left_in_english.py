"""What other libraries say for us: click, pydantic and the operating system, in every language."""

import errno
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from pydantic import BaseModel, ValidationError

from hilum.cli.main import main
from hilum.language import ENGLISH, LANGUAGES, Language
from hilum.language.system import system_error
from hilum.settings import Settings
from hilum.settings.section import first_invalid

foreign = pytest.mark.parametrize("language", [each for each in LANGUAGES if each != ENGLISH])


def paths(command: click.Command, *above: str) -> Iterator[tuple[str, ...]]:
    """Yield the words that call a command, and each below it."""
    yield above
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            yield from paths(command.get_command(context, name), *above, name)


ENGLISH_OF_CLICK = re.compile(
    r"Usage|Options:|Commands:|default:|Error|Try |No such|Missing|Invalid|Did you|required"
    r"|Show this"
)


def said(language: Language, *words: str) -> str:
    """Return what a command line prints in a language."""
    return CliRunner().invoke(main, words, env={"LANGUAGE": language.replace("-", "_")}).output


@foreign
def test_click_speaks_the_language_of_the_terminal(language: Language):
    """Usage, options and what is wrong with a command line, of every command."""
    allowed = {"es": {"Error"}}.get(language, set())
    for path in paths(main):
        for words in ([*path, "--help"], [*path, "--no-such-thing"], [*path, "--helpp"]):
            found = set(ENGLISH_OF_CLICK.findall(said(language, *words))) - allowed
            assert set() == found, words


@foreign
def test_a_command_that_there_is_not_is_said_in_the_language(language: Language):
    """With the one that was meant."""
    assert not ENGLISH_OF_CLICK.findall(said(language, "raed").replace("Error:", ""))
    assert ENGLISH_OF_CLICK.findall(said(ENGLISH, "raed"))


BAD = (object(), "\0?", -1e9, 1e18, 0.5, float("nan"), [], {}, "", "x" * 1000, ["x"] * 500, None)


@foreign
def test_what_is_wrong_with_a_setting_is_said_in_the_language(language: Language):
    """Whatever pydantic finds wrong with any of them."""
    left = set()
    for field in Settings.model_fields.values():
        section = field.annotation
        if not (isinstance(section, type) and issubclass(section, BaseModel)):
            continue
        for name in (*section.model_fields, "no_such_name"):
            for bad in BAD:
                try:
                    section(**{name: bad})
                except ValidationError as exc:
                    why = first_invalid(exc).why
                    left |= {str(why)} if language.say(why) == why else set()

    assert set() == left


@foreign
@pytest.mark.parametrize("number", ["ENOSPC", "EACCES", "ENOENT", "EISDIR", "EROFS", "EADDRINUSE"])
def test_why_the_system_refuses_is_said_in_the_language(language: Language, number: str):
    """A disk that is full, a file that may not be read."""
    code = getattr(errno, number)
    why = system_error(OSError(code, os.strerror(code)))

    assert os.strerror(code) == why
    assert why != language.say(why)


@foreign
def test_a_full_disk_is_said_in_the_language(language: Language, tmp_path: Path):
    """Of the output, too."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "hilum", "version"],
            env={**os.environ, "LANGUAGE": language.replace("-", "_")},
            cwd=tmp_path,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert 1 == done.returncode
    assert "cannot be written" not in done.stderr
    assert "No space left" not in done.stderr
    assert done.stderr
