"""A Radiograph: one image as the model may see it, and the facts about it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from hilum.files import dicom

Scalar = TypeVar("Scalar", bound=np.generic)

AXES: Final = {letter: axis for axis in ("LR", "HF", "AP") for letter in axis}
"""Letter of a direction in the patient → the axis that it is on (PS3.3 C.7.6.1.1.1)."""

BETWEEN: Final = re.compile(r"[\\/,\s]+")
"""Separators of two directions: a backslash, and what is written instead."""

SPELLED: Final = {
    "LEFT": "L", "RIGHT": "R", "HEAD": "H", "FOOT": "F", "FEET": "F",
    "ANTERIOR": "A", "POSTERIOR": "P", "SUPERIOR": "H", "INFERIOR": "F",
}  # fmt: skip
"""Directions as words → their letters."""

SUPERIOR_INFERIOR: Final = str.maketrans("SI", "HF")
"""Letters of other file formats for head and foot."""


class PixelPipeline(StrEnum):
    """The two named ways from stored pixels to what the model sees (docs/pixels.md)."""

    DISPLAY = "display"
    """What the radiologist is shown: Modality LUT, VOI, presentation. The default."""
    TORCHXRAYVISION = "torchxrayvision"
    """What ``torchxrayvision.utils.read_xray_dcm`` gives, bit for bit."""


@dataclass(frozen=True, slots=True)
class PixelDecision:
    """One thing the pixel pipeline did or noticed; recorded in JSON and SR."""

    code: str
    """Stable identifier for machines, e.g. ``"monochrome1_inverted"``."""
    text: str
    """The same in plain words, with the values that decided it."""


@dataclass(frozen=True, slots=True)
class FieldOfView:
    """The part of the source matrix that the model sees, in source pixels."""

    top: int
    left: int
    """Zero-based row and column of the first pixel."""
    height: int
    width: int
    """Extent in pixels."""

    @property
    def right(self) -> int:
        """Column behind the last one."""
        return self.left + self.width

    @property
    def bottom(self) -> int:
        """Row below the last one."""
        return self.top + self.height

    @property
    def frame(self) -> NDArray[np.float64]:
        """Its border, shape ``(6, 2)``, (column, row) in source coordinates, closed.

        Six points, since viewers take five for a rectangle of their own. They hang an
        outline's text on its second point: amid the top side it stays within the image.
        """
        left, right, top, bottom = self.left, self.right, self.top, self.bottom
        middle = (left + right) / 2
        corners = (left, top), (middle, top), (right, top), (right, bottom), (left, bottom)
        return np.array([*corners, corners[0]], dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Turn:
    """How a frontal image as stored is brought upright: head up, the patient's left at the right.

    All eight positions are a transposition or none, then a reversal of the rows, the
    columns, both or neither.
    """

    transposed: bool = False
    """Whether rows and columns change places first."""
    rows_reversed: bool = False
    columns_reversed: bool = False
    """Whether what is then the top goes to the bottom, and what is left to the right."""

    @classmethod
    def stated(cls, orientation: Sequence[str]) -> Self | None:
        """Return the turn that Patient Orientation asks for, None when it tells none.

        Parameters
        ----------
        orientation
            Its values: the direction of the rows, and that of the columns. Only the
            first letter of each counts, the larger part of an oblique direction.

        Sources
        -------
        PS3.3 C.7.6.1.1.1.
        """
        said = directions(orientation)
        if not all(map(_is_direction, said)):
            return None
        match [direction[0] for direction in said]:
            case ["L" | "R" as rows, "H" | "F" as columns]:
                return cls(rows_reversed=columns == "H", columns_reversed=rows == "R")
            case ["H" | "F" as rows, "L" | "R" as columns]:
                return cls(
                    transposed=True, rows_reversed=rows == "H", columns_reversed=columns == "R"
                )
            case _:
                return None

    @property
    def mirrors(self) -> bool:
        """Whether it takes a mirror, not only a rotation, to bring the image upright."""
        return self.transposed ^ self.rows_reversed ^ self.columns_reversed

    def upright(self, stored: NDArray[Scalar]) -> NDArray[Scalar]:
        """Return an array that lies as the image is stored as it lies upright; a view."""
        turned = stored.T if self.transposed else stored
        return turned[self._steps]

    def stored(self, upright: NDArray[Scalar]) -> NDArray[Scalar]:
        """Return an array that lies upright as it lies when the image is stored; a view."""
        turned = upright[self._steps]
        return turned.T if self.transposed else turned

    def stored_view(self, upright: FieldOfView, rows: int, columns: int) -> FieldOfView:
        """Return a part of the upright image in pixels of the stored one.

        Parameters
        ----------
        upright
            The part.
        rows, columns
            Size of the upright image in pixels.
        """
        height, width = upright.height, upright.width
        top = rows - upright.top - height if self.rows_reversed else upright.top
        left = columns - upright.left - width if self.columns_reversed else upright.left
        if self.transposed:
            return FieldOfView(left, top, width, height)
        return FieldOfView(top, left, height, width)

    @property
    def _steps(self) -> tuple[slice, slice]:
        back, on = slice(None, None, -1), slice(None)
        return back if self.rows_reversed else on, back if self.columns_reversed else on


def directions(orientation: Sequence[str]) -> list[str]:
    """Return the directions that Patient Orientation names, in the letters of the standard.

    Parameters
    ----------
    orientation
        Its values, as they are written.
    """
    said = BETWEEN.split("\\".join(orientation).upper())
    return [SPELLED.get(part, part).translate(SUPERIOR_INFERIOR) for part in said if part]


def _is_direction(letters: str) -> bool:
    """Whether letters name a direction: known ones, none of which takes another back."""
    axes = [AXES.get(letter) for letter in letters]
    return None not in axes and len(set(axes)) == len(axes)


class ImageUIDs(NamedTuple):
    """What tells one image from every other: one SOP Instance UID in two studies is two images.

    As they stand: teaching files have invalid ones.
    """

    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    """PS3.3 C.7.2.1, C.7.3.1, C.12.1."""

    @classmethod
    def of(cls, header: Dataset) -> Self:
        """Return those of an image; what it lacks is empty."""
        keywords = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
        return cls(*(dicom.text(header, keyword) for keyword in keywords))


@dataclass(frozen=True, slots=True, eq=False)
class Radiograph:
    """One frontal chest radiograph, ready for a model."""

    pixels: NDArray[np.float32]
    """Shape ``(rows, columns)``, float32, unitless, in [-1024, 1024]; bone is bright. They lie as
    they are stored: whatever is drawn or written down is in these rows and columns."""
    header: Dataset | None
    """The source's attributes without its pixels; None for PNG and JPEG, which have no patient, no
    study, and hence no DICOM results."""
    pipeline: PixelPipeline
    """Which pixel pipeline made `pixels`."""
    decisions: tuple[PixelDecision, ...] = ()
    """Everything the pipeline did or noticed, in order."""
    pixel_digest: str = ""
    """SHA-256 of the stored pixels, hexadecimal, whatever coding they came in; empty for PNG and
    JPEG."""
    turn: Turn = Turn()
    """What brings them upright for the model."""

    @property
    def rows(self) -> int:
        """Height of the source matrix in pixels."""
        return int(self.pixels.shape[0])

    @property
    def columns(self) -> int:
        """Width of the source matrix in pixels."""
        return int(self.pixels.shape[1])

    @property
    def uids(self) -> ImageUIDs | None:
        """What names the source, None for PNG and JPEG."""
        return None if self.header is None else ImageUIDs.of(self.header)


@dataclass(frozen=True, slots=True, eq=False)
class ModelInput:
    """A radiograph cropped and resized to what one network takes."""

    pixels: NDArray[np.float32]
    """Shape ``(size, size)``, float32, unitless, in [-1024, 1024]; upright."""
    field_of_view: FieldOfView
    """The part of the source matrix that `pixels` covers."""
    turn: Turn = Turn()
    """What brought the source upright; whatever the network says of a place is turned back."""
