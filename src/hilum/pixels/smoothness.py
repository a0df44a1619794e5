"""How smooth a reading of the stored bits is: what tells the right one from a wrong one.

A radiograph is smooth: a pixel resembles its neighbour. Where header and bits disagree on byte
order, sign or used bits, one reading is smooth and the other is noise or jumps. docs/pixels.md
has the figures that these thresholds come from.
"""

from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from hilum.pixels.decisions import DecisionRecord

BANDS: Final = 16
"""Places of an image that are looked at, spread evenly over its rows."""

BAND_ROWS: Final = 2
"""Adjacent rows of each place."""

LINES: Final = 16
"""Rows that are looked at where only neighbours in a row matter."""

NOISE: Final = 0.5
"""Roughness above which an image is noise: true noise has 1, the roughest true image 0.2."""

SMALLEST: Final = 64
"""Side in pixels from which an image is large enough to tell."""

JUMPS_SHARE: Final = 1e-3
"""Share of neighbours that must jump before the header's sign is doubted."""

FEWEST_JUMPS: Final = 8
"""Pairs of neighbours that are no chance."""

ALIKE: Final = 8
"""A reading is right if what jumps in another differs by less than an eighth of the range."""

SPREAD: Final = 16
"""What readings of two signs differ in covers a sixteenth of the image's range, or is none."""

SATURATED: Final = 0.05
"""Share of the darkest and of the brightest value above which an image is black and white."""

FEWEST_SHADES: Final = 64
"""Values from the first to the last hundredth that a radiograph spans at least."""

STEEP: Final = 99.7
"""Percentile of the steps of an image that is as much as neighbours differ without an edge."""

ALIKE_SHARE: Final = 0.9
"""Share of the jumps for which that has to be so."""

ROUGH: Final = 0.2
"""Roughness from which the byte order is doubted."""

ROUGHER: Final = 2
"""So many times rougher is the wrong byte order, at least."""

PAIRS_SEEN: Final = 1 << 19
"""Samples of 8 bits that are looked at, of an image of millions."""

PAIRS_APART: Final = 1.05
"""So much more than within words do samples differ between them, if they are swapped."""


def shows(values: NDArray[np.integer]) -> bool:
    """Whether an image, shape ``(rows, columns)``, is large enough to tell anything."""
    return bool(min(values.shape) >= SMALLEST)


def bands(values: NDArray[np.integer]) -> NDArray[np.integer]:
    """Return what is looked at of an image, whole if it is small.

    Parameters
    ----------
    values
        Shape ``(rows, columns)``.

    Returns
    -------
    NDArray[np.integer]
        Shape ``(places, adjacent rows, columns)``, of the same type.
    """
    rows, columns = values.shape
    if rows <= BANDS * BAND_ROWS:
        return values[None]
    step = rows // BANDS
    return values[: step * BANDS].reshape(BANDS, step, columns)[:, :BAND_ROWS]


def roughness(values: NDArray[np.integer]) -> float:
    """Return how much neighbours differ, as a share of how much any two pixels do.

    Parameters
    ----------
    values
        Shape ``(rows, columns)``.

    Returns
    -------
    float
        0 for a flat image, below 0.2 for a radiograph, about 1 for noise: the mean absolute
        difference of horizontal neighbours over Gini's mean difference, which is what two
        pixels drawn at random differ by.
    """
    near = float(_steps(values, 1).mean())
    # NumPy's stable sort of 16 bits goes by digits: seven times as fast, with the same result
    kind: Literal["stable"] | None = "stable" if values.itemsize <= 2 else None  # noqa: PLR2004  bytes
    ordered = np.sort(values, axis=None, kind=kind).astype(np.float64)
    ordered *= np.arange(1 - ordered.size, ordered.size, 2)
    apart = 2 * float(ordered.sum()) / ordered.size**2
    return near / apart if apart > 0 else 0.0


