"""The same node beside the same Orthanc: over its REST API, and over plain DICOMweb.

The images are of today: DICOMweb has no feed, so a node searches it by the days of studies.
"""

import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from pydicom import dcmread

from bench.load_images import SHARED_MEMORY, Images
from bench.load_latency import Watch, share_of, warmed_up
from bench.load_node import DENSENET, Node, node_beside
from bench.load_senders import crowd, sending
from bench.row import Row
from conftest import real_file
from orthanc_server import running_orthanc

IDLE_IMAGES: Final = 20
CROWD: Final = 100
SENDERS: Final = 4

NOT_IN_STEP_S: Final = 0.37
"""Added to the rest between two images, so that they meet every part of a sweep's period."""


class Measured(NamedTuple):
    """What a node did beside an archive."""

    p50_ms: float
    p95_ms: float
    """From when an image was accepted until its last result is there, of an idle node."""
    images_per_s: float


def archive_rows() -> Iterator[Row]:
    """Measure both; each row has DICOMweb's figure, beside that of the REST API."""
    rest, web = _measured("orthanc"), _measured("dicomweb")
    who = "Orthanc's REST"
    yield Row("accepted to stored, idle node: p50", web.p50_ms, "ms", rest.p50_ms, who)
    yield Row("accepted to stored, idle node: p95", web.p95_ms, "ms", rest.p95_ms, who)
    both = web.images_per_s, "images/s", rest.images_per_s, who
    yield Row(f"{SENDERS} senders: images read and stored", *both)


def over(kind: str, url: str) -> dict[str, str]:
    """Return settings of a node that reaches an Orthanc in one of two ways."""
    if kind == "orthanc":
        return {}
    return {"HILUM_PACS__KIND": kind, "HILUM_PACS__URL": f"{url}/dicom-web"}


def _measured(kind: str) -> Measured:
    image = dcmread(real_file("RG1_UNCR.dcm"))
    image.StudyDate = f"{datetime.now(UTC).astimezone():%Y%m%d}"
    images = Images(image)
    with (
        tempfile.TemporaryDirectory(prefix="hilum-load-") as folder,
        running_orthanc(Path(folder, "pacs"), DicomCheckCalledAet=False) as server,
        node_beside(server, Path(folder, "node"), DENSENET, **over(kind, server.url)) as node,
    ):
        objects = warmed_up(node, images)
        with sending(node.dicom_port) as send:
            watch = Watch(node, objects)
            for number, each in enumerate(islice(images, IDLE_IMAGES)):
                watch.expect(each, send(each))
                watch.wait()
                time.sleep(NOT_IN_STEP_S * (number % 14))
        took = [1000 * each for each in sorted(watch.took_s)]
        return Measured(share_of(took, 0.5), share_of(took, 0.95), _rate(node, images, objects))


def _rate(node: Node, images: Images, objects: int) -> float:
    before = node.instances()
    with (
        tempfile.TemporaryDirectory(dir=SHARED_MEMORY) as folder,
        crowd(Path(folder), node.dicom_port, list(islice(images, CROWD)), SENDERS),
    ):
        start = node.wait_for(before + 1)
        end = node.wait_for(before + objects * CROWD, look_s=0.25)
    return CROWD / (end - start)
