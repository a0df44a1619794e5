"""Weights files of torch, read without torch: tensors come out, and nothing in them runs."""

from hilum.predict.weights.files import read_state

__all__ = ["read_state"]
