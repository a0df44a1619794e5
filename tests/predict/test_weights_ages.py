"""Weights files as torch has written them since 1.0, on any machine and by either Python."""

from pathlib import Path

import numpy as np
import pytest

from hilum.errors import WeightsUntrusted
from hilum.predict.weights import read_state
from torch_files import (
    STATE,
    Call,
    Name,
    Persistent,
    TorchFile,
    assert_whole,
    both_containers,
    ordered,
)


def tensor_of(file: TorchFile, tmp_path: Path, tensor: Call) -> np.ndarray:
    """Write a state dict with one tensor, read it, and return the tensor."""
    return read_state(file.write(tmp_path / "w.pt", ordered({"weight": tensor}))).tensors["weight"]


@both_containers
def test_transposed_view_is_read_as_it_is_seen(tmp_path: Path, legacy: bool):
    """Strides and offset are honoured: the array is what torch would show."""
    file = TorchFile(legacy)
    view = file.tensor(np.arange(8, dtype=np.float32), offset=2, shape=(2, 3), strides=(1, 2))

    np.testing.assert_array_equal([[2, 4, 6], [3, 5, 7]], tensor_of(file, tmp_path, view))


@both_containers
def test_bfloat16_is_widened(tmp_path: Path, legacy: bool):
    """Numbers of half the width come out as the float32 that they are."""
    file = TorchFile(legacy)
    numbers = np.array([0x3FC0, 0xC000], np.uint16)  # 1.5, -2
    tensor = file.tensor(numbers, dtype="<u2", kind=Name("torch", "BFloat16Storage"))

    np.testing.assert_array_equal([1.5, -2.0], tensor_of(file, tmp_path, tensor))


@both_containers
@pytest.mark.parametrize(
    ("kind", "dtype"),
    [
        ("HalfStorage", "<f2"),
        ("DoubleStorage", "<f8"),
        ("LongStorage", "<i8"),
        ("ByteStorage", "u1"),
    ],
)
def test_numbers_of_every_width_are_read(tmp_path: Path, legacy: bool, kind: str, dtype: str):
    """Half and double precision, and the counters of batch normalisation."""
    file = TorchFile(legacy)
    tensor = file.tensor(np.array([1, 2, 30]), dtype=dtype, kind=Name("torch", kind))

    np.testing.assert_array_equal([1, 2, 30], tensor_of(file, tmp_path, tensor))


@both_containers
def test_tensor_of_the_first_version_is_read(tmp_path: Path, legacy: bool):
    """`_rebuild_tensor` has no gradient and no hooks, and its shape is a `torch.Size`."""
    file = TorchFile(legacy)
    size = Call(Name("torch", "Size"), ((2, 2),))
    tensor = file.tensor(np.array([[1, 2], [3, 4]]), first_version=True, shape=size)

    np.testing.assert_array_equal([[1, 2], [3, 4]], tensor_of(file, tmp_path, tensor))


def test_view_of_a_storage_is_read_from_where_it_begins(tmp_path: Path):
    """Until 1.5 a storage could be a part of another, with its own offset before the tensor's."""
    file = TorchFile(legacy=True)
    tensor = file.tensor(np.arange(10), view=("77", 4, 5), offset=1, shape=(3,), strides=(1,))

    np.testing.assert_array_equal([5, 6, 7], tensor_of(file, tmp_path, tensor))


@pytest.mark.parametrize("view", [("77", -1, 5), ("77", 4), "77", ("77", 1 << 80, 1)])
def test_impossible_view_of_a_storage_is_refused(tmp_path: Path, view):
    """A view is a key, a start and a count, and nothing else."""
    file = TorchFile(legacy=True)

    with pytest.raises(WeightsUntrusted):
        tensor_of(file, tmp_path, file.tensor(np.arange(10), view=view))


def test_view_beyond_its_storage_is_refused(tmp_path: Path):
    """The start of a view counts where the end of the storage is checked."""
    file = TorchFile(legacy=True)

    with pytest.raises(WeightsUntrusted, match="reaches beyond"):
        tensor_of(file, tmp_path, file.tensor(np.arange(10), view=("77", 8, 2), shape=(3,)))


def test_class_with_its_source_is_only_a_name(tmp_path: Path):
    """The legacy container carries the source of classes; it is passed over, not read."""
    file = TorchFile(legacy=True)
    network = file.module(STATE)
    source = ("module", network.name, "models.py", "raise SystemExit('read')")
    sourced = Call(Persistent(source), (), network.state)

    assert_whole(read_state(file.write(tmp_path / "weights.pt", sourced)).tensors)


