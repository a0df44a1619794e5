"""The node: what arrives in the PACS is read, and the results are stored beside it."""

from typing import Final

PRELOADED: Final = "hilum.node.preload"
"""The module that loads what reads in the process from which workers are forked."""
