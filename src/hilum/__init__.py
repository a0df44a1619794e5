"""hilum: a chest X-ray reading node for any PACS. Research software, not a medical device."""

from typing import Final

__version__ = "0.2.0"

PRODUCT: Final = "hilum"
"""Name written as Manufacturer's Model Name and shown on every surface."""

MANUFACTURER: Final = "hilum project"
"""Name written as Manufacturer into every result, by which the gate knows them again."""

RESEARCH_USE_ONLY: Final = "Research use only. Not a medical device. Not for diagnosis."
"""The statement every surface carries: page, SR, overlay, README, command line."""
