"""Commands on terminals that are not UTF-8, closed, or read by `head`."""

import json
import os
import pty
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from pydicom import Dataset

from radiographs import dicom_file

LANGUAGES = {
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "cp1252": {"PYTHONIOENCODING": "cp1252"},
    "the C locale": {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
}


def hilum(
    *arguments: str | Path, shell: str = "", cwd: Path, **variables: str
) -> subprocess.CompletedProcess[bytes]:
    """Run the command, with something of a shell behind it."""
    command = [sys.executable, "-m", "hilum", *map(os.fspath, arguments)]
    return subprocess.run(
        ["bash", "-c", f'"$@" {shell}', "bash", *command],
        cwd=cwd,
        env={**os.environ, "HILUM_DATA_FOLDER": str(cwd / "data"), **variables},
        capture_output=True,
        check=False,
    )


@pytest.fixture
def folder(tmp_path: Path, radiograph: Dataset) -> Path:
    """Return a folder with phantoms under names that few terminals have."""
    radiograph.QualityControlImage = "YES"
    path = tmp_path / "in"
    path.mkdir()
    names = [b"plain.dcm", "tórax ≥ 1.dcm".encode(), "胸部.dcm".encode(), b"caf\xe9.dcm"]
    for name in names:
        (path / os.fsdecode(name)).write_bytes(dicom_file(radiograph))
    return path


@pytest.mark.parametrize("language", LANGUAGES)
def test_reading_ends_well_in_every_language_of_a_terminal(folder: Path, language: str):
    """No traceback, and JSON and CSV are UTF-8 whatever the terminal is."""
    done = hilum(
        *("read", "in", "--model", "demonstration", "--json", "out.json", "--csv", "out.csv"),
        cwd=folder.parent,
        **LANGUAGES[language],
    )

    assert b"Traceback" not in done.stderr
    assert 0 == done.returncode
    rows = json.loads((folder.parent / "out.json").read_text(encoding="utf-8"))["readings"]
    named = sorted(row["path"] for row in rows)
    assert ["in/caf%E9.dcm", "in/plain.dcm", "in/tórax ≥ 1.dcm", "in/胸部.dcm"] == named
    assert "胸部" in (folder.parent / "out.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "shell",
    [">&- 2>&- <&-", "| head -c 1", "2>&1 | true"],
)
def test_no_document_is_lost_with_the_terminal(folder: Path, shell: str):
    """Closed streams, and a pipe whose reader has gone: the reading goes on."""
    done = hilum(
        *("read", "in", "--model", "demonstration", "--json", "out.json"),
        shell=shell,
        cwd=folder.parent,
    )

    assert b"Traceback" not in done.stderr + done.stdout
    document = json.loads((folder.parent / "out.json").read_text(encoding="utf-8"))
    assert ["read"] * 4 == [row["status"] for row in document["readings"]]


def test_names_of_files_do_nothing_to_a_terminal(tmp_path: Path):
    """Neither escape sequences nor marks of direction reach it."""
    hostile = "a\x1b]0;owned\x07\x1b[2J\u202egpj.mcd\x9b31m.dcm"
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "hilum", "read", hostile],
        env={**os.environ, "HILUM_DATA_FOLDER": str(tmp_path / "data")},
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    written = b""
    with suppress(OSError):  # Linux says so when the other side has gone
        while piece := os.read(ours, 4096):
            written += piece
    os.close(ours)
    process.wait()
    text = written.decode()

    assert "does not exist" in text
    assert not re.search("[\x1b\x07\x9b\u202e]", text)


@pytest.mark.parametrize("shell", [">/dev/full", "2>/dev/full", ">/dev/full 2>&1"])
def test_full_disk_behind_the_terminal_loses_no_document(folder: Path, shell: str):
    """What is shown is lost, and the exit status says so; the document is whole."""
    done = hilum(
        *("read", "in", "--model", "demonstration", "--json", "out.json"),
        cwd=folder.parent,
        shell=shell,
    )

    assert 1 == done.returncode
    assert b"Traceback" not in done.stderr
    assert ("2>" in shell) or b"cannot be written: No space left on device" in done.stderr
    assert 4 == len(json.loads((folder.parent / "out.json").read_text("utf-8"))["readings"])


@pytest.mark.parametrize(
    ("table", "text"),
    [("./out.json", b"out.json is given twice"), ("in/plain.dcm", b"is an image or an archive")],
)
def test_results_replace_neither_each_other_nor_an_image(folder: Path, table: str, text: bytes):
    """Said before anything is read; the files are what they were."""
    image = (folder / "plain.dcm").read_bytes()

    done = hilum("read", "in", "--json", "out.json", "--csv", table, cwd=folder.parent)

    assert 1 == done.returncode
    assert text in done.stderr
    assert image == (folder / "plain.dcm").read_bytes()
    assert not (folder.parent / "out.json").exists()


def test_results_of_a_name_that_is_no_text_are_written(folder: Path):
    """The folder and the file have bytes that no UTF-8 has; JSON says them as %E9."""
    out = os.fsdecode(b"sa\xefda")
    done = hilum(
        *("read", os.fsdecode(b"in/caf\xe9.dcm"), "--model", "demonstration"),
        *("--out", out, "--json", "out.json"),
        cwd=folder.parent,
        **LANGUAGES["ascii"],
    )

    assert (0, b"") == (done.returncode, b"Traceback" * (b"Traceback" in done.stderr))
    (row,) = json.loads((folder.parent / "out.json").read_text(encoding="utf-8"))["readings"]
    assert "sa%EFda/caf%E9.overlay.png" in row["outputs"]
    assert (folder.parent / out / "caf%E9.overlay.png").exists()


@pytest.mark.parametrize(
    ("command", "name"),
    [(("read",), os.fsdecode(b"g\xf3ne.dcm")), (("send", "--to", "PACS@127.0.0.1:9"), "gone≥.dcm")],
)
def test_missing_path_is_said_before_anything_else(
    tmp_path: Path, command: tuple[str, ...], name: str
):
    """Before weights that are not there, and a PACS that does not answer."""
    done = hilum(*command, name, cwd=tmp_path, **LANGUAGES["ascii"])

    assert 1 == done.returncode
    assert done.stderr.startswith(b"hilum: g")
    assert done.stderr.endswith(b"dcm does not exist. Check the path.\n")


@pytest.mark.parametrize("arguments", [("--help",), ("models", "list")])
def test_other_commands_end_well_too(tmp_path: Path, arguments: tuple[str, ...]):
    """Tables and help."""
    done = hilum(*arguments, cwd=tmp_path, **LANGUAGES["ascii"])

    assert (0, b"") == (done.returncode, done.stderr)
