"""What a weights file may cost: hostile ones end in a line, soon and in little memory."""

import contextlib
import struct
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from hilum.errors import WeightsUntrusted
from hilum.predict.weights import read_state, state, unpickler
from torch_files import REBUILD, Call, Name, Persistent, Raw, TorchFile, encode, ordered, pickled

PLAIN = {"weight": np.arange(3, dtype=np.float32)}

NEST = 40_000
"""Levels, far beyond what Python recurses."""


def zip_of(path: Path, pickle: bytes) -> Path:
    """Write a ZIP container around a pickle, without storages."""
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("archive/data.pkl", pickle)
    path.write_bytes(stream.getvalue())
    return path


def refused(path: Path, match: str) -> None:
    """Check that a file is refused for this reason, whatever it names."""
    with pytest.raises(WeightsUntrusted, match=match):
        read_state(path, inert_names=True)


def module(**members: bytes) -> bytes:
    """Return the opcodes of the attributes of a module with these members, as far as they are."""
    held = b"".join(
        encode(name) + members.get(name.strip("_"), b"}")
        for name in ("_parameters", "_buffers", "_modules")
    )
    return b"}(" + held + b"ub"


def test_memo_of_a_billion_places_costs_nothing(tmp_path: Path):
    """A pickle that asks for a huge memo gets a line in a table, not gigabytes."""
    path = tmp_path / "weights.pt"
    path.write_bytes(b"\x80\x02}r\xff\xff\xff\xff.")

    refused(path, "not a PyTorch file")


def test_endless_pickle_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A pickle has a limit of opcodes."""
    monkeypatch.setattr(unpickler, "MAX_OPCODES", 1000)
    path = tmp_path / "weights.pt"
    path.write_bytes(b"\x80\x02" + b"N0" * 600 + b"N.")

    refused(path, "more than 1000 opcodes")


def test_endless_text_and_number_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """So have its texts and numbers."""
    monkeypatch.setattr(unpickler, "MAX_TEXT", 1000)
    path = tmp_path / "weights.pt"
    path.write_bytes(pickled("a" * 1001))
    refused(path, "text that is too long")
    path.write_bytes(pickled(1 << 10_000))
    refused(path, "number that is too long")


def test_network_that_contains_itself_is_refused(tmp_path: Path):
    """A loop among modules has an end, however its name grows."""
    network = encode(Call(Name("torch.nn", "Sequential"))) + b"q\x09"
    for name in ("", "again"):
        loop = network + module(modules=b"}" + encode(name) + b"h\x09s")
        refused(zip_of(tmp_path / "w.pt", b"\x80\x02" + loop + b"."), "its network has no end")


def test_wide_network_that_contains_itself_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Each visit costs what the module holds, not one."""
    monkeypatch.setattr(state, "MAX_MEMBERS", 5000)
    wide = b"}(" + b"".join(encode(str(number)) + b"N" for number in range(1000)) + b"u"
    network = encode(Call(Name("torch.nn", "Sequential"))) + b"q\x09"
    loop = network + module(parameters=wide, modules=b"}" + encode("") + b"h\x09s")

    refused(zip_of(tmp_path / "w.pt", b"\x80\x02" + loop + b"."), "its network has no end")


@pytest.mark.parametrize("legacy", [True, False], ids=["legacy", "zip"])
def test_name_of_a_tensor_has_an_end(tmp_path: Path, legacy: bool):
    """A name of a thousand modules is none."""
    for file, name in ((TorchFile(legacy), "x" * 1001), (TorchFile(legacy), "x" * 1001 + ".y")):
        made = file.module if "." in name else file.state_dict
        refused(file.write(tmp_path / "w.pt", made({name: PLAIN["weight"]})), "has no end")


NESTED = {
    "lists": b"]" * NEST + b"a" * (NEST - 1),
    "dicts": b"}" + b"N}" * (NEST - 1) + b"s" * (NEST - 1),
    "tuples": b")" + b"\x85" * NEST,
    "calls of calls": b"ca\nb\n" + b")R" * NEST,
    "objects in attributes": b"ca\nb\n)R" * NEST + b"b" * (NEST - 1),
    "objects in objects": b"ca\nb\n)R" + b"Nca\nb\n)R" * (NEST - 1) + b"s" * (NEST - 1),
}
"""Values that are nested deeper than any stack."""


@pytest.mark.parametrize("kind", NESTED)
def test_deep_nesting_is_held_and_let_go(tmp_path: Path, kind: str):
    """A value that is nested without end takes no stack, when it is read or when it is freed."""
    file = TorchFile(legacy=True)
    network = file.module(PLAIN)
    network.state["deep"] = Raw(NESTED[kind])

    assert ["weight"] == list(
        read_state(file.write(tmp_path / "w.pt", network), inert_names=True).tensors
    )


def tower(levels: int) -> bytes:
    """Return the opcodes of a tuple that is 2 to the power of `levels` leaves large."""
    return b"N" + b"2\x86" * levels


