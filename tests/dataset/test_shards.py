"""Shards travel to other processes with all that their sources need to be opened there."""

import subprocess
import sys

import pytest

from hilum.dataset.lists import ListOptions
from hilum.dataset.shards import Shard, batches, find_sources
from hilum.errors import SourceUnreadable
from hilum.files.find import find_candidates
from zip_files import zipped

ELSEWHERE = """
import sys
from hilum.dataset.shards import Shard
print([candidate.read() for candidate in Shard(sys.stdin.buffer.read(), 0).candidates()])
"""


@pytest.fixture
def folder(tmp_path):
    """Return a folder with files, archives, and an archive in an archive."""
    (tmp_path / "a.dcm").write_bytes(b"1")
    inner = zipped(**{"e.dcm": b"3"})
    (tmp_path / "b.zip").write_bytes(zipped(**{"x/c.dcm": b"2", "d.zip": inner}))
    return tmp_path


def test_sources_can_be_opened_in_another_process(folder):
    """Files, members of archives, and members of archives within them."""
    (shard,) = batches(find_candidates([folder]))
    said = subprocess.run(
        [sys.executable, "-c", ELSEWHERE], input=shard.packed, capture_output=True, check=True
    )

    assert b"[b'1', b'3', b'2']" == said.stdout.strip()


def test_what_cannot_be_read_says_why_there_too(folder):
    """An archive that is damaged, say, is found where the sources are listed."""
    (folder / "b.zip").write_bytes(b"PK\x03\x04")
    shard = Shard.of(list(find_candidates([folder / "b.zip"])))
    (candidate,) = shard.candidates()

    with pytest.raises(SourceUnreadable, match="the archive around it is damaged"):
        candidate.read()


def test_sources_are_absolute_and_keep_their_order(folder, monkeypatch):
    """A worker has another working directory, and a run may go on from another one."""
    monkeypatch.chdir(folder)
    found = find_sources(["b.zip", "."], ListOptions())

    assert [f"{folder}/b.zip!d.zip!e.dcm", f"{folder}/b.zip!x/c.dcm", f"{folder}/a.dcm"] == [
        candidate.name for candidate in found
    ][:3]


def test_shard_is_cut_into_all_of_its_sources(folder):
    """Down to the single ones."""
    shard = Shard.of(list(find_candidates([folder])))

    assert [1, 1, 1] == [piece.count for piece in shard.cut()]


def test_many_sources_take_little_memory(folder):
    """Ten million of them wait in a few hundred megabytes."""
    (file,) = find_candidates([folder / "a.dcm"])
    path = "/archive/2024/03/17/1.2.840.113619.2.55.3.{}.dcm"
    many = [type(file)(path.format(n), file.opener, path=None) for n in range(256)]

    assert len(Shard.of(many).packed) / 256 < 40
