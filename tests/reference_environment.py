"""Where TorchXRayVision itself is: an environment of its own, for torch is not hilum's."""

import os
from pathlib import Path

REFERENCE = Path(__file__).resolve().parents[1] / ".reference"


def reference_python() -> Path | None:
    """Return the Python that has TorchXRayVision, None when there is none.

    It is ``$HILUM_REFERENCE_PYTHON``, or what ``scripts/reference_environment.sh`` made
    and marked as ready.
    """
    named = os.environ.get("HILUM_REFERENCE_PYTHON")
    if named:
        return Path(named) if Path(named).exists() else None
    return REFERENCE / "bin" / "python" if (REFERENCE / "ready").exists() else None