def _lines(values: NDArray[np.integer]) -> NDArray[np.integer]:
    """Return some rows of an image, shape ``(rows, columns)``, all of them if it is small."""
    return np.ascontiguousarray(values[:: max(1, len(values) // LINES)])


def refuse_noise(values: NDArray[np.integer], record: DecisionRecord) -> None:
    """Refuse an image whose neighbouring pixels have nothing to do with each other.

    Parameters
    ----------
    values
        Shape ``(rows, columns)``.

    Raises
    ------
    RadiographRefused
        It is noise: bytes that are no image, or are read in a way that they were not written.
    """
    if not shows(values):
        return
    rough = roughness(_lines(values))
    if rough > NOISE:
        raise record.refusal("noise", "docs/pixels.md", roughness=rough, limit=NOISE)


def disproved(
    said: NDArray[np.integer], other: NDArray[np.integer], span: int, *, share: float = 0.0
) -> bool:
    """Whether one reading jumps between neighbours that are alike in another reading.

    A hard edge in the image is none: its sides differ in every reading.

    Parameters
    ----------
    said, other
        Two readings of the same samples, shape ``(places, adjacent rows, columns)``.
    span
        Number of values that the samples can have; a jump is more than half of it.
    share
        Share of all pairs of neighbours that must jump.
    """
    steps = [_steps(said, axis) for axis in (1, 2)]
    jumps = [step > span // 2 for step in steps]
    jumped = sum(int(np.count_nonzero(jump)) for jump in jumps)
    if jumped < max(FEWEST_JUMPS, share * sum(jump.size for jump in jumps)):
        return False
    alike = remaining = 0
    for axis, jump in zip((1, 2), jumps, strict=True):
        step = _steps(other, axis)
        alike += int(np.count_nonzero(step[jump] <= span // ALIKE))
        remaining += int(np.count_nonzero(step > span // 2))
    return alike >= ALIKE_SHARE * jumped and remaining <= jumped // 4


def other_sign(said: NDArray[np.integer], other: NDArray[np.integer], span: int) -> bool:
    """Whether samples are an image only with the sign that the header does not say.

    Black and white are alike with a sign, -1 beside 0. So the darkest and the brightest value,
    which saturation, letters and masks consist of, prove nothing, nor does an image of
    little else. The other reading must be an image: with shades, with as many of them where the
    readings differ, and as smooth where the header's reading jumps as it is elsewhere.

    Parameters
    ----------
    said, other
        As `disproved` takes them.
    span
        The same.
    """
    if not disproved(said, other, span, share=JUMPS_SHARE):
        return False
    black, white = said == said.min(), said == said.max()
    if min(black.mean(), white.mean()) > SATURATED:
        return False
    least, greatest = np.percentile(other, (1, 99))
    low, high = np.percentile(other[other.astype(np.int64) != said], (5, 95))
    shades = greatest - least
    if shades < min(FEWEST_SHADES, span // ALIKE) or high - low < shades / SPREAD:
        return False
    shown = ~(black | white)
    at_jumps, elsewhere = [], []
    for axis in (1, 2):
        inside = _pairs(shown, axis)
        jumps = _steps(said, axis) > span // 2
        steps = _steps(other, axis)
        at_jumps.append(steps[inside & jumps])
        elsewhere.append(steps[inside & ~jumps])
    jumped, usual = np.concatenate(at_jumps), np.concatenate(elsewhere)
    if jumped.size < max(FEWEST_JUMPS, JUMPS_SHARE * usual.size):
        return False
    return bool(np.median(jumped) <= np.percentile(usual, STEEP))


def _pairs(shown: NDArray[np.bool_], axis: int) -> NDArray[np.bool_]:
    """Return of which neighbours along an axis both are shown."""
    return shown[:, :-1] & shown[:, 1:] if axis == 1 else shown[..., :-1] & shown[..., 1:]


def _steps(seen: NDArray[np.integer], axis: int) -> NDArray[np.integer]:
    """Return how much neighbours differ, in integers that hold it."""
    wide = seen.astype(np.int32 if seen.itemsize <= 2 else np.int64)  # noqa: PLR2004  bytes
    return np.abs(np.diff(wide, axis=axis))


def other_byte_order(samples: NDArray[np.integer], bits: int) -> bool:
    """Whether samples are image only in the other byte order.

    In the right order the more significant byte changes slowly. Either the picture as it is read
    must be rough, or leave its bits where the other one keeps within them.

    Parameters
    ----------
    samples
        Shape ``(rows, columns)``, unsigned, of two bytes or more.
    bits
        Bits Stored.
    """
    said = _lines(samples)
    other = said.byteswap()
    ceiling = (1 << bits) - 1
    beyond = int(said.max()) > ceiling >= int(other.max())
    rough = roughness(said)
    return (beyond or rough > ROUGH) and rough > ROUGHER * roughness(other)


def swapped_in_pairs(samples: NDArray[np.integer]) -> bool:
    """Whether 8-bit samples are image only when the two of each word are exchanged.

    Between the words neighbours then lie three pixels apart, and differ by more than the two in
    a word, and by more than they do when they are exchanged.

    Parameters
    ----------
    samples
        Shape ``(rows, columns)``, unsigned, of one byte.
    """
    flat = samples.reshape(-1)[: samples.size // 2 * 2]
    length = max(PAIRS_SEEN // BANDS, flat.size // BANDS) // 2 * 2
    within = across = exchanged = 0
    for start in range(0, flat.size, length):
        seen = flat[start : start + PAIRS_SEEN // BANDS].astype(np.int64)
        within += int(np.abs(seen[0::2] - seen[1::2]).sum())
        across += int(np.abs(seen[1:-1:2] - seen[2::2]).sum())
        exchanged += int(np.abs(seen[0:-2:2] - seen[3::2]).sum())
    return across > PAIRS_APART * max(within, exchanged)
