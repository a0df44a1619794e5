"""A client of DICOMweb: what servers promise, and what they do all the same.

Nothing is relied on that was not asked first (`DicomWeb.abilities`), and an answer is never
taken at its word: pages may be shorter than asked for, or the same again; a filter may be ignored;
HTTP 204 and 404 are both how servers say that they found nothing.

Sources
-------
DICOM PS3.18 8.3.4 (query parameters), 10.4 (Retrieve), 10.5 (Store), 10.6 (Search), F.2 (JSON).
"""

import ssl
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Final, NamedTuple
from urllib.parse import quote, unquote

import httpx
from pydicom.datadict import keyword_for_tag

from hilum.errors import FileTooLarge, PacsRefused, PacsUnavailable
from hilum.language.message import filled_in
from hilum.pacs.dicomweb import multipart
from hilum.pacs.http import BUSY, SERVER_ERROR, headers, open_http, pacs_errors

JSON: Final = "application/dicom+json"
FILE: Final = 'multipart/related; type="application/dicom"; transfer-syntax=*'
"""As it is stored: for another transfer syntax Debian's Orthanc decodes, and may die of it."""

Item = dict[str, Any]
"""What a search says of a study, series or instance: DICOM JSON."""

STUDY, SERIES, INSTANCE = "0020000D", "0020000E", "00080018"
COUNT: Final = "00201208"
"""Number of Study Related Instances."""
MODALITY: Final = "00080060"
MODALITIES: Final = "00080061"
"""Modalities in Study."""
FIELDS: Final = [("includefield", COUNT), ("includefield", MODALITIES)]

PAGE: Final = 200
"""Answers that are asked for at once; Azure refuses to give more."""

FEW: Final = 10
"""No server gives fewer at once while it has more."""

AROUND: Final = 16 << 10
"""Bytes of a multipart answer around a file."""

KNOWN_NOT: Final = frozenset({400, 404, 405, 406, 410, 415, 422, 501})
"""Statuses of a server that does not do what it was asked."""

TOO_MANY: Final = 413
"""Status of a search that would find more than the server gives (dcm4chee, where it is set)."""

ONE_DAY: Final = ("StudyDate", "19000101")
"""Narrows a search in which only the answer's status counts."""

NOTHING: Final = frozenset({204, 404})
"""Statuses of a search that found nothing."""


class ObjectPath(NamedTuple):
    """Where an object is below the server's address; as text the archive's reference to it."""

    study: str
    series: str
    sop: str

    def __str__(self) -> str:
        study, series, sop = map(_quoted, self)
        return f"studies/{study}/series/{series}/instances/{sop}"

    @classmethod
    def of(cls, reference: str) -> "ObjectPath":
        """Read a reference."""
        return cls(*(unquote(each) for each in reference.split("/")[1::2]))


class Abilities(NamedTuple):
    """What a server does, found by asking it."""

    pages: bool
    """Takes ``limit``."""
    turns: bool
    """Takes ``offset``."""
    fields: bool
    """Takes ``includefield``."""


def text(item: Item, tag: str) -> str:
    """Return an attribute of an answer as text, empty when it lacks it."""
    element = item.get(tag)
    values = element.get("Value") if isinstance(element, dict) else None
    named = (
        "=".join(str(each.get(part, "")) for part in ("Alphabetic", "Ideographic", "Phonetic"))
        if isinstance(each, dict)
        else str(each)
        for each in (values if isinstance(values, list) else ())
        if each is not None
    )
    return "\\".join(each.rstrip("=") for each in named).strip(" \0")


def texts(item: Item) -> dict[str, str]:
    """Return all attributes of an answer by keyword."""
    return {
        keyword_for_tag(int(tag, 16)): text(item, tag) for tag in item if len(tag) == len(STUDY)
    }


def study_path(study: str) -> str:
    """Return where a study is."""
    return f"studies/{_quoted(study)}"


def path_of(study: str, *series: str) -> str:
    """Return where the series of a study are, or the instances of a series."""
    return "/".join((study_path(study), "series", *(f"{_quoted(s)}/instances" for s in series)))


def _quoted(uid: str) -> str:
    """Return a UID as a part of an address, which it can't leave."""
    if uid.strip(".") == "":
        raise ValueError("no UID")
    return quote(uid, safe="")


def garbled(what: str, **values: object) -> PacsUnavailable:
    """Return the error that an answer is none, or not whole."""
    return PacsUnavailable(
        "The PACS {what}.",
        "Check whatever is between hilum and that server, e.g. a proxy, and that pacs.url is its "
        "DICOMweb address.",
        what=filled_in(what, values),
    )


