"""Weights files of torch: the good ones are read, and in the hostile ones nothing runs."""

import contextlib
import os
import pickle
import struct
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hilum.errors import SourceUnreadable, WeightsUntrusted
from hilum.predict.weights import read_state, state, unpickler
from torch_files import Call, Name, Persistent, TorchFile, ordered, pickled

STATE = {
    "features.conv0.weight": np.arange(24, dtype=np.float32).reshape(2, 1, 3, 4),
    "features.norm0.running_mean": np.array([0.5, -0.5], np.float32),
    "classifier.bias": np.array([1.0, 2.0, 3.0], np.float32),
}

both_containers = pytest.mark.parametrize("legacy", [True, False], ids=["legacy", "zip"])


def refused(path: Path, match: str) -> None:
    """Check that a file is refused for this reason."""
    with pytest.raises(WeightsUntrusted, match=match):
        read_state(path)


@both_containers
def test_state_dict_is_read(tmp_path: Path, legacy: bool):
    """A state dict comes out with its names, shapes and numbers."""
    file = TorchFile(legacy)

    found = read_state(file.write(tmp_path / "weights.pt", file.state_dict(STATE)))

    assert list(STATE) == list(found)
    for name, expected in STATE.items():
        np.testing.assert_array_equal(expected, found[name])


@both_containers
def test_pickled_module_is_read(tmp_path: Path, legacy: bool):
    """A whole pickled network gives the names that its modules give."""
    file = TorchFile(legacy)

    found = read_state(file.write(tmp_path / "weights.pt", file.module(STATE)))

    assert set(STATE) == set(found)
    for name, expected in STATE.items():
        np.testing.assert_array_equal(expected, found[name])


@pytest.mark.parametrize("prefix", ["module.", "model."])
def test_prefix_of_a_wrapper_is_taken_off(tmp_path: Path, prefix: str):
    """DataParallel and TorchXRayVision's ResNet prefix every name; the network has none."""
    file = TorchFile(legacy=False)
    wrapped = file.state_dict({prefix + name: array for name, array in STATE.items()})

    assert set(STATE) == set(read_state(file.write(tmp_path / "weights.pt", wrapped)))


def test_state_dict_in_a_checkpoint_is_found(tmp_path: Path):
    """A training program's checkpoint is read for its state dict."""
    file = TorchFile(legacy=False)
    checkpoint = {"epoch": 3, "state_dict": file.state_dict(STATE)}

    assert set(STATE) == set(read_state(file.write(tmp_path / "weights.pt", checkpoint)))


def test_transposed_view_is_read_as_it_is_seen(tmp_path: Path):
    """Strides and offset are honoured: the array is what torch would show."""
    file = TorchFile(legacy=True)
    numbers = np.arange(8, dtype=np.float32)
    view = file.tensor(numbers, offset=2, shape=(2, 3), strides=(1, 2))

    found = read_state(file.write(tmp_path / "weights.pt", ordered({"weight": view})))

    np.testing.assert_array_equal([[2, 4, 6], [3, 5, 7]], found["weight"])


def test_bfloat16_is_widened(tmp_path: Path):
    """Numbers of half the width come out as the float32 that they are."""
    file = TorchFile(legacy=False)
    kind = Name("torch", "BFloat16Storage")
    tensor = file.tensor(np.zeros(1), kind=kind, count=2, shape=(2,))
    file.storages["0"] = np.array([0x3FC0, 0xC000], np.uint16)  # 1.5, -2

    found = read_state(file.write(tmp_path / "weights.pt", ordered({"weight": tensor})))

    np.testing.assert_array_equal([1.5, -2.0], found["weight"])


def test_class_with_its_source_is_only_a_name(tmp_path: Path):
    """The legacy container carries the source of classes; it is passed over, not read."""
    file = TorchFile(legacy=True)
    network = file.module(STATE)
    source = ("module", network.name, "models.py", "raise SystemExit('read')")
    sourced = Call(Persistent(source), (), network.state)

    assert set(STATE) == set(read_state(file.write(tmp_path / "weights.pt", sourced)))


