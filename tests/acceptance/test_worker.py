"""``hilum worker`` beside a real PACS and a real PostgreSQL."""

import os
import signal
import time

import pytest

from hilum_up import LONG_S, Up
from orthanc_server import OrthancServer, free_ports
from radiographs import dicom_file, make_radiograph

pytestmark = pytest.mark.orthanc


@pytest.fixture
def up(tmp_path, empty_orthanc: OrthancServer, postgresql: str) -> Up:
    """Return how to run hilum on one PACS and one database."""
    made = Up(tmp_path, *free_ports(2))
    made.install_model()
    made.extra |= {
        "HILUM_PACS__URL": empty_orthanc.url,
        "HILUM_PACS__USERNAME": empty_orthanc.username,
        "HILUM_PACS__PASSWORD": empty_orthanc.password,
        "HILUM_NODE__DATABASE": postgresql.replace("+psycopg", ""),
        "HILUM_NODE__INFERENCE_WORKERS": "1",
    }
    return made


def send(server: OrthancServer, count: int) -> None:
    with server.client() as pacs:
        for _ in range(count):
            pacs.store(dicom_file(make_radiograph()))


def wait_until_stored(up: Up, count: int) -> None:
    """Return once that many images are stored."""
    deadline = time.monotonic() + LONG_S
    while time.monotonic() < deadline:
        if up.run("jobs", "list", "--state", "stored").stdout.count(" Analyzed ") >= count:
            return
        time.sleep(0.2)
    pytest.fail(up.run("jobs").stdout)


def test_workers_read_what_was_queued(up, start, empty_orthanc):
    """Without any node, what a backfill queued is read by whoever works."""
    send(empty_orthanc, 3)
    workers = [start("worker"), start("worker")]
    done = up.run("backfill")
    wait_until_stored(up, 3)

    assert "3 images of 3 studies." in done.stdout
    assert [0, 0] == [worker.end(signal.SIGTERM) for worker in workers]
    assert "Traceback" not in "".join(line for worker in workers for line in worker.errors)


def test_two_nodes_on_one_pacs_read_each_image_once(up, start, empty_orthanc):
    """Two `hilum up` with data folders of their own: one set of results for each image."""
    first = start("up")
    other = up.extra["HILUM_DATA_FOLDER"] = str(up.folder / "data-2")
    os.makedirs(other)  # noqa: PTH103
    (up.folder / "data-2" / "models").symlink_to(up.folder / "data" / "models")
    second = start("up")
    send(empty_orthanc, 3)
    wait_until_stored(up, 3)
    with empty_orthanc.client() as pacs:
        studies = pacs.find("Study", {})
        instances = [len(pacs.json("GET", f"/studies/{s}/instances")) for s in studies]

    assert [4, 4, 4] == instances  # the image, its picture and two reports
    assert [0, 0] == [first.end(signal.SIGTERM), second.end(signal.SIGTERM)]


def test_worker_of_another_pacs_is_told_off(up, start):
    """A worker that could not reach the images says so in one line."""
    start("up")
    up.extra["HILUM_PACS__URL"] = up.extra["HILUM_PACS__URL"].replace("127.0.0.1", "localhost")
    done = up.run("worker")

    assert 1 == done.returncode
    assert "Set pacs.url to that address" in done.stderr
    assert 1 == done.stderr.count("\n")


def test_worker_needs_a_shared_database(up):
    """On the SQLite file of one node nobody else can work; one line says what to set."""
    del up.extra["HILUM_NODE__DATABASE"]
    done = up.run("worker")

    assert (1, 1) == (done.returncode, done.stderr.count("\n"))
    assert "node.database is not set" in done.stderr
