"""``hilum up`` as a person starts, stops and kills it."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import httpx
import pytest
from pydicom import dcmread
from pydicom.filebase import DicomBytesIO

from hilum.pacs import credentials
from hilum.pacs.orthanc.archive import OrthancArchive
from hilum.settings import Settings
from hilum_up import LONG_S, STAND_IN, Up
from orthanc_server import OrthancServer, free_ports, require
from process_tools import ended

pytestmark = pytest.mark.orthanc


@pytest.fixture
def up(tmp_path: Path) -> Up:
    require("Orthanc")
    require("storescu")
    http_port, dicom_port = free_ports(2)
    return Up(tmp_path, http_port, dicom_port)


def wait_for_reports(orthanc: OrthancArchive) -> list[str]:
    """Return the structured reports in the archive, once there are some."""
    deadline = time.monotonic() + LONG_S
    while time.monotonic() < deadline:
        if reports := orthanc.find("Instance", {"Modality": "SR"}):
            return reports
        time.sleep(0.05)
    pytest.fail("no report came")


def test_storescu_into_it_leads_to_reports_in_the_same_study(up, start, radiograph_file):
    """A radiograph that DCMTK sends is read, with no other step."""
    up.install_model()
    running = start()
    assert f"model     {STAND_IN}" in running.banner
    assert 0 == up.storescu(radiograph_file)
    with up.client() as orthanc:
        report = dcmread(DicomBytesIO(orthanc.fetch(wait_for_reports(orthanc)[0])))

    assert dcmread(radiograph_file).StudyInstanceUID == report.StudyInstanceUID


def test_images_wait_for_a_model(up, start, radiograph_file):
    """Without weights images are kept; once a model is installed, they are read."""
    running = start()
    assert "Images are kept and will be read when there is one." in running.banner
    assert 0 == up.storescu(radiograph_file)
    up.install_model()
    with up.client() as orthanc:
        assert wait_for_reports(orthanc)
    assert " Analyzed " in up.run("jobs").stdout


def test_weights_that_cannot_be_had_do_not_keep_it_from_starting(up, start):
    """`--pull` says what went wrong; images are kept until there is a model."""
    up.model = "densenet121-res224-all"
    up.extra["HILUM_MODEL__MIRROR"] = f"http://127.0.0.1:{free_ports(1)[0]}"

    banner = start("up", "--pull").banner

    assert (
        "The weights of densenet121-res224-all are not installed. Trying to download them" in banner
    )
    assert "did not answer" in banner
    assert "model     none yet" in banner


def test_demonstration_model_does_not_read(up, start, radiograph_file):
    """With the demonstration model in the settings, images of patients are kept unread."""
    up.model = "demonstration"
    running = start()
    assert "The demonstration model does not read images of patients" in running.banner
    assert 0 == up.storescu(radiograph_file)
    deadline = time.monotonic() + LONG_S
    while time.monotonic() < deadline and " Waiting for a model " not in up.run("jobs").stdout:
        time.sleep(0.05)
    running.end(signal.SIGTERM)

    assert "1 Waiting for a model" in up.run("jobs", "list").stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_stops_cleanly(up, start, number):
    """Ctrl-C, SIGTERM and a closed terminal stop everything, with status 0 and no traceback."""
    running = start()
    orthanc = up.orthanc_pid

    assert 0 == running.end(number)
    assert ended(orthanc)
    assert "Traceback" not in "".join(running.errors)


def test_nohup_outlives_its_terminal(up, start):
    """Started with SIGHUP ignored, as nohup does, a closed terminal does not stop it."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        running = start()
    finally:
        signal.signal(signal.SIGHUP, before)
    running.process.send_signal(signal.SIGHUP)
    with up.client() as orthanc:
        assert orthanc.system()

    assert None is running.process.poll()
    assert 0 == running.end(signal.SIGTERM)


def test_kill_leaves_no_orphan_and_the_next_start_works(up, start):
    """After kill -9 Orthanc ends by itself, and the next start takes the same ports."""
    running = start()
    orthanc = up.orthanc_pid
    running.end(signal.SIGKILL)
    again = start()

    assert ended(orthanc)
    assert up.orthanc_pid != orthanc
    assert 0 == again.end(signal.SIGTERM)


def test_stopped_orphan_does_not_block_the_next_start(up, start):
    """An Orthanc that can't end by itself is found by its pid file and ended."""
    running = start()
    orthanc = up.orthanc_pid
    os.kill(orthanc, signal.SIGSTOP)  # it will not see the signal that its parent's end sends
    running.end(signal.SIGKILL)
    os.kill(orthanc, signal.SIGCONT)
    start()

    assert ended(orthanc)


