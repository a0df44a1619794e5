"""What hilum says: every message of code and templates, and every catalogue."""

import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
from babel.messages.catalog import Message
from babel.messages.extract import extract
from babel.messages.pofile import read_po
from jinja2.ext import babel_extract

from hilum import RESEARCH_USE_ONLY, errors
from hilum.cli.main import commands, main, texts_of
from hilum.errors import HilumError
from hilum.language import Language
from hilum.predict import all_cards

PORTUGUESE = Language.named("pt")

SOURCE = Path(__file__).parents[1] / "src" / "hilum"
SHOW = SOURCE / "web"
TEMPLATES = (SHOW / "templates", SOURCE / "evaluation" / "templates")
CATALOGUES = sorted((SOURCE / "language" / "catalogues").glob("*.po"))

JINJA = {"trimmed": "false", "trim_blocks": "true", "lstrip_blocks": "true", "silent": "false"}
"""As the page's own environment reads templates."""

MARKS = (
    *("Message", "say", "say_ascii", "echo"),
    *("untrusted", "_contradiction", "garbled", "not_such_a_network", "_unavailable"),
)
"""What marks a text in the code: its singular, and its plural."""

PAIRS = (
    *(
        name
        for name, found in vars(errors).items()
        if isinstance(found, type) and issubclass(found, HilumError)
    ),
    *("AccountError", "PeerBusy"),
    *("ok", "warning", "problem"),
    *("DamagedError", "mismatch", "ended"),
)
"""Errors, and results of the doctor's checks: what they say and the remedy are two messages."""

MessageId = str | tuple[str, str]


@cache
def said() -> dict[MessageId, str]:
    """Return every message that people can read, with the file that says it first."""
    found: dict[MessageId, str] = {RESEARCH_USE_ONLY: "__init__.py"}
    plural = set()
    for place, message in (
        *said_by_templates(),
        *said_by_code(),
        *said_by_cards(),
        *said_by_help(),
        *said_by_click(),
    ):
        found.setdefault(message, place)
        plural |= {message[0]} if isinstance(message, tuple) else set()
    return {message: place for message, place in found.items() if message not in plural}


def said_by_templates() -> Iterator[tuple[str, MessageId]]:
    """Yield each message of each template, with the template's name."""
    for path in sorted(path for folder in TEMPLATES for path in folder.rglob("*.html")):
        with path.open("rb") as file:
            for _, _, message, _ in babel_extract(file, ("_", "gettext", "ngettext"), (), JINJA):
                if texts := whole(message):  # else a value, whose words the code marks
                    yield path.name, texts


def said_by_code() -> Iterator[tuple[str, MessageId]]:
    """Yield each message that code marks, with the module's name."""
    for path in sorted(SOURCE.rglob("*.py")):
        with path.open("rb") as file:
            for keywords in (
                *(dict.fromkeys((*MARKS, *PAIRS), (1,)), dict.fromkeys(MARKS, (1, 2))),
                dict.fromkeys(PAIRS, (2,)),
            ):
                file.seek(0)
                for _, message, _, _ in extract("python", file, keywords):
                    if (texts := whole(message)) and not EVENT.fullmatch(str(texts)):
                        yield path.name, texts


def said_by_cards() -> Iterator[tuple[str, MessageId]]:
    """Yield what the model cards that come with hilum tell people."""
    for card in all_cards(Path(os.devnull)):
        told = (card.title, card.licence, card.terms, *card.limits, *card.training_data)
        for text in filter(None, told):
            yield f"{card.name}.toml", text


def said_by_help() -> Iterator[tuple[str, MessageId]]:
    """Yield every text of ``--help``."""
    for command in commands(main):
        for _, _, text in texts_of(command):
            yield f"--help of {command.name}", text


TO_DEVELOPERS = re.compile(
    r"Warning|defined twice|cannot use the same flag|Could not determine name|No options defined"
    r"|parameter declaration|must be an iterable|UUID|does not match the format|^Choice|dynamic"
    r"|^deprecated|olou?r|any key|standard stream|start character|action|want to continue|version %"
    r"|Show the version"
)
"""What click says of code, and of what no command of ours has."""


def said_by_click() -> Iterator[tuple[str, MessageId]]:
    """Yield what click says in its own words to who uses a command."""
    for path in sorted(Path(click.__file__).parent.glob("[a-z]*.py")):
        with path.open("rb") as file:
            for _, message, _, _ in extract("python", file, {"_": (1,), "ngettext": (1, 2)}):
                texts = whole(message)
                if texts and not TO_DEVELOPERS.search(str(texts)):
                    yield f"click's {path.name}", texts


EVENT = re.compile(r"[a-z_]+(\.[a-z_]+)+")
"""Name of a line of the log."""


def whole(message: str | tuple[str | None, ...] | None) -> MessageId | None:
    """Return a message's identifier: its text, or singular and plural; None: it is no text."""
    given = (message,) if isinstance(message, str) else message or ()
    texts = [each for each in given if isinstance(each, str) and any(map(str.isalpha, each))]
    if not texts:
        return None
    return texts[0] if len(texts) == 1 else (texts[0], texts[1])


def written(path: Path) -> Iterator[Message]:
    """Yield each message of a catalogue."""
    with path.open("rb") as file:
        yield from (message for message in read_po(file) if message.id)
