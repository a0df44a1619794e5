"""The Orthanc that hilum starts: a real one, on free ports, in a folder of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hilum.errors import PacsNotStarted, PortTaken, ProgramNotInstalled
from hilum.pacs.credentials import load_or_generate
from hilum.pacs.orthanc.archive import OrthancArchive
from hilum.pacs.orthanc.orphan import end_orphan, remember
from hilum.pacs.orthanc.process import OrthancProcess, RefusedAssociation, find_program
from hilum.settings import Settings
from orthanc_server import OrthancServer, free_ports, require
from process_tools import ended
from radiographs import dicom_file, make_radiograph

pytestmark = pytest.mark.orthanc

ENDS_S = 30.0
"""Longer than a process takes to end on a loaded machine; reached only when it does not."""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    require("Orthanc")
    http_port, dicom_port = free_ports(2)
    ports = {"http_port": http_port, "dicom_port": dicom_port}
    return Settings.load(data_folder=tmp_path / "data").changed("pacs", **ports)


def process_of(settings: Settings) -> OrthancProcess:
    return OrthancProcess(settings, load_or_generate(settings))


@pytest.fixture
def running(settings: Settings) -> Iterator[OrthancProcess]:
    with process_of(settings) as process:
        process.start(threading.Event())
        yield process


def store(settings: Settings, path: Path, *, calling: str) -> int:
    """Send a file with DCMTK; return the exit status."""
    command = ["storescu", "-aet", calling, "127.0.0.1", str(settings.pacs.dicom_port), str(path)]
    return subprocess.run(command, capture_output=True, check=False).returncode


@pytest.mark.usefixtures("running")
def test_it_answers_with_its_password_only(settings):
    """Once started, it answers whoever knows the generated password, and nobody else."""
    address = load_or_generate(settings)
    with OrthancArchive(address.url, username=address.username, password=address.secret) as orthanc:
        assert "HILUM" == orthanc.system()["DicomAet"]
        assert "dicom-web" in orthanc.request("GET", "/plugins").json()
        assert "gdcm" not in orthanc.request("GET", "/plugins").json()
    with OrthancArchive(address.url) as stranger, pytest.raises(Exception, match="does not accept"):
        stranger.system()


@pytest.mark.usefixtures("running")
def test_no_proxy_is_told_the_password(settings, monkeypatch):
    """The way to our own Orthanc is on this machine, whatever the environment says."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with load_or_generate(settings).orthanc() as orthanc:
        assert "HILUM" == orthanc.system()["DicomAet"]


@pytest.mark.usefixtures("running")
def test_storescu_of_this_machine_works_with_no_other_step(settings, radiograph_file):
    """DCMTK's storescu under its default name is taken."""
    require("storescu")

    assert 0 == store(settings, radiograph_file, calling="STORESCU")


def test_stranger_is_refused_and_reported_once(settings, running, radiograph_file):
    """An AE title that is not in the settings is turned away, and the node can say who."""
    require("storescu")

    assert 0 != store(settings, radiograph_file, calling="STRANGER")
    assert (RefusedAssociation("STRANGER", "127.0.0.1"),) == running.refused_associations()
    assert () == running.refused_associations()


def test_known_title_from_another_host_is_refused(settings, radiograph_file):
    """An AE title of the settings is taken from its own host only: anybody can call himself so."""
    require("storescu")
    named = settings.changed("pacs", allowed_aets=("CR1@192.0.2.10", "CR2@127.0.0.1"))
    with process_of(named) as process:
        process.start(threading.Event())

        assert 0 != store(named, radiograph_file, calling="CR1")
        assert (RefusedAssociation("CR1", "127.0.0.1"),) == process.refused_associations()
        assert 0 == store(named, radiograph_file, calling="CR2")


def test_open_node_takes_images_from_anyone(settings, radiograph_file):
    """With open_to_any_aet, every AE title may store."""
    require("storescu")
    opened = settings.changed("pacs", open_to_any_aet=True)
    with process_of(opened) as process:
        process.start(threading.Event())
        assert 0 == store(opened, radiograph_file, calling="STRANGER")


@pytest.mark.usefixtures("running")
def test_unknown_sop_class_is_taken(settings):
    """An object of a class that Orthanc does not know is stored as well."""
    address = load_or_generate(settings)
    odd = make_radiograph(SOPClassUID="1.2.826.0.1.3680043.8.498.1")
    with OrthancArchive(address.url, username=address.username, password=address.secret) as orthanc:
        assert not orthanc.store(dicom_file(odd)).already_there


def test_images_survive_a_restart(settings):
    """What was stored is there after the next start."""
    address = load_or_generate(settings)
    image = make_radiograph()
    with OrthancArchive(address.url, username=address.username, password=address.secret) as orthanc:
        for there in (False, True):
            with process_of(settings) as process:
                process.start(threading.Event())
                assert there == orthanc.store(dicom_file(image)).already_there


def test_stop_leaves_no_process_and_no_trace(settings, running):
    """After a stop the process has ended, and its process ID is forgotten."""
    pid = running.pid
    running.stop()

    assert pid is not None
    assert ended(pid)
    assert None is running.pid
    assert not (settings.data_folder / "orthanc" / "orthanc.pid").exists()