def test_second_one_on_the_same_folder_is_told_off(up, start):
    """A second `hilum up` on the same data folder gets one line and status 1."""
    running = start()
    second = up.run("up")

    assert 1 == second.returncode
    assert f"Another hilum (process {running.process.pid}) uses" in second.stderr
    assert 1 == second.stderr.count("\n")


@pytest.mark.parametrize("options", [(), ("--pull",)])
def test_taken_port_is_one_line(up, options: tuple[str, ...]):
    """A port in use gets one line and status 1, before anything is downloaded."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", up.dicom_port))
        other.listen()
        done = up.run("up", *options)

    assert (1, "") == (done.returncode, done.stdout)
    assert done.stderr.startswith(f"hilum: Port {up.dicom_port} (pacs.dicom_port) is in use")
    assert 1 == done.stderr.count("\n")


def test_missing_orthanc_is_one_line(up):
    """Without Orthanc one line tells how to get it."""
    up.extra["HILUM_PACS__PROGRAM"] = str(up.folder / "Orthanc")
    done = up.run("up")

    assert 1 == done.returncode
    assert "pacs.program names" in done.stderr
    assert 1 == done.stderr.count("\n")


def test_wrong_password_is_one_line(up, orthanc: OrthancServer):
    """A PACS of the settings that takes no such password gets one line."""
    up.extra |= {"HILUM_PACS__URL": orthanc.url, "HILUM_PACS__USERNAME": "hilum"}
    up.extra["HILUM_PACS__PASSWORD"] = "wrong"  # noqa: S105
    done = up.run("up")

    assert 1 == done.returncode
    assert "does not accept the user name or password" in done.stderr
    assert 1 == done.stderr.count("\n")


def test_unreachable_pacs_is_one_line(up):
    """A PACS of the settings that gives no answer gets one line."""
    up.extra["HILUM_PACS__URL"] = f"http://127.0.0.1:{up.http_port}"
    done = up.run("up")

    assert 1 == done.returncode
    assert "did not answer" in done.stderr
    assert 1 == done.stderr.count("\n")


def test_configured_pacs_is_used_as_it_is(up, start, empty_orthanc: OrthancServer, radiograph_file):
    """With a PACS in the settings none is started, and its images are read."""
    server = empty_orthanc
    up.install_model()
    up.extra |= {
        "HILUM_PACS__URL": server.url,
        "HILUM_PACS__USERNAME": server.username,
        "HILUM_PACS__PASSWORD": server.password,
    }
    start()
    with server.client() as orthanc:
        orthanc.store(radiograph_file.read_bytes())
        assert wait_for_reports(orthanc)

    assert not (up.data / "orthanc").exists()


def test_password_is_shown_nowhere(up, start):
    """Neither the banner, the log nor a command line shows the generated password."""
    running = start()
    settings = Settings.load(data_folder=up.data)
    secret = credentials.load(settings).secret
    command = Path(f"/proc/{up.orthanc_pid}/cmdline").read_text()
    running.end(signal.SIGTERM)
    logs = "".join(path.read_text() for path in (up.data / "logs").iterdir())

    assert secret is not None
    assert secret not in running.banner + "".join(running.errors) + command + logs


def test_stranger_is_named_in_the_log(up, start, radiograph_file):
    """Who may not send is told to whoever runs the node, with the setting that lets them in."""
    running = start()
    up.install_model()
    command = ["storescu", "-aet", "STRANGER", "127.0.0.1", str(up.dicom_port)]
    subprocess.run([*command, str(radiograph_file)], capture_output=True, check=False)
    deadline = time.monotonic() + LONG_S
    while time.monotonic() < deadline and not any("STRANGER" in line for line in running.errors):
        time.sleep(0.05)
    running.end(signal.SIGTERM)
    (line,) = [line for line in running.errors if "association.refused" in line]

    assert "aet=STRANGER host=127.0.0.1" in line
    assert "pacs.allowed_aets" in line


def test_page_and_probes_are_served(up, start):
    """The banner says where the page is and who may sign in; probes get their answers."""
    up.install_model()
    up.extra |= {"HILUM_PAGE__ENABLED": "true", "HILUM_PAGE__PORT": "0"}
    running = start()
    address = running.banner.partition("page      ")[2].split()[0]
    health, ready = httpx.get(f"{address}/healthz"), httpx.get(f"{address}/readyz")
    metrics = httpx.get(f"{address}/metrics").text
    page = httpx.get(f"{address}/login")

    assert f"password in {up.data / 'admin-password'}" in running.banner
    assert [200, 200, 200] == [each.status_code for each in (health, ready, page)]
    assert 'hilum_model_info{name="stand-in"' in metrics
    assert "not a medical device" in page.text.lower()
    assert 0 == running.end(signal.SIGTERM)
