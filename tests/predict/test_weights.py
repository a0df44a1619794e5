"""Weights files of torch: the good ones are read, and in the hostile ones nothing runs."""

import contextlib
import pickle
import struct
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hilum.errors import SourceUnreadable, WeightsUntrusted
from hilum.predict.weights import read_state
from torch_files import (
    STATE,
    Call,
    Name,
    TorchFile,
    assert_whole,
    both_containers,
    ordered,
    pickled,
)


def tensors_of(path: Path) -> dict[str, np.ndarray]:
    """Return the tensors of a file."""
    return read_state(path).tensors


def refused(path: Path, match: str) -> None:
    """Check that a file is refused for this reason."""
    with pytest.raises(WeightsUntrusted, match=match):
        read_state(path)


@both_containers
def test_state_dict_is_read(tmp_path: Path, legacy: bool):
    """A state dict comes out with its names, shapes and numbers."""
    file = TorchFile(legacy)

    found = tensors_of(file.write(tmp_path / "weights.pt", file.state_dict(STATE)))

    assert list(STATE) == list(found)
    assert_whole(found)


@both_containers
def test_pickled_module_is_read(tmp_path: Path, legacy: bool):
    """A whole pickled network gives the names that its modules give."""
    file = TorchFile(legacy)

    found = tensors_of(file.write(tmp_path / "weights.pt", file.module(STATE)))

    assert_whole(found)


def test_state_dict_in_a_checkpoint_is_found(tmp_path: Path):
    """A training program's checkpoint is read for its state dict."""
    file = TorchFile(legacy=False)
    checkpoint = {"epoch": 3, "state_dict": file.state_dict(STATE)}

    assert set(STATE) == set(tensors_of(file.write(tmp_path / "weights.pt", checkpoint)))


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


@both_containers
def test_truncated_file_is_refused_wherever_it_ends(tmp_path: Path, legacy: bool):
    """A file that was cut anywhere is a clear line, never a network with holes."""
    file = TorchFile(legacy)
    contents = (file.legacy_bytes if legacy else file.zip_bytes)(file.module(STATE))
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

    refused(path, "not a PyTorch file")


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

    refused(path, "(exceed the size of the file|damaged ZIP)")


PROGRAMS = {
    "TorchScript of today": ("TorchScript", ("data.pkl", "code/__torch__.py", "constants.pkl")),
    "TorchScript of 1.0": ("TorchScript", ("model.json", "tensors/0")),
    "TorchScript for telephones": ("TorchScript", ("data.pkl", "bytecode.pkl")),
    "torch.export": ("torch.export", ("archive_format", "models/model.json")),
    "torch.export of 2.1": ("torch.export", ("serialized_exported_program.json", "version")),
}


@pytest.mark.parametrize(("kind", "members"), PROGRAMS.values(), ids=PROGRAMS)
def test_program_is_refused_as_a_program(tmp_path: Path, kind: str, members: tuple[str, ...]):
    """It is told apart, though torch compresses its code, and the text says what to do instead."""
    path = tmp_path / "weights.pt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member in members:
            archive.writestr(f"archive/{member}", pickled({}))

    refused(path, f"{kind}, a program and not weights.*state_dict")


def test_weights_file_that_is_called_code_is_read(tmp_path: Path):
    """The folder in its archive is named after the file."""
    file = TorchFile(legacy=False)
    path = tmp_path / "code.pt"
    with (
        zipfile.ZipFile(BytesIO(file.zip_bytes(file.state_dict(STATE)))) as made,
        zipfile.ZipFile(path, "w") as archive,
    ):
        for name in made.namelist():
            archive.writestr(name.replace("archive", "code"), made.read(name))

    assert set(STATE) == set(tensors_of(path))


def test_object_that_is_no_network_is_refused(tmp_path: Path):
    """A file whose object has no modules is named for what it is."""
    network = Call(Name("torch.nn.modules.linear", "Linear"), (), {"weight": 1})

    refused(TorchFile(legacy=False).write(tmp_path / "w.pt", network), "Linear', which is no net")


@pytest.mark.parametrize("network", [{}, [], "text", 3, {"a": 1}])
def test_file_without_weights_is_refused(tmp_path: Path, network: Any):
    """A file of torch that holds no tensors is of no use here."""
    refused(TorchFile(legacy=False).write(tmp_path / "w.pt", network), "neither a network nor")


def test_missing_file_is_one_line(tmp_path: Path):
    """A path that is not there is told by name."""
    with pytest.raises(SourceUnreadable, match=r"weights\.pt does not exist"):
        read_state(tmp_path / "weights.pt")