HOSTILE: list[tuple[str, Any]] = [
    ("os.system", Call(Name("os", "system"), ("touch hacked",))),
    ("posix.system", Call(Name("posix", "system"), ("touch hacked",))),
    ("builtins.eval", Call(Name("builtins", "eval"), ("open('hacked', 'w')",))),
    ("builtins.getattr", Call(Name("builtins", "getattr"), ("x", "y"))),
    ("subprocess.Popen", Call(Name("subprocess", "Popen"), (["touch", "hacked"],))),
    ("torch.storage._load_from_bytes", Call(Name("torch.storage", "_load_from_bytes"), (b"x",))),
    ("torch.load", Call(Name("torch", "load"), ("hacked",))),
    ("torch.hub.load", Call(Name("torch.hub", "load"), ("hacked",))),
    ("torch.nn.os.system\\(", Call(Name("torch.nn", "os.system("), ("touch hacked",))),
]


@both_containers
@pytest.mark.parametrize(("name", "network"), HOSTILE, ids=[name for name, _ in HOSTILE])
def test_foreign_name_is_refused_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, legacy: bool, name: str, network: Any
):
    """A file that would call something is refused, told by name, and calls nothing."""
    monkeypatch.chdir(tmp_path)

    refused(TorchFile(legacy).write(tmp_path / "weights.pt", network), f"names '{name}'")
    assert [tmp_path / "weights.pt"] == list(tmp_path.iterdir())


@both_containers
def test_foreign_name_deep_in_a_network_is_refused(tmp_path: Path, legacy: bool):
    """A call hidden among the attributes of a nested module is found there."""
    file = TorchFile(legacy)
    network = file.module(STATE)
    child = network.state["_modules"].items["features"]
    child.state["extra"] = [{"deep": (1, Call(Name("os", "system"), ("id",)))}]

    refused(file.write(tmp_path / "weights.pt", network), "names 'os.system'")


def test_real_pickle_that_runs_a_command_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """What Python's own pickle makes of an object that reduces to a command runs nothing."""

    class Command:
        def __reduce__(self) -> tuple[Any, ...]:
            return (os.system, ("touch hacked",))

    monkeypatch.chdir(tmp_path)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        path = tmp_path / "weights.pt"
        path.write_bytes(pickle.dumps(Command(), protocol=protocol))
        refused(path, "(names 'posix.system'|which torch does not write)")
    assert [tmp_path / "weights.pt"] == list(tmp_path.iterdir())


@both_containers
def test_tensor_beyond_its_storage_is_refused(tmp_path: Path, legacy: bool):
    """A view that would read its neighbours' memory is refused."""
    file = TorchFile(legacy)
    view = file.tensor(np.zeros(4), offset=2, shape=(3,))

    refused(file.write(tmp_path / "weights.pt", ordered({"weight": view})), "reaches beyond")


@both_containers
def test_tensor_that_repeats_one_number_for_ever_is_refused(tmp_path: Path, legacy: bool):
    """A stride of 0 could turn four bytes into terabytes."""
    file = TorchFile(legacy)
    view = file.tensor(np.zeros(1), shape=(10**6, 10**6), strides=(0, 0))

    refused(file.write(tmp_path / "weights.pt", ordered({"weight": view})), "larger than what")


@both_containers
@pytest.mark.parametrize("shape", [(-1,), (1.5,), ("2",), (True,), [2], None])
def test_impossible_shape_is_refused(tmp_path: Path, legacy: bool, shape: Any):
    """Shapes are tuples of whole numbers and nothing else."""
    file = TorchFile(legacy)
    view = file.tensor(np.zeros(2), shape=shape)

    refused(file.write(tmp_path / "weights.pt", ordered({"weight": view})), "impossible shape")


