"""TorchXRayVision's own outputs: live where its environment is, committed ones otherwise."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hilum.predict.graph import load_graph
from model_inputs import blobs
from seeded_weights import random_state
from torch_files import TorchFile

ROOT = Path(__file__).parents[1]
GOLDEN = ROOT / "tests" / "predict" / "golden"
SCRIPT = ROOT / "scripts" / "reference_outputs.py"
GRAPHS = {"densenet121-res224": "densenet121-res224-all", "resnet50-res512": "resnet50-res512-all"}
SEED = 11


def images(size: int) -> np.ndarray:
    """Return images of all kinds: shape (32, size, size), float32, in [-1024, 1024]."""
    rng = np.random.Generator(np.random.PCG64(size))
    rows, columns = np.mgrid[:size, :size].astype(np.float32) / size
    made = [blobs(seed, size) for seed in range(16)]
    made += [np.full((size, size), level, np.float32) for level in (-1024, -300, 0, 1024)]
    made += [rng.normal(0, spread, (size, size)) for spread in (3, 30, 300)]
    made += [rng.uniform(-1024, 1024, (size, size))]
    made += [(rows - 0.5) * 2048, (0.5 - columns) * 2048, (rows * columns - 0.25) * 1000]
    made += [1024 * np.sign(np.sin(rows * n) * np.sin(columns * n)) for n in (9, 70)]
    made += [800 * np.sin(40 * rows) * columns, -made[0], made[1][::-1]]
    return np.clip(np.array(made), -1024, 1024).astype(np.float32)


def seeded_state(name: str) -> dict[str, np.ndarray]:
    """Return a state dict in which every batch normalisation has statistics of its own.

    Its classifier still has to be scaled (`TorchXRayVision.state`).
    """
    graph = load_graph(name)
    rng = np.random.Generator(np.random.PCG64(SEED))
    state = random_state(graph, 18, SEED)
    for key, array in state.items():
        if key.endswith("running_var"):
            state[key] = array * rng.uniform(0.6, 1.4, array.shape).astype(np.float32)
        elif key.endswith("running_mean"):
            shift = rng.uniform(-0.2, 0.2, array.shape).astype(np.float32)
            state[key] = shift * np.sqrt(state[key.replace("running_mean", "running_var")])
        elif array.ndim == 1 and key.endswith("weight"):
            # the third of a residual block is small, or the sum of sixteen would explode
            low, high = (0.1, 0.3) if ".bn3." in key else (0.7, 1.3)
            state[key] = array * rng.uniform(low, high, array.shape).astype(np.float32)
    return state


@dataclass(frozen=True)
class TorchXRayVision:
    """What TorchXRayVision gives for `images` and seeded weights.

    Attributes
    ----------
    graph
        Which network.
    outputs
        ``logit``, ``score_default``, ``score_ppv80`` of shape (images, 18); ``cam`` for one
        image in eight; ``radiographs`` as its reader gives them, after the made images;
        ``scale`` and ``bias`` of the classifier.
    files
        Weights files as torch wrote them, or as `TorchFile` writes them for golden outputs.
    live
        Whether it ran just now.
    """

    graph: str
    outputs: dict[str, np.ndarray]
    files: tuple[Path, ...]
    live: bool

    @property
    def card(self) -> str:
        """Name of the card of this network."""
        return GRAPHS[self.graph]


def run_live(python: Path, folder: Path, radiographs: list[Path]) -> list[TorchXRayVision]:
    """Run TorchXRayVision in its own environment and return what it gives."""
    for name in GRAPHS:
        np.save(folder / f"{name}.images.npy", images(load_graph(name).input_size))
        np.savez(folder / f"{name}.state.npz", **seeded_state(name))
    subprocess.run([python, SCRIPT, folder, *radiographs], check=True)
    return [
        TorchXRayVision(
            name,
            dict(np.load(folder / f"{name}.outputs.npz")),
            tuple(sorted(folder.glob(f"{name}.*.pt"))),
            live=True,
        )
        for name in GRAPHS
    ]


def read_golden(folder: Path) -> list[TorchXRayVision]:
    """Return the committed outputs, with weights files made here."""
    found = []
    for name in GRAPHS:
        outputs = dict(np.load(GOLDEN / f"{name}.npz"))
        state = seeded_state(name)
        classifier = load_graph(name).classifier
        state[f"{classifier}.weight"] *= outputs["scale"][:, None]
        state[f"{classifier}.bias"] = outputs["bias"]
        paths = []
        for legacy in (True, False):
            for kind in ("module", "state_dict"):
                file = TorchFile(legacy)
                path = folder / f"{name}.{kind}.{'legacy' if legacy else 'zip'}.pt"
                paths.append(file.write(path, getattr(file, kind)(state)))
        found.append(TorchXRayVision(name, outputs, tuple(paths), live=False))
    return found