def test_unlisted_class_with_its_source_is_only_a_name(tmp_path: Path):
    """So is one that nobody listed, whose source is in the file, too."""
    file = TorchFile(legacy=True)
    network = file.module(STATE)
    source = ("module", Name("__main__", "Net"), "train.py", "raise SystemExit('read')\n" * 999)
    sourced = Call(Persistent(source), (), network.state)

    found = read_state(file.write(tmp_path / "weights.pt", sourced), inert_names=True)

    assert_whole(found.tensors)
    assert ("__main__.Net",) == found.inert_names


@pytest.mark.parametrize("python_2", [False, True], ids=["Python 3", "Python 2"])
def test_network_of_torch_1_0_is_read(tmp_path: Path, python_2: bool):
    """Texts as bytes, names of Python 2, the old back end, and parameters with hooks."""
    file = TorchFile(legacy=True, python_2=python_2)
    network = file.module(STATE)
    network.state["_backend"] = Call(
        Name("torch.nn.backends.thnn", "_get_thnn_function_backend"), ()
    )
    network.state["_backward_hooks"] = ordered({})
    network.state["seen"] = Call(Name("__builtin__", "set"), ([],))
    child = network.state["_modules"].items["classifier"]
    source = ("module", child.name, "container.py", "class Sequential(Module): pass")
    network.state["_modules"].items["classifier"] = Call(Persistent(source), (), child.state)

    assert_whole(read_state(file.write(tmp_path / "w.pt", network)).tensors)


def test_ordered_dict_of_python_2_is_read(tmp_path: Path):
    """Python 2 wrote an ordered dict as a call with a list of pairs."""
    file = TorchFile(legacy=True, python_2=True)
    pairs = [[name, file.tensor(array)] for name, array in STATE.items()]
    state = Call(Name("collections", "OrderedDict"), (pairs,))

    assert_whole(read_state(file.write(tmp_path / "w.pt", state)).tensors)


@both_containers
def test_file_of_a_big_endian_machine_is_read(tmp_path: Path, legacy: bool):
    """The ZIP container says the order of its numbers; the legacy one has but one order."""
    file = TorchFile(legacy, big_endian=True)

    assert_whole(read_state(file.write(tmp_path / "w.pt", file.state_dict(STATE))).tensors)


def test_bfloat16_of_a_big_endian_machine_is_read(tmp_path: Path):
    """Its two bytes are turned before they are widened."""
    file = TorchFile(legacy=False, big_endian=True)
    numbers = np.array([0x3FC0, 0xC000], np.uint16)
    tensor = file.tensor(numbers, dtype="<u2", kind=Name("torch", "BFloat16Storage"))

    np.testing.assert_array_equal([1.5, -2.0], tensor_of(file, tmp_path, tensor))


@both_containers
def test_tensor_with_attributes_of_its_own_is_read(tmp_path: Path, legacy: bool):
    """Since 1.9 torch wraps the call that makes such a tensor in another."""
    file = TorchFile(legacy)
    plain = file.tensor(STATE["classifier.bias"])
    kind = Name("torch.nn.parameter", "Parameter")
    wrapped = Call(
        Name("torch._tensor", "_rebuild_from_type_v2"),
        (plain.name, kind, plain.arguments, {"note": "mean"}),
    )

    np.testing.assert_array_equal([1, 2, 3], tensor_of(file, tmp_path, wrapped))


@both_containers
def test_quantised_tensor_is_passed_over(tmp_path: Path, legacy: bool):
    """A tensor that is made in another way is none here, and a parameter of it is not, either."""
    file = TorchFile(legacy)
    quantised = Call(Name("torch._utils", "_rebuild_qtensor"), (1, 2))
    parameter = Call(Name("torch._utils", "_rebuild_parameter"), (quantised, True, ordered({})))
    state = ordered({"a": file.tensor(np.zeros(2)), "b": quantised, "c": parameter})

    found = read_state(file.write(tmp_path / "w.pt", state), inert_names=True)

    assert ["a"] == list(found.tensors)
    assert ("torch._utils._rebuild_qtensor",) == found.inert_names


@both_containers
def test_empty_tensor_is_read(tmp_path: Path, legacy: bool):
    """A storage without numbers is one, too."""
    file = TorchFile(legacy)

    assert (0, 3) == tensor_of(file, tmp_path, file.tensor(np.zeros((0, 3)))).shape
