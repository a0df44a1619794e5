"""The content tree of a structured report, before anything is encoded.

Two encoders take it: `hilum.encode.report_document`, with `hilum.encode.content_writer`, is
hilum's own, and `hilum.encode.highdicom_encoder` uses highdicom. Both give the same bytes.

Sources
-------
PS3.3 C.17.3, SR Document Content Module.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.sr.codedict import codes as tables
from pydicom.sr.coding import Code

from hilum.language import Language


class Scheme:
    """The concepts of one coding scheme, as attributes."""

    def __init__(self, table: Any) -> None:
        self._table = table

    def __getattr__(self, name: str) -> Code:
        """Return the concept called `name`; from then on it is an attribute like any other."""
        code: Code = getattr(self._table, name)
        setattr(self, name, code)
        return code


class codes:  # noqa: N801  stands where pydicom's `codes` would
    """The schemes that results name concepts of."""

    DCM: Final = Scheme(tables.DCM)
    SCT: Final = Scheme(tables.SCT)
    UCUM: Final = Scheme(tables.UCUM)


class Relation(StrEnum):
    """How an item belongs to the one above it (PS3.3 table C.17.3-8)."""

    CONTAINS = "CONTAINS"
    HAS_ACQ_CONTEXT = "HAS ACQ CONTEXT"
    HAS_CONCEPT_MOD = "HAS CONCEPT MOD"
    HAS_OBS_CONTEXT = "HAS OBS CONTEXT"
    HAS_PROPERTIES = "HAS PROPERTIES"
    INFERRED_FROM = "INFERRED FROM"
    SELECTED_FROM = "SELECTED FROM"


class Container(NamedTuple):
    """Value of a CONTAINER: the template that its children follow, if any."""

    template: str | None = None


class Text(NamedTuple):
    """Value of a TEXT."""

    text: str


class PersonName(NamedTuple):
    """Value of a PNAME."""

    name: str


class UIDReference(NamedTuple):
    """Value of a UIDREF."""

    uid: str


class NumericValue(NamedTuple):
    """Value of a NUM; a float is also written in full precision."""

    value: float
    unit: Code


class ImageReference(NamedTuple):
    """Value of an IMAGE."""

    sop_class_uid: str
    sop_instance_uid: str


@dataclass(frozen=True, slots=True, eq=False)
class Polyline:
    """Value of an SCOORD."""

    points: NDArray[np.float64]
    """Shape ``(points, 2)``, float, (column, row) in source pixels; (0, 0) is the top left corner
    of the first pixel (PS3.3 C.18.6)."""


Value = (
    Container | Text | PersonName | UIDReference | NumericValue | ImageReference | Polyline | Code
)
"""What an item holds; a `Code` makes it a CODE item."""


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """One content item."""

    name: Code
    """Its concept."""
    value: Value
    """What it says about the concept."""
    relation: Relation | None = Relation.CONTAINS
    """How it belongs to the item above; None for the root only."""
    children: tuple["Item", ...] = ()
    """The items below, in order."""

    def having(self, *children: "Item | None") -> "Item":
        """Return this item with `children` after those it has; None adds nothing."""
        added = tuple(child for child in children if child is not None)
        return replace(self, children=self.children + added)

    def walk(self) -> Iterator["Item"]:
        """Yield this item and all below, parents first."""
        yield self
        for child in self.children:
            yield from child.walk()

    def strings(self) -> Iterator[str]:
        """Yield all text of the tree that a character set must be able to hold."""
        for item in self.walk():
            yield item.name.meaning
            match item.value:
                case Text(text) | PersonName(text):
                    yield text
                case Code():
                    yield item.value.meaning


def language(tongue: Language) -> Item:
    """Return the item that says which language the texts are in (TID 1204)."""
    concept = codes.DCM.LanguageOfContentItemAndDescendants
    return Item(concept, _tongue(tongue), Relation.HAS_CONCEPT_MOD)


@cache
def _tongue(language: Language) -> Code:
    return Code(language.code, "RFC5646", language.english_name)


def reference(image: Dataset) -> ImageReference:
    """Return what an IMAGE item says of `image`."""
    return ImageReference(str(image.SOPClassUID), str(image.SOPInstanceUID))
