"""A stored file and a viewer's requests: they end no Orthanc, and an Orthanc that ends, no node."""

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from pydicom import Dataset, dcmread

from faults.world import until
from hilum.errors import PacsError
from hostile_files import columns_of_another_type, palette_beyond_its_table
from own_orthanc import AttackedNode
from radiographs import dicom_file

pytestmark = [pytest.mark.orthanc, pytest.mark.timeout(180)]

TRIES = 6
"""Of each request: a decoder that fails may do so in half of the tries only."""

SYNTAXES = ("", "; transfer-syntax=*", "; transfer-syntax=1.2.840.10008.1.2.1")


@pytest.fixture(params=["palette", "columns", "lossless"])
def stored(request, own_node: AttackedNode, chest_lossless_path: Path) -> Dataset:
    """Return what is stored: two files that break decoders, and a good one that did, too."""
    if request.param == "lossless":
        image = dcmread(chest_lossless_path)
        file = chest_lossless_path.read_bytes()
    else:
        made = {"palette": palette_beyond_its_table, "columns": columns_of_another_type}
        image = made[request.param]()
        file = dicom_file(image)
    own_node.store(file)
    return image


def requests_of(image: Dataset) -> Iterator[tuple[str, str]]:
    """Yield addresses and media types that somebody may ask for."""
    study = f"/studies/{image.StudyInstanceUID}"
    whole = f"/dicom-web{study}/series/{image.SeriesInstanceUID}/instances/{image.SOPInstanceUID}"
    for syntax in SYNTAXES:
        yield whole, f"multipart/related; type=application/dicom{syntax}"
        yield f"{whole}/frames/1", f"multipart/related; type=application/octet-stream{syntax}"
    for part in ("/rendered", "/frames/1/rendered", "/thumbnail"):
        yield whole + part, "image/jpeg"
    yield f"{whole}/metadata", "application/dicom+json"
    for picture in ("small.webp", "quick.jpg", "pixels"):
        yield f"{study}/images/{image.SOPInstanceUID}/{picture}", "*/*"


def test_no_request_of_a_viewer_ends_orthanc(own_node: AttackedNode, stored: Dataset):
    """Whatever is asked of whichever file, in every transfer syntax."""
    before = own_node.up.orthanc_pid
    client = own_node.signed_in()
    answers = set()
    for address, accept in [*requests_of(stored)] * TRIES:
        with suppress(httpx.HTTPError):
            answers.add(client.get(address, headers={"accept": accept}).status_code)

    assert own_node.alive
    assert before == own_node.up.orthanc_pid
    assert 200 in answers
    assert 502 not in answers


def test_orthanc_that_ends_while_it_starts_does_not_end_the_node(own_node: AttackedNode):
    """Killed again and again, as soon as it is there, while a viewer asks: it comes back."""
    client = own_node.signed_in()
    killed: set[int] = set()

    def kill_the_next() -> bool:
        client.get("/dicom-web/studies?limit=1")
        with suppress(OSError, ProcessLookupError):
            pid = own_node.up.orthanc_pid
            if pid not in killed:
                os.kill(pid, signal.SIGKILL)
                killed.add(pid)
        return len(killed) >= 4

    until(kill_the_next, "the fourth end", every=0.01)
    until(lambda: own_node.alive and answers(own_node), "Orthanc answers again")

    assert own_node.alive
    assert 200 == client.get("/dicom-web/studies?limit=1").status_code


def answers(node: AttackedNode) -> bool:
    with suppress(PacsError):
        return bool(node.orthanc.system())
    return False
