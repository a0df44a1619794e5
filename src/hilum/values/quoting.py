"""How texts for people quote a header value."""

from typing import Final

LONGEST: Final = 64
"""Characters of a value that are quoted."""


def quoted(text: str) -> str:
    """Return `text` on one line, printable and not endless."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"
