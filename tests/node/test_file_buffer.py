"""A file on its way to an inference worker is private, and nothing of it stays."""

import os
import subprocess
import sys
from io import FileIO
from pathlib import Path

import pytest

from hilum.node import file_buffer as rooms
from hilum.node.file_buffer import FileBuffer, buffer_folder

linux = pytest.mark.skipif(sys.platform != "linux", reason="the memory is Linux's")


@pytest.fixture
def spare(tmp_path):
    """Return where files go for which there is no memory."""
    return buffer_folder(tmp_path)


@pytest.fixture
def buffer(spare):
    """Return an empty buffer."""
    buffer = FileBuffer(spare)
    yield buffer
    buffer.close()


@linux
def test_another_process_reads_what_the_tray_holds(buffer, spare):
    """A worker finds the file by its path, in no folder."""
    with buffer.holding(b"image") as path:
        said = subprocess.run(["cat", path], check=True, capture_output=True).stdout
        assert [] == list(spare.iterdir())

    assert b"image" == said


def test_a_smaller_file_leaves_nothing_of_the_one_before(buffer):
    """What is read is the last file alone."""
    with buffer.holding(b"a large image"):
        pass
    with buffer.holding(b"small") as path:
        assert b"small" == Path(path).read_bytes()


@linux
def test_memory_of_an_unusually_large_file_is_given_back(buffer, monkeypatch):
    """One large file does not cost its room for good."""
    monkeypatch.setattr(rooms, "MOST_KEPT", 10)
    with buffer.holding(b"more than ten bytes") as path:
        kept = Path(path)

    assert 0 == kept.stat().st_size


@linux
def test_without_room_in_memory_the_file_is_its_owners_and_is_taken_away(buffer, spare):
    """Where memory is full a file of mode 0600 in the folder does, and is gone afterwards."""
    buffer.close()
    buffer._memory = FileIO("/dev/full", "r+")
    with buffer.holding(b"image") as path:
        assert b"image" == Path(path).read_bytes()
        assert 0o600 == Path(path).stat().st_mode & 0o777
        assert Path(path).is_relative_to(spare)

    assert [] == list(spare.iterdir())


def test_what_comes_after_the_end_goes_to_the_folder(buffer, spare):
    """An image that is still in work when the workers end is not taken for broken."""
    buffer.close()
    with buffer.holding(b"image") as path:
        assert Path(path).is_relative_to(spare)


def test_a_system_without_such_memory_takes_the_folder(spare, monkeypatch):
    """Elsewhere than on Linux files are handed over all the same."""
    monkeypatch.delattr(os, "memfd_create", raising=False)
    with FileBuffer(spare).holding(b"image") as path:
        assert Path(path).is_relative_to(spare)


def test_what_a_killed_node_left_is_swept_away(tmp_path, spare):
    """The next node begins with an empty folder."""
    (spare / "hilum-left.dcm").write_bytes(b"image")

    assert [] == list(buffer_folder(tmp_path).iterdir())
