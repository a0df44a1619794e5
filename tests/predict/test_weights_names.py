"""Names in a weights file: none is ever looked up, and one that nobody listed is inert or told."""

import os
import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hilum.errors import WeightsUntrusted
from hilum.predict.graph import without_wrapper
from hilum.predict.weights import read_state
from torch_files import (
    STATE,
    Call,
    Name,
    Raw,
    TorchFile,
    assert_whole,
    both_containers,
    encode,
    ordered,
    pickled,
)


def dict_of_its_own(kind: Name, items: dict[str, Any]) -> Call:
    """Return a dict of a class that is not Python's own."""
    return Call(kind, (), items=items)


NUMPY_DTYPE = Call(
    Name("numpy", "dtype"), ("f8", False, True), (3, "<", None, None, None, -1, -1, 0)
)

UNLISTED: dict[str, Any] = {
    "functools.partial": Call(
        Name("functools", "partial"),
        (Name("torch.nn.functional", "dropout"),),
        (Name("torch.nn.functional", "dropout"), (), {"p": 0.2}, None),
    ),
    "copyreg._reconstructor": Call(
        Name("copyreg", "_reconstructor"),
        (Name("training", "Meter"), Name("builtins", "object"), None),
        {"average": 0.1},
    ),
    "__main__.RecorderMeter": Call(Name("__main__", "RecorderMeter"), (), {"best": [1.0]}),
    "utils.<lambda>": Name("utils", "<lambda>"),
    "albumentations.CLAHE": Raw(
        encode(Name("albumentations", "CLAHE")) + b")}(X\x04\x00\x00\x00clipK\x04u\x92"
    ),
    "numpy.random._pickle.__randomstate_ctor": Call(
        Name("numpy.random._pickle", "__randomstate_ctor"), ("MT19937",), {"pos": 624}
    ),
    "numpy.str_": dict_of_its_own(Name("collections", "OrderedDict"), {"x": Name("numpy", "str_")}),
    "builtins.getattr": Call(Call(Name("builtins", "getattr"), ("a", "upper")), ()),
    "builtins.frozenset": Call(Name("builtins", "frozenset"), ([1, 2],)),
    "training.Stack": Raw(encode(Call(Name("training", "Stack"))) + b"(K\x01K\x02e"),
    "training.Phase": Raw(b"(itraining\nPhase\nK\x01b"),
    "copyreg.extension.7": Raw(b"\x82\x07"),
}
"""Attributes that people's networks have been pickled with, by the first name in them."""


def with_attribute(file: TorchFile, value: Any) -> Call:
    """Return a network that has an attribute of this value, and a module that has it too."""
    network = file.module(STATE)
    network.state["attribute"] = value
    network.state["_modules"].items["features"].state["attribute"] = [{"deep": (1, value)}]
    return network


@both_containers
@pytest.mark.parametrize("name", UNLISTED)
def test_unlisted_name_is_inert_where_it_may_be(tmp_path: Path, legacy: bool, name: str):
    """Whatever an attribute is, the tensors beside it come out, and its name is told."""
    file = TorchFile(legacy)
    path = file.write(tmp_path / "weights.pt", with_attribute(file, UNLISTED[name]))

    found = read_state(path, inert_names=True)

    assert_whole(found.tensors)
    assert name in found.inert_names


@both_containers
@pytest.mark.parametrize("name", UNLISTED)
def test_unlisted_name_is_refused_and_named_elsewhere(tmp_path: Path, legacy: bool, name: str):
    """The text says which name it is, and what to do for a file that is known."""
    file = TorchFile(legacy)
    path = file.write(tmp_path / "weights.pt", with_attribute(file, UNLISTED[name]))

    with pytest.raises(WeightsUntrusted, match=r"names '.*--inert-names"):
        read_state(path)


