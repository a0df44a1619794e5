"""Orthanc, spoken to over its REST API.

Sources
-------
Orthanc Book, "REST API of Orthanc"; works with 1.10 (Debian 12) and 1.12.
"""

import hashlib
import re
import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self, TypedDict, Unpack

import httpx

from hilum.errors import NotInPacs, PacsRefused, PacsUnavailable
from hilum.pacs.http import headers, pacs_errors, way

REALM: Final = "Orthanc"
"""Begins the realm for which every Orthanc asks a password (HTTP WWW-Authenticate)."""

MD5: Final = re.compile("[0-9a-f]{32}")
"""A digest as Orthanc writes it."""

PROBE_S: Final = 1.0
"""Seconds that whatever listens on a port gets to say what it is."""


@dataclass(frozen=True, slots=True)
class StoredInstance:
    """What Orthanc said about one uploaded instance."""

    instance_id: str
    """Orthanc's own identifier of the instance."""
    already_there: bool
    """True when Orthanc held it before and changed nothing."""


@dataclass(frozen=True, slots=True)
class Change:
    """One line of Orthanc's changes feed."""

    sequence: int
    """Position in the feed; grows by at least one with each change."""
    kind: str
    """``ChangeType``, e.g. ``"NewInstance"``."""
    resource_id: str
    """Orthanc's identifier of the instance, series, study or patient."""
    date: str
    """When it happened, to the second, by Orthanc's clock."""


@dataclass(frozen=True, slots=True)
class InstanceFacts:
    """What Orthanc's index knows of one instance, without opening its file."""

    sop_instance_uid: str
    """Its SOP Instance UID."""
    file_bytes: int
    """Size of its file, in bytes."""
    file_uuid: str
    """Orthanc's name of its file, another one whenever a file is written."""


@dataclass(frozen=True, slots=True)
class Series:
    """One series, without opening a file of it."""

    modality: str
    """Its Modality, empty when it has none."""
    instance_ids: tuple[str, ...]
    """Orthanc's identifiers of its instances."""


def is_orthanc(url: str) -> bool:
    """Whether an Orthanc answers at `url`, with or without asking for a password."""
    try:
        answer = httpx.get(f"{url}/system", timeout=PROBE_S)
    except httpx.HTTPError:
        return False
    return REALM in answer.headers.get("WWW-Authenticate", "") or '"DicomAet"' in answer.text


class Options(TypedDict, total=False):
    """What a request may have beside its method and path."""

    content: bytes | str
    """Body as it is."""
    json: Any
    """Body, to be written as JSON."""
    params: Mapping[str, int | str]
    """What comes after the question mark."""
    accept: str
    """Media type that is wanted."""
    timeout_s: float
    """Seconds to wait for this answer."""


