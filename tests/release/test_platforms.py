"""What `pip install hilum` is good for on Windows and macOS, which lack what Linux has."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from hilum.cli.main import COMMANDS, LINUX_ONLY, main
from orthanc_server import OrthancServer

PRELUDE = """
import os, signal, sys
MODULES = {"fcntl", "resource", "pwd", "grp", "multiprocessing.forkserver"}
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name in MODULES:
            raise ModuleNotFoundError(name)
def hook(event, arguments):
    if event == "open" and str(arguments[0]).startswith(("/proc", "/sys")):
        raise FileNotFoundError(2, "hidden", arguments[0])
    if event in ("os.fork", "os.forkpty"):
        raise NotImplementedError(event)
sys.meta_path.insert(0, Hidden())
for name in MODULES:
    sys.modules.pop(name, None)
for name in ("fork", "forkpty", "sched_getaffinity", "memfd_create", "pidfd_open", "geteuid",
             "pread", "pwrite", "fchmod", "fchown", "chown", "statvfs", "O_NOFOLLOW", "O_CLOEXEC"):
    delattr(os, name)
for name in ("SIGHUP", "SIGKILL", "SIGUSR1", "pthread_sigmask", "pidfd_send_signal"):
    delattr(signal, name)
sys.addaudithook(hook)
from hilum.cli.main import main
sys.modules["hilum.cli.main"].LINUX = "ELSEWHERE" not in os.environ
main()
"""
"""Hides what only Linux has, or Unix, and runs the command line."""


@pytest.fixture
def hilum(tmp_path, monkeypatch):
    """Return what runs a command without what only Linux has; a file without encoding fails it."""
    monkeypatch.setenv("HILUM_DATA_FOLDER", str(tmp_path / "data"))
    strict = ("-X", "warn_default_encoding", "-W", "error::EncodingWarning")

    def run(*arguments: object) -> str:
        done = subprocess.run(
            [sys.executable, *strict, "-c", PRELUDE, *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert 0 == done.returncode, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.fixture
def phantoms(hilum, tmp_path) -> Path:
    """Return a folder with one phantom, made that way."""
    hilum("phantom", tmp_path / "phantoms", "--count", "1")
    return tmp_path / "phantoms"


def test_radiographs_are_read_without_linux(hilum, phantoms, tmp_path):
    """To JSON, as a table and as DICOM."""
    results = tmp_path / "results"
    hilum(
        *("read", phantoms / "phantom-1.dcm", "--model", "demonstration"),
        *("--json", tmp_path / "r.json", "--csv", tmp_path / "r.csv", "--out", results),
    )
    (row,) = json.loads((tmp_path / "r.json").read_text("utf-8"))["readings"]

    assert "read" == row["status"]
    assert list(results.glob("*.dcm"))


def test_models_are_listed_without_linux(hilum):
    """With their states."""
    assert "built in" in hilum("models", "list")


@pytest.mark.orthanc
def test_files_are_sent_without_linux(
    hilum, phantoms, empty_orthanc: OrthancServer, monkeypatch: pytest.MonkeyPatch
):
    """To a PACS."""
    monkeypatch.setenv("HILUM_PACS__URL", empty_orthanc.url)
    monkeypatch.setenv("HILUM_PACS__USERNAME", empty_orthanc.username)
    monkeypatch.setenv("HILUM_PACS__PASSWORD", empty_orthanc.password)

    assert "stored" in hilum("send", phantoms / "phantom-1.dcm")


@pytest.mark.parametrize("command", sorted(LINUX_ONLY))
def test_what_needs_linux_says_so(command, monkeypatch):
    """In one line, whatever its options, with what to use instead."""
    monkeypatch.setattr(sys.modules["hilum.cli.main"], "LINUX", False)
    done = CliRunner().invoke(main, [command, "--out", "folder"])

    assert 1 == done.exit_code
    assert 1 == len(done.output.splitlines())
    assert f"hilum {command} runs on Linux only. On Windows use WSL2" in done.output


def test_help_is_listed_without_linux(hilum, monkeypatch):
    """With a word at what does not run there."""
    monkeypatch.setenv("ELSEWHERE", "1")
    listed = hilum("--help")

    assert all(command in listed for command in COMMANDS)
    assert len(LINUX_ONLY) == listed.count("Runs on Linux only.")
