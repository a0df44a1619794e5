"""Every archive that hilum knows, and one that is known to these tests alone."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from dicomweb_servers import ALL_DAYS, tiny_pacs, web_of
from hilum.node.retrying_archive import retrying
from hilum.pacs.archive import Archive
from hilum.pacs.dicomweb.archive import DicomWebArchive
from hilum.pacs.orthanc.archive import OrthancArchive
from memory_archive import MemoryArchive
from node_tools import Faults, Shortened


class FirstTime:
    """A fault: each thing that is asked gets no answer the first time."""

    def __init__(self) -> None:
        self.asked: set[tuple[str, str]] = set()

    def __call__(self, request: httpx.Request) -> httpx.Response | None:
        this = request.method, str(request.url)
        if this in self.asked or request.url.path == "/system":
            return None
        self.asked.add(this)
        return httpx.Response(503, request=request)


@pytest.fixture(
    params=[
        pytest.param("orthanc", marks=pytest.mark.orthanc),
        pytest.param("orthanc-stumbles", marks=pytest.mark.orthanc),
        "memory",
        "memory-retrying",
        pytest.param("dicomweb-orthanc", marks=pytest.mark.orthanc),
        "dicomweb-tiny",
    ]
)
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Archive]:
    """Return each archive in turn, empty."""
    if request.param == "dicomweb-tiny":
        with tiny_pacs(tmp_path) as url, closing(DicomWebArchive(url, plan=ALL_DAYS)) as made:
            # one that writes for somebody else answers 409, and takes it a moment later
            yield retrying(made, Shortened())
        return
    if request.param == "dicomweb-orthanc":
        with closing(web_of(request.getfixturevalue("empty_orthanc"), plan=ALL_DAYS)) as made:
            yield made
        return
    if request.param.startswith("memory"):
        made = MemoryArchive()
        yield retrying(made, Shortened()) if "retrying" in request.param else made
        return
    server, faults = request.getfixturevalue("empty_orthanc"), Faults()
    with OrthancArchive(
        server.url, username=server.username, password=server.password, transport=faults
    ) as orthanc:
        if request.param == "orthanc":
            yield orthanc
            return
        faults.fault = FirstTime()
        yield retrying(orthanc, Shortened())
