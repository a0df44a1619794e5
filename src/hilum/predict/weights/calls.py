"""What the names in a weights file may be, and what stands for the results of their calls."""

import re
from typing import Any, Final

from hilum.predict.weights.records import Global, Record, Storage, Tensor, untrusted

NAMES: Final = frozenset(
    {
        "collections.OrderedDict",
        "torch._utils._rebuild_tensor",
        "torch._utils._rebuild_tensor_v2",
        "torch._utils._rebuild_parameter",
        "torch._utils._rebuild_parameter_with_state",
        "torch.Size",
        "torch.device",
        "builtins.set",
        "builtins.bytes",
        "__builtin__.set",
        "__builtin__.bytes",
        "_codecs.encode",
        "numpy.dtype",
        "numpy.ndarray",
        "numpy.core.multiarray.scalar",
        "numpy.core.multiarray._reconstruct",
        "numpy._core.multiarray.scalar",
        "numpy._core.multiarray._reconstruct",
    }
)
"""Names that torch's own files hold, beside the classes of network layers; inert like all."""

FAMILIES: Final = re.compile(
    r"(torch\.nn(\.\w+)*|torchxrayvision(\.\w+)*|torchvision\.models(\.\w+)*)\.[A-Za-z_]\w*"
    r"|torch\.([A-Z][A-Za-z0-9]*Storage|storage\.UntypedStorage|storage\.TypedStorage)"
    r"|torch\.(float|double|half|bfloat|int|long|uint|bool)\w*"
)
"""Layers, storages and number types: known by their shape, and inert as any other name."""

STORAGE_FIELDS: Final = 5
"""Fields of torch's persistent identifier of a storage that both containers write."""


def allowed(module: str, name: str) -> Global:
    """Return a name that a weights file may hold.

    Raises
    ------
    WeightsUntrusted
        It is any other.
    """
    known = Global(module, name)
    if str(known) in NAMES or FAMILIES.fullmatch(str(known)):
        return known
    raise untrusted(f"it names {str(known)[:200]!r}, which has no place among weights")


def plain_key(key: object) -> str | int | float | bytes | Global | None:
    """Return a key that a dict of torch's may have.

    Raises
    ------
    WeightsUntrusted
        It is of another kind.
    """
    if key is None or isinstance(key, str | int | float | bytes | Global):
        return key
    raise untrusted("its pickle has a dict with a key that is no text or number")


def made(kind: Global, arguments: tuple[Any, ...]) -> object:
    """Return what stands for the result of a call.

    Raises
    ------
    WeightsUntrusted
        The arguments are not those of torch.
    """
    match str(kind):
        case "collections.OrderedDict":
            return ordered(arguments)
        case "torch._utils._rebuild_tensor" | "torch._utils._rebuild_tensor_v2":
            return tensor(arguments)
        case "torch._utils._rebuild_parameter" | "torch._utils._rebuild_parameter_with_state":
            if not arguments or not isinstance(arguments[0], Tensor):
                raise untrusted("it has a parameter without a tensor")
            return arguments[0]
    return Record(kind, arguments)


def ordered(arguments: tuple[Any, ...]) -> dict[Any, Any]:
    """Return an ordered dict: empty, or of the pairs that old versions of Python wrote."""
    pairs = arguments[0] if arguments else []
    if not isinstance(pairs, list) or not all(
        isinstance(pair, list | tuple) and len(pair) == 2  # noqa: PLR2004  key and value
        for pair in pairs
    ):
        raise untrusted("it has an ordered dict that is none")
    return {plain_key(key): value for key, value in pairs}


def whole_numbers(values: object) -> tuple[int, ...]:
    """Return a tuple of whole numbers from 0, as it is.

    Raises
    ------
    WeightsUntrusted
        It is something else.
    """
    if isinstance(values, tuple) and all(type(value) is int and value >= 0 for value in values):
        return values
    raise untrusted("it has a tensor with an impossible shape")


def tensor(arguments: tuple[Any, ...]) -> Tensor:
    """Return a tensor: storage, offset, shape and strides are the first four arguments."""
    source, offset, shape, strides = (*arguments, None, None, None, None)[:4]
    if not isinstance(source, Storage):
        raise untrusted("it has a tensor without a storage")
    (start,) = whole_numbers((offset,))
    view = Tensor(source, start, whole_numbers(shape), whole_numbers(strides))
    if len(view.shape) != len(view.strides):
        raise untrusted("it has a tensor with an impossible shape")
    return view


def storage(identifier: tuple[Any, ...]) -> Storage:
    """Return a storage from torch's persistent identifier.

    Raises
    ------
    WeightsUntrusted
        It is something else, or a view of another storage, which only torch 0.3 wrote.
    """
    kind, storage_class, key, _, count = (*identifier, *[None] * STORAGE_FIELDS)[:STORAGE_FIELDS]
    views = [field for field in identifier[STORAGE_FIELDS:] if field is not None]
    if kind != "storage" or views or not isinstance(storage_class, Global):
        raise untrusted("its pickle has an unknown kind of storage")
    (size,) = whole_numbers((count,))
    return Storage(str(key), storage_class.name, size)
