"""The PACS as the doctor finds it: real Orthancs, and servers that are none."""

import gc
import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

import orthanc_server
from doctor_tools import look, worst
from hilum.doctor import pacs
from hilum.doctor.check import Level
from hilum.errors import NodeError, PacsRefused, PacsUnavailable, ProgramNotInstalled
from hilum.pacs.orthanc import configuration
from hilum.settings import Settings
from orthanc_server import OrthancServer, free_ports, running_orthanc

pytestmark = [
    pytest.mark.orthanc,
    # pynetdicom leaves the socket of a refused connection or association to the collector
    pytest.mark.filterwarnings(
        "ignore:Exception ignored in. <socket.socket:pytest.PytestUnraisableExceptionWarning"
    ),
]


def pointed_at(make, server: OrthancServer, **changes: object) -> Settings:
    """Return settings that name a running Orthanc."""
    named = {
        "url": server.url,
        "username": server.username,
        "password": server.password,
        "dicom_port": server.dicom_port,
        "aet": server.aet,
    }
    return make(pacs={**named, **changes})


def test_pacs_that_is_well(make, orthanc):
    """It answers, lets us in, has its plug-ins, and its clock is ours; so does its DICOM port."""
    found = look(pacs.rest, pointed_at(make, orthanc))
    known = ("known advisories", "unencrypted")  # of that Orthanc, and on this machine
    findings = [each for each in found if not any(text in each.what for text in known)]
    (echo,) = look(pacs.dicom, pointed_at(make, orthanc))

    assert {Level.OK} == {finding.level for finding in (*findings, echo)}
    assert "answers in" in findings[0].what
    assert "Orthanc 1." in findings[0].what
    assert "dicom-web" in findings[1].what
    assert "clocks agree" == findings[2].what
    assert f"{orthanc.aet}@127.0.0.1:{orthanc.dicom_port} answers C-ECHO" == echo.what


def test_password_in_the_open_is_a_warning(make, orthanc):
    """Over plain HTTP whoever answers there gets it."""
    said = [each.what for each in look(pacs.rest, pointed_at(make, orthanc))]

    assert any("unencrypted, and nothing proves which server answers" in each for each in said)


def test_wrong_password_says_so(make, orthanc):
    """The error names the settings to correct."""
    with pytest.raises(PacsRefused, match="does not accept the user name or password"):
        look(pacs.rest, pointed_at(make, orthanc, password="wrong"))  # noqa: S106


def test_pacs_that_is_away_says_so(make):
    """Nothing listens there."""
    settings = make(pacs={"url": f"http://127.0.0.1:{free_ports(1)[0]}"})

    with pytest.raises(PacsUnavailable, match="did not answer"):
        look(pacs.rest, settings)


def test_pacs_without_plugins_is_a_warning(make, tmp_path, monkeypatch):
    """Each is named with what is amiss without it."""
    monkeypatch.setattr(orthanc_server, "PLUGINS", ())
    with running_orthanc(tmp_path) as bare:
        findings = look(pacs.rest, pointed_at(make, bare))
    warned = [finding for finding in findings if finding.level is Level.WARNING]

    assert any("no plug-in dicom-web" in each.what for each in warned)
    assert any("orthanc-dicomweb" in each.remedy for each in warned)


@pytest.mark.parametrize(
    "changes", [{"aet": "WRONG"}, {"dicom_port": None}], ids=["rejected", "nothing there"]
)
def test_dicom_port_that_does_not_take_us_is_a_warning(make, orthanc, changes):
    """The node goes on over HTTP; who sends images is concerned."""
    if changes.get("dicom_port", 0) is None:
        changes = {"dicom_port": free_ports(1)[0]}
    (found,) = look(pacs.dicom, pointed_at(make, orthanc, **changes))
    gc.collect()  # in this test, whose filter knows of that socket

    assert Level.WARNING is found.level
    assert found.remedy


@pytest.mark.parametrize("check", [pacs.rest, pacs.dicom])
def test_own_orthanc_that_does_not_run_is_not_asked(make, check):
    """While no node runs there is nobody to ask, and nothing wrong."""
    assert [(Level.OK, pacs.NOT_STARTED)] == [(f.level, f.what) for f in look(check, make())]


