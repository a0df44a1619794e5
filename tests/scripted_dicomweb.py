"""A DICOMweb server that does on demand what real ones do now and then."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from io import BytesIO
from typing import Any

import httpx
from pydicom import dcmread

from hilum.files import dicom
from hilum.radiograph import ImageUIDs
from radiographs import dicom_file, make_radiograph

Answer = httpx.Response | None


def failed(reason: int, status: int = 409) -> httpx.Response:
    """Return a Store response in which the file failed."""
    item = {"00081197": {"vr": "US", "Value": [reason]}}
    return httpx.Response(status, json={"00081198": {"vr": "SQ", "Value": [item]}})


@dataclass
class ScriptedDicomWeb(httpx.BaseTransport):
    """Keeps files in memory; a test changes what it says.

    Attributes
    ----------
    most
        Answers to a search that it gives at once, whatever is asked for.
    turns
        Whether it knows ``offset``.
    counts
        Whether it tells how many images a study has.
    filters
        Whether it looks for what it is asked for.
    refuses
        Parameters that it answers with 400.
    fault
        Asked before everything else.
    indexed
        Whether an object is found by searches.
    """

    most: int = 1000
    turns: bool = True
    counts: bool = True
    filters: bool = True
    refuses: frozenset[str] = frozenset()
    empty: int = 200
    fault: Callable[[httpx.Request], Answer] = lambda _: None
    indexed: Callable[[ImageUIDs], bool] = lambda _: True
    kept: dict[ImageUIDs, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def put(self, **attributes: Any) -> ImageUIDs:
        """Keep a new image."""
        image = make_radiograph(**attributes)
        uids = ImageUIDs.of(image)
        self.kept[uids] = dicom_file(image)
        return uids

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/web/")
        self.asked.append(f"{request.method} {path}")
        answer = self.fault(request)
        if answer is None:
            answer = self._answer(request, path.split("/"))
        answer.request = request
        return answer

    def _answer(self, request: httpx.Request, path: list[str]) -> httpx.Response:
        if request.method == "POST":
            return self._store(request)
        if request.method != "GET" or self.refuses & set(request.url.params):
            return httpx.Response(400)
        if len(path) == 6:
            return self._file(ImageUIDs(*path[1::2]))
        if path == ["instances"]:
            return httpx.Response(404)
        return self._search(dict(request.url.params), path)

    def _store(self, request: httpx.Request) -> httpx.Response:
        body = request.read()
        file = body[body.index(b"\r\n\r\n") + 4 : body.rindex(b"\r\n--", 0, -4)]
        uids = ImageUIDs.of(dicom.parse(file, name="it"))
        if uids in self.kept:
            return failed(0x0110)
        self.kept[uids] = file
        return httpx.Response(200, json={"00081199": {"Value": [{}]}})

    def _file(self, uids: ImageUIDs) -> httpx.Response:
        if uids not in self.kept:
            return httpx.Response(404)
        return multipart(self.kept[uids])

    def _search(self, params: dict[str, str], path: list[str]) -> httpx.Response:
        level = len(path[::2])  # 1: studies, 2: series, 3: instances
        found: dict[tuple[str, ...], dict[str, Any]] = {}
        for uids, file in self.kept.items():
            if list(uids[: level - 1]) != path[1::2] or not self.indexed(uids):
                continue
            header = header_of(file)
            if self.filters and not matches(header, params):
                continue
            item = found.setdefault(tuple(uids[:level]), {})
            item |= {tag: {"Value": [uid]} for tag, uid in zip(TAGS, uids[:level], strict=False)}
            item["00080020"] = {"Value": [header.StudyDate]}
            if level > 1:
                item["00080060"] = {"Value": [header.Modality]}
            elif self.counts:
                seen = item.get("00201208", {"Value": [0]})["Value"][0]
                item["00201208"] = {"Value": [seen + 1]}
        first = int(params.get("offset", 0)) if self.turns else 0
        size = min(self.most, int(params.get("limit", self.most)))
        page = list(found.values())[first : first + size]
        if not page:
            return httpx.Response(self.empty, content=b"[]" if self.empty == 200 else b"")
        return httpx.Response(200, content=json.dumps(page).encode())


@lru_cache(maxsize=1000)
def header_of(file: bytes) -> Any:
    """Return the header of a file."""
    return dcmread(BytesIO(file), stop_before_pixels=True)


TAGS = ("0020000D", "0020000E", "00080018")


def matches(header: Any, params: dict[str, str]) -> bool:
    """Whether an image is what was asked for."""
    first, dash, last = params.get("StudyDate", "-").partition("-")
    uid = params.get("SOPInstanceUID", header.SOPInstanceUID)
    return first <= header.StudyDate <= (last or "9") * bool(dash) and uid == header.SOPInstanceUID


def multipart(
    file: bytes, *, boundary: str = "b", shown: str = "", length: int | None = None, **more: Any
) -> httpx.Response:
    """Return a file as one part."""
    said = "" if length is None else f"Content-Length: {length}\r\n"
    head = f"--{boundary}\r\nContent-Type: application/dicom\r\n{said}\r\n".encode()
    kind = f'multipart/related; type="application/dicom"; boundary={shown or boundary}'
    content = head + file + f"\r\n--{boundary}--".encode()
    return httpx.Response(200, content=content, headers={"Content-Type": kind}, **more)