@pytest.mark.parametrize(
    "place",
    [
        b"}" + tower(80) + b"Ns",
        b"}(" + tower(80) + b"Nu",
        b"(" + tower(80) + b"Nd",
        encode(Call(Name("a", "b"))) + tower(80) + b"Ns",
        encode(Name("collections", "OrderedDict")) + b"]]" + tower(80) + b"aNaa\x85R",
        encode(Name("collections", "Counter")) + tower(80) + b"\x85R",
        tower(80) + b")R",
    ],
    ids=["key", "keys", "dict", "key of an object", "ordered dict", "argument", "called"],
)
def test_value_that_is_small_to_write_and_endless_to_walk_costs_nothing(
    tmp_path: Path, place: bytes
):
    """A tuple of itself twice, eighty times over, is never hashed, compared or printed."""
    file = TorchFile(legacy=True)
    network = file.module(PLAIN)
    network.state["tower"] = Raw(place)

    assert ["weight"] == list(
        read_state(file.write(tmp_path / "w.pt", network), inert_names=True).tensors
    )


@pytest.mark.parametrize(
    "identifier",
    [
        ("storage", Name("torch", "FloatStorage"), Raw(tower(80)), "cpu", 3),
        ("storage", Raw(tower(80)), "0", "cpu", 3),
        ("storage", Name("torch", "FloatStorage"), "0", "cpu", Raw(tower(80))),
        (Raw(tower(80)), Name("torch", "FloatStorage"), "0", "cpu", 3),
        ("storage",),
        ("module",),
        (),
    ],
    ids=["key", "class", "count", "word", "only a word", "only module", "empty"],
)
def test_impossible_storage_is_refused(tmp_path: Path, identifier: tuple[object, ...]):
    """A storage has a word, a class, a key, a place and a count."""
    network = {"weight": Persistent(identifier)}

    refused(TorchFile(legacy=False).write(tmp_path / "w.pt", network), "unknown kind|impossible")


@pytest.mark.parametrize(
    "keys", [b"]" + tower(80) + b"a", b"]]a", b"]K\x01a", b"}", b"]U\x010aU\x010a"]
)
def test_impossible_list_of_storages_is_refused(tmp_path: Path, keys: bytes):
    """The legacy container's list has each key once, as a text."""
    file = TorchFile(legacy=True)
    contents = file.legacy_bytes(file.state_dict(PLAIN))
    good = pickled(["0"])
    path = tmp_path / "w.pt"
    path.write_bytes(contents.replace(good, b"\x80\x02" + keys + b"."))

    refused(path, "list of storages is damaged")


@pytest.mark.parametrize("head", [b"\x80\x02" + tower(80) + b".", pickled([1]), pickled(1002)])
def test_impossible_version_is_refused(tmp_path: Path, head: bytes):
    """The version of the format is a number that is known."""
    file = TorchFile(legacy=True)
    contents = file.legacy_bytes(file.state_dict(PLAIN))
    path = tmp_path / "w.pt"
    path.write_bytes(contents.replace(pickled(1001), head, 1))

    refused(path, "unknown version")


def test_long_list_that_many_ordered_dicts_share_costs_nothing(tmp_path: Path):
    """An ordered dict of Python 2 is looked into only where a network has one."""
    file = TorchFile(legacy=True)
    network = file.module(PLAIN)
    pairs = b"](" + b"".join(b"](" + encode(str(n)) + b"Ne" for n in range(20_000)) + b"eq\x01"
    call = b"ccollections\nOrderedDict\nh\x01\x85R"
    network.state["shared"] = Raw(b"(" + pairs + call * 20_000 + b"t")

    assert ["weight"] == list(read_state(file.write(tmp_path / "w.pt", network)).tensors)


MANY = 20_000
"""Times that a long value is recalled; each time in full would take minutes."""

LONG = b"(" + b"N" * MANY + b"tq\x01"
"""A long tuple, put in place 1."""

RECALLED = {
    "arguments": encode(REBUILD) + b"q\x02" + LONG + b"h\x02h\x01\x81" * MANY,
    "shape": encode(REBUILD) + b"q\x02" + LONG + b"0h\x02(NK\x00h\x01h\x01t\x81" * MANY,
    "identifier": b"(" + encode("module") + b"N" * MANY + b"tq\x01" + b"h\x01Q" * MANY,
    "name": encode("x" * 1_000_000) + b"q\x01" + b"0h\x01h\x01\x93" * MANY,
}
"""Opcodes that recall something long again and again."""


@pytest.mark.parametrize("kind", RECALLED)
def test_long_value_that_is_recalled_without_end_costs_nothing(tmp_path: Path, kind: str):
    """No step looks at more of a value than torch would write, or copies it."""
    body = b"\x80\x02" + RECALLED[kind] + b"."

    with contextlib.suppress(WeightsUntrusted):
        read_state(zip_of(tmp_path / "w.pt", body), inert_names=True)


