"""What hilum says: every message of code and templates, and every catalogue."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from babel.messages.catalog import Message
from babel.messages.extract import extract
from babel.messages.pofile import read_po
from jinja2.ext import babel_extract

from hilum import RESEARCH_USE_ONLY, errors
from hilum.errors import HilumError
from hilum.language import Language

PORTUGUESE = Language.named("pt")

SOURCE = Path(__file__).parents[1] / "src" / "hilum"
SHOW = SOURCE / "web"
CATALOGUES = sorted((SOURCE / "language" / "catalogues").glob("*.po"))

JINJA = {"trimmed": "false", "trim_blocks": "true", "lstrip_blocks": "true", "silent": "false"}
"""As the page's own environment reads templates."""

MARKS = ("Message", "say", "say_ascii")
"""What marks a text in the code: its singular, and its plural."""

ERRORS = {
    name
    for name, found in vars(errors).items()
    if isinstance(found, type) and issubclass(found, HilumError)
}
"""Errors, whose problem and remedy are two messages."""

MessageId = str | tuple[str, str]


@cache
def said() -> dict[MessageId, str]:
    """Return every message that people can read, with the file that says it first."""
    found: dict[MessageId, str] = {RESEARCH_USE_ONLY: "__init__.py"}
    for place, message in (*said_by_templates(), *said_by_code()):
        found.setdefault(message, place)
    return found


def said_by_templates() -> Iterator[tuple[str, MessageId]]:
    """Yield each message of each template, with the template's name."""
    for path in sorted((SHOW / "templates").rglob("*.html")):
        with path.open("rb") as file:
            for _, _, message, _ in babel_extract(file, ("_", "gettext", "ngettext"), (), JINJA):
                if texts := whole(message):  # else a value, whose words the code marks
                    yield path.name, texts


def said_by_code() -> Iterator[tuple[str, MessageId]]:
    """Yield each message that code marks, with the module's name."""
    for path in sorted(SOURCE.rglob("*.py")):
        with path.open("rb") as file:
            for _, message, _, _ in extract("python", file, dict.fromkeys(MARKS)):
                if texts := whole(message):
                    yield path.name, texts


def whole(message: str | tuple[str | None, ...] | None) -> MessageId | None:
    """Return a message's identifier: its text, or singular and plural; None: it is no text."""
    given = (message,) if isinstance(message, str) else message or ()
    texts = [each for each in given if isinstance(each, str)]
    if not texts:
        return None
    return texts[0] if len(texts) == 1 else (texts[0], texts[1])


def written(path: Path) -> Iterator[Message]:
    """Yield each message of a catalogue."""
    with path.open("rb") as file:
        yield from (message for message in read_po(file) if message.id)
