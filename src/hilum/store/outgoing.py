"""One DICOM file on its way out: its bytes as they are, and what must be known to send them."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pydicom import DataElement, Dataset, config
from pydicom.dataset import FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_file_meta_info
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from hilum import dicomfile
from hilum.errors import SourceUnreadable

VALID_UID: Final = re.compile(r"[0-2](\.(0|[1-9][0-9]*))+")
"""Components without leading zeros, below one of the three roots there are (PS3.5 9.1)."""

MAX_UID_CHARACTERS: Final = 64
"""PS3.5 9.1."""

UIDS_CHECKED: Final = {
    "SOPInstanceUID": "SOP Instance UID",
    "SeriesInstanceUID": "Series Instance UID",
    "StudyInstanceUID": "Study Instance UID",
}
"""Keyword → name of the UIDs that identify an image; invalid ones are common in teaching files."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One DICOM file, ready to be sent.

    Attributes
    ----------
    name
        What to call it.
    content
        A file with preamble and File Meta Information; the data set in it is byte for
        byte that of the source.
    sop_class_uid, sop_instance_uid, transfer_syntax_uid
        What C-STORE negotiates and names.
    warnings
        Doubts that do not stop it, one sentence each, without a patient's identity.
    path
        A file on disk with exactly `content`; None when there is none.
    """

    name: str
    content: bytes = field(repr=False)
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    warnings: tuple[str, ...] = ()
    path: Path | None = None

    @classmethod
    def from_bytes(cls, content: bytes, *, name: str, path: Path | None = None) -> "Outgoing":
        """Look at a DICOM file and complete what it lacks around its data set.

        Parameters
        ----------
        content
            The file, with or without preamble.
        name
            What to call it.
        path
            Where `content` lies on disk, if it does.

        Raises
        ------
        SourceUnreadable
            It is cut off or damaged, or has no SOP Class or Instance UID.
        """
        dataset = dicomfile.parse(content, name=name)
        parts = dicomfile.split(content, name=name)
        sop_class = _ascii(dataset, "SOPClassUID")
        sop_instance = _ascii(dataset, "SOPInstanceUID")
        if not sop_class or not sop_instance:
            raise SourceUnreadable(
                f"{name} has no {'SOP Instance' if sop_class else 'SOP Class'} UID.",
                "It is not a complete DICOM object; export it again.",
            )
        syntax = _ascii(parts.meta, "TransferSyntaxUID") or _guessed_syntax(dataset)
        meta_is_right = (
            parts.preamble
            and dicomfile.text(parts.meta, "TransferSyntaxUID") == syntax
            and dicomfile.text(parts.meta, "MediaStorageSOPClassUID") == sop_class
            and dicomfile.text(parts.meta, "MediaStorageSOPInstanceUID") == sop_instance
        )
        if not meta_is_right:
            content = _head(sop_class, sop_instance, syntax) + content[parts.offset :]
        return cls(
            name=name,
            content=content,
            sop_class_uid=sop_class,
            sop_instance_uid=sop_instance,
            transfer_syntax_uid=syntax,
            warnings=uid_warnings(dataset),
            path=path if meta_is_right else None,
        )


def uid_warnings(dataset: Dataset) -> tuple[str, ...]:
    """Return one sentence for each identifying UID that breaks PS3.5 9.1; it is sent as it is."""
    uids = {called: dicomfile.text(dataset, keyword) for keyword, called in UIDS_CHECKED.items()}
    return tuple(
        f"{called} is {'not a valid UID' if uid else 'missing'}; it is sent unchanged."
        for called, uid in uids.items()
        if not is_valid_uid(uid)
    )


def is_valid_uid(uid: str) -> bool:
    """Return whether `uid` keeps to PS3.5 9.1."""
    return len(uid) <= MAX_UID_CHARACTERS and VALID_UID.fullmatch(uid) is not None


def _ascii(dataset: Dataset, keyword: str) -> str:
    """Return a UID that can be written, however invalid, and ``""`` for one that cannot."""
    uid = dicomfile.text(dataset, keyword)
    return uid if uid.isascii() and uid.isprintable() else ""


def _guessed_syntax(dataset: Dataset) -> str:
    """Return the transfer syntax that pydicom saw in a data set without File Meta Information."""
    implicit, little_endian = dataset.original_encoding
    if implicit:
        return str(ImplicitVRLittleEndian)
    return str(ExplicitVRLittleEndian if little_endian else ExplicitVRBigEndian)


def _head(sop_class: str, sop_instance: str, syntax: str) -> bytes:
    """Return preamble, prefix and File Meta Information (PS3.10 7.1)."""
    meta = FileMetaDataset()
    buffer = DicomBytesIO()
    meta.FileMetaInformationVersion = b"\0\1"
    for keyword, value in (
        ("MediaStorageSOPClassUID", sop_class),
        ("MediaStorageSOPInstanceUID", sop_instance),
        ("TransferSyntaxUID", syntax),
    ):
        # an invalid UID goes out as it came
        meta.add(DataElement(Tag(keyword), "UI", value, validation_mode=config.IGNORE))
    write_file_meta_info(buffer, meta, enforce_standard=True)
    return bytes(dicomfile.PREAMBLE_BYTES) + dicomfile.PREFIX + buffer.getvalue()