@pytest.mark.usefixtures("running")
def test_everything_it_writes_is_the_owners(settings):
    """Images, configuration and log lie in folders that only their owner enters."""
    folder = settings.data_folder

    assert 0o600 == (folder / "orthanc" / "orthanc.json").stat().st_mode & 0o777
    assert 0o600 == (folder / "logs" / "orthanc.log").stat().st_mode & 0o777
    for private in (folder, folder / "orthanc", folder / "orthanc" / "storage"):
        assert 0o700 == private.stat().st_mode & 0o777


def test_dead_orthanc_is_started_again(running):
    """When Orthanc was killed by somebody else, it is started again; else it is left alone."""
    assert not running.revive()
    pid = running.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    running._process.wait(ENDS_S)

    assert running.revive()
    assert running.pid not in {None, pid}


def test_orthanc_that_ends_again_and_again_is_not_started_in_a_hurry(running, monkeypatch):
    """The first end costs no time; each next one waits longer than the one before, up to 10 s."""
    now = [1000.0]
    monkeypatch.setattr("hilum.pacs.orthanc.process.time.monotonic", lambda: now[0])
    waits = []
    for _ in range(6):
        running._process.kill()
        running._process.wait(ENDS_S)
        before = now[0]
        while not running.revive():
            now[0] += 0.25
        waits.append(now[0] - before)

    assert [0, 0.5, 1, 2, 4, 8] == waits


def test_start_can_be_broken_off(settings):
    """When the stop comes before Orthanc answers, the start returns and leaves nothing."""
    stop = threading.Event()
    stop.set()
    with process_of(settings) as process:
        process.start(stop)
        pid = process.pid
    assert pid is None or ended(pid)


@pytest.mark.parametrize("name", ["http_port", "dicom_port"])
def test_taken_port_is_named(settings, name):
    """A port in use by another program is named with its setting, and nothing is started."""
    with socket.socket() as other, process_of(settings) as process:
        other.bind(("127.0.0.1", getattr(settings.pacs, name)))
        other.listen()
        with pytest.raises(PortTaken, match=rf"\(pacs\.{name}\) is in use by another program"):
            process.start(threading.Event())
        assert None is process.pid


def test_other_orthanc_on_the_port_is_recognised(settings, orthanc: OrthancServer):
    """When the port has another Orthanc, the line says so and how to use that one."""
    taken = settings.changed("pacs", http_port=orthanc.http_port)
    with (
        process_of(taken) as process,
        pytest.raises(PortTaken, match=f"by another Orthanc.*pacs.url to {orthanc.url}"),
    ):
        process.start(threading.Event())


def test_start_that_fails_shows_orthancs_own_reason(settings):
    """When Orthanc ends while it starts, the line has the last error of its log."""
    storage = settings.data_folder / "orthanc" / "storage"
    storage.mkdir(parents=True)
    (storage / "index").write_text("not a database, and long enough to be seen as none" * 100)
    with (
        process_of(settings) as process,
        pytest.raises(
            PacsNotStarted, match=r"Orthanc stopped during start-up: \[SQLite.*The whole"
        ),
    ):
        process.start(threading.Event())


def test_missing_program_is_named_with_its_package(monkeypatch):
    """Without Orthanc, one line tells how to get it."""
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr("hilum.pacs.orthanc.process.FOLDERS", ())

    with pytest.raises(
        ProgramNotInstalled,
        match=r"Orthanc is not installed\. On Debian or Ubuntu: sudo apt-get install",
    ):
        find_program(None)


def test_wrong_program_of_the_settings_is_named():
    """A program of the settings that is not there is named with the setting."""
    with pytest.raises(ProgramNotInstalled, match=r"pacs\.program names /no/such"):
        find_program("/no/such")


def test_orphan_of_ours_is_ended(tmp_path):
    """A process with our configuration file on its command line is ended, and forgotten."""
    mine, pid_file = tmp_path / "orthanc.json", tmp_path / "orthanc.pid"
    command = [sys.executable, "-c", "import sys; print(flush=True); sys.stdin.read()", str(mine)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, bufsize=0, **pipes) as orphan:
        orphan.stdout.read(1)  # before, its command line may be empty
        remember(pid_file, orphan.pid, mine)

        assert orphan.pid == end_orphan(pid_file)
        assert -signal.SIGTERM == orphan.wait(ENDS_S)
    assert not pid_file.exists()


def test_process_of_somebody_else_is_left_alone(tmp_path):
    """A process that only has the number of our Orthanc is not touched."""
    mine, pid_file = tmp_path / "orthanc.json", tmp_path / "orthanc.pid"
    command = [sys.executable, "-c", "import sys; sys.stdin.read()", "other.json"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as other:
        remember(pid_file, other.pid, mine)

        assert None is end_orphan(pid_file)
        assert None is other.poll()
        other.communicate(timeout=ENDS_S)
        assert 0 == other.returncode


@pytest.mark.parametrize("content", ["", "{}", "[1]", json.dumps({"pid": 1})])
def test_damaged_pid_file_ends_nothing(tmp_path, content):
    """A pid file that can't be understood proves nothing about any process."""
    (tmp_path / "orthanc.pid").write_text(content)

    assert None is end_orphan(tmp_path / "orthanc.pid")


def test_no_orphan_without_a_pid_file(tmp_path):
    """A first start has nothing to end."""
    assert None is end_orphan(tmp_path / "orthanc.pid")
