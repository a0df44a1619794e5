"""Which of ONNX Runtime's packages are installed: one for CPUs, one for GPUs, never both.

They put their files in the same place: with both, some are of one and some of the other.
"""

from importlib.metadata import PackageNotFoundError, version
from typing import Final

WHEELS: Final = ("onnxruntime", "onnxruntime-gpu")
"""Names on PyPI."""


def engine_wheels() -> dict[str, str]:
    """Return the packages that are installed, name → version."""
    found = {}
    for name in WHEELS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
