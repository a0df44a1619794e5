"""Files and folders that only their owner can read."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from hilum.errors import SettingInvalid
from hilum.files.private import make_folder, write_file


def test_file_is_the_owners_from_its_first_byte(tmp_path):
    """A private file has mode 0600, whatever was there under its name."""
    path = tmp_path / "secret"
    path.write_text("old")
    path.chmod(0o644)
    write_file(path, "new")

    assert ("new", 0o600) == (path.read_text(), path.stat().st_mode & 0o777)
    assert [path] == list(tmp_path.iterdir())


def test_folder_is_the_owners(tmp_path):
    """A private folder has mode 0700; making it again changes nothing."""
    make_folder(tmp_path / "private")
    make_folder(tmp_path / "private")

    assert 0o700 == (tmp_path / "private").stat().st_mode & 0o777


def test_parents_that_are_made_are_the_owners_too(tmp_path):
    """Those that were there stay as they are."""
    tmp_path.chmod(0o755)
    make_folder(tmp_path / "data" / "models" / "one")
    modes = {path.stat().st_mode & 0o777 for path in tmp_path.rglob("*")}

    assert ({0o700}, 0o755) == (modes, tmp_path.stat().st_mode & 0o777)


@pytest.mark.parametrize("make", [make_folder, lambda path: write_file(path / "x", "y")])
def test_place_that_cannot_be_written_is_named(tmp_path, make):
    """A path below a file is one clear line."""
    (tmp_path / "file").touch()

    with pytest.raises(SettingInvalid, match=r"cannot be written: .* Set data_folder"):
        make(tmp_path / "file" / "folder")


def test_failed_write_leaves_the_old_file(tmp_path):
    """When the new text cannot be written, the old file stays and nothing is left aside."""
    path = tmp_path / "secret"
    write_file(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_file(path, "\ud800")

    assert "old" == path.read_text()
    assert [path] == list(tmp_path.iterdir())


def test_two_writers_do_not_meet(tmp_path):
    """Each writes its own file aside; the last one's is there in the end, whole."""
    path = tmp_path / "secret"
    texts = [str(number) * 10_000 for number in range(8)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda text: write_file(path, text), texts))

    assert path.read_text() in texts
    assert [path] == list(tmp_path.iterdir())
