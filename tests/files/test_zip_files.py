"""Archives that are damaged, locked, or made to do harm."""

import struct
import zipfile
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import Dataset

from hilum.errors import SourceUnreadable
from hilum.files import candidate, zip_files
from hilum.files.find import find_candidates
from radiographs import dicom_file


def complaint(path: Path) -> str:
    """Return why the only thing found cannot be read."""
    (found,) = find_candidates([path])
    with pytest.raises(SourceUnreadable) as caught:
        found.read()
    return str(caught.value)


def archive(path: Path, members: dict[str, bytes]) -> Path:
    """Write a ZIP archive."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as written:
        for name, content in members.items():
            written.writestr(name, content)
    return path


def test_archive_within_archives_without_end_is_refused(tmp_path: Path):
    """Four deep is deeper than anybody packs."""
    content = b"x"
    for _ in range(5):
        buffer = BytesIO()
        with zipfile.ZipFile(buffer, "w") as outer:
            outer.writestr("inner.zip", content)
        content = buffer.getvalue()
    (tmp_path / "deep.zip").write_bytes(content)

    assert "nested in more than" in complaint(tmp_path / "deep.zip")


def test_overlapping_members_are_refused(tmp_path: Path):
    """A bomb whose index names the same bytes a thousand times over is not unpacked."""
    path = archive(tmp_path / "bomb.zip", {"a": bytes(10_000_000)})
    content = path.read_bytes()
    end = content.rindex(b"PK\x05\x06")
    size, offset = struct.unpack_from("<II", content, end + 12)
    entry = content[offset : offset + size]
    copies = 1000
    tail = bytearray(content[end:])
    struct.pack_into("<HHII", tail, 8, copies, copies, size * copies, offset)
    path.write_bytes(content[:offset] + entry * copies + bytes(tail))

    assert "more than an archive of its size" in complaint(path)


def test_member_larger_than_a_file_may_be_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """An honest ratio does not help: a member is read up to the limit of a file."""
    monkeypatch.setattr(candidate, "MAX_FILE_BYTES", 1 << 20)
    path = archive(tmp_path / "large.zip", {"a": bytes(2 << 20)})

    assert "larger than 1 MiB" in complaint(path)


def test_archive_in_an_archive_larger_than_a_file_may_be_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """It would have to be copied to be opened."""
    monkeypatch.setattr(zip_files, "MAX_FILE_BYTES", 100)
    inner = archive(tmp_path / "inner.zip", {"a": bytes(range(256))}).read_bytes()
    path = archive(tmp_path / "outer.zip", {"inner.zip": inner})

    assert "more than an archive of its size" in complaint(path)


def test_too_many_members_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Counted before any is opened."""
    monkeypatch.setattr(zip_files, "MAX_MEMBERS", 2)
    path = archive(tmp_path / "many.zip", {"a": b"1", "b": b"2", "c": b"3"})

    assert "more than an archive of its size" in complaint(path)


def test_damaged_archive_is_named(tmp_path: Path):
    """Cut off: no index."""
    path = archive(tmp_path / "cut.zip", {"a": bytes(1000)})
    path.write_bytes(path.read_bytes()[:-30])

    assert f"{path} cannot be read: the archive around it is damaged." in complaint(path)


def test_damaged_member_does_not_hide_the_others(tmp_path: Path, radiograph: Dataset):
    """Each member speaks for itself."""
    content = dicom_file(radiograph)
    path = tmp_path / "mixed.zip"
    with zipfile.ZipFile(path, "w") as written:
        written.writestr("bad.dcm", content)
        written.writestr("good.dcm", content)
    raw = bytearray(path.read_bytes())
    raw[1000] ^= 0xFF  # in the first member: its checksum no longer fits
    path.write_bytes(raw)
    bad, good = find_candidates([path])

    with pytest.raises(SourceUnreadable, match=r"mixed.zip!bad.dcm .* damaged"):
        bad.read()
    assert content == good.read()


def test_encrypted_member_is_named(tmp_path: Path):
    """The password is not ours to ask for."""
    path = archive(tmp_path / "locked.zip", {"a": b"secret"})
    raw = bytearray(path.read_bytes())
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        raw[raw.index(signature) + flags] |= 1
    path.write_bytes(raw)

    assert "locked.zip!a is encrypted." in complaint(path)


def test_empty_archive_is_named(tmp_path: Path):
    """Nothing in it is not a success."""
    assert "is an empty archive" in complaint(archive(tmp_path / "empty.zip", {}))


def test_names_that_climb_are_only_names(tmp_path: Path, radiograph: Dataset):
    """Nothing is ever written under a member's name."""
    path = archive(tmp_path / "climb.zip", {"../../etc/evil": dicom_file(radiograph)})
    (found,) = find_candidates([path])

    assert f"{path}!../../etc/evil" == found.name
    assert found.is_dicom()
    assert [path] == list(tmp_path.iterdir())
