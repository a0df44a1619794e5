"""``hilum viewer install``: OHIF from its package, known by its hash."""

import hashlib
import io
import tarfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from hilum.cli.main import main
from hilum.errors import ProgramNotInstalled
from hilum.node import viewer
from hilum.settings import Settings
from hilum.web import ohif_files

MEMBERS = {
    "package/dist/index.html": b"<html></html>",
    "package/dist/assets/a.js": b"a",
    "package/dist/ort/large.wasm": b"0" * 1000,
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

    assert {"index.html", "assets/a.js"} == files_in(folder)
    assert {"ohif"} == {each.name for each in data.iterdir()}
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
    with pytest.raises(ProgramNotInstalled, match="is a different one"):
        viewer.install(tmp_path, package, lambda *_: None)

    assert ohif_files.folder(Settings(data_folder=tmp_path)) == tmp_path / "ohif"


def test_the_command_says_where_it_is(package, tmp_path, monkeypatch):
    """And that the page offers it."""
    monkeypatch.setenv("HILUM_DATA_FOLDER", str(tmp_path))
    answer = CliRunner().invoke(main, ["viewer", "install", "--file", str(package)])

    assert 0 == answer.exit_code, answer.output
    assert str(tmp_path / "ohif") in answer.output