@both_containers
def test_storage_larger_than_the_file_is_refused(tmp_path: Path, legacy: bool):
    """A storage that claims terabytes is refused before anything is allocated."""
    file = TorchFile(legacy)
    view = file.tensor(np.zeros(2), count=1 << 40)

    refused(file.write(tmp_path / "weights.pt", ordered({"weight": view})), "a storage has")


def test_legacy_storage_that_agrees_with_itself_but_not_the_file_is_refused(tmp_path: Path):
    """Count and pickle agree on terabytes; the file ends first."""
    file = TorchFile(legacy=True)
    network = ordered({"weight": file.tensor(np.zeros(2), count=1 << 40)})
    contents = file.legacy_bytes(network)
    position = contents.rindex(struct.pack("<q", 2))
    path = tmp_path / "weights.pt"
    path.write_bytes(contents[:position] + struct.pack("<q", 1 << 40) + contents[position + 8 :])

    refused(path, "ends early")


@both_containers
def test_unknown_kind_of_number_is_refused(tmp_path: Path, legacy: bool):
    """A storage of a kind that no network here has is named."""
    file = TorchFile(legacy)
    view = file.tensor(np.zeros(2), kind=Name("torch", "ComplexDoubleStorage"))

    refused(file.write(tmp_path / "weights.pt", ordered({"weight": view})), "ComplexDouble")


def test_truncated_legacy_file_is_refused_wherever_it_ends(tmp_path: Path):
    """A file that was cut anywhere is a clear line, never a network with holes."""
    file = TorchFile(legacy=True)
    contents = file.legacy_bytes(file.module(STATE))
    path = tmp_path / "weights.pt"
    for end in range(0, len(contents), 7):
        path.write_bytes(contents[:end])
        refused(path, "refused")


def test_truncated_zip_file_is_refused_wherever_it_ends(tmp_path: Path):
    """The same holds for the ZIP container."""
    file = TorchFile(legacy=False)
    contents = file.zip_bytes(file.module(STATE))
    path = tmp_path / "weights.pt"
    for end in range(0, len(contents), 7):
        path.write_bytes(contents[:end])
        refused(path, "refused")


def test_damaged_files_are_read_or_refused_and_nothing_else(tmp_path: Path):
    """A flipped byte gives other numbers or a clear line, never another exception."""
    rng = np.random.default_rng(7)
    path = tmp_path / "weights.pt"
    for legacy in (True, False):
        file = TorchFile(legacy)
        network = file.module(STATE)
        good = file.legacy_bytes(network) if legacy else file.zip_bytes(network)
        for _ in range(600):
            bad = bytearray(good)
            for position in rng.integers(0, len(good), rng.integers(1, 4)):
                bad[position] = rng.integers(0, 256)
            path.write_bytes(bad)
            with contextlib.suppress(WeightsUntrusted):
                read_state(path)


@pytest.mark.parametrize(
    "contents",
    [b"", b"\x00" * 100, b"<html>404 Not Found</html>", b"PK\x03\x04 and no more", b"\x80\x02."],
    ids=["empty", "zeros", "a web page", "half a ZIP", "an empty pickle"],
)
def test_other_files_are_refused(tmp_path: Path, contents: bytes):
    """What is no weights file is told so."""
    path = tmp_path / "weights.pt"
    path.write_bytes(contents)

    refused(path, "refused")


def test_pickle_of_something_else_is_refused(tmp_path: Path):
    """A pickle that is not of torch is not taken for weights."""
    path = tmp_path / "weights.pt"
    path.write_bytes(pickle.dumps({"weight": [1.0, 2.0]}, protocol=2))

    refused(path, "not a file of torch")


def test_zip_bomb_is_refused_unread(tmp_path: Path):
    """An archive that holds more than it weighs is refused before it is unpacked."""
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", pickled({}))
        archive.writestr("archive/data/0", bytes(50_000_000))
    path = tmp_path / "weights.pt"
    path.write_bytes(stream.getvalue())

    refused(path, "compressed, which torch never does")


