"""Weights files as torch writes them, made without torch, good and hostile ones.

A pickle is assembled opcode by opcode, so a file can name what could never be imported.
"""

import itertools
import pickle
import pickletools
import struct
import zipfile
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001

STATE = {
    "features.conv0.weight": np.arange(24, dtype=np.float32).reshape(2, 1, 3, 4),
    "features.norm0.running_mean": np.array([0.5, -0.5], np.float32),
    "classifier.bias": np.array([1.0, 2.0, 3.0], np.float32),
}
"""Tensors of a small network."""

both_containers = pytest.mark.parametrize("legacy", [True, False], ids=["legacy", "zip"])


def assert_whole(found: dict[str, np.ndarray]) -> None:
    """Check that every tensor of `STATE` is there, and right."""
    assert set(STATE) == set(found)
    for name, expected in STATE.items():
        np.testing.assert_array_equal(expected, found[name])


@dataclass(frozen=True)
class Name:
    """A class or function, by name only."""

    module: str
    name: str


@dataclass(frozen=True)
class Call:
    """A call of a name, and the attributes of what it returns."""

    name: Any
    arguments: tuple[Any, ...] = ()
    state: Any = None
    items: dict[str, Any] | None = None


@dataclass(frozen=True)
class Raw:
    """Opcodes as they are."""

    opcodes: bytes


@dataclass(frozen=True)
class Persistent:
    """A persistent identifier."""

    identifier: tuple[Any, ...]


def encode(value: Any) -> bytes:  # noqa: PLR0911  one return a kind
    """Return the opcodes of a value."""
    match value:
        case Name():
            return b"c" + f"{value.module}\n{value.name}\n".encode()
        case Call():
            made = encode(value.name) + encode(value.arguments) + b"R"
            if value.items is not None:
                made += encode_items(value.items)
            return made if value.state is None else made + encode(value.state) + b"b"
        case Raw():
            return value.opcodes
        case Persistent():
            return encode(value.identifier) + b"Q"
        case dict():
            return b"}" + encode_items(value)
        case list():
            return b"](" + b"".join(encode(item) for item in value) + b"e"
        case tuple():
            return b"(" + b"".join(encode(item) for item in value) + b"t"
    return pickle.dumps(value, protocol=2)[2:-1]  # a plain value, without its frame


def as_python_2(contents: bytes) -> bytes:
    """Return a pickle with its texts as Python 2 wrote them: as bytes."""
    made = b""
    steps = [*pickletools.genops(contents), (None, None, len(contents))]
    for (opcode, argument, start), (_, _, end) in itertools.pairwise(steps):
        if opcode.name == "BINUNICODE":
            made += b"U" + bytes([len(argument)]) + argument.encode()
        else:
            made += contents[start:end]
    return made


def encode_items(items: dict[Any, Any]) -> bytes:
    """Return the opcodes that fill a dict."""
    return b"(" + b"".join(encode(k) + encode(v) for k, v in items.items()) + b"u"


def pickled(value: Any) -> bytes:
    """Return a whole pickle."""
    return b"\x80\x02" + encode(value) + b"."


ORDERED_DICT = Name("collections", "OrderedDict")
REBUILD = Name("torch._utils", "_rebuild_tensor_v2")
FLOATS = Name("torch", "FloatStorage")


def ordered(items: dict[str, Any]) -> Call:
    """Return an ordered dict."""
    return Call(ORDERED_DICT, (), items=items)


