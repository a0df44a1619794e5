"""torch's two containers: the legacy one, a row of pickles, and the ZIP of torch 1.6."""

import zipfile
from functools import cache
from io import SEEK_END, BytesIO
from pathlib import Path
from typing import Any, Final

from numpy.typing import NDArray

from hilum.files.errors import read_errors
from hilum.language import Message
from hilum.predict.weights.calls import Names
from hilum.predict.weights.records import StateDict, TensorStorage, untrusted
from hilum.predict.weights.state import item_size, numbers_in, to_arrays
from hilum.predict.weights.unpickler import read_pickle

LEGACY_MAGIC: Final = 0x1950A86A20F9469CFC6C
"""First pickle of a legacy container (``torch.serialization.MAGIC_NUMBER``)."""

LEGACY_PROTOCOL: Final = 1001
"""Second pickle of a legacy container (``torch.serialization.PROTOCOL_VERSION``)."""

COUNT_BYTES: Final = 8
"""Length of the count before each storage of a legacy container."""

ZIP_MAGIC: Final = b"PK\x03\x04"

ZIP_END: Final = b"PK\x05\x06"
"""First bytes of the record that ends a ZIP archive."""

LONGEST_ZIP_END: Final = 66_000
"""Bytes of that record with the longest comment."""

SNIFFED_BYTES: Final = 1024
"""Enough to tell what a file is."""

OTHERS: Final = {
    b"<": "a web page or XML, as servers send in place of a file",
    b"{": "JSON text, as servers send in place of a file",
    b"version https://git-lfs": "a Git LFS pointer; fetch the file itself with `git lfs pull`",
    b"\x1f\x8b": "compressed with gzip; decompress it first",
    b"\x89HDF": "an HDF5 file, as Keras writes",
    b"\x93NUMPY": "an array of NumPy",
    ZIP_END: "an empty ZIP archive",
}
"""How files begin that people have instead of weights, and what they are."""

SAFETENSORS: Final = slice(8, 10)
"""Where the JSON header of a safetensors file begins, behind its length."""

ZIP_ERRORS: Final = (
    zipfile.BadZipFile,
    EOFError,
    KeyError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
)
"""What `zipfile` raises for damaged, encrypted and impossible archives."""

WITHOUT_PROGRAM: Final = Message(
    "Where torch is installed, load it there and save its weights alone: "
    "torch.save(module.state_dict(), file). Then give that file."
)
"""What to do with a program that has weights in it."""

MAX_FILE: Final = 1 << 30
"""Largest weights file in bytes; ResNet-50 has 94 million."""

MAX_ENTRIES: Final = 50_000
"""Files in a ZIP; one a tensor and a few more."""


def read_state(path: Path, *, inert_names: bool = False) -> StateDict:
    """Read the tensors of a weights file of torch, of either container.

    Parameters
    ----------
    path
        A pickled ``torch.nn.Module`` or state dict, or a checkpoint with one of them in it.
    inert_names
        Whether names that nobody listed are ignored; else the first one ends the reading.
        Either way none is looked up and nothing runs.

    Raises
    ------
    SourceUnreadable
        The file cannot be opened.
    WeightsUntrusted
        It is no such file, is damaged, or names what it may not.
    """
    names = Names(inert_names)
    with read_errors(f"The weights file {path.name}"):
        size = path.stat().st_size
        if size > MAX_FILE:
            raise untrusted("it has {size} bytes, more than any network here", size=size)
        contents = path.read_bytes()
    if other := other_kind(contents):
        raise untrusted("it is {other}", other=other)
    read = read_zip if contents.startswith(ZIP_MAGIC) else read_legacy
    return StateDict(read(contents, names), tuple(names.unlisted))


def other_kind(contents: bytes) -> str:
    """Return what a file is that is plainly none of torch, empty where it may be one."""
    text = contents[:SNIFFED_BYTES].lstrip()
    if not text.strip(b"\0"):
        return "empty"
    if contents[SAFETENSORS] == b'{"':
        return "a safetensors file; hilum reads what torch.save writes"
    return next((kind for head, kind in OTHERS.items() if text.startswith(head)), "")