LISTED: dict[str, Any] = {
    "numpy scalar": Call(Name("numpy.core.multiarray", "scalar"), (NUMPY_DTYPE, b"12345678")),
    "numpy array": Call(
        Name("numpy.core.multiarray", "_reconstruct"),
        (Name("numpy", "ndarray"), (0,), b"b"),
        (1, (2,), NUMPY_DTYPE, False, b"0123456789abcdef"),
    ),
    "numpy 2 scalar": Call(Name("numpy._core.multiarray", "scalar"), (NUMPY_DTYPE, b"12345678")),
    "bytes in protocol 2": Call(Name("_codecs", "encode"), ("ÿ", "latin1")),
    "set": Call(Name("builtins", "set"), ([1, 2],)),
    "torchvision's old layers": Call(Name("torchvision.models.densenet", "_DenseLayer")),
    "torch's old back end": Call(Name("torch.nn.backends.thnn", "_get_thnn_function_backend")),
    "activation function": Name("torch.nn.functional", "relu"),
    "device": Call(Name("torch", "device"), ("cuda", 0)),
    "defaultdict": Call(Name("collections", "defaultdict"), (), items={"a": [1]}),
    "counter": Call(Name("collections", "Counter"), ({"a": 1},)),
    "options": Call(Name("argparse", "Namespace"), (), {"lr": 0.001, "seed": 3}),
    "path": Call(Name("pathlib", "PosixPath"), ("/", "data", "out")),
    "path of Python 3.13": Call(Name("pathlib._local", "PosixPath"), ("/", "data")),
    "path of Windows": Call(Name("pathlib", "WindowsPath"), ("C:\\", "data")),
    "configuration": Call(Name("omegaconf.listconfig", "ListConfig"), (), {"_content": [1]}),
    "callback": Name("pytorch_lightning.callbacks.model_checkpoint", "ModelCheckpoint"),
    "parameters": Call(Name("lightning.fabric.utilities.data", "AttributeDict"), (), items={}),
}
"""Attributes that torch's own networks have, and what training programs put beside weights."""


@both_containers
@pytest.mark.parametrize("value", LISTED.values(), ids=LISTED)
def test_listed_name_is_inert_everywhere(tmp_path: Path, legacy: bool, value: Any):
    """What torch itself and numpy write is read without a word."""
    file = TorchFile(legacy)

    found = read_state(file.write(tmp_path / "weights.pt", with_attribute(file, value)))

    assert_whole(found.tensors)
    assert () == found.inert_names


@both_containers
@pytest.mark.parametrize(
    "kind",
    [
        Name("__main__", "Net"),
        Name("models.densenet", "DenseNet121"),
        Name("torchvision.models.densenet", "_DenseLayer"),
        Name("xrv.v0", "Outer.Inner"),
        Name("os", "system"),
    ],
    ids=lambda kind: f"{kind.module}.{kind.name}",
)
def test_network_is_known_by_its_modules_not_by_its_class(tmp_path: Path, legacy: bool, kind: Name):
    """A renamed class changes nothing: every module of the network has it here."""
    file = TorchFile(legacy)
    network = file.module(STATE)
    features = network.state["_modules"].items["features"]
    network.state["_modules"].items["features"] = Call(kind, (), features.state)

    found = read_state(
        file.write(tmp_path / "w.pt", Call(kind, (), network.state)), inert_names=True
    )

    assert_whole(found.tensors)


@both_containers
def test_network_with_hooks_is_read(tmp_path: Path, legacy: bool):
    """Hooks of a module, and of a parameter, are functions by name that nobody calls."""
    file = TorchFile(legacy)
    hook = Call(Name("functools", "partial"), (Name("__main__", "keep_activation"),))
    hooked = ordered({"0": Name("hooks", "clip")})
    bias = file.parameter(STATE["classifier.bias"], hooks=hooked)
    network = file.module(STATE)
    network.state["_forward_hooks"] = Call(
        Name("collections", "OrderedDict"), (), items={0: hook, 1: Name("hooks", "log")}
    )
    parameters = network.state["_modules"].items["classifier"].state["_parameters"].items
    del file.storages[parameters["bias"].arguments[0].arguments[0].identifier[2]]
    parameters["bias"] = bias

    found = read_state(file.write(tmp_path / "w.pt", network), inert_names=True)

    assert_whole(found.tensors)
    assert {"functools.partial", "__main__.keep_activation", "hooks.log", "hooks.clip"} == set(
        found.inert_names
    )


@both_containers
def test_network_made_by_a_function_of_its_own_is_read(tmp_path: Path, legacy: bool):
    """Attributes count, whatever would have made the object; with slots they are a pair."""
    file = TorchFile(legacy)
    network = file.module(STATE)
    made = Call(Name("copyreg", "_reconstructor"), (Name("x", "Net"), Name("y", "B"), None))
    built = Call(Call(made.name, made.arguments), (), (network.state, {"slot": 1}))

    assert_whole(read_state(file.write(tmp_path / "w.pt", built), inert_names=True).tensors)


