"""From the records of a weights file to a state dict of numpy arrays."""

import math
from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hilum.language import Message
from hilum.predict.weights.records import Global, ObjectRecord, Tensor, TensorStorage, untrusted

NUMBERS: Final = {
    "FloatStorage": "f4",
    "DoubleStorage": "f8",
    "HalfStorage": "f2",
    "BFloat16Storage": "u2",
    "LongStorage": "i8",
    "IntStorage": "i4",
    "ShortStorage": "i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "u1",
}
"""torch's storage classes, and numpy's names of their numbers."""

MAX_MEMBERS: Final = 200_000
"""Modules, parameters and buffers of one network; DenseNet-121 has some 1,700.

Each visit counts, so a loop ends here too.
"""

MAX_NAME: Final = 1_000
"""Longest name of a tensor, with those of the modules that it lies in."""

WRAPPERS: Final = ("state_dict", "model_state_dict", "model", "net", "network")
"""Where training programs keep the network or its state dict in a checkpoint."""

MAX_WRAPPERS: Final = 3
"""One in another."""

ENDLESS: Final = Message("its network has no end")
"""Of a network whose modules contain themselves, or of names that grow and grow."""

HOLDERS: Final = ("_parameters", "_buffers", "_modules")
"""The dicts that every ``torch.nn.Module`` has."""


def item_size(storage: TensorStorage) -> int:
    """Return the length of one number of a storage in bytes.

    Raises
    ------
    WeightsUntrusted
        It is of a kind that no network of ours has.
    """
    if storage.kind not in NUMBERS:
        raise untrusted("it has numbers of the kind {kind!r}", kind=storage.kind[:80])
    return np.dtype(NUMBERS[storage.kind]).itemsize


def numbers_in(
    contents: bytes | memoryview, storage: TensorStorage, *, big_endian: bool = False
) -> NDArray[Any]:
    """Return the numbers of a storage: shape ``(storage.count,)``.

    bfloat16 is the upper half of a float32, and widened to one.
    """
    kind = np.dtype(NUMBERS[storage.kind]).newbyteorder(">" if big_endian else "<")
    numbers = np.frombuffer(contents, kind, storage.count)
    if storage.kind == "BFloat16Storage":
        return (numbers.astype(np.uint32) << 16).view(np.float32)
    return numbers


def to_arrays(
    contents: object, numbers_of: Callable[[TensorStorage], NDArray[Any]]
) -> dict[str, NDArray[Any]]:
    """Return the tensors that a file holds.

    Parameters
    ----------
    contents
        A pickled module, a state dict, or a checkpoint with one of them in it.
    numbers_of
        Gives all numbers of a storage: shape ``(storage.count,)``.

    Returns
    -------
    dict[str, NDArray[Any]]
        Name → read-only view; names as the file gives them.

    Raises
    ------
    WeightsUntrusted
        It holds no such thing, or a tensor reaches beyond its storage.
    """
    tensors = find_tensors(contents)
    return {name: view(tensor, numbers_of(tensor.storage)) for name, tensor in tensors.items()}


def find_tensors(contents: object) -> dict[str, Tensor]:
    """Return the tensors of a module or state dict by name.

    Raises
    ------
    WeightsUntrusted
        There are none.
    """
    for _ in range(MAX_WRAPPERS):
        contents = unwrapped(contents)
    tensors = {
        name: value
        for name, value in items_of(contents).items()
        if isinstance(name, str) and isinstance(value, Tensor)
    }
    if not tensors and isinstance(contents, ObjectRecord):
        tensors = module_tensors(contents)
    if not tensors:
        raise untrusted("it holds neither a network nor a state dict")
    if any(len(name) > MAX_NAME for name in tensors):
        raise untrusted(ENDLESS)
    return tensors


def unwrapped(contents: object) -> object:
    """Return what a training program's checkpoint is about, anything else as it is."""
    items = items_of(contents)
    if any(isinstance(value, Tensor) for value in items.values()):
        return contents  # a state dict
    for wrapper in WRAPPERS:
        if isinstance(items.get(wrapper), dict | ObjectRecord):
            return items[wrapper]
    return contents


def items_of(value: object) -> Mapping[Any, Any]:
    """Return what a dict, or an object of a dict's own class, holds; else nothing."""
    if isinstance(value, ObjectRecord):
        value = pairs_of(value) if value.items is None else value.items
    return value if isinstance(value, dict) else {}


def pairs_of(record: ObjectRecord) -> dict[str, Any]:
    """Return the items of an ordered dict as Python 2 wrote it: called with a list of pairs.

    They are looked at only where they are asked for: many calls may share one long list.
    """
    items: dict[str, Any] = {}
    match record:
        case ObjectRecord(kind=Global("collections", "OrderedDict"), arguments=(list(pairs),)):
            for pair in pairs:
                match pair:
                    case [str(name), value]:
                        items[name] = value
    return items


def module_tensors(root: ObjectRecord) -> dict[str, Tensor]:
    """Walk a network's modules and return their parameters and buffers by name.

    What a module's class is called says nothing; it is known by its three dicts.

    Raises
    ------
    WeightsUntrusted
        It is no module, or there is no end to its modules.
    """
    if "_modules" not in attributes(root):
        kind = f"{str(root.kind)[:200]!r}" if isinstance(root.kind, Global) else "an object"
        raise untrusted("it holds {kind}, which is no network", kind=kind)
    tensors: dict[str, Tensor] = {}
    waiting = [("", root)]
    visited = 0
    while waiting:
        prefix, module = waiting.pop()
        held = [items_of(attributes(module).get(holder)) for holder in HOLDERS]
        visited += 1 + sum(map(len, held))
        if visited > MAX_MEMBERS:
            raise untrusted(ENDLESS)
        for name, value in chain.from_iterable(items.items() for items in held):
            if not isinstance(name, str):
                continue
            if len(prefix) + len(name) > MAX_NAME:
                raise untrusted(ENDLESS)
            if isinstance(value, Tensor):
                tensors[prefix + name] = value
            elif isinstance(value, ObjectRecord):
                waiting.append((f"{prefix}{name}.", value))
    return tensors


def attributes(record: ObjectRecord) -> Mapping[Any, Any]:
    """Return what would have been an object's attributes.

    A class with slots has them in a pair, after those of its dict (PEP 307).
    """
    state = record.state
    if isinstance(state, tuple) and state:
        state = state[0]
    return state if isinstance(state, dict) else {}


def view(tensor: Tensor, numbers: NDArray[Any]) -> NDArray[Any]:
    """Return a tensor as a read-only array.

    Parameters
    ----------
    numbers
        Its storage's: shape ``(tensor.storage.count,)``.

    Raises
    ------
    WeightsUntrusted
        It reaches beyond its storage, or claims to be larger than it.
    """
    if math.prod(tensor.shape) > tensor.storage.count:
        raise untrusted("it has a tensor larger than what it stores")
    if 0 in tensor.shape:
        return np.zeros(tensor.shape, numbers.dtype)
    pairs = zip(tensor.shape, tensor.strides, strict=True)
    last = tensor.offset + sum((extent - 1) * stride for extent, stride in pairs)
    if last >= tensor.storage.count:
        raise untrusted("it has a tensor that reaches beyond what it stores")
    return np.lib.stride_tricks.as_strided(
        numbers[tensor.offset :],
        tensor.shape,
        [stride * numbers.itemsize for stride in tensor.strides],
        writeable=False,
    )
