"""Import TorchXRayVision next to a torch whose torchvision lacks its own operators.

Runs in the reference environment only (``scripts/reference_environment.sh``); hilum
itself has neither torch nor TorchXRayVision.
"""

import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

import torch

MISSING_OPERATORS = {
    "torchvision::nms": "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "torchvision::qnms": "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}
"""Operators of torchvision's compiled part that its import looks up; no model here calls one."""


def import_torchxrayvision() -> ModuleType:
    """Return the module ``torchxrayvision``, imported without its side effects.

    It silences every warning of the process when it is imported, so that happens inside
    `warnings.catch_warnings`, which puts the filters back.
    """
    for name, schema in MISSING_OPERATORS.items():
        if not hasattr(torch.ops.torchvision, name.split("::")[1]):
            torch.library.define(name, schema)
    with warnings.catch_warnings():
        import torchxrayvision  # noqa: PLC0415  after the operators are there

    return torchxrayvision


@contextmanager
def published_file(name: str, contents: Any, **how: Any) -> Iterator[None]:
    """Let TorchXRayVision find a weights file where it would have downloaded it to."""
    with tempfile.TemporaryDirectory() as home, patch.dict(os.environ, {"HOME": home}):
        folder = Path(home, ".torchxrayvision", "models_data")
        folder.mkdir(parents=True)
        torch.save(contents, folder / name, **how)
        yield