def test_zip_whose_entries_overlap_is_refused(tmp_path: Path):
    """Entries that share the same bytes are a bomb without compression."""
    file = TorchFile(legacy=False)
    contents = bytearray(file.zip_bytes(file.state_dict({"weight": np.zeros(100_000)})))
    directory = contents.index(b"PK\x01\x02")
    end = contents.index(b"PK\x05\x06")
    big = contents.rindex(b"PK\x01\x02", directory, contents.index(b"archive/data/0", directory))
    entry = contents[big : contents.index(b"PK\x01\x02", big + 4)]
    count = 100
    patched = contents[:end] + entry * count + contents[end:]
    total, size, start = struct.unpack("<HII", contents[end + 10 : end + 20])
    tail = len(contents) - end
    patched[-tail + 8 : -tail + 20] = struct.pack(
        "<HHII", total + count, total + count, size + count * len(entry), start
    )
    path = tmp_path / "weights.pt"
    path.write_bytes(patched)

    refused(path, "(larger inside than outside|damaged ZIP)")


def test_torchscript_is_refused_as_a_program(tmp_path: Path):
    """A TorchScript archive is told apart: it is code."""
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("archive/data.pkl", pickled({}))
        archive.writestr("archive/constants.pkl", pickled(()))
    path = tmp_path / "weights.pt"
    path.write_bytes(stream.getvalue())

    refused(path, "TorchScript")


def test_memo_of_a_billion_places_costs_nothing(tmp_path: Path):
    """A pickle that asks for a huge memo gets a line in a table, not gigabytes."""
    path = tmp_path / "weights.pt"
    path.write_bytes(b"\x80\x02}r\xff\xff\xff\xff.")

    refused(path, "not a file of torch")


def test_endless_pickle_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A pickle has a limit of steps."""
    monkeypatch.setattr(unpickler, "MAX_OPCODES", 1000)
    path = tmp_path / "weights.pt"
    path.write_bytes(b"\x80\x02" + b"N0" * 600 + b"N.")

    refused(path, "more than 1000 steps")


def test_network_that_contains_itself_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A loop among modules has an end."""
    monkeypatch.setattr(state, "MAX_MODULES", 1000)
    loop = (
        b"\x80\x02ctorch.nn.modules.container\nSequential\n)Rq\x09}("
        + b"".join(pickled(name)[2:-1] + b"}" for name in ("_parameters", "_buffers"))
        + pickled("_modules")[2:-1]
        + b"}"
        + pickled("again")[2:-1]
        + b"h\x09su"
        + b"b."
    )
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("archive/data.pkl", loop)
    path = tmp_path / "weights.pt"
    path.write_bytes(stream.getvalue())

    refused(path, "its network has no end")


def test_object_that_is_no_network_is_refused(tmp_path: Path):
    """A file whose object has no modules is named for what it is."""
    network = Call(Name("torch.nn.modules.linear", "Linear"), (), {"weight": 1})

    refused(TorchFile(legacy=False).write(tmp_path / "w.pt", network), "Linear, which is no net")


@pytest.mark.parametrize("network", [{}, [], "text", 3, {"a": 1}])
def test_file_without_weights_is_refused(tmp_path: Path, network: Any):
    """A file of torch that holds no tensors is of no use here."""
    refused(TorchFile(legacy=False).write(tmp_path / "w.pt", network), "neither a network nor")


def test_missing_file_is_one_line(tmp_path: Path):
    """A path that is not there is told by name."""
    with pytest.raises(SourceUnreadable, match=r"weights\.pt cannot be read"):
        read_state(tmp_path / "weights.pt")


def test_big_endian_file_is_refused(tmp_path: Path):
    """Numbers in the other byte order are not taken for weights."""
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("archive/data.pkl", pickled({}))
        archive.writestr("archive/byteorder", "big")
    path = tmp_path / "weights.pt"
    path.write_bytes(stream.getvalue())

    refused(path, "big-endian")