class DicomWeb:
    """One DICOMweb server. For any number of threads."""

    def __init__(
        self,
        url: str,
        *,
        auth: httpx.Auth | None = None,
        timeout_s: float = 30.0,
        verify: ssl.SSLContext | bool = True,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self._auth = auth or httpx.Auth()
        self._timeouts = httpx.Timeout(timeout_s).as_dict()
        with pacs_errors(self.url):
            self._headers = headers(self.url, None, None)
            self._send, self.close = open_http(self.url, verify=verify, transport=transport)

    def ask(
        self,
        method: str,
        path: str,
        *,
        accept: str = JSON,
        params: Sequence[tuple[str, str]] = (),
        body: tuple[bytes, str] | None = None,
        max_bytes: int | None = None,
    ) -> httpx.Response:
        """Send one request and return its answer, whatever that says.

        Parameters
        ----------
        body
            Content and its type.
        max_bytes
            Of the answer.

        Raises
        ------
        PacsUnavailable
            No answer, or not now.
        PacsRefused
            Who we are does not count there.
        FileTooLarge
            The answer has more than `max_bytes`.
        """
        with pacs_errors(self.url):
            request = httpx.Request(
                method,
                f"{self.url}/{path}",
                params=tuple(params),
                headers=self._headers,
                content=None if body is None else body[0],
                extensions={"timeout": self._timeouts, "max_bytes": max_bytes},
            )
            request.headers["Accept"] = accept
            if body is not None:
                request.headers["Content-Type"] = body[1]
            flow = self._auth.sync_auth_flow(request)
            request = next(flow)
            while True:
                answer = self._send(request)
                try:
                    request = flow.send(answer)
                except StopIteration:
                    break
            status = answer.status_code
            if status in {401, 403} | BUSY or (status >= SERVER_ERROR and status not in KNOWN_NOT):
                answer.raise_for_status()
            return answer

    @cached_property
    def abilities(self) -> Abilities:
        """Ask for what it does."""
        pages = self._takes("studies", [("limit", "1")])
        first = [("limit", "1")] if pages else []
        turns = self._takes("studies", [*first, ("offset", "1")])
        return Abilities(pages, turns, self._takes("studies", first + FIELDS))

    def search(self, path: str, level: str, **match: str) -> Iterator[Item]:
        """Yield what there is at a path, each once, however the server turns its pages.

        Parameters
        ----------
        level
            Tag of the UID of what is searched.
        match
            Keyword → value; a server that does not know one ignores it.

        Raises
        ------
        PacsUnavailable
            Also: what comes is no answer to a search.
        """
        query = list(match.items())
        if path == "studies" and self.abilities.fields:
            query += FIELDS
        seen: set[tuple[str, ...]] = set()
        offset = 0
        while True:
            turned = [("limit", str(PAGE))] if self.abilities.pages else []
            if offset:
                turned.append(("offset", str(offset)))
            page = self._page(path, query + turned)
            new = [each for each in page if self._adds(seen, each, level)]
            yield from new
            offset += len(page)
            # a server may give fewer than asked for, or the first page again and again
            if not new or len(page) < FEW or not self.abilities.turns:
                return

    def first(self, path: str, **match: str) -> list[Item]:
        """Return the first page of a search."""
        return self._page(path, list(match.items()))

    def file(self, path: str, max_bytes: int | None = None) -> bytes | None:
        """Return an object's file as it is stored, None where it is not there.

        Raises
        ------
        PacsUnavailable
            Also: what comes is cut off, or no DICOM.
        PacsRefused
            It is not handed out.
        FileTooLarge
            It has many more than `max_bytes`.
        """
        most = None if max_bytes is None else max_bytes + AROUND
        try:
            answer = self.ask("GET", path, accept=FILE, max_bytes=most)
        except FileTooLarge as exc:
            raise FileTooLarge(exc.args[0], max_bytes or 0) from None
        if answer.status_code in {404, 410}:
            return None
        if answer.status_code != httpx.codes.OK:  # 206 is a part of it
            raise self.refused(answer)
        try:
            file = multipart.first_part(answer.content, answer.headers.get("content-type", ""))
        except ValueError as exc:
            raise garbled("sent a file that is cut off") from exc
        if file[128:132] != b"DICM":
            raise garbled("sent something other than a DICOM file")
        return file

    def refused(self, answer: httpx.Response) -> PacsRefused:
        """Return the error of an answer that says no."""
        return PacsRefused(
            "The PACS at {url} answered HTTP {status} to {path}.",
            "Check its log for this minute, and what this user may do there.",
            url=self.url,
            status=answer.status_code,
            path=answer.request.url.path,
        )

    def _page(self, path: str, query: list[tuple[str, str]]) -> list[Item]:
        answer = self.ask("GET", path, params=query)
        if answer.status_code in NOTHING:
            return []
        if not answer.is_success:
            raise self.refused(answer)
        try:
            found = answer.json()
        except ValueError as exc:
            raise _no_search(path) from exc
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            raise _no_search(path)
        return found

    def _adds(self, seen: set[tuple[str, ...]], item: Item, level: str) -> bool:
        uids = tuple(text(item, tag) for tag in (STUDY, SERIES, INSTANCE))
        if not text(item, level).strip(".") or uids in seen:
            return False
        seen.add(uids)
        return True

    def _takes(self, path: str, params: list[tuple[str, str]]) -> bool:
        answer = self.ask("GET", path, params=params)
        if answer.status_code == TOO_MANY:
            answer = self.ask("GET", path, params=[*params, ONE_DAY])
        if answer.is_success:
            return True
        if answer.status_code in KNOWN_NOT:
            return False
        raise self.refused(answer)


def _no_search(path: str) -> PacsUnavailable:
    return garbled("returned something other than a list for {path}", path=path)


def allows(item: Item, query: Mapping[str, str]) -> bool:
    """Whether an answer is what was asked for: some servers ignore what they are asked."""
    said = texts(item)
    for keyword, wanted in query.items():
        value = said.get(keyword, "")
        first, dash, last = wanted.partition("-")
        if not value or not wanted:
            continue
        if keyword.endswith("Date") and dash:
            if not first <= value <= (last or "9"):
                return False
        elif value != wanted and not set(wanted) & set("*?\\"):
            return False
    return True
