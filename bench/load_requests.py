"""What a node asks its Orthanc of one image, and what each question costs Orthanc by itself.

``python -m bench load_requests``, some four minutes. The requests are those of Orthanc's own log
while a node reads RG1; then each is sent again and again to an Orthanc without a node, started
as hilum starts it. Only processor time is measured: others may use the machine.
"""

import re
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count, islice
from pathlib import Path
from typing import Final

from pydicom import dcmread
from pydicom.filebase import DicomBytesIO

from bench.load_images import Images, chest
from bench.load_latency import Watch, warmed_up
from bench.load_node import DENSENET, Node, running_node
from bench.load_processes import cost
from bench.load_senders import sending
from bench.row import Row
from hilum.pacs import credentials
from hilum.pacs.orthanc.archive import OrthancArchive
from hilum.pacs.orthanc.process import OrthancProcess
from hilum.settings import Settings

LOOKED_AT: Final = 10
"""Images whose requests are counted."""

TIMES: Final = 200
FILLS_CACHES: Final = 25
"""Images that an Orthanc has taken up before it is measured."""

REQUEST: Final = re.compile(r"\(http\) (GET|POST|PUT|DELETE) (/\S*)")
"""How Orthanc's log has a request."""

OURS: Final = ("/tools/log-level", "/statistics")
"""What the bench asks itself."""


def rows() -> Iterator[Row]:
    """Count, then measure each."""
    images = chest()
    with (
        tempfile.TemporaryDirectory(prefix="hilum-load-") as folder,
        running_node(Path(folder, "node"), DENSENET) as node,
    ):
        asked, results = _asked(node, images)
    yield from (Row(f"{what}: an image", each, "times") for what, each in asked.items())
    with _orthanc() as (orthanc, pid, port), sending(port) as send:
        for image in islice(images, FILLS_CACHES):
            send(image)
        yield _row("C-STORE of 7.2 MB", pid, [lambda i=i: send(i) for i in islice(images, TIMES)])
        study = next(iter(orthanc.json("GET", "/studies")))
        image_id = orthanc.json("GET", f"/studies/{study}/instances")[0]["ID"]
        for what in asked:
            if what.startswith("GET"):
                path = what.removeprefix("GET ").replace("/studies/ID", f"/studies/{study}")
                path = path.replace("ID", image_id).replace("=N", "=1")
                ask = lambda path=path: orthanc.request("GET", path)  # noqa: E731
                size = len(ask().content)
                yield _row(f"{what}, {size} bytes", pid, [ask] * TIMES)
        names: list[str] = []
        for file in results:
            files = list(islice(_others(file), TIMES))
            stores = [lambda f=f: names.append(orthanc.store(f).reference) for f in files]
            yield _row(f"POST /instances, {len(file)} bytes", pid, stores)
        few = [image_id, *names[::TIMES][:3]]
        yield _row("POST /tools/bulk-content of 4", pid, [lambda: orthanc.present(few)] * TIMES)


def _asked(node: Node, images: Images) -> tuple[Counter[str], Sequence[bytes]]:
    """Return how often each request comes for an image, and the results of the last one."""
    objects = warmed_up(node, images)
    with sending(node.dicom_port) as send:
        _say(node.orthanc, "verbose")
        log = node.data / "logs" / "orthanc.log"
        start = log.stat().st_size
        watch = Watch(node, objects)
        for image in islice(images, LOOKED_AT):
            watch.expect(image, send(image))
            watch.wait(0.1)
        time.sleep(1)
        said = log.read_bytes()[start:].decode(errors="replace")
        _say(node.orthanc, "default")
    found = Counter(f"{method} {_kind(path)}" for method, path in REQUEST.findall(said))
    kept = {k: v / LOOKED_AT for k, v in found.items() if not any(each in k for each in OURS)}
    study = node.orthanc.json("GET", f"/studies/{image.study_id}/instances")
    files = [node.orthanc.fetch(each["ID"]) for each in study]
    return Counter(kept), sorted(files, key=len)[:-1]


def _kind(path: str) -> str:
    path = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{8}){4}", "ID", path)
    return re.sub(r"=\d+", "=N", path)


def _say(orthanc: OrthancArchive, level: str) -> None:
    orthanc.request("PUT", "/tools/log-level", content=level)


@contextmanager
def _orthanc() -> Iterator[tuple[OrthancArchive, int, int]]:
    """Start an Orthanc as hilum does; yield its client, its process and its DICOM port."""
    from orthanc_server import free_ports  # noqa: PLC0415  the path is set by then

    http_port, dicom_port = free_ports(2)
    with tempfile.TemporaryDirectory(prefix="hilum-load-") as folder:
        settings = Settings.load(data_folder=Path(folder, "data"))
        settings = settings.changed("pacs", http_port=http_port, dicom_port=dicom_port)
        settings.data_folder.mkdir(mode=0o700)
        address = credentials.load_or_generate(settings)
        process = OrthancProcess(settings, address)
        process.start(threading.Event())
        try:
            with credentials.load(settings).orthanc() as orthanc:
                assert process.pid is not None
                yield orthanc, process.pid, dicom_port
        finally:
            process.stop()


def _row(what: str, pid: int, calls: Sequence[Callable[[], object]]) -> Row:
    before = cost([pid]).cpu_s
    for call in calls:
        call()
    return Row(f"{what} (CPU)", 1000 * (cost([pid]).cpu_s - before) / len(calls), "ms")


def _others(file: bytes) -> Iterator[bytes]:
    """Yield a file under other UIDs of the same length."""
    dataset = dcmread(DicomBytesIO(file), stop_before_pixels=True)
    own = {str(dataset[k].value) for k in ("SOPInstanceUID", "SeriesInstanceUID")}
    for number in count(10**11 + time.time_ns() % 10**11):
        other = file
        for uid in own:
            other = other.replace(uid.encode(), f"{uid[:-12]}{number:012}".encode())
        yield other
