"""A file that is written aside is whole or not there."""

import os
from pathlib import Path

import pytest

from hilum.errors import SourceUnreadable
from hilum.files.atomic import AtomicFile


def test_file_gets_its_name_at_the_end(tmp_path: Path):
    """Until then there is no file, or the one before."""
    path = tmp_path / "r.csv"
    path.write_text("before")
    with AtomicFile(path) as file:
        file.write("é")
        assert "before" == path.read_text()

    assert "é" == path.read_text(encoding="utf-8")
    assert [path] == list(tmp_path.iterdir())


def stopped(path: Path) -> None:
    """Press Ctrl-C while a file is written."""
    with AtomicFile(path) as file:
        file.write("half")
        raise KeyboardInterrupt


def test_broken_off_file_leaves_nothing(tmp_path: Path):
    """Ctrl-C leaves neither the file nor what was aside."""
    with pytest.raises(KeyboardInterrupt):
        stopped(tmp_path / "r.csv")

    assert [] == list(tmp_path.iterdir())


def test_full_disk_is_one_clear_line(tmp_path: Path):
    """What the disk does not take is said, and what is aside is removed."""
    aside = tmp_path / "r.csv.part"
    aside.symlink_to("/dev/full")
    with (
        pytest.raises(SourceUnreadable, match="cannot be written: No space left"),
        AtomicFile(tmp_path / "r.csv") as file,
    ):
        file.write("content")

    assert [] == list(tmp_path.iterdir())


def test_ctrl_c_stays_that_on_a_full_disk(tmp_path: Path):
    """What finds no room after it is no other error."""
    (tmp_path / "r.csv.part").symlink_to("/dev/full")
    with pytest.raises(KeyboardInterrupt):
        stopped(tmp_path / "r.csv")

    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["-", "pipe"])
def test_only_an_ordinary_file_is_replaced(tmp_path: Path, name: str):
    """A pipe or device is not moved away, and a dash is not a file's name."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SourceUnreadable, match="not an ordinary file"):
        AtomicFile(tmp_path / name)


def test_link_stays_a_link(tmp_path: Path):
    """The file that a link means is written."""
    (tmp_path / "link").symlink_to(tmp_path / "file")
    with AtomicFile(tmp_path / "link") as file:
        file.write(b"content")

    assert (tmp_path / "link").is_symlink()
    assert b"content" == (tmp_path / "file").read_bytes()
