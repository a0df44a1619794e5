"""Palettes: tables of red, green and blue that the samples point into (PS3.3 C.7.6.3.1.5)."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.pixels.processing import apply_color_lut

from hilum.files.dicom import DAMAGE
from hilum.pixels.decisions import DecisionRecord, phrase
from hilum.pixels.image import ImagePixel
from hilum.pixels.lookup import MOST_ENTRIES, LookupInvalid, entries_of, first_of, white_of
from hilum.values.attributes import numbers_of

COLOURS: Final = ("Red", "Green", "Blue")
"""The three tables."""


def through_palette(
    samples: NDArray[np.integer], image: ImagePixel, dataset: Dataset, record: DecisionRecord
) -> tuple[NDArray[np.integer], int]:
    """Return the colours that samples point to.

    Parameters
    ----------
    samples
        Shape ``(rows, columns)``, unsigned.

    Returns
    -------
    colours
        Shape ``(rows, columns, 3)``, unsigned.
    bits
        Bits of a colour, as the entries have them and not as the descriptor says.

    Raises
    ------
    RadiographRefused
        There is no palette that can be applied.
    """
    try:
        tables = [_table(dataset, colour, image) for colour in COLOURS]
    except LookupInvalid as exc:
        raise record.refusal("undecodable.palette", "PS3.3 C.7.9", why=exc.why) from exc
    entries = np.concatenate([table for _, table, _ in tables])
    white = white_of(entries, max(bits for _, _, bits in tables), phrase("palette"), record)
    values = samples.view(f"i{samples.dtype.itemsize}") if image.signed else samples
    colours = np.stack(
        [
            table[np.clip(values.astype(np.int64) - first, 0, len(table) - 1)]
            for first, table, _ in tables
        ],
        axis=-1,
    ).astype(np.uint16)
    record.add("palette_grey", entries=len(tables[0][1]))
    return colours, white.bit_length()


def _table(
    dataset: Dataset, colour: str, image: ImagePixel
) -> tuple[int, NDArray[np.float64], int]:
    """Return the first value, the entries and the bits of one table.

    Raises
    ------
    LookupInvalid
        It is missing or cannot be used.
    """
    name = f"{colour}PaletteColorLookupTable"
    descriptor = [int(number) for number in numbers_of(dataset, f"{name}Descriptor")]
    if len(descriptor) != 3:  # noqa: PLR2004  entries, first value, bits
        raise LookupInvalid("lut_descriptor")
    count, first, bits = descriptor
    count = count % MOST_ENTRIES or MOST_ENTRIES
    if f"{name}Data" in dataset or f"Segmented{name}Data" not in dataset:
        entries = entries_of(
            dataset, f"{name}Data", (count, bits), little_endian=image.little_endian
        )
    else:
        entries = _segmented(dataset, COLOURS.index(colour), (count, first))
    return first_of(first, signed_input=image.signed), entries, bits


def _segmented(dataset: Dataset, colour: int, extent: tuple[int, int]) -> NDArray[np.float64]:
    """Return the entries of a table of segments (PS3.3 C.7.9.2): what its inputs point to.

    Raises
    ------
    LookupInvalid
        It cannot be expanded.
    """
    count, first = extent
    try:
        pointed: NDArray[np.integer] = apply_color_lut(np.arange(first, first + count), dataset)
    except DAMAGE as exc:
        raise LookupInvalid("lut_segments") from exc
    return pointed[:, colour].astype(np.float64)
