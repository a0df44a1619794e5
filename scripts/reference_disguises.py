"""Networks pickled under names that nobody listed, by torch itself. Reference environment only.

    .reference/bin/python scripts/reference_disguises.py FOLDER

FOLDER holds ``state.npz`` (a state dict of TorchXRayVision's DenseNet) and ``images.npy``. The
script writes ``NAME.pt`` for each way that people have saved such a network, and ``logits.npy``:
what TorchXRayVision's own network gives for the images.
"""

import argparse
import collections
import functools
import pathlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torchxrayvision_reference import import_torchxrayvision

xrv = import_torchxrayvision()


class Net(xrv.models.DenseNet):  # type: ignore[misc, name-defined]  of a library without types
    """A class of ``__main__``, as a training program has it."""


class Meter:
    """What a training program keeps beside its network."""

    average = 0.0


def watch(*_: object, **__: object) -> None:
    """Stand for a hook."""


def network_of(kind: type[Any], state: dict[str, torch.Tensor]) -> Any:
    """Return a network with these weights."""
    network = kind()
    network.load_state_dict(state, strict=False)
    return network.eval()


def with_hooks(network: Any) -> Any:
    """Return a network with hooks of modules and of a parameter, as functions by name."""
    network.features.register_forward_hook(watch)
    network.classifier.register_forward_pre_hook(functools.partial(watch, where="classifier"))
    next(network.parameters()).register_hook(functools.partial(watch))
    return network


def with_attributes(network: Any) -> Any:
    """Return a network that its program hung all kinds of things on."""
    network.meter = Meter()
    network.options = argparse.Namespace(lr=1e-3, out=pathlib.PosixPath("out"))
    network.best = np.float64(0.8)
    network.history = collections.defaultdict(list, auc=[np.float32(0.7)])
    network.seen = {("NIH", 1): np.arange(3), "labels": np.array(["Effusion", None], object)}
    network.act = functools.partial(torch.clamp, min=0)
    network.kind = np.dtype("float32")
    return network


def disguises(state: dict[str, torch.Tensor]) -> Iterator[tuple[str, Any]]:
    """Yield a name and what is to be saved."""
    plain = xrv.models.DenseNet
    yield "plain", network_of(plain, state)
    yield "renamed", network_of(Net, state)
    yield "hooks", with_hooks(network_of(plain, state))
    yield "attributes", with_attributes(network_of(Net, state))
    yield "parallel", torch.nn.DataParallel(network_of(Net, state))
    yield "double", network_of(Net, state).double()
    network = network_of(plain, state)
    optimizer = torch.optim.Adam(network.parameters()).state_dict()
    yield "checkpoint", {"epoch": 3, "args": argparse.Namespace(), "net": network, "opt": optimizer}
    prefixed = {f"model.module.{name}": tensor for name, tensor in network.state_dict().items()}
    yield "prefixed", {"state_dict": prefixed, "callbacks": {Meter: {"best": np.float64(1)}}}


def main() -> None:
    """Save every disguise in both containers, and one by newer pickle protocols, too."""
    folder = Path(sys.argv[1])
    torch.set_num_threads(1)
    with np.load(folder / "state.npz") as arrays:
        state = {key: torch.from_numpy(arrays[key].copy()) for key in arrays.files}
    for name, contents in disguises(state):
        newer = [("legacy", 4), ("zip", 5)] if name == "attributes" else []
        for container, protocol in [("legacy", 2), ("zip", 2), *newer]:
            torch.save(
                contents,
                folder / f"{name}.{container}.{protocol}.pt",
                pickle_protocol=protocol,
                _use_new_zipfile_serialization=container == "zip",
            )
    images = torch.from_numpy(np.load(folder / "images.npy"))[:, None]
    network = network_of(xrv.models.DenseNet, state)
    with torch.inference_mode():
        means = torch.relu(network.features(images)).mean((2, 3))
        np.save(folder / "logits.npy", network.classifier(means).numpy())


if __name__ == "__main__":
    main()
