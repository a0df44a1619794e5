"""Which names a weights file may hold, and the inert records that stand for their calls."""

import re
from dataclasses import dataclass, field
from typing import Any, Final

from hilum.language import Message
from hilum.predict.weights.records import Global, ObjectRecord, Tensor, TensorStorage, untrusted

TENSOR_CALLS: Final = frozenset(
    {
        "torch._utils._rebuild_tensor",
        "torch._utils._rebuild_tensor_v2",
        "torch._utils._rebuild_parameter",
        "torch._utils._rebuild_parameter_with_state",
    }
)
"""What torch makes tensors and parameters with."""

SUBCLASS_CALLS: Final = frozenset(
    {"torch._tensor._rebuild_from_type", "torch._tensor._rebuild_from_type_v2"}
)
"""What torch makes tensors of other classes with: function, class, its arguments, state."""

NAMES: Final = (
    TENSOR_CALLS
    | SUBCLASS_CALLS
    | {
        "collections.OrderedDict",
        "collections.Counter",
        "collections.defaultdict",
        "argparse.Namespace",
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
    r"|pathlib(\._local)?\.(Pure)?(Posix|Windows)?Path"
    r"|(pytorch_lightning|lightning(_fabric)?|torch\.optim|torchmetrics|omegaconf)(\.\w+)*\.\w+"
)
"""Layers, storages and number types, and what training programs leave in a checkpoint beside the
weights: known by their shape, and inert as any other name."""

MAX_NAME: Final = 200
"""Longest text of a listed name. Others are cut: a long one can be recalled a million times."""

MAX_NAMES: Final = 100
"""So many unlisted names of one file are remembered."""

ANYWAY: Final = Message(
    "If you trust where the file comes from, use --inert-names: unknown names are then ignored, "
    "and nothing in the file runs. Otherwise do not use it."
)
"""What to do with a file that names something unlisted."""

LEGACY_FIELDS: Final = 6
"""Of torch's persistent identifier of a storage in the legacy container."""

MAX_DIMENSIONS: Final = 8
"""Of a tensor."""

MAX_NUMBER: Final = 1 << 62
"""More than any extent, offset or count can be."""


@dataclass(slots=True)
class Names:
    """The names of one file. None is ever looked up; the question is only what may be there."""

    inert: bool
    """Whether a name that nobody listed is ignored. Else the file is refused."""
    unlisted: dict[str, None] = field(default_factory=dict)
    """Those that were ignored, in their order, each once."""

    def admit(self, module: str, name: str) -> Global:
        """Return a name as a record.

        Raises
        ------
        WeightsUntrusted
            It is not listed, and such names are not ignored.
        """
        found = Global(module[:MAX_NAME], name[:MAX_NAME])
        text = str(found)[:MAX_NAME]
        whole = len(module) + len(name) < MAX_NAME
        if whole and (text in NAMES or FAMILIES.fullmatch(text)):
            return found
        if not self.inert:
            raise untrusted(
                "it names {text!r}, which does not belong in a weights file",
                text=text,
                remedy=ANYWAY,
            )
        if len(self.unlisted) < MAX_NAMES:
            self.unlisted[text] = None
        return found


def key_of(value: object) -> object:
    """Return what stands for the key of a dict.

    A key that is no plain value is told apart by identity: to hash one that is nested
    without end would never end.
    """
    if value is None or isinstance(value, str | int | float | bytes | Global | ObjectRecord):
        return value
    return ObjectRecord(None, value)


def made(kind: object, arguments: object) -> object:
    """Return what stands for the result of a call.

    Raises
    ------
    WeightsUntrusted
        It makes a tensor, and the arguments are not those of torch.
    """
    name = str(kind) if isinstance(kind, Global) else ""
    if isinstance(arguments, tuple):
        if name in SUBCLASS_CALLS and len(arguments) > 2:  # noqa: PLR2004  the third are its own
            return tensor_of(arguments[0], arguments[2])
        if name == "collections.OrderedDict" and not arguments:
            return {}
        if name == "torch.Size" and arguments:
            return arguments[0]
    return tensor_of(kind, arguments)


def tensor_of(kind: object, arguments: object) -> object:
    """Return the tensor that one of torch's functions would make, or a record of the call.

    A parameter of something that is no plain tensor (a quantised one, say) is a record:
    whether the network needs it shows when the weights are laid out.

    Raises
    ------
    WeightsUntrusted
        The arguments are not those of torch.
    """
    name = str(kind) if isinstance(kind, Global) else ""
    if name not in TENSOR_CALLS or not isinstance(arguments, tuple):
        return ObjectRecord(kind, arguments)
    if "parameter" not in name:
        return tensor(arguments)
    if not arguments or not isinstance(arguments[0], Tensor | ObjectRecord):
        raise untrusted("it has a parameter without a tensor")
    return arguments[0]


def whole_numbers(values: object) -> tuple[int, ...]:
    """Return a tuple of whole numbers from 0, as it is.

    Raises
    ------
    WeightsUntrusted
        It is something else.
    """
    if (
        isinstance(values, tuple)
        and len(values) <= MAX_DIMENSIONS
        and all(type(value) is int and 0 <= value < MAX_NUMBER for value in values)
    ):
        return values
    raise untrusted("it has a tensor with an impossible shape")


def tensor(arguments: tuple[Any, ...]) -> Tensor:
    """Return a tensor: storage, offset, shape and strides are the first four arguments."""
    source, offset, shape, strides = (*arguments[:4], None, None, None, None)[:4]
    if not isinstance(source, TensorStorage):
        raise untrusted("it has a tensor without a storage")
    (start,) = whole_numbers((offset,))
    view = Tensor(source, source.start + start, whole_numbers(shape), whole_numbers(strides))
    if len(view.shape) != len(view.strides):
        raise untrusted("it has a tensor with an impossible shape")
    return view


def storage(identifier: tuple[Any, ...]) -> TensorStorage:
    """Return a storage, or a view of one, from torch's persistent identifier.

    Its fields are ``"storage"``, class, key, device and count; in the legacy container also a
    view's key, start and count, or None.

    Raises
    ------
    WeightsUntrusted
        It is something else.
    """
    match (*identifier[:LEGACY_FIELDS], None)[:LEGACY_FIELDS]:  # the ZIP container has no views
        case ("storage", Global(_, kind), str(key), _, count, None):
            begin: object = 0
        case ("storage", Global(_, kind), str(key), _, count, (_, begin, _)):
            pass
        case _:
            raise untrusted("its pickle has an unknown kind of storage")
    size, start = whole_numbers((count, begin))
    return TensorStorage(key, kind, size, start)
