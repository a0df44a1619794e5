"""What TorchXRayVision itself makes of images: run live where it is, else as it answered last.

The reference environment has torch, which hilum has not, so it is another Python:
``$HILUM_REFERENCE_PYTHON`` or ``.reference/bin/python``. Its answers are kept in
``tests/pixels/golden``; ``python tests/pixel_reference.py`` writes them anew.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import data_store
import numpy as np
from numpy.typing import NDArray

from pixel_cases import CASES, REFUSALS
from radiographs import dicom_file
from reference_environment import reference_python

ROOT = Path(__file__).resolve().parents[1]
GOLDEN = ROOT / "tests" / "pixels" / "golden" / "torchxrayvision.npz"
READER = ROOT / "tests" / "pixel_torchxrayvision.py"
REAL = Path(data_store.__file__).parent / "data"

RADIOGRAPHS = ("RG1_UNCR", "RG1_J2KR", "RG1_J2KI", "RG3_UNCR", "RG3_J2KR", "RG3_J2KI")
"""Real radiographs of pydicom-data: a chest and a leg, in three codings each."""

KEPT_OF_REAL = slice(None, None, 8)
"""Rows and columns of a real radiograph's network input that the golden file keeps."""

RAISED: NDArray[np.float32] = np.empty(0, np.float32)
"""Stands for an error."""

Answers = Mapping[str, NDArray[np.float32]]
"""Name → TorchXRayVision's pixels; of real radiographs, every eighth of the network's input."""


def ask(python: Path, folder: Path) -> None:
    """Let TorchXRayVision read every DICOM file of `folder`; see pixel_torchxrayvision.py."""
    subprocess.run(
        [python, READER, folder], check=True, capture_output=True, env={"PATH": os.environ["PATH"]}
    )


def answers(python: Path | None) -> Answers:
    """Return what TorchXRayVision makes of every case and of the real radiographs."""
    if python is None:
        with np.load(GOLDEN) as kept:
            return {name: kept[kept[name].item()] for name in kept if not name.startswith("=")}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for case, row in {**CASES, **REFUSALS}.items():
            (folder / f"{case}.dcm").write_bytes(dicom_file(row.make()))
        for real in RADIOGRAPHS:
            (folder / f"{real}.dcm").symlink_to(REAL / f"{real}.dcm")
        ask(python, folder)
        return {path.stem: _answer(folder, path.stem) for path in sorted(folder.glob("*.dcm"))}


def _answer(folder: Path, name: str) -> NDArray[np.float32]:
    if name in RADIOGRAPHS:
        return np.load(folder / f"{name}.224.npy")[KEPT_OF_REAL, KEPT_OF_REAL]
    path = folder / f"{name}.npy"
    return np.load(path) if path.exists() else RAISED


def main() -> None:
    """Write the golden answers anew."""
    python = reference_python()
    if python is None:
        sys.exit("There is no reference environment: set HILUM_REFERENCE_PYTHON.")
    GOLDEN.parent.mkdir(exist_ok=True)
    np.savez_compressed(GOLDEN, **without_repetition(answers(python)))


def without_repetition(answered: Answers) -> dict[str, NDArray[Any]]:
    """Return each different answer once as ``=N``, and for each name which one it is."""
    different: dict[bytes, str] = {}
    kept: dict[str, NDArray[Any]] = {}
    for name, answer in answered.items():
        key = different.setdefault(answer.tobytes(), f"={len(different)}")
        kept[key] = answer
        kept[name] = np.array(key)
    return kept


if __name__ == "__main__":
    main()
