"""The inert records that a pickle of torch becomes; none of them runs code."""

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hilum.errors import WeightsUntrusted
from hilum.language import Message
from hilum.language.message import filled_in

REMEDY: Final = Message("Do not use it; get the file again from where its authors publish it.")
"""What to do with a file that is not what it should be."""


def untrusted(problem: str, *, remedy: str = REMEDY, **values: object) -> WeightsUntrusted:
    """Return the error for a weights file that is refused."""
    problem = filled_in(problem, values)
    return WeightsUntrusted("The weights file is refused: {problem}.", remedy, problem=problem)


@dataclass(frozen=True, slots=True)
class StateDict:
    """What a weights file gives."""

    tensors: dict[str, NDArray[np.generic]]
    """Name → read-only array, with the names of the file."""
    inert_names: tuple[str, ...] = ()
    """Names in it that nobody listed, in their order, each once; they stand for nothing."""


@dataclass(frozen=True, slots=True)
class Global:
    """The name of a class or function. It is never looked up."""

    module: str
    """E.g. ``"torch.nn.modules.conv"``."""
    name: str
    """E.g. ``"Conv2d"``."""

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(slots=True, eq=False, repr=False)
class ObjectRecord:
    """What would have been an object: what the pickle gives it, and nothing else.

    It compares and hashes by identity and has no text of its own, because what it holds may
    be nested without end.
    """

    kind: object
    """What it would have been made by: a `Global`, or what stands for the result of a call."""
    arguments: object
    """What that would have been given."""
    state: object = None
    """What would have been its attributes."""
    items: dict[Any, Any] | None = None
    """What would have been set in it by key; None when nothing was."""


@dataclass(frozen=True, slots=True)
class TensorStorage:
    """A run of numbers that lies elsewhere in the file."""

    key: str
    """Its name there."""
    kind: str
    """Name of torch's storage class, e.g. ``"FloatStorage"``."""
    count: int
    """How many numbers it has."""
    start: int = field(default=0, compare=False)
    """Index of the number where a view of it begins, 0 for the storage itself."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """A view of a storage."""

    storage: TensorStorage
    """Where its numbers lie."""
    offset: int
    """Index of its first number, from the start of the storage in the file."""
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    """Of the view, in numbers, one of each a dimension."""
