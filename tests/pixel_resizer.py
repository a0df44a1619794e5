"""Run in the reference environment: what XRayCenterCrop and XRayResizer make of arrays.

Usage: python pixel_resizer.py OUT.npz. Writes, for each shape of `SHAPES`, the resized
input that `picture` gives. Knows nothing of hilum.
"""

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SHAPES = (
    (1955, 1841, 224),
    (1841, 1955, 224),
    (640, 480, 224),
    (2000, 300, 224),
    (300, 2000, 224),
    (1001, 999, 512),
    (512, 512, 224),
    (449, 448, 224),
    (448, 448, 224),
    (225, 226, 224),
    (224, 224, 224),
    (224, 300, 224),
    (223, 300, 224),
    (100, 100, 224),
    (57, 91, 224),
    (7, 5, 224),
    (2, 3, 224),
    (1, 1, 224),
    (64, 64, 1),
)
"""Rows, columns, network size: tall, wide, tiny, odd, already the right size."""

KEPT = 400
"""Values of each result that are kept, evenly over it, and a third of its edges."""


def picture(rows: int, columns: int, *, floor: float = -1024.0) -> NDArray[np.float32]:
    """Return a rough picture, shape ``(rows, columns)``, in [`floor`, 1024]."""
    rng = np.random.default_rng(rows * 10_000 + columns)
    return rng.uniform(floor, 1024, (rows, columns)).astype(np.float32)


def kept_of(resized: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the values of a result that are kept."""
    flat = resized.reshape(-1)
    at = np.linspace(0, flat.size - 1, min(KEPT, flat.size)).astype(int)
    edges = np.concatenate([resized[0], resized[-1], resized[:, 0], resized[:, -1]])
    return np.concatenate([flat[at], edges[::3]])


def main(out: Path) -> None:
    """Write the golden results."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))
    from torchxrayvision_reference import import_torchxrayvision  # noqa: PLC0415  not in hilum's

    xrv = import_torchxrayvision()
    results = {}
    for rows, columns, size in SHAPES:
        for floor in (-1024.0, 100.0):
            cropped = xrv.datasets.XRayCenterCrop()(picture(rows, columns, floor=floor)[None])
            resized = xrv.datasets.XRayResizer(size)(cropped)[0]
            results[f"{rows}x{columns}_{size}_{floor:g}"] = kept_of(resized)
    np.savez_compressed(out, **results)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
