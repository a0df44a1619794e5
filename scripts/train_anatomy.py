"""Train the demonstration network for anatomy on phantoms alone; writes ``anatomy.onnx``.

Run in the reference environment: ``PYTHONPATH=src python scripts/train_anatomy.py``. It takes
some minutes on two cores. `scripts/evaluate_anatomy.py` measures it and writes its card.
"""

import argparse
import math
import multiprocessing
import time
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
import torch
from demonstration_network import export, layer
from demonstration_phantoms import TRAINING, kinds_of
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from train_demonstration import placed, vary

from hilum.phantom.organs import ORGANS
from hilum.phantom.scene import brightness, compose, draw

FIRST_SEED: Final = 2_000_000
"""Seeds of training start here; those of the demonstration model and the tests stay below."""

SIZE: Final = 160
"""Side of a kept picture, pixels."""

INPUT: Final = 128
"""Side of the square that the network sees, pixels."""

MASK: Final = 64
"""Side of the masks that it gives, pixels: contours are drawn between their centres."""

WIDTHS: Final = (12, 24, 40, 56)
"""Channels at each resolution, that of the masks first."""

BATCH: Final = 12
RATE: Final = 6e-3


class UNet(nn.Module):
    """Pixels in [-1024, 1024] to one logit an organ and cell of two by two pixels.

    Sources
    -------
    Ronneberger et al., "U-Net", MICCAI 2015; two layers at each resolution, one on the way up.
    """

    def __init__(self) -> None:
        super().__init__()
        first = nn.Sequential(layer(1, WIDTHS[0], side=5, stride=2), layer(WIDTHS[0], WIDTHS[0]))
        coarser = [nn.Sequential(layer(a, b), layer(b, b)) for a, b in pairwise(WIDTHS)]
        self.down = nn.ModuleList([first, *coarser])
        self.up = nn.ModuleList(layer(coarse + fine, fine) for fine, coarse in pairwise(WIDTHS))
        self.masks = nn.Conv2d(WIDTHS[0], len(ORGANS), 1)

    def forward(self, image: Tensor) -> Tensor:
        """Return logits, ``(n, 1, INPUT, INPUT)`` to ``(n, organs, MASK, MASK)``."""
        features = image * (1 / 512)
        kept = []
        for index, block in enumerate(self.down):
            features = block(functional.max_pool2d(features, 2) if index else features)
            kept.append(features)
        for block, fine in zip(reversed(self.up), reversed(kept[:-1]), strict=True):
            coarse = functional.interpolate(features, scale_factor=2.0, mode="nearest")
            features = block(torch.cat([coarse, fine], 1))
        logits: Tensor = self.masks(features)
        return logits


def drawn(seed: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return brightness ``(SIZE, SIZE)`` of one phantom, and its organs ``(n, SIZE, SIZE)``."""
    scene = compose(seed, kinds_of(seed), TRAINING)
    drawing = draw(scene, SIZE, SIZE)
    shown = np.rint(brightness(scene, drawing) * 255).astype(np.uint8)
    return shown, np.stack([drawing.organs[name] for name in ORGANS])


def phantoms(count: int, path: Path) -> tuple[Tensor, Tensor]:
    """Return pictures and masks of the training phantoms, drawn when `path` does not have them."""
    if not path.exists():
        with multiprocessing.Pool(2) as pool:
            pairs = pool.map(drawn, range(FIRST_SEED, FIRST_SEED + count), chunksize=8)
        pictures, masks = (np.stack(each) for each in zip(*pairs, strict=True))
        np.savez(path, pictures=pictures, masks=masks)
    with np.load(path) as file:
        return torch.from_numpy(file["pictures"]), torch.from_numpy(file["masks"])


def batch_of(pictures: Tensor, masks: Tensor, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return images and masks, ``INPUT`` and ``MASK`` wide, turned, moved and cut at random."""
    count = len(pictures)
    theta = placed(count, random, turn=0.12, zoom=(0.8, 1.12), squeeze=(0.92, 1.08), shift=0.1)
    fine, coarse = (
        functional.affine_grid(theta, [count, 1, side, side], align_corners=False)
        for side in (INPUT, MASK)
    )
    images = functional.grid_sample(pictures.float().unsqueeze(1) / 255, fine, align_corners=False)
    truth = functional.grid_sample(masks.float(), coarse, align_corners=False)
    return vary(images, random), truth


def loss_of(logits: Tensor, truth: Tensor) -> Tensor:
    """Return cross-entropy and what is missing to a Dice coefficient of 1, together."""
    said = logits.sigmoid()
    overlap = 2 * (said * truth).sum((2, 3)) + 1
    dice = overlap / (said.sum((2, 3)) + truth.sum((2, 3)) + 1)
    return functional.binary_cross_entropy_with_logits(logits, truth) + (1 - dice).mean()


def train(count: int, steps: int, kept: Path) -> UNet:
    """Return the trained network."""
    pictures, masks = phantoms(count, kept)
    random = torch.Generator().manual_seed(22)
    network = UNet().to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=1e-2)
    began = time.monotonic()
    for step in range(steps):
        rate = RATE * min(1, (step + 1) / 40) * 0.5 * (1 + math.cos(math.pi * step / steps))
        for group in optimiser.param_groups:
            group["lr"] = rate
        chosen = torch.randint(len(pictures), (BATCH,), generator=random)
        images, truth = batch_of(pictures[chosen], masks[chosen], random)
        loss = loss_of(network(images.to(memory_format=torch.channels_last)), truth)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        if step % 25 == 0:
            spent = time.monotonic() - began
            print(f"{step} of {steps}: {float(loss.detach()):.4f}, {spent:.0f} s", flush=True)
    return network


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("anatomy.onnx"))
    parser.add_argument("--phantoms", type=Path, default=Path("anatomy.npz"), help="file kept")
    parser.add_argument("--count", type=int, default=600, help="phantoms to learn from")
    parser.add_argument("--steps", type=int, default=450, help="batches")
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    torch.manual_seed(22)
    export(train(given.count, given.steps, given.phantoms), given.out, INPUT, ["masks"])