@both_containers
def test_modules_in_a_dict_of_its_own_class_are_found(tmp_path: Path, legacy: bool):
    """What is set by key counts, whatever class of dict it is set in."""
    file = TorchFile(legacy)
    network = file.module(STATE)
    own = dict_of_its_own(Name("tools", "AttrDict"), network.state["_modules"].items)
    network.state["_modules"] = own

    assert_whole(read_state(file.write(tmp_path / "w.pt", network), inert_names=True).tensors)


@both_containers
@pytest.mark.parametrize("key", ["state_dict", "model", "net", "network", "model_state_dict"])
def test_checkpoint_of_a_training_program_is_read(tmp_path: Path, legacy: bool, key: str):
    """The network is found beside an optimiser, options and measures of unlisted classes."""
    file = TorchFile(legacy)
    network = file.module(STATE) if key in {"model", "net"} else file.state_dict(STATE)
    checkpoint = {
        "epoch": 3,
        "meter": UNLISTED["__main__.RecorderMeter"],
        key: network,
        "optimizer": {"state": {0: {"step": 5}}, "param_groups": [{"lr": 0.1}]},
    }

    assert_whole(read_state(file.write(tmp_path / "w.pt", checkpoint), inert_names=True).tensors)


@both_containers
@pytest.mark.parametrize("prefix", ["", "model.", "net.", "module.", "model.module."])
def test_checkpoint_of_lightning_is_read_without_a_word(tmp_path: Path, legacy: bool, prefix: str):
    """Its callbacks are kept by class, its options hold paths; nothing has to be allowed first."""
    file = TorchFile(legacy)
    state = {prefix + name: tensor for name, tensor in STATE.items()}
    checkpoint = {
        "epoch": 3,
        "pytorch-lightning_version": "2.5.5",
        "state_dict": file.state_dict(state),
        "callbacks": {LISTED["callback"]: {"dirpath": LISTED["path"]}},
        "hparams_name": "options",
        "hyper_parameters": Call(
            Name("lightning.fabric.utilities.data", "AttributeDict"),
            items={"out": LISTED["path"], "options": LISTED["options"]},
        ),
    }

    found = read_state(file.write(tmp_path / "last.ckpt", checkpoint))

    assert () == found.inert_names
    assert_whole(dict(without_wrapper(found.tensors, STATE)))


HOSTILE: list[tuple[str, Any]] = [
    ("os.system", Call(Name("os", "system"), ("touch hacked",))),
    ("posix.system", Call(Name("posix", "system"), ("touch hacked",))),
    ("builtins.eval", Call(Name("builtins", "eval"), ("open('hacked', 'w')",))),
    ("builtins.exec", Call(Name("builtins", "exec"), ("open('hacked', 'w')",))),
    ("builtins.getattr", Call(Name("builtins", "getattr"), ("x", "y"))),
    ("subprocess.Popen", Call(Name("subprocess", "Popen"), (["touch", "hacked"],))),
    ("torch.storage._load_from_bytes", Call(Name("torch.storage", "_load_from_bytes"), (b"x",))),
    ("torch.load", Call(Name("torch", "load"), ("hacked",))),
    ("torch.hub.load", Call(Name("torch.hub", "load"), ("hacked",))),
    ("torch.nn.os.system\\(", Call(Name("torch.nn", "os.system("), ("touch hacked",))),
    ("antigravity.fly", Name("antigravity", "fly")),
    ("pathlib.os.system", Call(Name("pathlib", "os.system"), ("touch hacked",))),
    ("this.s", Raw(b"\x8c\x04this\x8c\x01s\x93")),
]


@both_containers
@pytest.mark.parametrize(("name", "network"), HOSTILE, ids=[name for name, _ in HOSTILE])
def test_foreign_name_is_refused_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, legacy: bool, name: str, network: Any
):
    """A file that would call something is refused, told by name, and calls nothing."""
    monkeypatch.chdir(tmp_path)
    path = TorchFile(legacy).write(tmp_path / "weights.pt", network)

    with pytest.raises(WeightsUntrusted, match=f"names '{name}'"):
        read_state(path)
    assert [tmp_path / "weights.pt"] == list(tmp_path.iterdir())


