"""Control characters, which change how other text is shown, are made visible."""

import re
from typing import Final

REPLACEMENT: Final = "\ufffd"

UNSAFE: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # C0 and C1 but for tab and line ends (ECMA-48)
    "\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]"  # direction (Unicode UAX 9), line separators
)


def visible(text: str) -> str:
    """Return a text with a replacement character for each that would change the text around it.

    Names from files may turn a line around, move a terminal's cursor or hide what follows.
    """
    return UNSAFE.sub(REPLACEMENT, text)
