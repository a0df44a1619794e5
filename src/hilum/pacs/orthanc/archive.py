"""An Orthanc as the archive, and how it reaches others: C-STORE, peers, storage commitment.

Sources
-------
Orthanc Book, "REST API of Orthanc", also sending to modalities and peers, "Storage commitment";
works with 1.10 (Debian 12) and 1.12. DICOM PS3.4 Annex J: only a success of all instances is a
commitment.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from pydicom.tag import Tag

from hilum.errors import NotInPacs, PacsRefused
from hilum.pacs.archive import (
    ArchiveSize,
    Arrivals,
    Capabilities,
    Commitment,
    ObjectFacts,
    Origin,
    Series,
    StoredObject,
    TargetKind,
)
from hilum.pacs.orthanc import changes
from hilum.pacs.orthanc.client import Orthanc, garbled, understood

FOLDERS: Final = {TargetKind.MODALITY: "modalities", TargetKind.PEER: "peers"}
"""Kind of another archive → where Orthanc's REST API has those of that kind."""

KEPT: Final = {"Success": True, "Failure": False}
"""Status of a commitment → whether all is kept; of any other, nobody knows yet."""

SEND_S: Final = 600.0
"""Seconds that another archive gets to take what Orthanc sends it."""


@dataclass(frozen=True, slots=True)
class OrthancForwarding:
    """Keeps the promises of `hilum.pacs.archive.Forwarding`."""

    orthanc: Orthanc
    """Which Orthanc sends; a name is what its configuration calls another archive."""

    def send_on(self, kind: TargetKind, name: str, references: Sequence[str]) -> None:
        """Let Orthanc send, and wait until it has."""
        self.orthanc.json(
            "POST",
            f"/{FOLDERS[kind]}/{quote(name, safe='')}/store",
            json={"Resources": list(references), "Synchronous": True},
            timeout_s=SEND_S,
        )

    @understood()
    def ask_commitment(self, name: str, references: Sequence[str]) -> str:
        """Let Orthanc ask a modality."""
        answer = self.orthanc.json(
            "POST",
            f"/modalities/{quote(name, safe='')}/storage-commitment",
            json={"Resources": list(references)},
            timeout_s=SEND_S,
        )
        return str(answer["ID"])

    @understood()
    def commitment(self, transaction: str) -> Commitment:
        """Return what the modality said so far."""
        answer = self.orthanc.json("GET", f"/storage-commitment/{transaction}")
        failures = answer.get("Failures", ())
        said = [str(failure.get("Description", "no reason")) for failure in failures]
        return Commitment(KEPT.get(str(answer["Status"])), tuple(said))


MD5: Final = re.compile("[0-9a-f]{32}")
"""A digest as Orthanc writes it."""


