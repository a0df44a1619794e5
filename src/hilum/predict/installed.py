"""Installed models: one folder each, whole or not there, checked whenever it is opened."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from hilum.errors import WeightsMissing, WeightsUntrusted
from hilum.files.private import make_private
from hilum.language import Message
from hilum.language.system import system_error
from hilum.predict.card import ModelCard, WeightsFormat
from hilum.predict.catalogue import CARD_FILE, models_folder
from hilum.reading import ModelIdentity

RECORD_FILE: Final = "installed.json"
"""What was installed, and its hashes."""

LOCK_FILE: Final = ".lock"
"""Held by whoever changes the folder of models."""

WEIGHTS_FILE: Final = "weights.bin"
"""Weights laid out for one of hilum's graphs."""

NETWORK_FILE: Final = "network.onnx"
"""A whole network that was added as an ONNX file."""


class InstallRecord(BaseModel):
    """What was installed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source_sha256: str
    """SHA-256 of the file that was pulled or added, lower-case hexadecimal."""
    contents_sha256: str
    """SHA-256 of what hilum keeps of it."""
    verified: bool
    """True when the file matched a hash that its card publishes; False is trust on first use."""
    inert_names: tuple[str, ...] = ()
    """Names in the file that nobody listed and that were ignored."""
    accepted_terms: str = ""
    """Terms of its card that a person accepted when it was fetched."""


@dataclass(frozen=True, slots=True)
class Source:
    """The file that a model comes from."""

    sha256: str
    """SHA-256 of it, lower-case hexadecimal."""
    verified: bool
    """Whether that matched a published hash."""
    inert_names: tuple[str, ...] = ()
    """Names in it that nobody listed and that were ignored."""
    accepted_terms: str = ""
    """Terms of its card that a person accepted."""


@dataclass(frozen=True, slots=True)
class Installation:
    """An installed model whose bytes are those that were installed."""

    contents: bytes
    """The weights file, or the whole ONNX network."""
    record: InstallRecord
    """What is known of them."""


def contents_name(card: ModelCard) -> str:
    """Return the name of the file that holds a model of this kind."""
    return NETWORK_FILE if card.weights.format is WeightsFormat.ONNX else WEIGHTS_FILE


def is_installed(card: ModelCard, data_folder: Path) -> bool:
    """Whether a model's folder is there; its contents are checked when it is opened.

    A network that comes with hilum has no folder and is always there.
    """
    if card.weights.format is WeightsFormat.SHIPPED:
        return True
    return (models_folder(data_folder) / card.name / RECORD_FILE).is_file()


def is_verified(card: ModelCard, data_folder: Path) -> bool:
    """Whether a model is here and matched a published hash when it came.

    Only its record is read; that its contents are still those is checked when it is opened.
    """
    if card.weights.format is WeightsFormat.SHIPPED:
        return True
    try:
        return _record_of(card, data_folder).verified
    except (OSError, ValidationError):
        return False


def _record_of(card: ModelCard, data_folder: Path) -> InstallRecord:
    file = models_folder(data_folder) / card.name / RECORD_FILE
    return InstallRecord.model_validate_json(file.read_bytes())


def install(
    card: ModelCard,
    contents: bytes,
    source: Source,
    *,
    data_folder: Path,
    card_text: str | None = None,
) -> InstallRecord:
    """Put a model in its place, replacing an older one; at no moment is it there in part.

    Parameters
    ----------
    contents
        What is kept: the weights file, or the whole ONNX network.
    card_text
        The card as JSON, for a model that does not come with hilum.

    Raises
    ------
    WeightsMissing
        The data folder cannot be written.
    """
    record = InstallRecord(
        source_sha256=source.sha256,
        contents_sha256=hashlib.sha256(contents).hexdigest(),
        verified=source.verified,
        inert_names=source.inert_names,
        accepted_terms=source.accepted_terms,
    )
    parts = {contents_name(card): contents, RECORD_FILE: record.model_dump_json(indent=2).encode()}
    if card_text is not None:
        parts[CARD_FILE] = card_text.encode()
    try:
        put_folder(models_folder(data_folder) / card.name, parts)
    except OSError as exc:
        raise WeightsMissing(
            "The model {name} cannot be written to {data_folder}: {strerror}.",
            "Free space there, or set data_folder to another place.",
            name=card.name,
            data_folder=data_folder,
            strerror=system_error(exc),
        ) from exc
    return record


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep every other process from changing a folder's contents until the block ends."""
    with (folder / LOCK_FILE).open("wb") as lock:
        with suppress(ImportError):  # Windows has none: there one command at a time
            import fcntl  # noqa: PLC0415

            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def put_folder(folder: Path, parts: dict[str, bytes]) -> None:
    """Write a folder aside, then move it to its name in one step.

    One process at a time does this, so what another one left aside was killed there.

    Raises
    ------
    OSError
        It cannot be written.
    """
    make_private(folder.parent)
    with locked(folder.parent):
        for left in folder.parent.glob(f".{folder.name}-*"):
            shutil.rmtree(left, ignore_errors=True)
        aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            write_files(aside / "new", parts)
            if folder.exists():
                folder.rename(aside / "old")
            (aside / "new").rename(folder)
        finally:
            shutil.rmtree(aside, ignore_errors=True)


