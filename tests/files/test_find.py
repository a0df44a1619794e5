"""From paths to files: what is found, in which order, and what cannot be read says why."""

import os
import zipfile
from pathlib import Path

import pydicom.data
import pytest
from pydicom import Dataset

from hilum.errors import SourceUnreadable
from hilum.files.candidate import FileKind, read_dicom
from hilum.files.errors import read_errors
from hilum.files.find import find_candidates
from radiographs import dicom_file
from zip_files import zipped

PYDICOM_FILES = Path(pydicom.data.__file__).parent / "test_files"
MEDIUM = PYDICOM_FILES / "dicomdirtests"


@pytest.fixture
def content(radiograph: Dataset) -> bytes:
    """Return a DICOM file."""
    return dicom_file(radiograph)


def names(folder: Path, *paths: Path) -> list[str]:
    """Return the names of what is found, relative to a folder."""
    return [
        candidate.name.removeprefix(f"{folder}/")
        for candidate in find_candidates(paths or [folder])
    ]


def complaint(*paths: Path) -> str:
    """Return why the only thing found cannot be read."""
    (candidate,) = find_candidates(paths)
    with pytest.raises(SourceUnreadable) as caught:
        read_dicom(candidate)
    return str(caught.value)


def test_folders_are_walked_in_a_stable_order(tmp_path: Path, content: bytes):
    """By name, depth first, whatever order the file system has."""
    for name in ("b/2.dcm", "b/1.dcm", "a.dcm", "c"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)

    assert ["a.dcm", "b/1.dcm", "b/2.dcm", "c"] == names(tmp_path)


def test_paths_keep_the_order_of_the_command_line(tmp_path: Path, content: bytes):
    """What the user names first comes first, and is known to be named."""
    for name in ("b", "a"):
        (tmp_path / name).write_bytes(content)

    assert ["b", "a"] == names(tmp_path, tmp_path / "b", tmp_path / "a")
    assert [True] == [each.named for each in find_candidates([tmp_path / "b"])]
    assert [False, False] == [each.named for each in find_candidates([tmp_path])]


