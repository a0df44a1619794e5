"""Train the demonstration model on phantoms alone; writes ``demonstration.onnx``.

Run in the reference environment: ``PYTHONPATH=src python scripts/train_demonstration.py``.
It takes less than two hours on two cores. The same seed, number of
threads and versions give the same weights. `scripts/evaluate_demonstration.py` then chooses
the operating points and measures the model.
"""

import argparse
import copy
import math
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import torch
from demonstration_network import INPUT, WIDTH, Exported, Network, export
from demonstration_phantoms import collect
from torch import Tensor
from torch.nn import functional

from hilum.phantom.findings import LABELS

FIRST_SEED: Final = 1_000_000
"""Seeds of training start here; `hilum phantom` and the tests stay below."""

CHUNK: Final = 600
"""Phantoms kept in one file."""

BATCH: Final = 32
DECAY: Final = 2e-2
AVERAGE: Final = 0.995
"""Of the moving average of the weights, which is what is kept."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of the training.

    Attributes
    ----------
    chunks
        How many files of phantoms it sees.
    steps
        How many batches.
    rate
        Highest learning rate.
    small
        Weight of the labels of small findings in the loss; that of the others is 1.
    batch
        Phantoms in a batch.
    halved
        How many batches have bfloat16 within the network; None for all.
    """

    chunks: int
    steps: int
    rate: float
    small: float
    batch: int = BATCH
    halved: int | None = None


STAGES: Final = (
    Stage(8, 2000, 4e-3, 1.0),
    Stage(16, 1000, 2.5e-3, 3.0),
    Stage(16, 850, 2.5e-3, 2.0),
    Stage(16, 600, 2.5e-3, 4.0),
)
"""First what is easy, then more phantoms and more weight on what is small."""

SMALL: Final = ("Nodule", "Lung Lesion")
"""Labels of small findings."""

PLACE_WEIGHT: Final = 0.25
"""Of the loss that asks for a heatmap's peak to lie on the finding."""

SHARPNESS: Final = 8.0
"""Logarithm of how much a heatmap's peak counts over an empty cell in that loss."""

Batch = tuple[Tensor, Tensor, Tensor]


class Phantoms:
    """Training phantoms in memory.

    Parameters
    ----------
    folder
        Where they are kept, and made when they are not there.
    chunks
        How many files.
    count
        Phantoms in each.
    """

    def __init__(self, folder: Path, chunks: int, count: int = CHUNK) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        parts = []
        for index in range(chunks):
            path = folder / f"train{index}.npz"
            if not path.exists():
                collect(FIRST_SEED + index * count, count, "training", path, 2)
            with np.load(path) as file:
                parts.append((file["pictures"], file["labels"], file["places"]))
        pictures, labels, places = (np.concatenate(part) for part in zip(*parts, strict=True))
        self.pictures = torch.from_numpy(pictures)
        self.labels = torch.from_numpy(labels)
        self.places = torch.from_numpy(places)

    def batch(self, order: Tensor, random: torch.Generator) -> Batch:
        """Return pictures ``(n, 1, 224, 224)``, labels and places, turned at random."""
        pictures = self.pictures[order].float().unsqueeze(1) / 255
        places = self.places[order].float()
        count = len(order)
        theta = placed(count, random, turn=0.1, zoom=(0.88, 1.08), squeeze=(0.94, 1.06), shift=0.07)
        grid = functional.affine_grid(theta, [count, 1, INPUT, INPUT], align_corners=False)
        coarse = functional.affine_grid(theta, [count, 1, 28, 28], align_corners=False)
        pictures = functional.grid_sample(pictures, grid, align_corners=False)
        places = functional.grid_sample(places, coarse, align_corners=False)
        return (
            vary(pictures, random),
            self.labels[order].float(),
            (
                functional.max_pool2d(places, 2) > 0.5  # noqa: PLR2004  half of a cell
            ).float(),
        )


def placed(
    count: int,
    random: torch.Generator,
    *,
    turn: float,
    zoom: tuple[float, float],
    squeeze: tuple[float, float],
    shift: float,
    mirrored: bool = False,
) -> Tensor:
    """Return how images lie at random, shape ``(count, 2, 3)``, as `affine_grid` takes it.

    Parameters
    ----------
    turn
        Radians to either side.
    zoom, squeeze
        Least and most of the size, and of width to height.
    shift
        Most of it, in halves of the side.
    mirrored
        Whether every second one is, on average.
    """

    def uniform(low: float, high: float) -> Tensor:
        return torch.rand(count, generator=random) * (high - low) + low

    angle, size, ratio = uniform(-turn, turn), uniform(*zoom), uniform(*squeeze)
    side = (uniform(-1, 1) > 0) * 2 - 1 if mirrored else 1
    rows = [
        [side * size * ratio * angle.cos(), -size * angle.sin(), uniform(-shift, shift)],
        [side * size * angle.sin(), size / ratio * angle.cos(), uniform(-shift, shift)],
    ]
    return torch.stack([torch.stack(row, 1) for row in rows], 1)