def write_files(folder: Path, parts: dict[str, bytes]) -> None:
    """Write files into a new folder and see them onto the disk.

    Raises
    ------
    OSError
        They cannot be written.
    """
    folder.mkdir()
    for name, contents in parts.items():
        with (folder / name).open("wb") as file:
            file.write(contents)
            file.flush()
            os.fsync(file.fileno())


def identity_of(
    card: ModelCard,
    installation: Installation,
    *,
    operating_points: str = "default",
    operating_points_origin: str = "",
) -> ModelIdentity:
    """Return which model it is, by its card and by what is installed of it."""
    return ModelIdentity(
        name=card.name,
        version=card.version,
        sha256=installation.record.source_sha256,
        verified=installation.record.verified,
        demonstration=card.demonstration,
        input_size=card.input_size,
        operating_points=operating_points,
        operating_points_origin=operating_points_origin,
    )


def open_installation(card: ModelCard, data_folder: Path) -> Installation:
    """Read an installed model and check that it is what was installed.

    Raises
    ------
    WeightsMissing
        It is not installed.
    WeightsUntrusted
        Its bytes are not those that were installed, or its card now asks for others.
    """
    if card.weights.format is WeightsFormat.SHIPPED:
        return open_shipped(card)
    folder = models_folder(data_folder) / card.name
    try:
        record = _record_of(card, data_folder)
        contents = (folder / contents_name(card)).read_bytes()
    except FileNotFoundError as exc:
        raise WeightsMissing(
            "The weights of {name} are not on this machine.", how_to_install(card), name=card.name
        ) from exc
    except OSError as exc:
        raise WeightsMissing(
            "The weights of {name} cannot be read: {strerror}.",
            "Check the permissions of {folder}.",
            name=card.name,
            strerror=system_error(exc),
            folder=folder,
        ) from exc
    except ValidationError as exc:
        raise WeightsUntrusted(
            "The record of the installed model {name} is damaged.",
            how_to_install(card),
            name=card.name,
        ) from exc
    if hashlib.sha256(contents).hexdigest() != record.contents_sha256:
        raise WeightsUntrusted(
            "The weights of {name} have changed since they were installed.",
            how_to_install(card),
            name=card.name,
        )
    if card.weights.sha256 not in {None, record.source_sha256}:
        raise WeightsUntrusted(
            "The installed weights of {name} are not those that its card names.",
            how_to_install(card),
            name=card.name,
        )
    return Installation(contents, record)


def open_shipped(card: ModelCard) -> Installation:
    """Read a network that comes with hilum and check that it is the one that its card names.

    Raises
    ------
    WeightsMissing
        hilum has no network of this name.
    WeightsUntrusted
        It has another one.
    """
    again = Message("Install hilum again.")
    try:
        contents = (files("hilum.predict") / "built_in" / f"{card.name}.onnx").read_bytes()
    except OSError as exc:
        raise WeightsMissing(
            "The network of {name}, which comes with hilum, cannot be read.", again, name=card.name
        ) from exc
    sha256 = hashlib.sha256(contents).hexdigest()
    if sha256 != card.weights.sha256:
        raise WeightsUntrusted(
            "The network of {name} that came with hilum is not the one that its card names.",
            again,
            name=card.name,
        )
    record = InstallRecord(source_sha256=sha256, contents_sha256=sha256, verified=True)
    return Installation(contents, record)


def how_to_install(card: ModelCard) -> Message:
    """Return the sentence that tells how the weights of a model get here."""
    if card.weights.url is not None:
        return Message("Run `hilum models pull {name}`.", name=card.name)
    return Message("Add it again with `hilum models add`.")
