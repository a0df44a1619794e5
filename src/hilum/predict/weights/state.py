"""From the records of a weights file to a state dict of numpy arrays."""

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hilum.predict.weights.records import Record, Storage, Tensor, untrusted

NUMBERS: Final = {
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "HalfStorage": "<f2",
    "BFloat16Storage": "<u2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "<i1",
    "ByteStorage": "<u1",
    "BoolStorage": "<u1",
}
"""torch's storage classes, and how their numbers lie in the file."""

MAX_MODULES: Final = 20_000
"""Modules of one network; DenseNet-121 has 434. Each visit counts, so a loop ends here too."""

MAX_DIMENSIONS: Final = 8
"""Of a tensor."""

WRAPPERS: Final = ("state_dict", "model_state_dict")
"""Where training programs keep the state dict in a checkpoint."""

PREFIXES: Final = ("module.", "model.")
"""What DataParallel and TorchXRayVision's ResNet put before every name."""


def item_size(storage: Storage) -> int:
    """Return the length of one number of a storage in bytes.

    Raises
    ------
    WeightsUntrusted
        It is of a kind that no network of ours has.
    """
    if storage.kind not in NUMBERS:
        raise untrusted(f"it has numbers of the kind {storage.kind[:80]}")
    return np.dtype(NUMBERS[storage.kind]).itemsize


def to_arrays(
    contents: object, bytes_of: Callable[[Storage], bytes | memoryview]
) -> dict[str, NDArray[Any]]:
    """Return the state dict that a file holds.

    Parameters
    ----------
    contents
        A pickled module, a state dict, or a checkpoint with one in it.
    bytes_of
        Gives a storage's bytes.

    Returns
    -------
    dict[str, NDArray[Any]]
        Name → read-only view; names as the network's own modules give them.

    Raises
    ------
    WeightsUntrusted
        It holds no such thing, or a tensor reaches beyond its storage.
    """
    tensors = find_tensors(contents)
    for prefix in PREFIXES:
        if all(name.startswith(prefix) for name in tensors):
            tensors = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
    return {name: view(tensor, bytes_of(tensor.storage)) for name, tensor in tensors.items()}


def find_tensors(contents: object) -> dict[str, Tensor]:
    """Return the tensors of a module or state dict by name.

    Raises
    ------
    WeightsUntrusted
        There are none.
    """
    for wrapper in WRAPPERS:
        if isinstance(contents, dict) and isinstance(contents.get(wrapper), dict):
            contents = contents[wrapper]
    if isinstance(contents, Record):
        tensors = module_tensors(contents)
    elif isinstance(contents, dict):
        tensors = {
            name: value
            for name, value in contents.items()
            if isinstance(name, str) and isinstance(value, Tensor)
        }
    else:
        tensors = {}
    if not tensors:
        raise untrusted("it holds neither a network nor a state dict")
    return tensors


def module_tensors(root: Record) -> dict[str, Tensor]:
    """Walk a network's modules and return their parameters and buffers by name.

    Raises
    ------
    WeightsUntrusted
        A module has no modules, or there is no end to them.
    """
    tensors: dict[str, Tensor] = {}
    waiting = [("", root)]
    visits = 0
    while waiting:
        prefix, module = waiting.pop()
        visits += 1
        if visits > MAX_MODULES:
            raise untrusted("its network has no end")
        for holder in ("_parameters", "_buffers"):
            for name, value in members(module, holder).items():
                if isinstance(value, Tensor):
                    tensors[f"{prefix}{name}"] = value
        for name, child in members(module, "_modules").items():
            if isinstance(child, Record):
                waiting.append((f"{prefix}{name}.", child))
    return tensors


def members(module: Record, holder: str) -> Mapping[Any, Any]:
    """Return one of the three dicts that every ``torch.nn.Module`` has.

    Raises
    ------
    WeightsUntrusted
        It has none, so it is no module.
    """
    state = module.state
    found = state.get(holder) if isinstance(state, dict) else None
    if not isinstance(found, dict):
        raise untrusted(f"it holds a {str(module.kind)[:200]}, which is no network")
    return found


def view(tensor: Tensor, contents: bytes | memoryview) -> NDArray[Any]:
    """Return a tensor as a read-only array.

    Parameters
    ----------
    tensor
        The view to make.
    contents
        Its storage's bytes.

    Raises
    ------
    WeightsUntrusted
        It reaches beyond its storage, or claims to be larger than it.
    """
    size = item_size(tensor.storage)
    elements = math.prod(tensor.shape)
    if len(tensor.shape) > MAX_DIMENSIONS or elements > tensor.storage.count:
        raise untrusted("it has a tensor larger than what it stores")
    pairs = zip(tensor.shape, tensor.strides, strict=True)
    last = tensor.offset + sum((extent - 1) * stride for extent, stride in pairs)
    if elements and last >= tensor.storage.count:
        raise untrusted("it has a tensor that reaches beyond what it stores")
    if not elements:
        return np.zeros(tensor.shape, NUMBERS[tensor.storage.kind])
    numbers = np.frombuffer(contents, NUMBERS[tensor.storage.kind])[tensor.offset :]
    array = np.lib.stride_tricks.as_strided(
        numbers,
        tensor.shape,
        [stride * size for stride in tensor.strides],
        writeable=False,
    )
    if tensor.storage.kind == "BFloat16Storage":  # the upper half of a float32
        return (array.astype(np.uint32) << 16).view(np.float32)
    return array