def test_program_is_found_with_its_version_and_plugins(make):
    """As hilum up would start it."""
    findings = look(pacs.program, make())

    assert "version 1." in findings[0].what
    assert "libOrthancDicomWeb" in findings[-1].what


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("1.10.1", ["CVE-2023-33466", "CVE-2026-5437"]),
        ("1.12.10", ["CVE-2026-5437"]),
        ("1.12.11", []),
        ("1.13", []),
        ("mainline", []),
    ],
)
def test_published_advisories_are_named(version, said):
    """Those about that version alone, with what to do."""
    found = list(pacs.advisories(version))

    assert bool(said) == bool(found)
    assert all(each.level is Level.WARNING and "1.12.11" in each.remedy for each in found)
    assert said == [name for name in ("CVE-2023-33466", "CVE-2026-5437") if name in str(found)]


def test_program_is_not_needed_for_a_pacs_of_the_settings(make):
    """Somebody else starts that one."""
    (found,) = look(pacs.program, make(pacs={"url": "http://127.0.0.1:8042"}))

    assert found.what.startswith("not needed")


def test_missing_program_says_so(make, tmp_path):
    """The setting is named."""
    with pytest.raises(ProgramNotInstalled, match=r"pacs\.program names"):
        look(pacs.program, make(pacs={"program": str(tmp_path / "Orthanc")}))


def test_missing_plugin_says_which_package(make, monkeypatch):
    """As a start would say it."""
    monkeypatch.setattr(configuration, "PLUGIN_FOLDERS", ())
    with pytest.raises(NodeError, match="orthanc-dicomweb"):
        look(pacs.program, make())


def test_program_that_says_no_version_is_unknown(tmp_path):
    """Whatever it is."""
    silent = tmp_path / "silent"
    silent.write_text("#!/bin/sh\n")
    silent.chmod(0o700)

    assert "unknown" == pacs.version_of(str(silent))
    assert "unknown" == pacs.version_of(str(tmp_path / "missing"))


Serve = Callable[[dict[str, str]], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Return a function that starts a server with fixed answers, path → body."""
    servers: list[tuple[ThreadingHTTPServer, threading.Thread]] = []

    def start(answers: dict[str, str]) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = answers.get(self.path, "").encode()
                self.send_response(200 if self.path in answers else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Be silent."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


def orthanc_of(version: str, behind: timedelta) -> dict[str, str]:
    """Return the answers of an Orthanc of a version whose clock is behind."""
    return {
        "/system": json.dumps({"Version": version}),
        "/plugins": json.dumps(["dicom-web", "gdcm"]),
        "/tools/now": f"{datetime.now(UTC) - behind:%Y%m%dT%H%M%S}",
    }


def test_clock_that_differs_is_a_problem(make, serve):
    """By how much is said."""
    url = serve(orthanc_of("1.12.1", timedelta(hours=3)))
    found = worst(look(pacs.rest, make(pacs={"url": url})))

    assert Level.PROBLEM is found.level
    assert "differ by 10" in found.what
    assert "NTP" in found.remedy


def test_clock_that_is_not_told_is_a_warning(make, serve):
    """An answer that is no time."""
    url = serve({**orthanc_of("1.12.1", timedelta(0)), "/tools/now": "noon"})

    assert Level.WARNING is worst(look(pacs.rest, make(pacs={"url": url}))).level


@pytest.mark.parametrize(
    ("version", "old"),
    [("1.9.7", True), ("1.10.1", False), ("1.12.11", False), ("mainline", False)],
)
def test_old_orthanc_is_a_warning(make, serve, version, old):
    """Nobody tried hilum with it."""
    url = serve(orthanc_of(version, timedelta(0)))

    found = look(pacs.rest, make(pacs={"url": url}))
    assert old == any("older than any" in each.what for each in found)


def test_server_that_is_no_orthanc_says_so(make, serve):
    """Its answer is something else."""
    with pytest.raises(PacsRefused, match="not an Orthanc"):
        look(pacs.rest, make(pacs={"url": serve({"/system": "hello"})}))
