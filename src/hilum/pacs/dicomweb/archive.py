"""A DICOMweb server as the archive.

Sources
-------
DICOM PS3.18 10.4 to 10.6. Deleting is not of the standard, but many servers have it at the
address of what is to be deleted.
"""

import ssl
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import httpx
from pydicom.tag import Tag

from hilum.errors import FileTooLarge, NotInPacs, PacsError, PacsRefused, PacsUnavailable
from hilum.pacs.archive import (
    ArchiveSize,
    Arrivals,
    Capabilities,
    ObjectFacts,
    Origin,
    Series,
    StoredObject,
)
from hilum.pacs.dicomweb import multipart
from hilum.pacs.dicomweb.client import (
    INSTANCE,
    MODALITY,
    SERIES,
    STUDY,
    TOO_MANY,
    DicomWeb,
    ObjectPath,
    allows,
    path_of,
    study_path,
    text,
    texts,
)
from hilum.pacs.dicomweb.header import ObjectHeader, named_in, uids_in
from hilum.pacs.dicomweb.stow import judged
from hilum.pacs.dicomweb.sweep import Sweep, SweepPlan
from hilum.pacs.send.outcome import SendStatus
from hilum.runtime.caches import BriefBuffer, LruCache

KEPT: Final = 16
"""Headers of objects that are kept: what is asked of one on its arrival is asked at once."""

MOST_BYTES: Final = 512 << 20
"""Of a file that is looked at on its arrival; of a larger one only the UIDs are known."""

MOST_BUFFERED: Final = 128 << 20
BUFFERED_S: Final = 60.0
"""Bytes of files that are kept from their arrival to their analysis, and for how long."""

UNREAD: Final = "unread"
"""Content of an object that the server does not hand out."""


