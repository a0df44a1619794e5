"""PA or AP: which of the two frontal views an image is, as far as its header tells."""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from pydicom import Dataset

from hilum.gate import evidence
from hilum.gate.header import value
from hilum.structures import Projection
from hilum.values.attributes import items_of

WORDS: Final = {
    Projection.PA: re.compile(r"\bPA\b|POSTERO[ -]?ANTERIOR"),
    Projection.AP: re.compile(r"\bAP\b|ANTERO[ -]?POSTERIOR"),
}
"""Projection → what it is called, in capitals without accents."""


def projection(header: Dataset | None) -> Projection:
    """Return from where an image was taken: what first names one of the two views decides.

    View Position comes before the codes of the view, and these before the descriptions of the
    image. One that names both says nothing.

    Sources
    -------
    PS3.3 C.8.1.1, C.8.11.5; PS3.16 CID 4010.
    """
    if header is None:
        return Projection.UNKNOWN
    decided = evidence.view(header).decided_by
    if decided is not None and not decided.fits:
        return Projection.OTHER
    for said in _statements(header):
        plain = unicodedata.normalize("NFKD", said).encode("ascii", "ignore").decode().upper()
        named = [view for view, words in WORDS.items() if words.search(plain)]
        if len(named) == 1:
            return named[0]
    return Projection.UNKNOWN


def _statements(header: Dataset) -> Iterator[str]:
    """Yield the texts that may name the view, the most telling first."""
    yield value(header, "ViewPosition").replace("_", " ")
    for item in items_of(header, "ViewCodeSequence"):
        yield value(item, "CodeMeaning")
    for keyword in evidence.IMAGE_TEXTS:
        yield value(header, keyword).replace("_", " ")