def test_many_views_of_one_storage_cost_no_more_than_it(tmp_path: Path):
    """A storage of half the width is widened once, however many tensors see it."""
    file = TorchFile(legacy=False)
    numbers = np.full(1 << 20, 0x3F80, np.uint16)
    first = file.tensor(numbers, dtype="<u2", kind=Name("torch", "BFloat16Storage"))
    state = ordered({str(index): first for index in range(3000)})

    tensors = read_state(file.write(tmp_path / "w.pt", state)).tensors

    assert 1 == len({tensor.__array_interface__["data"][0] for tensor in tensors.values()})
    np.testing.assert_array_equal(np.ones(1 << 20), tensors["2999"])


def test_shape_of_endless_numbers_is_refused(tmp_path: Path):
    """Extents are bounded before they are multiplied, and counted before that."""
    file = TorchFile(legacy=False)
    for shape in ((1 << 4000,) * 2, (1,) * 9):
        view = file.tensor(np.zeros(1), shape=shape, strides=(1,) * len(shape))
        refused(file.write(tmp_path / "w.pt", ordered({"w": view})), "impossible|larger than what")


def test_kind_of_number_is_told_without_its_control_characters(tmp_path: Path):
    """What a file calls things does not reach a terminal as it is."""
    file = TorchFile(legacy=False)
    view = file.tensor(np.zeros(2), kind=Name("torch", "\x1b[2JStorage"))

    refused(file.write(tmp_path / "w.pt", ordered({"w": view})), r"\\x1b\[2JStorage")


def test_random_opcodes_are_read_or_refused_and_nothing_else(tmp_path: Path):
    """Any row of steps gives a clear line or tensors, never another exception."""
    rng = np.random.default_rng(16)
    plain = b"(012NN}]l)dtsuaeQRb\x81\x85\x86\x87\x88\x89\x8f\x90\x91\x92\x93\x94o"
    steps = [
        *(bytes([code]) for code in plain),
        *(encode(value) for value in ("storage", "0", "_modules", 3, -1, 1.5)),
        *(encode(Name(*name.rsplit(".", 1))) for name in (
            "torch.FloatStorage", "collections.OrderedDict", "os.system", "torch.Size",
            "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_parameter",
            "torch._tensor._rebuild_from_type_v2",
        )),
        b"q\x01", b"q\x02", b"h\x01", b"h\x02", b"\x82\x01", b"ia\nb\n", b"\x97", b"\x98", b"Px\n",
    ]  # fmt: skip
    path = tmp_path / "w.pt"
    for _ in range(400):
        chosen = rng.integers(0, len(steps), rng.integers(1, 60))
        body = b"\x80\x02" + b"".join(steps[index] for index in chosen) + b"."
        for inert in (False, True):
            with contextlib.suppress(WeightsUntrusted):
                read_state(zip_of(path, body), inert_names=inert)


def test_storage_count_that_is_no_count_is_refused(tmp_path: Path):
    """The legacy container's own count before a storage is held to the pickle's."""
    file = TorchFile(legacy=True)
    contents = file.legacy_bytes(file.state_dict(PLAIN))
    position = contents.rindex(struct.pack("<q", 3))
    path = tmp_path / "w.pt"
    for count in (-1, 0, 1 << 62):
        path.write_bytes(contents[:position] + struct.pack("<q", count) + contents[position + 8 :])
        refused(path, "a storage has")


OTHER_FILES = {
    "an empty file": (b"", "it is empty"),
    "zeros": (bytes(4096), "it is empty"),
    "a web page": (b"\n<!DOCTYPE html><title>Sign in</title>", "it is a web page or XML"),
    "an error of an object store": (b"<?xml version='1.0'?><Error/>", "it is a web page or XML"),
    "an error of an API": (b'{"message": "Not Found"}', "it is JSON text"),
    "a Git LFS pointer": (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
    "safetensors": (b"\x40\0\0\0\0\0\0\0" + b'{"conv0.weight":{}}', "a safetensors file"),
    "gzip": (b"\x1f\x8b\x08\0\0\0\0\0\0\3", "compressed with gzip"),
    "HDF5": (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    "an array": (b"\x93NUMPY\1\0v\0", "an array of NumPy"),
    "an empty archive": (b"PK\5\6" + bytes(18), "an empty ZIP archive"),
}


@pytest.mark.parametrize("kind", OTHER_FILES)
def test_files_that_people_have_instead_of_weights_are_named(kind: str, tmp_path: Path):
    """Nobody has to know what a pickle is to see that a download gave something else."""
    contents, text = OTHER_FILES[kind]
    path = tmp_path / "weights.pt"
    path.write_bytes(contents)

    with pytest.raises(WeightsUntrusted, match=text):
        read_state(path)


@pytest.mark.parametrize("tenth", range(1, 10))
@pytest.mark.parametrize("legacy", [True, False])
def test_download_that_ended_early_says_so(tenth: int, legacy: bool, tmp_path: Path):
    """At any tenth of the file, in either container."""
    weight = np.zeros(10_000, np.float32)
    file = TorchFile(legacy=legacy)
    path = file.write(tmp_path / "weights.pt", ordered({"weight": file.tensor(weight)}))
    path.write_bytes(path.read_bytes()[: path.stat().st_size * tenth // 10])

    with pytest.raises(WeightsUntrusted, match="it ends early"):
        read_state(path)