def test_link_to_the_folder_around_is_not_followed_for_ever(tmp_path: Path, content: bytes):
    """A loop of links ends; a link to another folder is followed."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.dcm").write_bytes(content)
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    (tmp_path / "other").symlink_to(tmp_path / "a")

    assert ["a/1.dcm", "other/1.dcm"] == names(tmp_path)


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (bytes(128) + b"DICM", FileKind.DICOM),
        (b"\x89PNG\r\n\x1a\n", FileKind.PICTURE),
        (b"\xff\xd8\xff\xe0", FileKind.PICTURE),
        (b"hello", FileKind.OTHER),
        (b"\x08\x00hello, not DICOM", FileKind.OTHER),
        (b"%PDF-1.7", FileKind.OTHER),
    ],
)
def test_kind_is_told_by_content(tmp_path: Path, head: bytes, kind: FileKind):
    """Not by the name."""
    (tmp_path / "x.dcm").write_bytes(head)
    (candidate,) = find_candidates([tmp_path / "x.dcm"])

    assert kind is candidate.kind()


@pytest.mark.parametrize("name", ["ExplVR_LitEndNoMeta.dcm", "ExplVR_BigEndNoMeta.dcm"])
def test_real_file_without_preamble_is_dicom(name: str):
    """Old software writes bare data sets, in either byte order."""
    (candidate,) = find_candidates([PYDICOM_FILES / name])

    assert candidate.is_dicom()
    assert read_dicom(candidate).dataset.SOPClassUID


def test_archive_members_are_found_in_place(tmp_path: Path, content: bytes):
    """Also in an archive within an archive; names tell the way."""
    inner = zipped(x=content)
    (tmp_path / "all.zip").write_bytes(zipped(b__2=content, a=content, c=inner))

    assert ["all.zip!a", "all.zip!b/2", "all.zip!c!x"] == names(tmp_path)
    assert {FileKind.DICOM} == {each.kind() for each in find_candidates([tmp_path])}


def test_archive_members_can_be_read_after_the_walk(tmp_path: Path, content: bytes):
    """They are read later, and by other threads."""
    (tmp_path / "all.zip").write_bytes(zipped(a=content, b=zipped(c=content)))

    assert [content, content] == [each.read() for each in list(find_candidates([tmp_path]))]


def test_dicomdir_stands_for_what_it_names():
    """A real DICOMDIR gives its 31 files in its order, and not itself."""
    found = list(find_candidates([MEDIUM / "DICOMDIR"]))

    assert 31 == len(found)
    assert {FileKind.DICOM} == {each.kind() for each in found}
    assert "DICOMDIR" not in {Path(each.name).name for each in found}


def test_dicomdir_in_a_folder_adds_what_is_missing(tmp_path: Path):
    """Walking a medium finds each file once, and complains of those that are not there."""
    (tmp_path / "DICOMDIR").write_bytes((MEDIUM / "DICOMDIR").read_bytes())
    found = list(find_candidates([tmp_path]))

    assert 31 == len(found)
    with pytest.raises(SourceUnreadable, match="does not exist"):
        found[0].read()


def test_medium_as_a_folder_finds_each_file_once():
    """DICOMDIR and walk do not find the same file twice."""
    found = [each.name for each in find_candidates([MEDIUM / "77654033"])]

    assert sorted(set(found)) == found
    assert len(found) == 7


def test_missing_path_is_named(tmp_path: Path):
    """One clear line."""
    assert f"{tmp_path}/gone.dcm does not exist. Check the path." == complaint(
        tmp_path / "gone.dcm"
    )


def test_empty_folder_is_named(tmp_path: Path):
    """Nothing found is not a success."""
    assert f"{tmp_path} is an empty folder." in complaint(tmp_path)


def test_empty_file_is_named(tmp_path: Path):
    """Zero bytes, as after a full disk."""
    (tmp_path / "x.dcm").touch()

    assert f"{tmp_path}/x.dcm is empty (0 bytes)." in complaint(tmp_path)


def test_garbage_is_named(tmp_path: Path):
    """A file that is something else."""
    (tmp_path / "x.dcm").write_bytes(b"<html>not found</html>")

    assert f"{tmp_path}/x.dcm is not a DICOM file." in complaint(tmp_path)


@pytest.mark.parametrize("share", [0.01, 0.3, 0.9, 0.999])
def test_truncated_file_is_named(tmp_path: Path, content: bytes, share: float):
    """Wherever it was cut off; pydicom would read it without a word."""
    (tmp_path / "x.dcm").write_bytes(content[: int(len(content) * share)])

    assert f"{tmp_path}/x.dcm is truncated" in complaint(tmp_path)


def test_truncated_compressed_file_is_named(tmp_path: Path, chest_lossless_path: Path):
    """Encapsulated pixels end with a delimiter; half of them have none."""
    content = chest_lossless_path.read_bytes()
    (tmp_path / "x.dcm").write_bytes(content[: len(content) // 2])

    assert f"{tmp_path}/x.dcm is truncated" in complaint(tmp_path)


def test_pipe_is_not_waited_for(tmp_path: Path):
    """Opening it would hang until somebody writes."""
    os.mkfifo(tmp_path / "pipe")

    assert f"{tmp_path}/pipe is not an ordinary file." in complaint(tmp_path)


@pytest.mark.parametrize(
    ("foreign", "said"),
    [
        (PermissionError(13, "Permission denied"), "permission denied"),
        (IsADirectoryError(21, "Is a directory"), "Is a directory"),
        (OSError(5, "Input/output error"), "Input/output error"),
        (zipfile.BadZipFile("bad"), "the archive around it is damaged"),
        (EOFError(), "the archive around it is damaged"),
        (NotImplementedError("method 99"), "compressed in a way"),
        (RuntimeError("File 'a' is encrypted"), "encrypted"),
    ],
)
def test_foreign_errors_become_one_line(foreign: Exception, said: str):
    """With the file's name, and the cause kept."""
    with pytest.raises(SourceUnreadable, match=f"^x.dcm .*{said}") as caught, read_errors("x.dcm"):
        raise foreign

    assert foreign is caught.value.__cause__


def test_thousands_of_files_are_not_read_to_be_found(tmp_path: Path, content: bytes):
    """The walk gives the first file before it has seen the last."""
    for number in range(100):
        (tmp_path / f"{number:03}").write_bytes(content)
    walk = find_candidates([tmp_path])
    next(walk)
    (tmp_path / "099").unlink()

    with pytest.raises(SourceUnreadable, match="099 does not exist"):
        list(walk)[-1].read()


def test_name_is_one_line_that_json_can_hold(tmp_path: Path, content: bytes):
    """Line breaks, escape sequences and undecodable bytes in a name are written as %XX."""
    odd = {b"new\nline.dcm": "new%0Aline.dcm", b"red\x1b[31m": "red%1B[31m", b"\xe9": "%E9"}
    for name in odd:
        (tmp_path / os.fsdecode(name)).write_bytes(content)
    (tmp_path / "Jos\u00e9 \u5c71.dcm").write_bytes(content)

    assert {*odd.values(), "Jos\u00e9 \u5c71.dcm"} == set(names(tmp_path))
    assert all(candidate.is_dicom() for candidate in find_candidates([tmp_path]))
