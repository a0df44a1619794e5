"""What the page says: every message of templates and code, and every catalogue."""

from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Message
from babel.messages.extract import extract
from babel.messages.pofile import read_po
from jinja2.ext import babel_extract

SHOW = Path(__file__).parents[1] / "src" / "hilum" / "web"
CATALOGUES = sorted((SHOW / "translations").rglob("*.po"))

JINJA = {"trimmed": "false", "trim_blocks": "true", "lstrip_blocks": "true", "silent": "false"}
"""As the page's own environment reads templates."""

MessageId = str | tuple[str, str]


def said_by_templates() -> Iterator[tuple[str, MessageId]]:
    """Yield each message of each template, with the template's name."""
    for path in sorted((SHOW / "templates").rglob("*.html")):
        with path.open("rb") as file:
            for _, _, message, _ in babel_extract(file, ("_", "gettext", "ngettext"), (), JINJA):
                if texts := whole(message):  # else a value, whose words the code marks
                    yield path.name, texts


def said_by_code() -> Iterator[tuple[str, MessageId]]:
    """Yield each message that code marks with N_, with the module's name."""
    for path in sorted(SHOW.rglob("*.py")):
        with path.open("rb") as file:
            for _, message, _, _ in extract("python", file, {"N_": None}):
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
