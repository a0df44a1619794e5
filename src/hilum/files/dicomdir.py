"""DICOMDIR: the index of a medium, which names the files that are the images.

Sources
-------
PS3.3 F.3.2.2: Referenced File ID (0004,1500). PS3.10 8.2, 8.6: names on media, DICOMDIR's
name. ISO 9660 7.5, 10.1: versions after a semicolon, and names of level 1.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pydicom import Dataset
from pydicom.uid import MediaStorageDirectoryStorage

from hilum.errors import SourceUnreadable
from hilum.files import dicom
from hilum.files.candidate import Candidate, read_dicom

META_BYTES: Final = 1024
"""File Meta Information is shorter than this in practice, and names the SOP class."""

SEPARATORS: Final = re.compile(r"[\\/]")
"""A backslash parts the components (PS3.10 8.2); programs for other systems write a slash."""

VERSION: Final = re.compile(r"\.?(;[0-9]+)?$")
"""What ISO 9660 puts behind a name, e.g. ``.;1``, and some programs leave there."""

EXTENSION: Final = re.compile(r"\.(dcm|dicom|dic|ima)$")
"""What copies of media get, though names on media have none."""

LEVEL_1_STEM: Final = 8
LEVEL_1_EXTENSION: Final = 3
"""Longest name and extension of ISO 9660, level 1."""


def is_dicomdir(candidate: Candidate) -> bool:
    """Return whether a candidate is the index of a medium, not an image.

    Raises
    ------
    SourceUnreadable
        The file cannot be opened or read.
    """
    head = candidate.head(META_BYTES)
    return dicom.has_preamble(head) and MediaStorageDirectoryStorage.encode() in head


def referenced_paths(index: Path, candidate: Candidate) -> Iterator[Path | SourceUnreadable]:
    """Yield the paths of the files that a DICOMDIR names, each once, in its order.

    A record that points outside the medium, or that cannot be read, is an error in its place.

    Parameters
    ----------
    index
        Where the DICOMDIR lies; what it names is relative to its folder.
    candidate
        The same file.

    Raises
    ------
    SourceUnreadable
        The index is damaged or names no file.
    """
    medium = Medium(index.parent)
    found: dict[Path, None] = {}
    count = 0
    for record in read_dicom(candidate).dataset.get("DirectoryRecordSequence") or []:
        components = _components(record)
        if not components:
            continue  # records of patients, studies and series name no file
        count += 1
        if any(part == ".." or ":" in part or "\0" in part for part in components):
            yield SourceUnreadable(
                "{name} names a file outside its folder.",
                "Give the files or their folder instead.",
                name=candidate.name,
            )
            continue
        path = medium.find(components)
        if path not in found:
            found[path] = None
            yield path
    if count == 0:
        raise SourceUnreadable(
            "{name} names no files.", "Give the files or their folder instead.", name=candidate.name
        )


def _components(record: Dataset) -> list[str]:
    """Return the folders and the name of the file of a record, none where it has no file."""
    file_id = record.get("ReferencedFileID") or ""
    written = file_id if isinstance(file_id, str) else "\\".join(map(str, file_id))
    parts = [part.strip(" \0") for part in SEPARATORS.split(written)]
    return [part for part in parts if part not in {"", "."}]


@dataclass(frozen=True, slots=True)
class Medium:
    """The folder of a DICOMDIR, in which names are found as people copy them."""

    folder: Path
    """Where the DICOMDIR lies."""
    _listed: dict[Path, list[str]] = field(default_factory=dict)

    def find(self, components: list[str]) -> Path:
        """Return where a file of the medium is; where it should be if it is nowhere."""
        exact = self.folder.joinpath(*components)
        if exact.is_file():
            return exact
        path = self.folder
        for wanted in components:
            name = self._as_spelled(path, wanted)
            if name is None:
                # unpacked by a program to which a backslash is a letter
                flat = self._as_spelled(self.folder, "\\".join(components))
                return exact if flat is None else self.folder / flat
            path /= name
        return path

    def _as_spelled(self, folder: Path, wanted: str) -> str | None:
        """Return the one entry of a folder that `wanted` means, None if there is none."""
        names = self._names(folder)
        for reading in READINGS:
            meant = [name for name in names if reading(name) == reading(wanted)]
            if len(meant) == 1:
                return meant[0]
        return None

    def _names(self, folder: Path) -> list[str]:
        if folder not in self._listed:
            try:
                self._listed[folder] = sorted(path.name for path in folder.iterdir())
            except OSError:  # no folder, or none that may be read: opening says so
                self._listed[folder] = []
        return self._listed[folder]


def _bare(name: str) -> str:
    """Return a name in small letters, without version and without an extension of DICOM."""
    return EXTENSION.sub("", VERSION.sub("", name.casefold()))


def _level_1(name: str) -> str:
    """Return a name as ISO 9660 has it at its strictest: 8 letters and 3 of an extension."""
    stem, _, extension = _bare(name).partition(".")
    short = f"{stem[:LEVEL_1_STEM]}.{extension[:LEVEL_1_EXTENSION]}"
    return re.sub(r"[^a-z0-9_.]", "_", short)


READINGS: Final[tuple[Callable[[str], str], ...]] = (str, str.casefold, _bare, _level_1)
"""How names are compared, the strictest way first."""
