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
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from hilum.errors import PacsError, PacsRefused, SourceUnreadable
from hilum.files import dicom
from hilum.files.rewriting import has_odd_fragment
from hilum.language import Message
from hilum.language.message import filled_in
from hilum.pacs.send.outcome import SendOutcome, SendStatus

VALID_UID: Final = re.compile(r"[0-2](\.(0|[1-9][0-9]*))+")
"""Components without leading zeros, below one of the three roots there are (PS3.5 9.1)."""

MAX_UID_CHARACTERS: Final = 64
"""PS3.5 9.1."""

PADDED: Final = Message(
    "It has elements of odd length; each was padded with one byte (PS3.5 7.1.1)."
)
MENDED: Final = Message(
    "It is damaged; what can be read of it is sent, written as the standard has it."
)

UIDS_CHECKED: Final = {
    "SOPInstanceUID": "SOP Instance UID",
    "SeriesInstanceUID": "Series Instance UID",
    "StudyInstanceUID": "Study Instance UID",
}
"""Keyword → name of the UIDs that identify an image; invalid ones are common in teaching files."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One DICOM file, ready to be sent."""

    name: str
    """What to call it."""
    content: bytes = field(repr=False)
    """A file with preamble and File Meta Information; the data set in it is byte for byte that of
    the source, unless that was damaged or of odd length, which no PDV can carry (PS3.8 Annex E):
    `warnings` say so, but for a deflated one (PS3.5 A.5)."""
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    """What C-STORE negotiates and names."""
    warnings: tuple[str, ...] = ()
    """Doubts that do not stop it, one sentence each, without a patient's identity."""
    path: Path | None = None
    """A file on disk with exactly `content`; None when there is none."""

    @classmethod
    def from_bytes(cls, content: bytes, *, name: str, path: Path | None = None) -> "Outgoing":
        """Look at a DICOM file and complete what it lacks around its data set.

        Raises
        ------
        SourceUnreadable
            It is cut off or damaged, or has no SOP Class or Instance UID.
        """
        file = dicom.opened(content, name=name)
        dataset = dicom.data_set_of(file, name=name)
        sop_class = _ascii(dataset, "SOPClassUID")
        sop_instance = _ascii(dataset, "SOPInstanceUID")
        if not sop_class or not sop_instance:
            raise SourceUnreadable(
                "{name} has no {value} UID.",
                "It is not a complete DICOM object; export it again.",
                name=name,
                value="SOP Instance" if sop_class else "SOP Class",
            )
        head = content[: file.parts.offset]
        data_set, syntax, changes = _sendable(content, file)
        meta_is_right = (
            file.parts.preamble
            and not file.parts.notes
            and not content.startswith(b"\0\0", file.parts.offset)
            and dicom.text(file.parts.meta, "TransferSyntaxUID") == syntax
            and dicom.text(file.parts.meta, "MediaStorageSOPClassUID") == sop_class
            and dicom.text(file.parts.meta, "MediaStorageSOPInstanceUID") == sop_instance
        )
        if not meta_is_right:
            head = _head(sop_class, sop_instance, syntax)
        unchanged = meta_is_right and data_set is None
        if data_set is None:
            data_set = content[file.parts.offset :]
        return cls(
            name=name,
            content=content if unchanged else head + data_set,
            sop_class_uid=sop_class,
            sop_instance_uid=sop_instance,
            transfer_syntax_uid=syntax,
            warnings=uid_warnings(dataset) + changes,
            path=path if unchanged else None,
        )

    def ended(self, sent: SendStatus, detail: str = "", **values: object) -> SendOutcome:
        """Return the outcome of sending it; `values` fill the gaps of the detail."""
        return SendOutcome(self.name, sent, filled_in(detail, values), self.warnings)

    def lost(self, exc: PacsError) -> SendOutcome:
        """Return the outcome of a refusal, which is final, or of another error, which is not."""
        refused = isinstance(exc, PacsRefused)
        return self.ended(SendStatus.REFUSED if refused else SendStatus.FAILED, exc.message)


def kind_of(head: bytes) -> tuple[str, str] | None:
    """Return SOP Class and Transfer Syntax UID as the first bytes of a file say, None if not."""
    try:
        meta = dicom.split(head, name="").meta
    except SourceUnreadable:
        return None
    kind = _ascii(meta, "MediaStorageSOPClassUID"), _ascii(meta, "TransferSyntaxUID")
    return kind if all(kind) and max(map(len, kind)) <= MAX_UID_CHARACTERS else None


def _sendable(content: bytes, file: dicom.Opened) -> tuple[bytes | None, str, tuple[str, ...]]:
    """Return the data set to send, None for the file's own, its syntax, and what was changed."""
    syntax = file.syntax or str(dicom.ENCODINGS[file.encoding])
    if file.notes:
        if syntax == DeflatedExplicitVRLittleEndian:
            syntax = str(ExplicitVRLittleEndian)
        return file.data_set(syntax), syntax, (MENDED,)
    length = len(content) - file.parts.offset
    if syntax == DeflatedExplicitVRLittleEndian:
        padded = content[file.parts.offset :] + b"\0" if length % 2 else None
        return padded, syntax, ()
    if length % 2 or has_odd_fragment(file.elements):
        return file.data_set(syntax), syntax, (PADDED,)
    return None, syntax, ()


def uid_warnings(dataset: Dataset) -> tuple[str, ...]:
    """Return one sentence for each identifying UID that breaks PS3.5 9.1; it is sent as it is."""
    uids = {called: dicom.text(dataset, keyword) for keyword, called in UIDS_CHECKED.items()}
    return tuple(
        Message("{name} is not a valid UID; it is sent unchanged.", name=called)
        if uid
        else Message("{name} is missing; it is sent unchanged.", name=called)
        for called, uid in uids.items()
        if not is_valid_uid(uid)
    )


def is_valid_uid(uid: str) -> bool:
    """Return whether `uid` keeps to PS3.5 9.1."""
    return len(uid) <= MAX_UID_CHARACTERS and VALID_UID.fullmatch(uid) is not None


def _ascii(dataset: Dataset, keyword: str) -> str:
    """Return a UID that can be written, however invalid, and ``""`` for one that cannot."""
    uid = dicom.text(dataset, keyword)
    return uid if uid.isascii() and uid.isprintable() else ""


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
    return bytes(dicom.PREAMBLE_BYTES) + dicom.PREFIX + buffer.getvalue()
