"""Train the demonstration's view network on phantoms alone; writes ``view.onnx``.

Run in the reference environment: ``PYTHONPATH=src python scripts/train_view.py``. It takes
some minutes of one core. `scripts/evaluate_view.py` measures it and writes its card.
"""

import argparse
import multiprocessing
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import torch
from demonstration_network import INPUT, Exported, Network, export
from demonstration_phantoms import TRAINING, kinds_of
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from train_demonstration import placed, vary

from hilum.phantom.lateral import VIEW
from hilum.phantom.scene import brightness, compose, draw

FIRST_SEED: Final = 2_500_000
"""Seeds of training start here; those of the other networks and the tests stay below."""

SIZE: Final = 192
"""Side of a kept picture, pixels."""

WIDTH: Final = 4
"""Of the network: a third of the demonstration model's, a ninth of its size."""

LABELS: Final = 2
"""Frontal and lateral."""

BATCH: Final = 24
RATE: Final = 4e-3
TURNED: Final = 3
"""Every so many batches lie on a side or upside down: how an image lies is no view."""


def picture(number: int) -> NDArray[np.uint8]:
    """Return the brightness of a phantom, shape ``(SIZE, SIZE)``; an odd number is lateral."""
    lateral, seed = number % LABELS == 1, FIRST_SEED + number
    scene = compose(seed, () if lateral else kinds_of(seed), TRAINING)
    if lateral:
        scene = replace(scene, patient=replace(scene.patient, view=VIEW))
    return np.rint(brightness(scene, draw(scene, SIZE, SIZE)) * 255).astype(np.uint8)


def phantoms(count: int, path: Path, workers: int) -> Tensor:
    """Return the training phantoms, drawn when `path` does not have them."""
    if not path.exists():
        with multiprocessing.Pool(workers) as pool:
            np.save(path, np.stack(pool.map(picture, range(count), chunksize=8)))
    return torch.from_numpy(np.load(path))


def batch_of(pictures: Tensor, random: torch.Generator, *, turned: bool) -> Tensor:
    """Return images ``(n, 1, INPUT, INPUT)``, leaning, moved, cut and mirrored at random."""
    count = len(pictures)
    theta = placed(
        count, random, turn=0.15, zoom=(0.75, 1.15), squeeze=(0.85, 1.15), shift=0.12, mirrored=True
    )
    grid = functional.affine_grid(theta, [count, 1, INPUT, INPUT], align_corners=False)
    images = functional.grid_sample(pictures.float().unsqueeze(1) / 255, grid, align_corners=False)
    if turned:
        images = images.rot90(int(torch.randint(1, 4, (), generator=random)), (2, 3))
    return vary(images, random)


def train(pictures: Tensor, steps: int) -> Network:
    """Return the trained network."""
    network = Network(LABELS, WIDTH)
    random = torch.Generator().manual_seed(22)
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=2e-2)
    plan = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps)
    for step in range(steps):
        chosen = torch.randint(len(pictures), (BATCH,), generator=random)
        images = batch_of(pictures[chosen], random, turned=step % TURNED == 0)
        loss = functional.cross_entropy(network(images)[0], chosen % LABELS)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        plan.step()
        if step % 25 == 0:
            print(f"{step} of {steps}: {float(loss.detach()):.4f}", flush=True)
    return network


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("view.onnx"))
    parser.add_argument("--phantoms", type=Path, default=Path("view.npy"), help="file kept")
    parser.add_argument("--count", type=int, default=900, help="phantoms to learn from")
    parser.add_argument("--steps", type=int, default=400, help="batches")
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    torch.manual_seed(22)
    trained = train(phantoms(given.count, given.phantoms, given.threads), given.steps)
    export(Exported(trained), given.out)