class OrthancArchive(Orthanc):
    """Keeps the promises of `hilum.pacs.archive.Archive` over Orthanc's REST API.

    A reference is Orthanc's own identifier: a hash of patient, study, series and instance.
    """

    _keeps_digests = True
    """Whether it has MD5s of its files: of all or, like the one that hilum starts, of none."""

    def capabilities(self) -> Capabilities:
        """Ask for its version; it can always send on."""
        return Capabilities(f"Orthanc {self.system()['Version']}", OrthancForwarding(self))

    @understood()
    def newest(self) -> str:
        """Return the position after everything that happened so far."""
        return changes.newest(self)

    @understood()
    def arrivals(self, position: str, limit: int) -> Arrivals:
        """Return the new instances among the next `limit` changes."""
        return changes.follow(self, position, limit)

    @understood()
    def behind(self, position: str) -> int | None:
        """Return how many changes there were after `position`."""
        return max(0, changes.last(self) - changes.sequence_of(position))

    @understood()
    def describe(self, reference: str) -> ObjectFacts:
        """Return what the index knows; the version is Orthanc's name of the file."""
        answer = self.json("GET", f"/instances/{reference}")
        uid = str(answer["MainDicomTags"]["SOPInstanceUID"])
        return ObjectFacts(reference, uid, str(answer["FileUuid"]))

    def content_id(self, facts: ObjectFacts) -> str:
        """Return Orthanc's MD5 of the file, else Orthanc's name of it."""
        digest = self._digest(facts.reference) if self._keeps_digests else None
        self._keeps_digests = digest is not None
        return digest or facts.version

    @understood()
    def attributes(self, reference: str) -> dict[str, Any]:
        """Return what Orthanc made of them; `hilum.node.intake` knows where it errs."""
        return dict(self.json("GET", f"/instances/{reference}/simplified-tags"))

    @understood()
    def attributes_of_index(self, reference: str) -> dict[str, Any]:
        """Return the main tags of patient, study and series."""
        study = self.json("GET", f"/instances/{reference}/study")
        series = self.json("GET", f"/instances/{reference}/series")
        patient = study.get("PatientMainDicomTags", {})
        return {**patient, **study["MainDicomTags"], **series["MainDicomTags"]}

    def stored(self, reference: str, keyword: str) -> bytes:
        """Return the bytes of one attribute; a missing instance has none either."""
        tag = Tag(keyword)
        path = f"/instances/{reference}/content/{tag.group:04x}-{tag.element:04x}"
        try:
            return self.request("GET", path).content
        except NotInPacs:
            return b""

    @understood()
    def origin(self, reference: str) -> Origin:
        """Return what the metadata say of the sender."""
        said = self.json("GET", f"/instances/{reference}/metadata?expand")
        names = ("RemoteAET", "HttpUsername", "RemoteIP")
        return Origin(*(str(said.get(name) or "") for name in names))

    @understood()
    def fetch(
        self, reference: str, *, max_bytes: int | None = None, verified: bool = False
    ) -> bytes:
        """Return the file, whose MD5 is asked for where it is to be verified."""
        path = f"/instances/{reference}/file"
        file = self.request("GET", path, max_bytes=max_bytes).content
        kept = self._digest(reference) if verified else None
        if kept is not None and kept != hashlib.md5(file, usedforsecurity=False).hexdigest():
            raise garbled("returned a different file from the one it holds")
        return file

    @understood()
    def store(self, file: bytes) -> StoredObject:
        """Store one file."""
        answer = self.json("POST", "/instances", content=file)
        if isinstance(answer, list):  # a ZIP: Orthanc 1.12 answers with a list
            answer = answer[0]
        status = answer["Status"]
        if status not in {"Success", "AlreadyStored"}:  # FilteredOut has an identifier all the same
            raise PacsRefused(
                "The PACS at {url} did not store a file: {status}.",
                "Check the scripts and plug-ins that decide what it accepts.",
                url=self.url,
                status=status,
            )
        return StoredObject(answer["ID"], status == "AlreadyStored")

    @understood()
    def present(self, references: Sequence[str]) -> frozenset[str]:
        """Ask for all at once (``/tools/bulk-content``, since Orthanc 1.9.4)."""
        question = {"Resources": list(references), "Level": "Instance", "Metadata": False}
        answer = self.json("POST", "/tools/bulk-content", json=question)
        return frozenset(str(each["MainDicomTags"]["SOPInstanceUID"]) for each in answer)

    def delete(self, reference: str) -> None:
        """Delete one instance."""
        with suppress(NotInPacs):
            self.request("DELETE", f"/instances/{reference}")

    def delete_study(self, study_instance_uid: str) -> None:
        """Delete a study, which is several where patients share its UID."""
        for study in self._lookup("Study", study_instance_uid):
            with suppress(NotInPacs):
                self.request("DELETE", f"/studies/{study}")

    def find_studies(self, query: Mapping[str, str]) -> list[str]:
        """Return the studies that match."""
        return self.find("Study", query)

    def find_objects(
        self, sop_instance_uid: str, *, study: str = "", series: str = ""
    ) -> list[str]:
        """Return instances; a search takes longer with each study, a look-up of a UID does not."""
        if not study:
            return self._lookup("Instance", sop_instance_uid)
        named = {"StudyInstanceUID": study, "SOPInstanceUID": sop_instance_uid}
        return self.find("Instance", named | ({"SeriesInstanceUID": series} if series else {}))

    @understood()
    def study_of(self, reference: str) -> str:
        """Return the study of an instance."""
        return str(self.json("GET", f"/instances/{reference}/study")["ID"])

    @understood()
    def series_of(self, study: str) -> list[Series]:
        """Return the series of a study."""
        answer = self.json("GET", f"/studies/{study}/series")
        return [
            Series(each["MainDicomTags"].get("Modality", ""), tuple(each["Instances"]))
            for each in answer
        ]

    @understood()
    def size(self) -> ArchiveSize:
        """Return Orthanc's statistics; it adds up its disk for each answer."""
        said = self.json("GET", "/statistics")
        names = ("CountStudies", "CountInstances", "TotalDiskSize")
        return ArchiveSize(*(int(said[name]) for name in names))

    def address_of(self, reference: str) -> str:
        """Return the instance's address in the REST API."""
        return f"{self.url}/instances/{reference}"

    def _digest(self, reference: str) -> str | None:
        """Return Orthanc's MD5 of the file of one instance, None when it keeps none."""
        try:
            said = self.request("GET", f"/instances/{reference}/attachments/dicom/md5").text
        except NotInPacs:
            self.describe(reference)  # gone altogether, or only without a digest?
            return None
        if MD5.fullmatch(said) is None:
            raise garbled("returned something that is not a digest")
        return said

    @understood()
    def _lookup(self, level: str, uid: str) -> list[str]:
        answer = self.json("POST", "/tools/lookup", content=uid)
        return [str(hit["ID"]) for hit in answer if hit["Type"] == level]

    @understood()
    def find(self, level: str, query: Mapping[str, str]) -> list[str]:
        """Return the resources of a level ("Study", "Instance") that match keyword → value."""
        question = {"Level": level, "Query": dict(query)}
        found: list[str] = self.json("POST", "/tools/find", json=question)
        if not all(isinstance(each, str) for each in found):
            raise TypeError("these are no identifiers")
        return found