class DicomWebArchive:
    """Keeps the promises of `hilum.pacs.archive.Archive` over DICOMweb.

    A reference is where an object is below the server's address: its three UIDs.
    """

    def __init__(
        self,
        url: str,
        *,
        auth: httpx.Auth | None = None,
        timeout_s: float = 30.0,
        verify: ssl.SSLContext | bool = True,
        plan: SweepPlan | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.web = DicomWeb(url, auth=auth, timeout_s=timeout_s, verify=verify, transport=transport)
        plan = plan or SweepPlan()
        self._sweep = Sweep(self.web, plan)
        self._headers: LruCache[str, ObjectHeader] = LruCache(KEPT)
        self._files: BriefBuffer[str] = BriefBuffer(MOST_BUFFERED, BUFFERED_S, clock=plan.clock)

    @property
    def url(self) -> str:
        """Its address, for people."""
        return self.web.url

    def close(self) -> None:
        """Close the connections."""
        self.web.close()

    def capabilities(self) -> Capabilities:
        """Ask for one study: there is no other question that every server answers."""
        answer = self.web.ask("GET", "studies", params=[("limit", "1")])
        if not answer.is_success and answer.status_code not in {400, 404, TOO_MANY}:
            raise self.web.refused(answer)
        found = answer.status_code in {204, 400, TOO_MANY} or answer.content.lstrip().startswith(
            b"["
        )
        if not found:  # an Orthanc answers 404 beside its DICOMweb
            raise PacsRefused(
                "What answers at {url} is not a DICOMweb server.",
                "Set pacs.url to the address below which /studies is.",
                url=self.url,
            )
        server = answer.headers.get("server", "")
        return Capabilities(f"DICOMweb ({server})" if server else "DICOMweb")

    def newest(self) -> str:
        """Return the position after everything that is there now."""
        return self._sweep.newest()

    def arrivals(self, position: str, limit: int) -> Arrivals:
        """Return the next objects that no sweep has found before."""
        self._files.expire()
        return self._sweep.arrivals(position, limit)

    def behind(self, position: str) -> int | None:
        """Return None: a sweep does not know what is ahead of it."""
        del position
        return None

    def describe(self, reference: str) -> ObjectFacts:
        """Return what a search says; it has nothing about the file."""
        self._require(reference)
        self._forget(reference)  # it may have come again
        return ObjectFacts(reference, ObjectPath.of(reference).sop, "")

    def content_id(self, facts: ObjectFacts) -> str:
        """Return a digest of the pixels."""
        try:
            return self._header(facts.reference).digest
        except PacsError:
            self.capabilities()  # or is it away?
            return UNREAD

    def attributes(self, reference: str) -> dict[str, Any]:
        """Return what the file says."""
        header = self._header(reference)
        if header.uids is None:
            raise PacsRefused(
                "The PACS at {url} holds a damaged file: {path}.",
                "Send it again.",
                url=self.url,
                path=reference,
            )
        return dict(header.texts)

    def attributes_of_index(self, reference: str) -> dict[str, Any]:
        """Return what searches say of its study and series."""
        study, series, _ = ObjectPath.of(reference)
        self._require(reference)
        found = {"StudyInstanceUID": study, "SeriesInstanceUID": series}
        for path, match in (
            ("studies", {"StudyInstanceUID": study}),
            (path_of(study), {"SeriesInstanceUID": series}),
        ):
            for item in self.web.first(path, **match):
                if allows(item, match):
                    found = texts(item) | found
                    break
        return found

    def stored(self, reference: str, keyword: str) -> bytes:
        """Return the bytes of one attribute; a missing object has none either."""
        try:
            return self._header(reference).stored.get(Tag(keyword), b"")
        except NotInPacs:
            return b""

    def origin(self, reference: str) -> Origin:
        """Return what the file says of its sender."""
        return Origin(aet=self._header(reference).sent_by)

    def fetch(
        self, reference: str, *, max_bytes: int | None = None, verified: bool = False
    ) -> bytes:
        """Return the file; `verified` makes sure that it is this object, and asks anew.

        What was fetched a moment ago for its attributes is not asked for again, once: the file
        whose `content_id` was told is then the one that is analyzed.
        """
        file = None if verified else self._files.take(reference)
        if file is None:
            file = self.web.file(reference, max_bytes)
        if file is None and self.present([reference]):
            raise PacsUnavailable(
                "The PACS at {url} shows an object but does not return its file: {path}.",
                "Check whether it is on slow storage there, or lost.",
                url=self.url,
                path=reference,
            )
        if file is None:
            raise self._not_there(reference)
        if max_bytes is not None and len(file) > max_bytes:
            raise FileTooLarge(len(file), max_bytes)
        if verified and named_in(file) not in {"", ObjectPath.of(reference).sop}:
            raise PacsUnavailable(
                "The PACS at {url} returned another object than {path}.",
                "Check whatever is between hilum and that server, e.g. a cache.",
                url=self.url,
                path=reference,
            )
        return file

    def store(self, file: bytes) -> StoredObject:
        """Store one file, one in a request, unless it is there."""
        uids = uids_in(file)
        if uids is None or not all(uid.strip(".") for uid in uids):
            raise PacsRefused("This is not a complete DICOM file.", "Export it again.")
        reference = str(ObjectPath(*uids))
        if self.present([reference]):
            return StoredObject(reference, already_there=True)
        answer = self.web.ask("POST", "studies", body=multipart.body_of(file))
        sent, why = judged(answer)
        if sent is SendStatus.STORED and answer.is_success:
            return StoredObject(reference, already_there=False)
        if self.present([reference]):  # whatever the server says
            return StoredObject(reference, already_there=sent is SendStatus.ALREADY_THERE)
        again = answer.is_success or answer.status_code == httpx.codes.CONFLICT
        error = PacsUnavailable if sent is SendStatus.FAILED and again else PacsRefused
        raise error(
            "The PACS at {url} did not store a file (HTTP {status}). {why}",
            "Check its log, and what it accepts.",
            url=self.url,
            status=answer.status_code,
            why=why,
        )

    def present(self, references: Sequence[str]) -> frozenset[str]:
        """Ask for each: by a search, and where that has not heard of it yet, for the file."""
        paths = dict.fromkeys(map(ObjectPath.of, references))
        return frozenset(path.sop for path in paths if self._is_there(path))

    def delete(self, reference: str) -> None:
        """Delete one object where the server has a way to."""
        self._forget(reference)
        self._delete(reference, lambda: self._is_listed(ObjectPath.of(reference)))

    def delete_study(self, study_instance_uid: str) -> None:
        """Delete a study, where the server has a way to."""
        study = study_instance_uid
        self._delete(study_path(study), lambda: bool(self.web.first(path_of(study))))

    def find_studies(self, query: Mapping[str, str]) -> list[str]:
        """Return the studies that match, whether or not the server knows how to look for them."""
        named = {keyword: value for keyword, value in query.items() if value}
        found = self.web.search("studies", STUDY, **named)
        return [text(item, STUDY) for item in found if allows(item, named)]

    def find_objects(
        self, sop_instance_uid: str, *, study: str = "", series: str = ""
    ) -> list[str]:
        """Return objects; without a study all of them are looked through."""
        paths = (
            ObjectPath(each, text(item, SERIES), sop_instance_uid)
            for each in ([study] if study else self.find_studies({}))
            for item in self.web.search(path_of(each), SERIES)
        )
        wanted = (path for path in paths if series in {"", path.series})
        return [str(path) for path in wanted if self._is_listed(path)]

    def study_of(self, reference: str) -> str:
        """Return the study's UID."""
        self._require(reference)
        return ObjectPath.of(reference).study

    def series_of(self, study: str) -> list[Series]:
        """Return the series of a study."""
        found = [
            Series(
                text(item, MODALITY),
                tuple(map(str, self._sweep.objects(study, text(item, SERIES)))),
            )
            for item in self.web.search(path_of(study), SERIES)
        ]
        if not found:
            raise self._not_there(path_of(study))
        return found

    def size(self) -> ArchiveSize | None:
        """Return None: nobody can ask that."""
        return None

    def address_of(self, reference: str) -> str:
        """Return the address of an object."""
        return f"{self.url}/{reference}"

    def _header(self, reference: str) -> ObjectHeader:
        known = self._headers.get(reference)
        if known is None:
            file = self.fetch(reference, max_bytes=MOST_BYTES)
            known = ObjectHeader.of(file)
            self._headers.put(reference, known)
            self._files.put(reference, file)
        return known

    def _forget(self, reference: str) -> None:
        self._headers.forget(reference)
        self._files.take(reference)

    def _is_there(self, path: ObjectPath) -> bool:
        if self._is_listed(path):
            return True
        with suppress(FileTooLarge):
            return self.web.file(str(path), max_bytes=0) is not None
        return True

    def _is_listed(self, path: ObjectPath) -> bool:
        found = self.web.first(path_of(path.study, path.series), SOPInstanceUID=path.sop)
        return any(text(item, INSTANCE) == path.sop for item in found)

    def _require(self, reference: str) -> None:
        if not self.present([reference]):
            raise self._not_there(reference)

    def _not_there(self, path: str) -> NotInPacs:
        return NotInPacs(
            "The PACS at {url} does not have {path}.",
            "It may have been deleted there.",
            url=self.url,
            path=path,
        )

    def _delete(self, path: str, is_there: Callable[[], bool]) -> None:
        answer = self.web.ask("DELETE", path)
        if answer.is_success or (answer.status_code in {404, 410} and not is_there()):
            return
        raise PacsRefused(
            "The PACS at {url} does not delete over DICOMweb (HTTP {status}).",
            "Delete it there by hand: {path}",
            url=self.url,
            status=answer.status_code,
            path=path,
        )
