"""What headers nearly say: dates, ages and numbers as people and programs write them."""

from typing import Final

LONGEST: Final = 256
"""Characters beyond which a text is none of these: patterns take long for what has no end."""
