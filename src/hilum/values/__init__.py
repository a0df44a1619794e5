"""Tolerant parsing of header values: dates, ages, numbers, names and texts as they are."""

from typing import Final

LONGEST: Final = 256
"""Characters beyond which a text is none of these: patterns take long for what has no end."""
