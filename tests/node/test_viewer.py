"""``hilum viewer install``: OHIF from its package, known by its hash."""

import hashlib
import io
import random
import tarfile
from collections.abc import Iterator
from errno import ENOSPC
from pathlib import Path

import pytest
from click.testing import CliRunner

from file_server import FileServer, serving
from hilum.cli.main import main
from hilum.errors import AlreadyRunning, ProgramNotInstalled
from hilum.jobs.lock import locked
from hilum.node import viewer
from hilum.predict.download import CHUNK, TRIES
from hilum.settings import Settings
from hilum.web import ohif_files

MEMBERS = {
    "package/dist/index.html": b"<html></html>",
    "package/dist/assets/a.js": b"a",
    "package/dist/ort/large.wasm": random.Random(0).randbytes(8 * CHUNK),
    "package/src/other.js": b"b",
    "package/dist/../../../escaped": b"c",
    "/absolute": b"d",
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a package like OHIF's, which is the expected one."""
    path = tmp_path / "app.tgz"
    with tarfile.open(path, "w:gz") as archive:
        for name, content in MEMBERS.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        link = tarfile.TarInfo("package/dist/link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    monkeypatch.setattr(viewer, "SIZE", path.stat().st_size)
    monkeypatch.setattr(viewer, "SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    return path


def files_in(folder: Path) -> set[str]:
    """Return what is in a folder, by names below it."""
    return {str(each.relative_to(folder)) for each in folder.rglob("*") if not each.is_dir()}


def test_a_file_is_installed_where_the_page_looks(package, tmp_path):
    """The build alone, without what is never used; nothing leaves the folder."""
    data = tmp_path / "data"
    folder = viewer.install(data, package, lambda *_: None)

    assert {"index.html", "assets/a.js", viewer.MARK} == files_in(folder)
    assert {"ohif", "ohif.lock"} == {each.name for each in data.iterdir()}
    assert folder == ohif_files.folder(Settings(data_folder=data))


def test_it_takes_the_place_of_an_older_one(package, tmp_path):
    """Nothing of that is left."""
    (tmp_path / "ohif").mkdir()
    (tmp_path / "ohif" / "old.js").touch()

    assert "old.js" not in files_in(viewer.install(tmp_path, package, lambda *_: None))


def test_another_file_is_refused(package, tmp_path):
    """By its hash; what is installed stays."""
    viewer.install(tmp_path, package, lambda *_: None)
    package.write_bytes(package.read_bytes()[:-1] + b"x")
    with pytest.raises(ProgramNotInstalled, match="SHA-256 differs"):
        viewer.install(tmp_path, package, lambda *_: None)

    assert ohif_files.folder(Settings(data_folder=tmp_path)) == tmp_path / "ohif"


def test_the_command_says_where_it_is(package, tmp_path, monkeypatch):
    """And that the page offers it."""
    monkeypatch.setenv("HILUM_DATA_FOLDER", str(tmp_path))
    answer = CliRunner().invoke(main, ["viewer", "install", "--file", str(package)])

    assert 0 == answer.exit_code, answer.output
    assert str(tmp_path / "ohif") in answer.output


@pytest.fixture
def registry(package: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    """Return a registry that has the package."""
    with serving({"/app.tgz": package.read_bytes()}) as server:
        monkeypatch.setattr(viewer, "PACKAGE", f"{server.url}/app.tgz")
        yield server


def test_it_is_downloaded_once(registry, tmp_path):
    """What is installed already is not fetched again, and nothing is left beside it."""
    data = tmp_path / "data"
    for _ in range(2):
        viewer.install(data, None, lambda *_: None)

    assert [""] == registry.requests
    assert {"ohif", "ohif.lock"} == {each.name for each in data.iterdir()}


def test_a_download_that_broke_off_goes_on(registry, tmp_path):
    """With the next run of the command, from where it stopped."""
    registry.cuts = TRIES
    with pytest.raises(ProgramNotInstalled, match="goes on where this stopped"):
        viewer.install(tmp_path, None, lambda *_: None)
    viewer.install(tmp_path, None, lambda *_: None)

    assert registry.requests[-1].startswith("bytes=")
    assert viewer.MARK in files_in(tmp_path / "ohif")


def test_a_download_of_something_else_is_refused(registry, tmp_path):
    """And is not kept."""
    contents = registry.files["/app.tgz"]
    registry.files["/app.tgz"] = contents[:-1] + bytes([contents[-1] ^ 1])
    with pytest.raises(ProgramNotInstalled, match="SHA-256 differs"):
        viewer.install(tmp_path, None, lambda *_: None)

    assert not list(tmp_path.glob("ohif.tgz*"))


def test_without_a_network_the_other_way_is_named(tmp_path, monkeypatch):
    """The address, and the option."""
    monkeypatch.setattr(viewer, "PACKAGE", "http://127.0.0.1:1/app.tgz")
    with pytest.raises(ProgramNotInstalled, match=r"did not answer.*127\.0\.0\.1:1.*--file"):
        viewer.install(tmp_path, None, lambda *_: None)


@pytest.mark.usefixtures("registry")
def test_a_full_disk_leaves_what_was_there(tmp_path, monkeypatch):
    """And nothing half unpacked, nor the package."""
    (tmp_path / "ohif").mkdir()
    (tmp_path / "ohif" / "index.html").touch()

    def full(*_: object) -> None:
        raise OSError(ENOSPC, "No space left on device")

    monkeypatch.setattr(viewer.shutil, "copyfileobj", full)
    with pytest.raises(ProgramNotInstalled, match="No space left"):
        viewer.install(tmp_path, None, lambda *_: None)

    assert {"index.html"} == files_in(tmp_path / "ohif")
    assert {"ohif", "ohif.lock", "app.tgz"} == {each.name for each in tmp_path.iterdir()}


def test_two_at_once_are_told_apart(package, tmp_path):
    """The second is told who is at it."""
    with locked(tmp_path, "ohif.lock"), pytest.raises(AlreadyRunning):
        viewer.install(tmp_path, package, lambda *_: None)
