"""The archive: the interface that every kind of archive implements.

A new kind implements `Archive`, is chosen in `hilum.pacs.credentials.PacsAddress.connect`, and
keeps the contract that tests/pacs/contract runs against each of them. A *reference* is the
archive's own name of an object or a study: opaque, only the archive that gave it knows what it
means.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple, Protocol


@dataclass(frozen=True, slots=True)
class Arrivals:
    """What arrived after a position."""

    references: tuple[str, ...]
    """New objects, oldest first where the archive knows which came first."""
    position: str
    """Where to go on once all of them are dealt with; opaque."""
    restarted: bool
    """True when the archive's database is another one than before, so that
    everything in it counts as new."""
    more: bool
    """Whether there was more when the archive answered."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What the archive said of one file that it was given."""

    reference: str
    """Its name of the object."""
    already_there: bool
    """True when it held the object before and changed nothing."""


@dataclass(frozen=True, slots=True)
class ObjectFacts:
    """What the archive knows of one object without opening its file."""

    reference: str
    sop_instance_uid: str
    """Its names, the archive's and DICOM's."""
    version: str
    """Another one whenever its file is written; opaque."""


@dataclass(frozen=True, slots=True)
class Series:
    """One series, without opening a file of it."""

    modality: str
    """Its Modality, empty when it has none."""
    references: tuple[str, ...]
    """Its objects."""


class Origin(NamedTuple):
    """Who stored an object; each empty where the archive does not know."""

    aet: str = ""
    user: str = ""
    """The AE title that sent it, or the user who did over HTTP."""
    address: str = ""
    """From which host."""


class ArchiveSize(NamedTuple):
    """How much the archive holds."""

    studies: int
    objects: int
    file_bytes: int


class TargetKind(StrEnum):
    """How an archive reaches another one."""

    MODALITY = "modality"
    """C-STORE."""
    PEER = "peer"
    """A REST API like its own."""


@dataclass(frozen=True, slots=True)
class Commitment:
    """What another archive said when it was asked whether it keeps objects."""

    kept: bool | None
    """Whether it keeps all of them; None while it has not answered."""
    failures: tuple[str, ...] = ()
    """Why not, one for each object."""


class Forwarding(Protocol):
    """An archive that sends what it holds to others, by the names that it has for them."""

    def send_on(self, kind: TargetKind, name: str, references: Sequence[str]) -> None:
        """Send objects to another archive, and return when that has taken all.

        Raises
        ------
        PacsUnavailable
            The other archive did not take all of them.
        NotInPacs
            There is no other archive of that name, or not every object.
        """

    def ask_commitment(self, name: str, references: Sequence[str]) -> str:
        """Ask a modality whether it keeps objects; return the transaction to look at later.

        Raises
        ------
        PacsUnavailable
            The modality did not take the question.
        """

    def commitment(self, transaction: str) -> Commitment:
        """Return what a modality said so far to a question of `ask_commitment`."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an archive is and can do, as it says itself."""

    software: str
    """Name and version, for people."""
    forwarding: Forwarding | None = None
    """Sends on to other archives; None where it can't."""


class Archive(Protocol):
    """Where studies live. For any number of threads.

    Everything may raise `PacsUnavailable` (no answer, not now, or one that is cut off) and
    `PacsRefused` (it answered no); what is about one object raises `NotInPacs` when that is not
    there, or not any more.
    """

    @property
    def url(self) -> str:
        """Its address, for people."""

    def close(self) -> None:
        """Close the connections."""

    def capabilities(self) -> Capabilities:
        """Ask what it is; an answer means that it is there and lets us in."""

    def newest(self) -> str:
        """Return the position after everything that arrived so far."""

    def arrivals(self, position: str, limit: int) -> Arrivals:
        """Return what arrived after `position`: each object at least once, none is skipped.

        Parameters
        ----------
        position
            Of the last call; empty before the first object.
        limit
            Of how much is asked for at once.
        """

    def behind(self, position: str) -> int | None:
        """Return how much happened after `position`, None when that can't be told."""

    def describe(self, reference: str) -> ObjectFacts:
        """Return what names one object and its file."""

    def content_id(self, facts: ObjectFacts) -> str:
        """Return what tells an object from another one that comes under the same UIDs."""

    def attributes(self, reference: str) -> dict[str, Any]:
        """Return keyword → text, a sequence as a list of such; without pixels."""

    def attributes_of_index(self, reference: str) -> dict[str, Any]:
        """Return those of its patient, study and series without opening its file."""

    def stored(self, reference: str, keyword: str) -> bytes:
        """Return the bytes of one attribute as they are in the file, none when it lacks it."""

    def origin(self, reference: str) -> Origin:
        """Return who stored an object."""

    def fetch(
        self, reference: str, *, max_bytes: int | None = None, verified: bool = False
    ) -> bytes:
        """Return the DICOM file of one object as it is stored.

        Parameters
        ----------
        max_bytes
            Of the file; None: as large as it is.
        verified
            Whether it is made sure to be what the archive holds, where that keeps digests.

        Raises
        ------
        FileTooLarge
            It has more than `max_bytes`; then it is not fetched.
        PacsUnavailable
            Also: it is another file than the archive holds.
        """

    def store(self, file: bytes) -> StoredObject:
        """Store one DICOM file; storing it again changes nothing.

        Under UIDs that are there already the archive may keep the old pixels: whoever has to
        know asks `present` and `content_id`.

        Raises
        ------
        PacsRefused
            It does not take the file, e.g. because that is not DICOM.
        """

    def present(self, references: Sequence[str]) -> frozenset[str]:
        """Return the SOP Instance UIDs of those that are there, asked anew."""

    def delete(self, reference: str) -> None:
        """Delete one object; nothing happens when it is not there any more.

        Raises
        ------
        PacsRefused
            This archive does not delete.
        """

    def delete_study(self, study_instance_uid: str) -> None:
        """Delete a study with all that is in it, as `delete`."""

    def find_studies(self, query: Mapping[str, str]) -> list[str]:
        """Return the studies that match keyword → value, with DICOM's ranges (PS3.4 C.2.2.2)."""

    def find_objects(
        self, sop_instance_uid: str, *, study: str = "", series: str = ""
    ) -> list[str]:
        """Return the objects with this UID; only of one study and series, by UID, where named."""

    def study_of(self, reference: str) -> str:
        """Return the study of an object."""

    def series_of(self, study: str) -> list[Series]:
        """Return the series of a study."""

    def size(self) -> ArchiveSize | None:
        """Return how much it holds, None where that can't be asked."""

    def address_of(self, reference: str) -> str:
        """Return where an object is found, for people."""


def text(archive: Archive, reference: str, keyword: str) -> str:
    """Return one attribute of an object as text, empty when it lacks it."""
    return archive.stored(reference, keyword).decode(errors="replace").strip(" \0")
