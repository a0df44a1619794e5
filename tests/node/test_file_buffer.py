"""A file on its way to a reader is nobody else's, and nothing of it stays."""

import os
import subprocess
import sys
from io import FileIO
from pathlib import Path

import pytest

from hilum.node import file_buffer as rooms
from hilum.node.file_buffer import Tray, spare_folder

linux = pytest.mark.skipif(sys.platform != "linux", reason="the memory is Linux's")


@pytest.fixture
def spare(tmp_path):
    """Return where files go for which there is no memory."""
    return spare_folder(tmp_path)


@pytest.fixture
def tray(spare):
    """Return an empty tray."""
    tray = Tray(spare)
    yield tray
    tray.close()


@linux
def test_another_process_reads_what_the_tray_holds(tray, spare):
    """A reader finds the file by its path, in no folder."""
    with tray.holding(b"image") as path:
        said = subprocess.run(["cat", path], check=True, capture_output=True).stdout
        assert [] == list(spare.iterdir())

    assert b"image" == said


def test_a_smaller_file_leaves_nothing_of_the_one_before(tray):
    """What is read is the last file alone."""
    with tray.holding(b"a large image"):
        pass
    with tray.holding(b"small") as path:
        assert b"small" == Path(path).read_bytes()


@linux
def test_memory_of_an_unusually_large_file_is_given_back(tray, monkeypatch):
    """One large file does not cost its room for good."""
    monkeypatch.setattr(rooms, "MOST_KEPT", 10)
    with tray.holding(b"more than ten bytes") as path:
        kept = Path(path)

    assert 0 == kept.stat().st_size


@linux
def test_without_room_in_memory_the_file_is_its_owners_and_is_taken_away(tray, spare):
    """Where memory is full a file of mode 0600 in the folder does, and is gone afterwards."""
    tray.close()
    tray._memory = FileIO("/dev/full", "r+")
    with tray.holding(b"image") as path:
        assert b"image" == Path(path).read_bytes()
        assert 0o600 == Path(path).stat().st_mode & 0o777
        assert Path(path).is_relative_to(spare)

    assert [] == list(spare.iterdir())


def test_what_comes_after_the_end_goes_to_the_folder(tray, spare):
    """An image that is still in work when the readers end is not taken for broken."""
    tray.close()
    with tray.holding(b"image") as path:
        assert Path(path).is_relative_to(spare)


def test_a_system_without_such_memory_takes_the_folder(spare, monkeypatch):
    """Elsewhere than on Linux files are handed over all the same."""
    monkeypatch.delattr(os, "memfd_create", raising=False)
    with Tray(spare).holding(b"image") as path:
        assert Path(path).is_relative_to(spare)


def test_what_a_killed_node_left_is_swept_away(tmp_path, spare):
    """The next node begins with an empty folder."""
    (spare / "hilum-left.dcm").write_bytes(b"image")

    assert [] == list(spare_folder(tmp_path).iterdir())