def vary(pictures: Tensor, random: torch.Generator) -> Tensor:
    """Return pictures in [-1024, 1024] with other tone curves, sharpness and noise."""
    count = len(pictures)

    def uniform(low: float, high: float) -> Tensor:
        values = torch.rand(count, generator=random) * (high - low) + low
        return values.view(-1, 1, 1, 1)

    gamma = uniform(-0.6, 0.6).exp()
    pictures = pictures.clamp(0, 1) ** gamma
    pictures = (pictures - 0.5) * uniform(0.65, 1.35) + 0.5 + uniform(-0.14, 0.14)
    smooth = functional.avg_pool2d(pictures, 3, 1, 1, count_include_pad=False)
    pictures = pictures + (smooth - pictures) * uniform(-0.6, 1.0)
    grain = torch.randn(pictures.shape, generator=random)
    pictures = pictures + grain * uniform(0, 0.04) * (uniform(0, 1) < 0.5)  # noqa: PLR2004
    return (pictures.clamp(0, 1) * 2 - 1) * 1024


def loss_of(
    network: Network, batch: Batch, weights: Tensor, *, halved: bool
) -> tuple[Tensor, Tensor]:
    """Return the loss of the labels, and that of the places of those that are there.

    `weights` has the shape ``(labels,)``; with `halved` the network has bfloat16 within.
    """
    pictures, labels, places = batch
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=halved):
        logits, maps = network(pictures.to(memory_format=torch.channels_last))
    logits, maps = logits.float(), maps.float().flatten(2)
    said = functional.binary_cross_entropy_with_logits(logits, labels, weights)
    inside = places.flatten(2)
    there = (labels > 0) & (inside.sum(dim=2) > 0)
    if not there.any():
        return said, said.new_zeros(())
    chosen, inside = maps[there], inside[there]
    peak = chosen.detach().abs().amax(dim=1, keepdim=True) + 1
    share = torch.log_softmax(chosen * (SHARPNESS / peak), dim=1)
    return said, -torch.logsumexp(share + (inside + 1e-6).log(), dim=1).mean()


def rate_at(step: int, stage: Stage) -> float:
    """Return the learning rate: a short rise, then half a cosine."""
    rise = min(1.0, (step + 1) / 100)
    return stage.rate * rise * 0.5 * (1 + math.cos(math.pi * step / stage.steps))


def train(network: Network, phantoms: Phantoms, stage: Stage, path: Path) -> Network:
    """Train `network` for one stage and return the moving average of its weights."""
    random = torch.Generator().manual_seed(stage.steps)
    average = copy.deepcopy(network)
    optimiser = torch.optim.AdamW(network.parameters(), lr=stage.rate, weight_decay=DECAY)
    weights = torch.tensor([stage.small if label in SMALL else 1.0 for label in LABELS])
    order, began, seen = torch.zeros(0, dtype=torch.long), time.monotonic(), [0.0, 0.0]
    for step in range(stage.steps):
        if len(order) < stage.batch:
            order = torch.randperm(len(phantoms.labels), generator=random)
        batch, order = phantoms.batch(order[: stage.batch], random), order[stage.batch :]
        for group in optimiser.param_groups:
            group["lr"] = rate_at(step, stage)
        halved = stage.halved is None or step < stage.halved
        said, placed = loss_of(network, batch, weights, halved=halved)
        optimiser.zero_grad()
        (said + PLACE_WEIGHT * placed).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        follow(average, network, min(AVERAGE, step / (step + 50)))
        seen = [
            0.98 * s + 0.02 * float(v.detach()) for s, v in zip(seen, (said, placed), strict=True)
        ]
        if step % 50 == 0 or step == stage.steps - 1:
            labels, places = (s / (1 - 0.98 ** (step + 1)) for s in seen)
            report = f"{step} of {stage.steps}: labels {labels:.4f}, places {places:.3f}"
            print(f"{report}, {time.monotonic() - began:.0f} s", flush=True)
            torch.save(average.state_dict(), path.with_suffix(".pt"))
    torch.save(average.state_dict(), path.with_suffix(".pt"))
    return average


@torch.no_grad()
def follow(average: Network, network: Network, share: float) -> None:
    """Move `average` towards `network`, keeping `share` of it."""
    for kept, fresh in zip(
        average.state_dict().values(), network.state_dict().values(), strict=True
    ):
        if kept.dtype.is_floating_point:
            kept.mul_(share).add_(fresh, alpha=1 - share)
        else:
            kept.copy_(fresh)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("demonstration.onnx"))
    parser.add_argument("--phantoms", type=Path, default=Path("phantoms"), help="folder kept")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--resume", type=Path, help="weights after the stages that are skipped")
    parser.add_argument("--skip", type=int, default=0, help="stages not to do again")
    parser.add_argument(
        "--short",
        type=int,
        nargs=2,
        metavar=("PHANTOMS", "STEPS"),
        help="a narrow network, one stage, so many phantoms and batches: whether it works at all",
    )
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    torch.manual_seed(20)
    width = WIDTH if chosen.short is None else WIDTH // 3
    trained = Network(len(LABELS), width).to(memory_format=torch.channels_last)
    if chosen.resume is not None:
        trained.load_state_dict(torch.load(chosen.resume))
    stages, each = STAGES[chosen.skip :], CHUNK
    if chosen.short is not None:
        each, steps = chosen.short
        # bfloat16 takes four times as long on a processor without it: one batch shows that it works
        stages = (replace(STAGES[0], chunks=1, steps=steps, batch=BATCH // 2, halved=1),)
    for stage in stages:
        phantoms = Phantoms(chosen.phantoms, stage.chunks, each)
        trained = train(trained, phantoms, stage, chosen.out)
    export(Exported(trained), chosen.out)
