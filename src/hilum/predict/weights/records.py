"""What a pickle of torch becomes here: inert records, with no code behind any of them."""

from dataclasses import dataclass
from typing import Final

from hilum.errors import WeightsUntrusted

REMEDY: Final = "Do not use it; get the file again from where its authors publish it."
"""What to do with a file that is not what it should be."""


def untrusted(problem: str) -> WeightsUntrusted:
    """Return the error for a weights file that is refused."""
    return WeightsUntrusted(f"The weights file is refused: {problem}.", REMEDY)


@dataclass(frozen=True, slots=True)
class Global:
    """The name of a class or function. It is never looked up.

    Attributes
    ----------
    module
        E.g. ``"torch.nn.modules.conv"``.
    name
        E.g. ``"Conv2d"``.
    """

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(slots=True, eq=False)
class Record:
    """What would have been an object.

    Attributes
    ----------
    kind
        What it would have been made by.
    arguments
        What that would have been given.
    state
        What would have been its attributes.
    """

    kind: Global
    arguments: tuple[object, ...]
    state: object = None


@dataclass(frozen=True, slots=True)
class Storage:
    """A run of numbers that lies elsewhere in the file.

    Attributes
    ----------
    key
        Its name there.
    kind
        Name of torch's storage class, e.g. ``"FloatStorage"``.
    count
        How many numbers it has.
    """

    key: str
    kind: str
    count: int


@dataclass(frozen=True, slots=True)
class Tensor:
    """A view of a storage.

    Attributes
    ----------
    storage
        Where its numbers lie.
    offset
        Index of its first number.
    shape, strides
        Of the view, in numbers, one of each a dimension.
    """

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
