"""Write TorchXRayVision's outputs into ``tests/predict/golden``, for where it can't run.

    .venv/bin/python scripts/golden_outputs.py

Needs the reference environment (``scripts/reference_environment.sh``). Look at the
difference before you commit it: only another version of TorchXRayVision explains one.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from reference_environment import reference_python  # noqa: E402
from torchxrayvision_outputs import GOLDEN, run_live  # noqa: E402


def main() -> None:
    """Run the reference and write what it gives."""
    python = reference_python()
    if python is None:
        raise SystemExit("There is no reference environment: run scripts/reference_environment.sh")
    GOLDEN.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for reference in run_live(python, Path(folder), []):
            kept = {k: v for k, v in reference.outputs.items() if k != "radiographs"}
            np.savez_compressed(GOLDEN / f"{reference.graph}.npz", **kept)
            print(f"{reference.graph}: {reference.outputs['version']}")


if __name__ == "__main__":
    main()