class Orthanc:
    """One Orthanc server.

    Parameters
    ----------
    url
        Address of its REST API, e.g. ``http://127.0.0.1:8042``.
    username, password
        Its credentials; None when it asks for none.
    timeout_s
        Seconds to wait for one answer.
    verify
        How its certificate is checked over HTTPS, and which one we show (`hilum.pacs.tls`).
    transport
        For tests of faults only.
    """

    def __init__(
        self,
        url: str,
        *,
        username: str | None = None,
        password: str | None = None,
        timeout_s: float = 30.0,
        verify: ssl.SSLContext | bool = True,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self._timeout_s = timeout_s
        with pacs_errors(self.url):
            self._headers = headers(self.url, username, password)
            self._send, self._close = way(self.url, verify=verify, transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._close()

    def request(self, method: str, path: str, **options: Unpack[Options]) -> httpx.Response:
        """Send one request and return its successful response.

        Raises
        ------
        PacsUnavailable
            No answer, or not now.
        PacsRefused
            The PACS answered no.
        """
        with pacs_errors(self.url):
            limits = httpx.Timeout(options.get("timeout_s", self._timeout_s))
            request = httpx.Request(
                method,
                self.url + path,
                params=options.get("params"),
                headers=self._headers,
                content=options.get("content"),
                json=options.get("json"),
                extensions={"timeout": limits.as_dict()},
            )
            if "accept" in options:
                request.headers["Accept"] = options["accept"]
            return self._send(request).raise_for_status()

    def json(self, method: str, path: str, **options: Unpack[Options]) -> Any:
        """Send one request and return what its answer says as JSON.

        Raises
        ------
        PacsUnavailable
            No answer, not now, or an answer that is cut off or no JSON.
        PacsRefused
            The PACS answered no.
        """
        answer = self.request(method, path, **options)
        try:
            return answer.json()
        except ValueError as exc:
            raise PacsUnavailable(
                f"The PACS at {self.url} answered something that is not JSON to {path}.",
                "Look at whatever stands between hilum and that Orthanc, e.g. a proxy.",
            ) from exc

    def system(self) -> dict[str, Any]:
        """Return Orthanc's description of itself (``/system``).

        Raises
        ------
        PacsUnavailable
            No answer, or not now.
        PacsRefused
            The user name or password is wrong, or this is no Orthanc.
        """
        answer = self.request("GET", "/system")
        try:
            described: dict[str, Any] = answer.json()
            described["Version"]
        except (ValueError, LookupError, TypeError) as exc:
            raise PacsRefused(
                f"What answers at {self.url} is not an Orthanc.",
                "Set pacs.url to the address of Orthanc's REST API, e.g. http://host:8042.",
            ) from exc
        return described

    def upload(self, file: bytes) -> StoredInstance:
        """Store one DICOM file; storing it again changes nothing.

        Raises
        ------
        PacsRefused
            Orthanc does not take the file, e.g. it is not DICOM.
        """
        answer = self.json("POST", "/instances", content=file)
        if isinstance(answer, list):  # a ZIP: Orthanc 1.12 answers with a list
            answer = answer[0]
        return StoredInstance(answer["ID"], answer["Status"] == "AlreadyStored")

    def find_instance(self, sop_instance_uid: str) -> str | None:
        """Return Orthanc's identifier of the instance with this UID, None when it has none."""
        answer = self.json("POST", "/tools/lookup", content=sop_instance_uid)
        return next((str(hit["ID"]) for hit in answer if hit["Type"] == "Instance"), None)

    def there(self, instance_ids: Sequence[str]) -> frozenset[str]:
        """Return the SOP Instance UIDs of those of some instances that are there.

        One request for all of them (``/tools/bulk-content``, since Orthanc 1.9.4).
        """
        question = {"Resources": list(instance_ids), "Level": "Instance", "Metadata": False}
        answer = self.json("POST", "/tools/bulk-content", json=question)
        return frozenset(str(each["MainDicomTags"]["SOPInstanceUID"]) for each in answer)

    def find(self, level: str, query: dict[str, str]) -> list[str]:
        """Return Orthanc's identifiers of the resources that match (``/tools/find``).

        Parameters
        ----------
        level
            ``"Study"``, ``"Series"`` or ``"Instance"``.
        query
            DICOM keyword → value, with Orthanc's wildcards.
        """
        found: list[str] = self.json("POST", "/tools/find", json={"Level": level, "Query": query})
        return found

    def study_of(self, instance_id: str) -> str:
        """Return Orthanc's identifier of the study of an instance.

        Raises
        ------
        NotInPacs
            It is not there, or not any more.
        """
        return str(self.json("GET", f"/instances/{instance_id}/study")["ID"])

    def series_of(self, study_id: str) -> list[Series]:
        """Return the series of one study.

        Raises
        ------
        NotInPacs
            It is not there, or not any more.
        """
        answer = self.json("GET", f"/studies/{study_id}/series")
        return [
            Series(each["MainDicomTags"].get("Modality", ""), tuple(each["Instances"]))
            for each in answer
        ]

    def file(self, instance_id: str) -> bytes:
        """Return the DICOM file of one instance, as Orthanc stores it."""
        return self.request("GET", f"/instances/{instance_id}/file").content

    def describe(self, instance_id: str) -> InstanceFacts:
        """Return what the index knows of one instance.

        Raises
        ------
        NotInPacs
            It is not there, or not any more.
        """
        answer = self.json("GET", f"/instances/{instance_id}")
        uid = str(answer["MainDicomTags"]["SOPInstanceUID"])
        return InstanceFacts(uid, int(answer["FileSize"]), str(answer["FileUuid"]))

    def digest(self, instance_id: str) -> str | None:
        """Return Orthanc's MD5 of the file of one instance, None when it keeps none.

        Raises
        ------
        NotInPacs
            It is not there, or not any more.
        PacsUnavailable
            No answer, not now, or one that is no digest.
        """
        try:
            said = self.request("GET", f"/instances/{instance_id}/attachments/dicom/md5").text
        except NotInPacs:
            self.describe(instance_id)  # gone altogether, or only without a digest?
            return None
        if MD5.fullmatch(said) is None:
            raise PacsUnavailable(
                f"The PACS at {self.url} answered something that is no digest.",
                "Look at whatever stands between hilum and that Orthanc, e.g. a proxy.",
            )
        return said

    def file_as_kept(self, instance_id: str) -> bytes:
        """Return the DICOM file of one instance, made sure to be what the archive holds.

        Raises
        ------
        PacsUnavailable
            No answer, not now, or another file than the archive's digest says.
        """
        file = self.file(instance_id)
        kept = self.digest(instance_id)
        if kept is not None and kept != hashlib.md5(file, usedforsecurity=False).hexdigest():
            raise PacsUnavailable(
                f"The PACS at {self.url} gave another file than the one it holds.",
                "Look at whatever stands between hilum and that Orthanc, e.g. a proxy.",
            )
        return file

    def delete(self, instance_id: str) -> None:
        """Delete one instance; nothing happens when it is not there any more.

        Raises
        ------
        PacsUnavailable
            No answer, or not now.
        """
        with suppress(NotInPacs):
            self.request("DELETE", f"/instances/{instance_id}")

    def remote_aet(self, instance_id: str) -> str:
        """Return the AE title that sent one instance, empty when it came another way."""
        try:
            return self.request("GET", f"/instances/{instance_id}/metadata/RemoteAET").text
        except NotInPacs:
            return ""

    def text(self, instance_id: str, tag: str) -> str:
        """Return one attribute as text, empty when the instance lacks it.

        Parameters
        ----------
        instance_id
            Orthanc's identifier.
        tag
            Group and element, e.g. ``"0008-1090"``.
        """
        return self.stored(instance_id, tag).decode(errors="replace").strip(" \0")

    def stored(self, instance_id: str, tag: str) -> bytes:
        """Return the bytes of one attribute as they are in its file; parameters as in `text`."""
        try:
            return self.request("GET", f"/instances/{instance_id}/content/{tag}").content
        except NotInPacs:
            return b""

    def tags(self, instance_id: str) -> dict[str, Any]:
        """Return the attributes of one instance, keyword → value, without its pixels."""
        simplified: dict[str, Any] = self.json("GET", f"/instances/{instance_id}/simplified-tags")
        return simplified

    def tags_of_index(self, instance_id: str) -> dict[str, Any]:
        """Return what the index knows of the patient, study and series of one instance.

        Raises
        ------
        NotInPacs
            It is not there, or not any more.
        """
        study = self.json("GET", f"/instances/{instance_id}/study")
        series = self.json("GET", f"/instances/{instance_id}/series")
        patient = study.get("PatientMainDicomTags", {})
        return {**patient, **study["MainDicomTags"], **series["MainDicomTags"]}

    def changes(self, since: int, limit: int = 100) -> tuple[list[Change], int, bool]:
        """Return changes after position `since`, oldest first.

        Returns
        -------
        changes
            At most `limit` changes.
        last
            Position after them, to be given as the next `since`.
        done
            Whether there were no more when Orthanc answered.
        """
        answer = self.json("GET", "/changes", params={"since": since, "limit": limit})
        changes = [
            Change(int(c["Seq"]), c["ChangeType"], c["ID"], c["Date"]) for c in answer["Changes"]
        ]
        return changes, int(answer["Last"]), bool(answer["Done"])

    def last_change(self) -> int:
        """Return the number of the newest change; it goes back only in another database."""
        return int(self.json("GET", "/changes?last")["Last"])
