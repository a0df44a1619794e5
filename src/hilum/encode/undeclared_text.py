"""Results of an image whose character set is unknown: its text is copied as bytes, undeclared.

Every reader then reads the patient's name in them as in the image, be it right or wrong.
What we say ourselves is written in ASCII beside it, without accents: the bytes of accents
would mean something else in each character set.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from pydicom import DataElement, Dataset
from pydicom.multival import MultiValue
from pydicom.sr.coding import Code
from pydicom.valuerep import CUSTOMIZABLE_CHARSET_VR

from hilum.encode.content import Item, PersonName, Text
from hilum.values.texts import character_set_of, text_in

SIGNS: Final = str.maketrans({"×": "x", "·": ".", "–": "-", "—": "-", "“": '"', "”": '"', "’": "'"})
"""Signs of our own texts that are no letters → what stands for them."""

LAST_BYTE: Final = "\u00ff"
"""What comes after it is no byte of an unknown character set."""


def is_undeclared(source: Dataset) -> bool:
    """Whether a source has text beyond ASCII, and no character set for it."""
    return not character_set_of(source) and any(not text.isascii() for text in texts_of(source))


def texts_of(dataset: Dataset) -> set[str]:
    """Return all texts, those of items too."""
    return {text_in(e) for e in dataset.iterall() if e.VR in CUSTOMIZABLE_CHARSET_VR}


def have_ascii(texts: Iterable[str]) -> bool:
    """Whether texts of ours can be said in ASCII; letters of other scripts cannot."""
    return all(letter <= LAST_BYTE for text in texts for letter in text.translate(SIGNS))


def in_ascii(text: str) -> str:
    """Return a text without accents; a byte that it quotes becomes a question mark."""
    plain = unicodedata.normalize("NFKD", text.translate(SIGNS))
    letters = (letter for letter in plain if not unicodedata.combining(letter))
    return "".join(letter if letter.isascii() else "?" for letter in letters)


def tree_in_ascii(item: Item) -> Item:
    """Return a content tree in ASCII; DCMTK reads none with a code of other bytes."""
    value = item.value
    match value:
        case Text(text):
            value = Text(in_ascii(text))
        case PersonName(name):
            value = PersonName(in_ascii(name))
        case Code():
            value = _coded(value)
    children = tuple(map(tree_in_ascii, item.children))
    return replace(item, name=_coded(item.name), value=value, children=children)


def write_in_ascii(result: Dataset, source: Dataset) -> None:
    """Change all texts of a result to ASCII, in place, but for what it repeats of its source."""
    repeated = texts_of(source)
    for element in result.iterall():
        if element.VR in CUSTOMIZABLE_CHARSET_VR and text_in(element) not in repeated:
            _write(element)


def _write(element: DataElement) -> None:
    if isinstance(element.value, MultiValue):
        element.value = [in_ascii(str(each)) for each in element.value]
    elif element.value:
        element.value = in_ascii(str(element.value))


def _coded(code: Code) -> Code:
    return Code(in_ascii(code.value), code.scheme_designator, in_ascii(code.meaning))