@both_containers
@pytest.mark.parametrize("payload", [made for _, made in HOSTILE], ids=[n for n, _ in HOSTILE])
def test_foreign_name_among_inert_ones_does_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, legacy: bool, payload: Any
):
    """Where names are inert a payload is one, too: the weights come out, nothing else happens."""
    monkeypatch.chdir(tmp_path)
    file = TorchFile(legacy)
    path = file.write(tmp_path / "weights.pt", with_attribute(file, payload))
    before = set(sys.modules)

    assert_whole(read_state(path, inert_names=True).tensors)

    assert [path] == list(tmp_path.iterdir())
    assert set() == {"antigravity", "this", "torch"} & (set(sys.modules) - before)


@both_containers
@pytest.mark.parametrize("payload", [made for _, made in HOSTILE], ids=[n for n, _ in HOSTILE])
def test_payload_in_place_of_a_network_is_no_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, legacy: bool, payload: Any
):
    """A file that is nothing but a payload gives nothing, where names are inert."""
    monkeypatch.chdir(tmp_path)
    path = TorchFile(legacy).write(tmp_path / "weights.pt", payload)

    with pytest.raises(WeightsUntrusted, match=r"no network|neither a network"):
        read_state(path, inert_names=True)
    assert [path] == list(tmp_path.iterdir())


@both_containers
def test_foreign_name_deep_in_a_network_is_refused(tmp_path: Path, legacy: bool):
    """A call hidden among the attributes of a nested module is found there."""
    file = TorchFile(legacy)
    network = with_attribute(file, Call(Name("os", "system"), ("id",)))

    with pytest.raises(WeightsUntrusted, match=r"names 'os\.system'"):
        read_state(file.write(tmp_path / "weights.pt", network))


def test_real_pickle_that_runs_a_command_runs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """What Python's own pickle makes of an object that reduces to a command, in any protocol."""

    class Command:
        def __reduce__(self) -> tuple[Any, ...]:
            return (os.system, ("touch hacked",))

    monkeypatch.chdir(tmp_path)
    path = tmp_path / "weights.pt"
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        path.write_bytes(pickle.dumps(Command(), protocol=protocol))
        with pytest.raises(WeightsUntrusted, match=r"names 'posix\.system'"):
            read_state(path)
        with pytest.raises(WeightsUntrusted, match="not a PyTorch file"):
            read_state(path, inert_names=True)
    assert [path] == list(tmp_path.iterdir())


class Setting:
    """An object of the test's own, as a training program pickles it."""

    def __init__(self, value: object) -> None:
        self.value = value


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_real_objects_of_every_protocol_are_inert(tmp_path: Path, protocol: int):
    """Whatever opcodes Python writes, old or new, leave the tensors beside them alone."""
    values = [
        Setting({1, 2}),
        frozenset({3}),
        b"bytes",
        1 << 70,
        -1.5,
        True,
        Path("x"),
        {("a", 1): Setting(None)},
        slice(1, 2),
        np.float32(3),
        np.array(["a", "b"], object),
    ]
    real = pickle.dumps(values, protocol=protocol).removeprefix(bytes([0x80, protocol]))[:-1]
    file = TorchFile(legacy=True)
    weights = encode("state_dict") + encode(file.state_dict(STATE))
    checkpoint = Raw(b"}(\x8c\x05extra" + real + weights + b"u")

    found = read_state(file.write(tmp_path / "w.pt", checkpoint), inert_names=True)

    assert_whole(found.tensors)
    assert any(name.endswith("Setting") for name in found.inert_names)


def test_names_are_told_once_and_not_without_end(tmp_path: Path):
    """A file of a thousand names has a hundred of them told, each cut to its first characters."""
    file = TorchFile(legacy=True)
    names = [Name("m", f"n{index % 500}") for index in range(1000)] + [Name("x" * 999, "y")]
    path = file.write(tmp_path / "w.pt", with_attribute(file, names))

    told = read_state(path, inert_names=True).inert_names

    assert (100, "m.n0") == (len(told), told[0])
    file = TorchFile(legacy=True)
    path = file.write(tmp_path / "w.pt", with_attribute(file, names[-1]))
    assert ("x" * 200,) == read_state(path, inert_names=True).inert_names


def test_pickle_of_a_listed_name_that_is_endless_is_told(tmp_path: Path):
    """A name that looks like a layer's for megabytes is no layer's."""
    path = tmp_path / "w.pt"
    path.write_bytes(pickled(Name("torch.nn" + ".a" * 100_000, "B")))

    with pytest.raises(WeightsUntrusted, match=r"names 'torch\.nn\.a\.a"):
        read_state(path)