@dataclass
class TorchFile:
    """A weights file under construction.

    Attributes
    ----------
    storages
        Key → numbers.
    legacy
        Whether it is of the legacy container.
    big_endian
        Whether a big-endian machine writes it.
    python_2
        Whether Python 2 writes it.
    """

    legacy: bool
    big_endian: bool = False
    python_2: bool = False
    storages: dict[str, np.ndarray] = field(default_factory=dict)

    def tensor(self, array: np.ndarray, **changes: Any) -> Call:
        """Add a storage and return its tensor; `changes` make it a hostile one."""
        key = str(len(self.storages))
        flat = np.ascontiguousarray(array, dtype=changes.pop("dtype", "<f4")).reshape(-1)
        self.storages[key] = flat
        strides = [1] * array.ndim
        for axis in range(array.ndim - 2, -1, -1):
            strides[axis] = strides[axis + 1] * array.shape[axis + 1]
        fields = {
            "kind": FLOATS,
            "count": flat.size,
            "offset": 0,
            "shape": tuple(array.shape),
            "strides": tuple(strides),
        } | changes
        identifier = ("storage", fields["kind"], key, "cpu", fields["count"])
        source = Persistent((*identifier, fields.get("view")) if self.legacy else identifier)
        place = (source, fields["offset"], fields["shape"], fields["strides"])
        if fields.get("first_version"):
            return Call(Name("torch._utils", "_rebuild_tensor"), place)
        return Call(REBUILD, (*place, False, ordered({})))

    def parameter(self, array: np.ndarray, hooks: Any = None) -> Call:
        """Add a storage and return its parameter."""
        rebuild = Name("torch._utils", "_rebuild_parameter")
        return Call(rebuild, (self.tensor(array), True, ordered({}) if hooks is None else hooks))

    def state_dict(self, state: dict[str, np.ndarray]) -> Call:
        """Return a state dict."""
        return ordered({name: self.tensor(array) for name, array in state.items()})

    def module(self, state: dict[str, np.ndarray], kind: str = "DenseNet") -> Call:
        """Return a tree of pickled modules that has this state dict."""
        own = {name: array for name, array in state.items() if "." not in name}
        children: dict[str, dict[str, np.ndarray]] = {}
        for name, array in state.items():
            child, dot, rest = name.partition(".")
            if dot:
                children.setdefault(child, {})[rest] = array
        buffers = {n: self.tensor(a) for n, a in own.items() if n.startswith("running")}
        parameters = {n: self.parameter(a) for n, a in own.items() if n not in buffers}
        modules = {n: self.module(s, kind="Sequential") for n, s in children.items()}
        home = "torchxrayvision.models" if kind == "DenseNet" else "torch.nn.modules.container"
        return Call(
            Name(home, kind),
            (),
            {
                "training": False,
                "_parameters": ordered(parameters | {"bias_that_is_none": None}),
                "_buffers": ordered(buffers),
                "_modules": ordered(modules),
                "_forward_hooks": ordered({}),
                "targets": ["Effusion", "Pneumonia"],
            },
        )

    def write(self, path: Path, network: Any) -> Path:
        """Write the file around a network and return its path."""
        contents = self.legacy_bytes(network) if self.legacy else self.zip_bytes(network)
        path.write_bytes(contents)
        return path

    def legacy_bytes(self, network: Any) -> bytes:
        """Return the file in the legacy container."""
        machine = {"protocol_version": PROTOCOL, "little_endian": not self.big_endian}
        head = [pickled(part) for part in (MAGIC, PROTOCOL, machine, network, list(self.storages))]
        if self.python_2:
            head = [as_python_2(part) for part in head]
        tail = [struct.pack("<q", a.size) + a.tobytes() for a in self.storages.values()]
        return b"".join(head + tail)

    def zip_bytes(self, network: Any, compression: int = zipfile.ZIP_STORED) -> bytes:
        """Return the file in the ZIP container."""
        stream = BytesIO()
        with zipfile.ZipFile(stream, "w", compression) as archive:
            archive.writestr("archive/data.pkl", pickled(network))
            archive.writestr("archive/byteorder", "big" if self.big_endian else "little")
            for key, array in self.storages.items():
                written = array.astype(array.dtype.newbyteorder(">")) if self.big_endian else array
                archive.writestr(f"archive/data/{key}", written.tobytes())
            archive.writestr("archive/version", "3\n")
        return stream.getvalue()
