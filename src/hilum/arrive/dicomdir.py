"""DICOMDIR: the index of a medium, which names the files that are the images.

Sources
-------
PS3.3 F.3.2.2: Referenced File ID (0004,1500). PS3.10 8.6: DICOMDIR's name.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pydicom.uid import MediaStorageDirectoryStorage

from hilum import dicomfile
from hilum.arrive.candidate import Candidate, read_dicom
from hilum.errors import SourceUnreadable

META_BYTES: Final = 1024
"""File Meta Information is shorter than this in practice, and names the SOP class."""


def is_dicomdir(candidate: Candidate) -> bool:
    """Return whether a candidate is the index of a medium, not an image.

    Raises
    ------
    SourceUnreadable
        The file cannot be opened or read.
    """
    head = candidate.head(META_BYTES)
    return dicomfile.has_preamble(head) and MediaStorageDirectoryStorage.encode() in head


def referenced_paths(index: Path, candidate: Candidate) -> Iterator[Path]:
    """Yield the paths of the files that a DICOMDIR names, in its order.

    Parameters
    ----------
    index
        Where the DICOMDIR lies; what it names is relative to its folder.
    candidate
        The same file.

    Raises
    ------
    SourceUnreadable
        The index is damaged, names no file, or names one outside its folder.
    """
    count = 0
    for record in read_dicom(candidate).get("DirectoryRecordSequence") or []:
        file_id = record.get("ReferencedFileID")
        if not file_id:
            continue  # records of patients, studies and series name no file
        components = [file_id] if isinstance(file_id, str) else [str(part) for part in file_id]
        if any(part in {"", ".", ".."} or "/" in part for part in components):
            raise SourceUnreadable(
                f"{candidate.name} names a file outside its folder.",
                "Give the files or their folder instead.",
            )
        count += 1
        yield _as_spelled(index.parent, components)
    if count == 0:
        raise SourceUnreadable(
            f"{candidate.name} names no files.", "Give the files or their folder instead."
        )


def _as_spelled(folder: Path, components: list[str]) -> Path:
    """Return the path as it is on disk: names on a medium are in upper case, copies often not."""
    exact = folder.joinpath(*components)
    lower = folder.joinpath(*(part.lower() for part in components))
    return lower if lower.exists() and not exact.exists() else exact
