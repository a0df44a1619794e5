"""Outlines and pictures are where they belong on the screen.

The way from source pixels to the screen is not asked of OHIF: the radiograph of these
tests has a white block at a known place, and where that is seen on the screen tells it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset

from browser.ohif_server import EACH_RELEASE
from browser.results import WHEN, Results, none_positive, three_positives, write
from browser.viewer import Viewer
from hilum import explain
from hilum.language import ENGLISH
from invented import CELLS, bump, centre_crop, make_reading, radiograph_of
from radiographs import make_radiograph

pytestmark = pytest.mark.browser

Store = Callable[..., None]

CELL = (4, 1)
"""Row and column of the feature map's cell under the white block: off every centre."""

BLACK, WHITE = 300, 3900
"""12-bit values of the radiograph and its block."""


@dataclass(frozen=True, slots=True)
class Block:
    """A rectangle, in source pixels or on the screen; right and bottom are just outside."""

    left: float
    top: float
    right: float
    bottom: float

    @classmethod
    def seen(cls, picture: NDArray[np.uint8]) -> Self:
        """Return where a picture, shape ``(height, width, 3)``, is bright."""
        bright = picture.min(axis=2) > (int(picture.min()) + int(picture.max())) // 2
        rows, columns = np.flatnonzero(bright.any(axis=1)), np.flatnonzero(bright.any(axis=0))
        return cls(columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)

    @property
    def corner(self) -> NDArray[np.float64]:
        """Left and top."""
        return np.array([self.left, self.top], np.float64)

    @property
    def size(self) -> NDArray[np.float64]:
        """Width and height."""
        return np.array([self.right - self.left, self.bottom - self.top])

    @property
    def middle(self) -> NDArray[np.float64]:
        """Column and row of the middle."""
        return self.corner + self.size / 2


def cell_block(rows: int, columns: int) -> Block:
    """Return the source pixels under `CELL`."""
    field = centre_crop(rows, columns)
    top = round(field.top + CELL[0] * field.height / CELLS)
    left = round(field.left + CELL[1] * field.width / CELLS)
    return Block(left, top, left + field.width // CELLS, top + field.height // CELLS)


def marked_radiograph(rows: int, columns: int, **attributes: object) -> Dataset:
    """Return a radiograph that is displayed dark, with a white block under `CELL`."""
    block = cell_block(rows, columns)
    pixels = np.full((rows, columns), BLACK, np.uint16)
    pixels[block.top : block.bottom, block.left : block.right] = WHITE
    if attributes.get("PhotometricInterpretation") == "MONOCHROME1":
        pixels = BLACK + WHITE - pixels
    return make_radiograph(pixels, **attributes)


def marked_results(rows: int, columns: int, **attributes: object) -> Results:
    """Return results with one positive finding, whose heatmap's peak is on the block."""
    source = marked_radiograph(rows, columns, **attributes)
    maps = {"Mass": bump(*CELL, sigma=0.6)}
    reading = make_reading(radiograph_of(source), {"Mass": 0.8}, maps)
    return write(source, reading)


TOLERANCE = 0.05
"""Share of a cell by which the outline's middle may miss the block's."""

TALL, WIDE = (700, 490), (490, 700)


def misplaced(viewer: Viewer, outline: NDArray[np.float64], block: Block) -> float:
    """Return how far a point of the drawn outline is from its source pixel, in source pixels."""
    (drawn,) = viewer.outlines(1).values()
    seen = Block.seen(viewer.image())
    scale = seen.size / block.size
    expected = (outline - block.corner) * scale + seen.corner
    assert expected.shape == drawn.points.shape
    return float(np.abs((expected - drawn.points) / scale).max())


@pytest.mark.parametrize(("rows", "columns"), [TALL, WIDE], ids=["tall", "wide"])
@EACH_RELEASE
def test_an_outline_lies_on_its_source_pixels(
    viewer: Viewer, store: Store, rows: int, columns: int
) -> None:
    """Each corner of the outline is within one source pixel of where it was said to be."""
    results = marked_results(rows, columns)
    store(results.source, results.coded)
    viewer.open(results.coded)
    (region,) = explain.regions(results.reading)
    assert 1.0 > misplaced(viewer, region.outline, cell_block(rows, columns))


def test_an_outline_elsewhere_is_noticed(viewer: Viewer, store: Store) -> None:
    """Three source pixels off are measured as three, so the test above can fail."""
    results = marked_results(*TALL)
    store(results.source, results.coded)
    viewer.open(results.coded)
    (region,) = explain.regions(results.reading)
    assert 3.0 == pytest.approx(misplaced(viewer, region.outline + 3, cell_block(*TALL)), abs=0.6)


@pytest.mark.parametrize("photometric", ["MONOCHROME2", "MONOCHROME1"])
def test_an_outline_surrounds_what_it_means(viewer: Viewer, store: Store, photometric: str) -> None:
    """The middle of the outline is the middle of what made the heatmap peak, as displayed."""
    inverted = {"PresentationLUTShape": "INVERSE"} if photometric == "MONOCHROME1" else {}
    results = marked_results(*TALL, PhotometricInterpretation=photometric, **inverted)
    store(results.source, results.coded)
    viewer.open(results.coded)
    (drawn,) = viewer.outlines(1).values()
    seen = Block.seen(viewer.image())
    middle = (drawn.points.min(axis=0) + drawn.points.max(axis=0)) / 2
    assert np.abs(middle - seen.middle).max() < TOLERANCE * seen.size.max()


@pytest.mark.parametrize("results_of", [three_positives, none_positive])
def test_the_picture_is_seen_as_it_was_made(
    viewer: Viewer, store: Store, chest_path: Path, results_of: Callable[[str], Results]
) -> None:
    """The overlay's colours and shapes arrive on the screen: not blank, not false-coloured."""
    results = results_of(str(chest_path))
    store(results.source, results.picture)
    viewer.open(results.picture)
    seen = viewer.image()
    sheet = explain.overlay(results.reading, when=WHEN, language=ENGLISH)
    scale = min(seen.shape[1] / sheet.width, seen.shape[0] / sheet.height)
    size = round(sheet.width * scale), round(sheet.height * scale)
    made = np.asarray(sheet.resize(size, Image.Resampling.BOX), np.float64)
    top, left = (seen.shape[0] - size[1]) // 2, (seen.shape[1] - size[0]) // 2
    shown = seen[top : top + size[1], left : left + size[0]]
    assert made.std() > 10
    assert np.abs(made - shown).mean() < 4
