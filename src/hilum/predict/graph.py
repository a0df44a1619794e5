"""The weightless graphs, and the weights file that fills one.

A weights file holds the tensors of the network's body where the graph's manifest says,
then the classifier: its weights ``(labels, features)`` and its bias ``(labels,)``. All
float32, little endian. The classifier is not part of the graph but fed to it.
"""

import json
import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import takewhile
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hilum.errors import CardInvalid, WeightsUntrusted
from hilum.language.message import filled_in

FLOAT_BYTES: Final = 4
"""Length of one float32."""


@dataclass(frozen=True, slots=True)
class TensorPlace:
    """Where one tensor lies in the weights file."""

    name: str
    """Its name in the state dict, e.g. ``"features.conv0.weight"``."""
    offset: int
    """Of its first byte."""
    shape: tuple[int, ...]
    """Its shape; float32."""

    @property
    def length(self) -> int:
        """Length in bytes."""
        return math.prod(self.shape) * FLOAT_BYTES


@dataclass(frozen=True, slots=True)
class Graph:
    """One of hilum's weightless graphs, made by ``scripts/export_graphs.py``."""

    name: str
    """E.g. ``"densenet121-res224"``."""
    onnx: bytes
    """The graph itself."""
    input_size: int
    """Side of the square that the network sees, in pixels."""
    features: int
    """Channels of the last feature map, which the classifier weighs."""
    classifier: str
    """Name of the classifier in the state dict; empty for a network without one."""
    body_size: int
    """Bytes of the weights file before the classifier."""
    tensors: tuple[TensorPlace, ...]
    """The places of the body's tensors."""
    unused: tuple[str, ...] = ()
    """How the names of tensors begin that served the training alone."""
    outputs: int = 0
    """Rows of the classifier in the state dict where only the first are used, one a label; else
    0."""
    renamed: tuple[tuple[str, str], ...] = ()
    """How names begin in some files → in the graph."""

    def weights_size(self, labels: int) -> int:
        """Return the length of the weights file of a model with so many labels, in bytes."""
        last = self.places(labels)[-1]
        return max(self.body_size, last.offset + last.length)

    def lay_out(self, state: Mapping[str, NDArray[Any]], labels: int) -> bytes:
        """Return the weights file that a state dict gives.

        Parameters
        ----------
        state
            Name → array. What a wrapper puts before every name is taken off. More tensors
            than the graph has are an error, but for the counters of batch normalisation and
            TorchXRayVision's ``op_threshs``.
        labels
            Number of outputs that the card declares.

        Raises
        ------
        WeightsUntrusted
            A tensor is missing, one too many, of another shape, or not finite.
        """
        wanted = {place.name: place for place in self.places(labels)}
        state = self._renamed(without_wrapper(state, wanted))
        state = self._with_used_rows(state, labels)
        known = {name for name in state if name in wanted or name.startswith(self.unused)}
        surplus = [name for name in state if name not in known and not is_ignored(name)]
        if surplus:
            raise mismatch(
                self.name, "has a tensor {surplus!r} that the network lacks", surplus=surplus[0]
            )
        contents = bytearray(self.weights_size(labels))
        for place in wanted.values():
            tensor = state.get(place.name)
            if tensor is None:
                raise mismatch(self.name, "lacks the tensor {name}", name=place.name)
            if tensor.shape != place.shape:
                raise mismatch(
                    self.name,
                    "has {name} in the shape {found} instead of {needed}",
                    name=place.name,
                    found=tensor.shape,
                    needed=place.shape,
                )
            flat = np.ascontiguousarray(tensor, dtype="<f4")
            if not np.isfinite(flat).all():
                raise mismatch(
                    self.name, "has values in {name} that are not numbers", name=place.name
                )
            contents[place.offset : place.offset + place.length] = flat.tobytes()
        return bytes(contents)

    def places(self, labels: int) -> tuple[TensorPlace, ...]:
        """Return the places of all tensors, body and classifier."""
        if not self.classifier:
            return self.tensors
        weight = TensorPlace(f"{self.classifier}.weight", self.body_size, (labels, self.features))
        bias = TensorPlace(f"{self.classifier}.bias", self.body_size + weight.length, (labels,))
        return (*self.tensors, weight, bias)

    def _renamed(self, state: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
        for old, new in self.renamed:
            state = {
                new + name.removeprefix(old) if name.startswith(old) else name: tensor
                for name, tensor in state.items()
            }
        return state

    def _with_used_rows(
        self, state: Mapping[str, NDArray[Any]], labels: int
    ) -> Mapping[str, NDArray[Any]]:
        """Leave out the rows of the classifier that the network never uses."""
        cut = {
            name: state[name][:labels]
            for name in (f"{self.classifier}.weight", f"{self.classifier}.bias")
            if self.outputs and state.get(name, np.zeros(0)).shape[:1] == (self.outputs,)
        }
        return {**state, **cut}

    def tensors_of(self, contents: bytes, labels: int) -> dict[str, NDArray[np.float32]]:
        """Return read-only views of the tensors in a weights file.

        Raises
        ------
        WeightsUntrusted
            The file does not have the length of such a model's weights.
        """
        if len(contents) != self.weights_size(labels):
            raise mismatch(self.name, "has {count} bytes", count=len(contents))
        return {
            place.name: np.frombuffer(
                contents, dtype="<f4", count=math.prod(place.shape), offset=place.offset
            ).reshape(place.shape)
            for place in self.places(labels)
        }


def without_wrapper(
    state: Mapping[str, NDArray[Any]], wanted: Collection[str]
) -> Mapping[str, NDArray[Any]]:
    """Take off what a wrapper such as DataParallel puts before every name, e.g. ``module.``.

    Of what all names begin with, that goes after which most of them are wanted ones.
    """
    names = [name for name in state if not is_ignored(name)]
    starts = [name[: dot.end()] for name in names[:1] for dot in re.finditer(r"\.", name)]
    common = takewhile(lambda start: all(name.startswith(start) for name in names), starts)
    prefixes = ["", *common]
    best = max(prefixes, key=lambda prefix: sum(prefix + name in state for name in wanted))
    return {name.removeprefix(best): tensor for name, tensor in state.items()}


def is_ignored(name: str) -> bool:
    """Whether a tensor of the state dict plays no part in inference."""
    return name.rpartition(".")[2] in {"num_batches_tracked", "op_threshs"}


def mismatch(graph: str, what: str, **values: object) -> WeightsUntrusted:
    """Return the error for weights that do not fit a graph."""
    return WeightsUntrusted(
        "The weights do not fit the network {graph}: the file {what}.",
        "Give the file that belongs to this card, or a card with the labels of this file.",
        graph=graph,
        what=filled_in(what, values),
    )


def graph_names() -> tuple[str, ...]:
    """Return the names of hilum's graphs."""
    folder = files("hilum.predict") / "architectures"
    return tuple(
        sorted(e.name.removesuffix(".onnx") for e in folder.iterdir() if e.name.endswith(".onnx"))
    )


@cache
def load_graph(name: str) -> Graph:
    """Return one of hilum's graphs.

    Raises
    ------
    CardInvalid
        There is none of that name.
    """
    if name not in graph_names():
        raise CardInvalid(
            "There is no graph named {name!r}.",
            "hilum has {graph_names}.",
            name=name,
            graph_names=", ".join(graph_names()),
        )
    folder = files("hilum.predict") / "architectures"
    manifest = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    return Graph(
        name=name,
        onnx=(folder / f"{name}.onnx").read_bytes(),
        input_size=manifest["input_size"],
        features=manifest["features"],
        classifier=manifest["classifier"],
        body_size=manifest["weights_size"],
        tensors=tuple(
            TensorPlace(entry["name"], entry["offset"], tuple(entry["shape"]))
            for entry in manifest["tensors"]
        ),
        unused=tuple(manifest.get("unused", ())),
        outputs=manifest.get("outputs", 0),
        renamed=tuple(manifest.get("renamed", {}).items()),
    )
