"""The node, its ports, its model and what stands beside it, with each fault made real."""

import os
import socket
from contextlib import ExitStack
from pathlib import Path

import pytest

from doctor_tools import installed, look, worst
from hilum.doctor import model, node
from hilum.doctor.check import Level
from hilum.errors import ModelUnknown, WeightsMissing, WeightsUntrusted
from hilum.jobs.lock import locked


def listen(stack: ExitStack, port: int) -> None:
    """Let something listen on a port of loopback."""
    server = stack.enter_context(socket.socket())
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("127.0.0.1", port))
    server.listen()


def all_ports(settings) -> list[int]:
    return [settings.pacs.http_port, settings.pacs.dicom_port, settings.page.port]


def test_free_ports_are_fine(make):
    """Each is named with its setting."""
    settings = make()

    assert [
        (Level.OK, f"{port} ({name}) is free")
        for name, port in zip(
            ("pacs.http_port", "pacs.dicom_port", "page.port"), all_ports(settings), strict=True
        )
    ] == [(finding.level, finding.what) for finding in look(node.ports, settings)]


@pytest.mark.parametrize("which", [0, 1, 2])
def test_port_that_another_program_has_is_a_problem(make, which):
    """The setting that can be changed is named."""
    settings = make()
    with ExitStack() as stack:
        listen(stack, all_ports(settings)[which])
        findings = look(node.ports, settings)

    assert Level.PROBLEM is findings[which].level
    assert "is in use by another program" in findings[which].what
    assert 1 == sum(finding.level is Level.PROBLEM for finding in findings)


def test_ports_of_a_node_that_runs_are_its_own(make, folder):
    """While a node holds the data folder, what listens on its ports is it."""
    settings = make()
    with locked(folder), ExitStack() as stack:
        for port in all_ports(settings):
            listen(stack, port)
        findings = look(node.ports, settings)

    assert {Level.OK} == {finding.level for finding in findings}
    assert all(f"(process {os.getpid()})" in finding.what for finding in findings)


def test_node_that_does_not_listen_is_a_problem(make, folder):
    """It runs, and nothing answers where it should."""
    with locked(folder):
        findings = look(node.ports, make())

    assert {Level.PROBLEM} == {finding.level for finding in findings}
    assert "nothing answers on port" in findings[0].what


def test_ports_of_a_pacs_of_the_settings_are_not_ours(make):
    """Only the page's is needed then, or none."""
    pacs = {"url": "http://127.0.0.1:8042"}
    with_page = look(node.ports, make(pacs=pacs))
    without = look(node.ports, make(pacs=pacs, page={"enabled": False}))

    assert ["(page.port)" in finding.what for finding in with_page] == [True]
    assert ["none is needed"] == [finding.what for finding in without]


@pytest.mark.parametrize(
    ("age", "level"), [(0, Level.OK), (3600, Level.PROBLEM), (None, Level.WARNING)]
)
def test_node_that_runs_goes_by_its_heartbeat(make, folder, age, level):
    """A process that hangs holds its lock and gives no sign of life."""
    with locked(folder):
        if age is not None:
            beat = folder / "heartbeat"
            beat.touch()
            then = beat.stat().st_mtime - age
            os.utime(beat, (then, then))
        (found,) = look(node.heartbeat, make())

    assert level is found.level
    assert str(os.getpid()) in found.what


def test_no_node_is_a_warning(make, folder):
    """Nor is one that ended and left its files."""
    (never,) = look(node.heartbeat, make())
    with locked(folder):
        (folder / "heartbeat").touch()
    (ended,) = look(node.heartbeat, make())

    assert (Level.WARNING, "Run hilum up.") == (never.level, never.remedy)
    assert never == ended


def test_runtime_runs_a_network(make):
    """The one that comes with hilum, whatever is set."""
    (found,) = look(model.runtime, make(model={"name": "no-such-model"}))

    assert Level.OK is found.level
    assert "runs a network of 224×224 pixels" in found.what


def test_missing_weights_say_how_to_get_them(make):
    """The command is in the remedy."""
    with pytest.raises(WeightsMissing, match="hilum models pull densenet121-res224-all"):
        look(model.usable, make())


def test_unknown_model_says_so(make):
    """Somebody misspelt it."""
    with pytest.raises(ModelUnknown, match="densnet"):
        look(model.usable, make(model={"name": "densnet"}))


def test_demonstration_model_is_a_problem(make):
    """A node with it keeps its images unread."""
    (found,) = look(model.usable, make(model={"name": "demonstration"}))

    assert Level.PROBLEM is found.level
    assert "reads no images of patients" in found.what


@pytest.mark.parametrize(("verified", "level"), [(True, Level.OK), (False, Level.WARNING)])
def test_model_is_verified_or_trusted_on_first_use(make, folder, verified, level):
    """The difference is said."""
    installed(folder, verified=verified)
    found, reference = look(model.usable, make(model={"name": "stand-in"}))

    assert level is found.level
    assert found.what.startswith("stand-in ")
    assert "not enough images yet" in reference.what


def test_changed_weights_say_so(make, folder):
    """One byte is enough."""
    file = installed(folder, verified=True)
    contents = bytearray(file.read_bytes())
    contents[1000] ^= 1
    file.write_bytes(contents)

    with pytest.raises(WeightsUntrusted, match="have changed since they were installed"):
        look(model.usable, make(model={"name": "stand-in"}))


def test_viewer_is_there_or_not(make, tmp_path, monkeypatch):
    """Nowhere, a folder without it, a folder with it, no page at all."""
    monkeypatch.setattr("hilum.web.ohif_files.BUILT_HERE", Path("no/such/folder"))
    empty = tmp_path / "ohif"
    empty.mkdir()
    nowhere = worst(look(node.ohif, make()))
    wrong = worst(look(node.ohif, make(page={"ohif_folder": empty})))
    (empty / "index.html").touch()
    right = worst(look(node.ohif, make(page={"ohif_folder": empty})))
    off = worst(look(node.ohif, make(page={"enabled": False})))

    assert [Level.WARNING, Level.PROBLEM, Level.OK, Level.OK] == [
        found.level for found in (nowhere, wrong, right, off)
    ]


def test_traces_need_their_library(make, monkeypatch):
    """Off, on, and on without what they need."""
    off = look(node.traces, make())
    traced = make(telemetry={"otlp_endpoint": "http://127.0.0.1:4318"})
    on = look(node.traces, traced)
    monkeypatch.setattr(node, "find_spec", lambda _: None)
    without = look(node.traces, traced)

    assert [Level.OK, Level.OK, Level.PROBLEM] == [f[0].level for f in (off, on, without)]
    assert "hilum[tracing]" in without[0].remedy
