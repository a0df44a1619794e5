"""Downloads from a real server: resumed, checked, and never half there."""

import hashlib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from file_server import FileServer, serving
from hilum.errors import WeightsMissing, WeightsUntrusted
from hilum.predict import download
from hilum.predict.download import Download, Expected

CONTENTS = bytes(range(256)) * 8000
SHA256 = hashlib.sha256(CONTENTS).hexdigest()
KNOWN = Expected(len(CONTENTS), SHA256)
UNKNOWN = Expected()


@pytest.fixture
def server() -> Iterator[FileServer]:
    """Return a server that has one file."""
    with serving({"/weights.pt": CONTENTS}) as running:
        yield running


def fetch(server: FileServer, folder: Path, expected: Expected = KNOWN) -> str:
    """Download the server's file into a folder and return its hash."""
    target = folder / "weights.pt"
    return Download(f"{server.url}/weights.pt", target, expected, lambda *_: None).run()


def test_file_arrives_whole_under_its_name(server: FileServer, tmp_path: Path):
    """Afterwards there is the file and nothing else."""
    assert SHA256 == fetch(server, tmp_path)
    assert CONTENTS == (tmp_path / "weights.pt").read_bytes()
    assert ["weights.pt"] == [path.name for path in tmp_path.iterdir()]


def test_progress_counts_to_the_end(server: FileServer, tmp_path: Path):
    """The progress grows to the length of the file."""
    seen: list[tuple[int, int | None]] = []
    Download(
        f"{server.url}/weights.pt", tmp_path / "w", KNOWN, lambda *step: seen.append(step)
    ).run()

    assert (len(CONTENTS), len(CONTENTS)) == seen[-1]
    assert sorted(seen) == seen


def test_cut_connection_goes_on_where_it_stopped(server: FileServer, tmp_path: Path):
    """A transfer that breaks off asks for the rest, by itself."""
    server.cuts = 2

    assert SHA256 == fetch(server, tmp_path)
    assert "" == server.requests[0]
    assert [True, True] == [asked.startswith("bytes=") for asked in server.requests[1:]]


def test_connection_that_breaks_off_for_ever_is_given_up(server: FileServer, tmp_path: Path):
    """After a few tries it is one line, nothing is under the name, and what came is kept."""
    server.cuts = 1000

    with pytest.raises(WeightsMissing, match="broke off repeatedly"):
        fetch(server, tmp_path)
    assert not (tmp_path / "weights.pt").exists()
    assert 0 < (tmp_path / "weights.pt.part").stat().st_size < len(CONTENTS)

    server.cuts = 0
    assert SHA256 == fetch(server, tmp_path)


def test_server_without_ranges_is_asked_for_the_whole_file(server: FileServer, tmp_path: Path):
    """When the rest can't be had, the file is fetched from its start."""
    server.cuts, server.ranges = 1, False

    assert SHA256 == fetch(server, tmp_path)


def test_file_that_changed_meanwhile_is_fetched_anew(server: FileServer, tmp_path: Path):
    """Two versions of a file are never glued together, also when no hash would tell."""
    server.cuts = 1000
    with pytest.raises(WeightsMissing):
        fetch(server, tmp_path, UNKNOWN)
    server.cuts, server.etag = 0, '"second"'
    server.files["/weights.pt"] = CONTENTS[::-1]

    fetch(server, tmp_path, UNKNOWN)

    assert CONTENTS[::-1] == (tmp_path / "weights.pt").read_bytes()


def test_without_hash_and_validator_nothing_is_resumed(server: FileServer, tmp_path: Path):
    """When nothing can tell whether the first part still holds, it is fetched again."""
    server.etag, server.cuts = "", 1

    fetch(server, tmp_path, UNKNOWN)

    assert ["", ""] == server.requests


def test_part_that_was_whole_is_only_checked(server: FileServer, tmp_path: Path):
    """An interruption between the last byte and the check costs no second download."""
    (tmp_path / "weights.pt.part").write_bytes(CONTENTS)

    assert SHA256 == fetch(server, tmp_path)
    assert [] == server.requests


def test_part_that_is_too_long_is_thrown_away(server: FileServer, tmp_path: Path):
    """A leftover of something else does not stop the download."""
    (tmp_path / "weights.pt.part").write_bytes(CONTENTS * 2)

    assert SHA256 == fetch(server, tmp_path)


@pytest.mark.parametrize(
    ("expected", "match"),
    [
        (Expected(len(CONTENTS), "0" * 64), "has the SHA-256"),
        (Expected(None, "0" * 64), "has the SHA-256"),
        (Expected(len(CONTENTS) + 1, None), "broke off|bytes; its card says"),
        (Expected(len(CONTENTS) - 1, SHA256), "longer than"),
    ],
    ids=["other hash", "other hash, size unknown", "too short", "too long"],
)
def test_other_file_than_expected_is_refused(
    server: FileServer, tmp_path: Path, expected: Expected, match: str
):
    """What is not the published file gets no name, and no trace of it is resumed."""
    with pytest.raises((WeightsUntrusted, WeightsMissing), match=match):
        fetch(server, tmp_path, expected)

    assert not (tmp_path / "weights.pt").exists()
    assert SHA256 == fetch(server, tmp_path)


def test_endless_file_is_given_up(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A file of unknown size may not fill the disk."""
    monkeypatch.setattr(download, "MAX_BYTES", 1_000_000)

    with pytest.raises(WeightsUntrusted, match="longer than the 1,000,000 bytes"):
        fetch(server, tmp_path, UNKNOWN)
    assert not (tmp_path / "weights.pt.part").exists()


@pytest.mark.parametrize("status", [404, 403, 500, 503])
def test_answer_without_a_file_is_one_line(server: FileServer, tmp_path: Path, status: int):
    """The status is told, with what can be done about it."""
    server.status = status

    with pytest.raises(WeightsMissing, match=rf"HTTP {status}.*model\.offline_folder"):
        fetch(server, tmp_path)
    assert not (tmp_path / "weights.pt").exists()


def test_closed_network_is_one_line(tmp_path: Path):
    """A machine without a network says so, and how to do without."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/weights.pt"
    job = Download(url, tmp_path / "weights.pt", KNOWN, lambda *_: None)
    with pytest.raises(WeightsMissing, match=r"did not answer \(ConnectError\).*model\.mirror"):
        job.run()


@pytest.mark.parametrize("url", ["mirror.example/weights.pt", "file:///weights.pt", "http://a:b"])
def test_address_that_is_none_is_one_line(tmp_path: Path, url: str):
    """A mistyped mirror is named."""
    job = Download(url, tmp_path / "weights.pt", KNOWN, lambda *_: None)
    with pytest.raises(WeightsMissing, match="is not an address"):
        job.run()


def test_folder_that_cannot_be_written_is_one_line(server: FileServer, tmp_path: Path):
    """A full or closed disk is told as that."""
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(WeightsMissing, match="cannot be written"):
        fetch(server, tmp_path / "file")
