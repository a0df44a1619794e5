"""An archive in memory that promises what `hilum.pacs.archive.Archive` says, and has nothing more.

It answers otherwise than Orthanc wherever the promises leave that open: a reference is a number,
a position another one, and what comes under known UIDs takes the place of what was there.
"""

import hashlib
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from pydicom import Dataset, dcmread
from pydicom.errors import InvalidDicomError

from hilum.errors import FileTooLarge, NotInPacs, PacsRefused
from hilum.pacs.archive import (
    ArchiveSize,
    Arrivals,
    Capabilities,
    ObjectFacts,
    Origin,
    Series,
    StoredObject,
)

INDEXED = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex"),
    *("StudyInstanceUID", "StudyDate", "StudyTime", "StudyDescription", "AccessionNumber"),
    *("SeriesInstanceUID", "Modality", "SeriesDescription"),
)
"""What its index has of patient, study and series."""


@dataclass(slots=True)
class Kept:
    """One object."""

    file: bytes
    dataset: Dataset
    version: int


@dataclass(slots=True)
class MemoryArchive:
    """Keeps files in a dictionary."""

    url: str = "memory"
    kept: dict[str, Kept] = field(default_factory=dict)
    feed: list[str] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def close(self) -> None:
        pass

    def capabilities(self) -> Capabilities:
        return Capabilities("a dictionary")

    def newest(self) -> str:
        return str(len(self.feed))

    def arrivals(self, position: str, limit: int) -> Arrivals:
        first = int(position or 0)
        if first > len(self.feed):
            first, restarted = 0, True
        else:
            restarted = False
        new = self.feed[first : first + limit]
        after = first + len(new)
        return Arrivals(tuple(new), str(after), restarted, more=after < len(self.feed))

    def behind(self, _position: str) -> int | None:
        return None

    def describe(self, reference: str) -> ObjectFacts:
        kept = self._at(reference)
        return ObjectFacts(reference, str(kept.dataset.SOPInstanceUID), str(kept.version))

    def content_id(self, facts: ObjectFacts) -> str:
        return hashlib.sha256(self._at(facts.reference).file).hexdigest()

    def attributes(self, reference: str) -> dict[str, Any]:
        return simplified(self._at(reference).dataset)

    def attributes_of_index(self, reference: str) -> dict[str, Any]:
        found = self.attributes(reference)
        return {keyword: found[keyword] for keyword in INDEXED if keyword in found}

    def stored(self, reference: str, keyword: str) -> bytes:
        kept = self.kept.get(reference)
        value = None if kept is None else kept.dataset.get_item(keyword)
        raw = b"" if value is None else value.value
        return raw if isinstance(raw, bytes) else str(raw).encode()

    def origin(self, reference: str) -> Origin:
        self._at(reference)
        return Origin()

    def fetch(
        self, reference: str, *, max_bytes: int | None = None, verified: bool = False
    ) -> bytes:
        del verified  # memory does not garble
        file = self._at(reference).file
        if max_bytes is not None and len(file) > max_bytes:
            raise FileTooLarge(len(file), max_bytes)
        return file

    def store(self, file: bytes) -> StoredObject:
        try:
            dataset = dcmread(BytesIO(file))
            names = (dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID)
        except (InvalidDicomError, AttributeError) as exc:
            raise PacsRefused("This is not DICOM.", "Send something else.") from exc
        with self.lock:
            for reference, kept in self.kept.items():
                one = kept.dataset
                if names == (one.StudyInstanceUID, one.SeriesInstanceUID, one.SOPInstanceUID):
                    if file == kept.file:
                        return StoredObject(reference, already_there=True)
                    del self.kept[reference]
                    break
            else:
                reference = str(1000 + len(self.feed))
            self.kept[reference] = Kept(file, dataset, len(self.feed))
            self.feed.append(reference)
        return StoredObject(reference, already_there=False)

    def present(self, references: Sequence[str]) -> frozenset[str]:
        there = (self.kept[each] for each in references if each in self.kept)
        return frozenset(str(each.dataset.SOPInstanceUID) for each in there)

    def delete(self, reference: str) -> None:
        self.kept.pop(reference, None)

    def delete_study(self, study_instance_uid: str) -> None:
        for reference in self._where(StudyInstanceUID=study_instance_uid):
            self.delete(reference)

    def find_studies(self, query: Mapping[str, str]) -> list[str]:
        first, dash, last = query.get("StudyDate", "").partition("-")
        uids = {
            str(kept.dataset.StudyInstanceUID)
            for kept in self.kept.values()
            if query.get("StudyInstanceUID", "") in {"", kept.dataset.StudyInstanceUID}
            and first <= kept.dataset.StudyDate <= (last or "9") * bool(dash or not first)
        }
        return sorted(uids)

    def find_objects(
        self, sop_instance_uid: str, *, study: str = "", series: str = ""
    ) -> list[str]:
        wanted = {"StudyInstanceUID": study, "SeriesInstanceUID": series}
        named = {keyword: uid for keyword, uid in wanted.items() if uid}
        return self._where(SOPInstanceUID=sop_instance_uid, **named)

    def study_of(self, reference: str) -> str:
        return str(self._at(reference).dataset.StudyInstanceUID)

    def series_of(self, study: str) -> list[Series]:
        found: dict[str, list[str]] = {}
        for reference in self._where(StudyInstanceUID=study):
            found.setdefault(self._at(reference).dataset.SeriesInstanceUID, []).append(reference)
        if not found:
            raise NotInPacs("There is no such study.", "Ask for another one.")
        modality = {
            uid: self._at(each[0]).dataset.get("Modality", "") for uid, each in found.items()
        }
        return [Series(modality[uid], tuple(each)) for uid, each in found.items()]

    def size(self) -> ArchiveSize:
        files = [kept.file for kept in self.kept.values()]
        return ArchiveSize(len(self.find_studies({})), len(files), sum(map(len, files)))

    def address_of(self, reference: str) -> str:
        return f"memory:{reference}"

    def _at(self, reference: str) -> Kept:
        if reference not in self.kept:
            raise NotInPacs("There is no such object.", "Ask for another one.")
        return self.kept[reference]

    def _where(self, **uids: str) -> list[str]:
        return [
            reference
            for reference, kept in list(self.kept.items())
            if all(kept.dataset.get(keyword) == uid for keyword, uid in uids.items())
        ]


def simplified(dataset: Dataset) -> dict[str, Any]:
    """Return keyword → text, a sequence as a list of such."""
    return {
        element.keyword: [simplified(item) for item in element.value]
        if element.VR == "SQ"
        else str(element.value if element.value is not None else "")
        for element in dataset
        if element.keyword and element.keyword != "PixelData"
    }