def read_legacy(contents: bytes, names: Names) -> dict[str, NDArray[Any]]:
    """Read a legacy container (``torch.save`` before 1.6).

    Its numbers are little-endian whatever machine wrote them.

    Raises
    ------
    WeightsUntrusted
        It is not one, is damaged, or names what it may not.
    """
    stream = BytesIO(contents)
    if read_pickle(stream, names).contents != LEGACY_MAGIC:
        raise untrusted("it is not a PyTorch file")
    if read_pickle(stream, names).contents != LEGACY_PROTOCOL:
        raise untrusted("it is of an unknown version of torch's format")
    read_pickle(stream, names)  # the machine that wrote it
    network = read_pickle(stream, names)
    keys = read_pickle(stream, names).contents
    if (
        not isinstance(keys, list)
        or not all(isinstance(key, str) for key in keys)
        or sorted(keys) != sorted(network.storages)
    ):
        raise untrusted("its list of storages is damaged")
    found = {key: next_storage(stream, network.storages[key]) for key in keys}
    return to_arrays(network.contents, lambda storage: found[storage.key])


def next_storage(stream: BytesIO, storage: TensorStorage) -> NDArray[Any]:
    """Return the numbers of the storage that begins at the stream's position.

    Raises
    ------
    WeightsUntrusted
        It is not as long as the network says, or the file ends early.
    """
    count = int.from_bytes(stream.read(COUNT_BYTES), "little")
    if count != storage.count:
        raise untrusted(
            "a storage has {count} numbers instead of {count_2}", count=count, count_2=storage.count
        )
    length = count * item_size(storage)
    start = stream.tell()
    if stream.seek(0, SEEK_END) < start + length:
        raise untrusted("it ends early")
    stream.seek(start + length)
    return numbers_in(stream.getbuffer()[start : start + length], storage)


def read_zip(contents: bytes, names: Names) -> dict[str, NDArray[Any]]:
    """Read a ZIP container (``torch.save`` since 1.6).

    torch never compresses what it writes, so an archive that does is refused unread:
    what comes out of one can't be larger than what went in.

    Raises
    ------
    WeightsUntrusted
        It is not one, is damaged, or names what it may not.
    """
    try:
        with zipfile.ZipFile(BytesIO(contents)) as archive:
            if program := program_in(archive.namelist()):
                raise untrusted(
                    "it is an archive of {program}, a program and not weights",
                    program=program,
                    remedy=WITHOUT_PROGRAM,
                )
            check_entries(archive.infolist(), len(contents))
            folder = root_folder(archive.namelist())
            order = f"{folder}/byteorder"
            big = order in archive.namelist() and archive.read(order) == b"big"
            network = read_pickle(BytesIO(archive.read(f"{folder}/data.pkl")), names)
            found = {key: archive.read(f"{folder}/data/{key}") for key in network.storages}
    except ZIP_ERRORS as exc:
        whole = ZIP_END in contents[-LONGEST_ZIP_END:]
        raise untrusted(
            Message("it is a damaged ZIP archive") if whole else Message("it ends early")
        ) from exc

    @cache  # many tensors may be views of one storage
    def numbers_of(storage: TensorStorage) -> NDArray[Any]:
        length = len(found[storage.key])
        if length != storage.count * item_size(storage):
            raise untrusted(
                "a storage has {length} bytes for {count} numbers",
                length=length,
                count=storage.count,
            )
        return numbers_in(found[storage.key], storage, big_endian=big)

    return to_arrays(network.contents, numbers_of)


def check_entries(entries: list[zipfile.ZipInfo], length: int) -> None:
    """Check that an archive is no larger inside than outside.

    Raises
    ------
    WeightsUntrusted
        It is compressed, or its entries overlap.
    """
    if len(entries) > MAX_ENTRIES:
        raise untrusted("its ZIP archive has {count} entries", count=len(entries))
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise untrusted("its ZIP archive is compressed, which torch never does")
    if sum(entry.file_size for entry in entries) > length:
        raise untrusted("the contents of its ZIP archive exceed the size of the file")


def program_in(names: list[str]) -> str:
    """Return what wrote an archive that holds a program, empty where it may hold weights.

    Sources
    -------
    torch/csrc/jit/serialization (folders ``code`` and ``tensors``), torch/export/pt2_archive.
    """
    for name in names:
        parts = set(name.split("/")[1:])  # the first is the name of the file itself
        if parts & {"code", "constants.pkl", "bytecode.pkl"} or name.endswith("/model.json"):
            return "TorchScript"
        if parts & {"archive_format", "serialized_exported_program.json"}:
            return "torch.export"
    return ""


def root_folder(names: list[str]) -> str:
    """Return the one folder that torch puts everything in.

    Raises
    ------
    WeightsUntrusted
        The archive is not torch's.
    """
    folders = {name.rpartition("/")[0] for name in names if name.endswith("/data.pkl")}
    if len(folders) != 1:
        raise untrusted("it is a ZIP archive, but not one of torch")
    return folders.pop()
