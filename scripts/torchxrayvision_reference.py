"""Import TorchXRayVision next to a torch whose torchvision lacks its own operators.

Runs in the reference environment only (``scripts/reference_environment.sh``); hilum
itself has neither torch nor TorchXRayVision.
"""

import warnings
from types import ModuleType

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
