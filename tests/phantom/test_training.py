"""Training works at all: a narrow network, a few phantoms, and it is better than chance."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from reference_environment import reference_python

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import evaluate_demonstration as evaluation

from hilum.phantom import LABELS

pytestmark = pytest.mark.reference

PHANTOMS, STEPS = 240, 80
HELD_OUT = range(500_000, 500_080)
"""Of another population than those of the training, and other seeds than any other test's."""

LARGE = ("Edema", "Effusion", "Cardiomegaly")
"""What so short a training can learn; an untrained network gives 0.47 for these seeds."""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[float]]:
    """Return the trained network, and the loss of the labels as the script tells it."""
    python = reference_python()
    if python is None:
        pytest.skip("there is no reference environment with torch")
    folder = tmp_path_factory.mktemp("training")
    network = folder / "network.onnx"
    said = subprocess.run(
        [
            str(python),
            str(ROOT / "scripts" / "train_demonstration.py"),
            *("--out", str(network), "--phantoms", str(folder / "phantoms"), "--threads", "1"),
            *("--short", str(PHANTOMS), str(STEPS)),
        ],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 == said.returncode, said.stderr[-2000:]
    return network, [float(loss) for loss in re.findall(r"labels ([0-9.]+)", said.stdout)]


def test_loss_falls(trained: tuple[Path, list[float]]):
    """By a tenth and more, which takes gradients, labels and pictures that belong together."""
    _, losses = trained

    assert 3 == len(losses)
    assert losses[-1] < 0.9 * losses[0]


def test_network_beats_chance_on_phantoms_of_other_people(trained: tuple[Path, list[float]]):
    """Through DICOM, hilum's pixels and hilum's engine, on what it never saw."""
    network, _ = trained
    judged = evaluation.judge(HELD_OUT, network, size=224)
    areas = [
        evaluation.auroc(judged.logits[:, index], judged.truth[:, index])
        for index, label in enumerate(LABELS)
        if label in LARGE
    ]

    assert 0.65 < np.mean(areas)
