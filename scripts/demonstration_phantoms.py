"""Phantoms as a network learns from them: pictures, labels and places, kept in one file."""

import argparse
import multiprocessing
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hilum.phantom.findings import KINDS, LABELS
from hilum.phantom.patient import CLINIC, Population
from hilum.phantom.scene import brightness, compose, draw

TRAINING: Final = Population(
    name="training",
    stature=(0.9, 1.1),
    breadth=(0.9, 1.1),
    thickness=(0.86, 1.14),
    fat=(18, 42),
    rotation=0.07,
    margin=(-0.03, 0.12),
    contrast=(0.7, 1.5),
    detail=(0.0, 1.2),
    balance=(0.05, 0.6),
    quanta=(4.2, 5.8),
    bits=(12,),
    looks=("sigmoid", "straight"),
)
"""The patients and detectors that the demonstration model learns from."""

POPULATIONS: Final = {population.name: population for population in (CLINIC, TRAINING)}
SIZE: Final = 256
"""Side of a kept picture, pixels; training cuts and turns squares of 224 out of it."""

GRID: Final = 32
"""Side of a kept mask: each cell says whether the finding is in it."""


HEALTHY: Final = 0.25
"""Share of phantoms that nothing ails."""


def kinds_of(seed: int) -> list[str]:
    """Return what ails the phantom of a seed: nothing in one of four, else one to four kinds."""
    rng = np.random.Generator(np.random.PCG64((seed, 1)))
    if rng.random() < HEALTHY:
        return []
    count = int(rng.choice([1, 2, 3, 4], p=[0.35, 0.35, 0.2, 0.1]))
    return [str(kind) for kind in rng.choice(KINDS, count, replace=False)]


def picture(
    job: tuple[int, str],
) -> tuple[NDArray[np.uint8], NDArray[np.bool_], NDArray[np.bool_]]:
    """Draw one phantom.

    Returns
    -------
    tuple
        Brightness ``(SIZE, SIZE)`` in 0..255, labels ``(len(LABELS),)``, and where they are,
        ``(len(LABELS), GRID, GRID)``.
    """
    seed, population = job
    scene = compose(seed, kinds_of(seed), POPULATIONS[population])
    drawing = draw(scene, SIZE, SIZE)
    places = np.zeros((len(LABELS), GRID, GRID), np.bool_)
    step = SIZE // GRID
    for disease, mask in zip(scene.diseases, drawing.masks, strict=True):
        cells = mask.reshape(GRID, step, GRID, step).any(axis=(1, 3))
        for label in disease.labels:
            places[LABELS.index(label)] |= cells
    shown = np.rint(brightness(scene, drawing) * 255).astype(np.uint8)
    # A finding that lies outside the picture or behind the heart is not there to be seen.
    return shown, places.any(axis=(1, 2)), places


def collect(first: int, count: int, population: str, path: Path, workers: int) -> None:
    """Draw `count` phantoms from seed `first` on and keep them in a NumPy file."""
    pictures = np.zeros((count, SIZE, SIZE), np.uint8)
    labels = np.zeros((count, len(LABELS)), np.bool_)
    places = np.zeros((count, len(LABELS), GRID, GRID), np.bool_)
    jobs = [(first + index, population) for index in range(count)]
    with multiprocessing.Pool(workers) as pool:
        for index, (shown, said, where) in enumerate(pool.imap(picture, jobs, chunksize=16)):
            pictures[index], labels[index], places[index] = shown, said, where
            if index % 500 == 0:
                print(f"{index} of {count}", flush=True)
    np.savez(path, pictures=pictures, labels=labels, places=places)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--first", type=int, required=True, help="first seed")
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--population", default="training", choices=sorted(POPULATIONS))
    parser.add_argument("--workers", type=int, default=1)
    chosen = parser.parse_args()
    collect(chosen.first, chosen.count, chosen.population, chosen.path, chosen.workers)
