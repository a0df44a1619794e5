"""The folder of an export: the same bytes, whatever came between; never another one's."""

import errno
import json
from pathlib import Path

import pytest

from export_tools import KEY, WHEN, MemorySource, everything_in, export, only_image, release
from hilum.errors import PacsUnavailable, SourceUnreadable
from hilum.export.key import SiteKey, reader_word
from hilum.export.run import ExportOptions
from hilum.export.sources import FileSource, documents
from hilum.files import atomic, dicom
from hilum.radiograph import ImageUIDs
from hilum.records import Database
from hilum.records.releases import ReleaseState
from hilum.records.review import ReaderAnswer, Review, ReviewedFinding
from hilum.settings import Settings
from page_studies import invented
from radiographs import dicom_file, make_radiograph

OTHER = SiteKey(bytes(32))


@pytest.fixture
def files(sqlite: Database, settings: Settings) -> list[bytes]:
    """Return three images that were released."""
    made = [dicom_file(make_radiograph(AccessionNumber=f"A{n}")) for n in range(3)]
    for file in made:
        release(sqlite, file, settings)
    return made


def source_of(files: list[bytes], **more) -> MemorySource:
    """Return a source of these, with readings."""
    return MemorySource(files, lambda _: invented(Effusion=0.9), **more)


def test_twice_gives_the_same_bytes(
    files: list[bytes], tmp_path: Path, sqlite: Database, settings: Settings
):
    """Into the same folder or another one, in any order of the images."""
    export(source_of(files), tmp_path / "a", sqlite, settings)
    first = everything_in(tmp_path / "a")
    export(source_of(files), tmp_path / "a", sqlite, settings)
    export(source_of(files[::-1]), tmp_path / "b", sqlite, settings)

    assert first == everything_in(tmp_path / "a") == everything_in(tmp_path / "b")
    assert {"README.txt", "labels.csv", "manifest.json", "readings.csv", "reviews.csv"} <= set(
        first
    )


def test_exports_with_one_key_join_and_with_another_do_not(
    files: list[bytes], tmp_path: Path, sqlite: Database, settings: Settings
):
    """Patients, studies, images and dates are the same ones, or all others."""
    same, others = tmp_path / "same", tmp_path / "others"
    export(source_of(files), tmp_path / "a", sqlite, settings)
    export(source_of(files[:1]), same, sqlite, settings)
    export(source_of(files[:1]), others, sqlite, settings, key=OTHER)
    (path, one), (_, other) = only_image(same), only_image(others)

    assert path.read_bytes() == (tmp_path / "a" / path.relative_to(same)).read_bytes()
    for keyword in ("PatientID", "StudyInstanceUID", "SOPInstanceUID", "AccessionNumber"):
        assert one[keyword].value != other[keyword].value


def test_a_broken_export_goes_on_and_ends_alike(
    files: list[bytes], tmp_path: Path, sqlite: Database, settings: Settings
):
    """The archive goes away in the middle; what was done is not fetched again."""
    export(source_of(files), tmp_path / "whole", sqlite, settings)
    asked: list[bytes] = []

    def away(file: bytes) -> bytes:
        asked.append(file)
        if len(asked) == 2:
            raise PacsUnavailable("No answer.", "Try again.")
        return file

    with pytest.raises(PacsUnavailable):
        export(source_of(files, fetch=away), tmp_path / "out", sqlite, settings)
    assert not json.loads((tmp_path / "out" / "manifest.json").read_text())["complete"]
    export(source_of(files, fetch=away), tmp_path / "out", sqlite, settings)

    assert [files[0], files[1], files[1], files[2]] == asked
    assert everything_in(tmp_path / "whole") == everything_in(tmp_path / "out")


def test_a_full_disk_is_said_and_the_export_goes_on(
    files: list[bytes],
    tmp_path: Path,
    sqlite: Database,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
):
    """No half file is left under its name."""
    export(source_of(files), tmp_path / "whole", sqlite, settings)
    real, left = atomic.os.fsync, [7]

    def full(number: int) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(number)

    monkeypatch.setattr(atomic.os, "fsync", full)
    with pytest.raises(SourceUnreadable, match="cannot be written"):
        export(source_of(files), tmp_path / "out", sqlite, settings)
    monkeypatch.undo()
    assert [] == [name for name in everything_in(tmp_path / "out") if name.endswith(".part")]
    export(source_of(files), tmp_path / "out", sqlite, settings)

    assert everything_in(tmp_path / "whole") == everything_in(tmp_path / "out")


def test_what_is_kept_back_later_leaves_the_folder_at_the_next_run(
    files: list[bytes], tmp_path: Path, sqlite: Database, settings: Settings
):
    """And nothing of it stays in the tables."""
    export(source_of(files), tmp_path / "out", sqlite, settings)
    release(sqlite, files[1], settings, ReleaseState.KEPT_BACK)
    export(source_of(files), tmp_path / "out", sqlite, settings)
    export(source_of([files[0], files[2]]), tmp_path / "never", sqlite, settings)
    both = everything_in(tmp_path / "out"), everything_in(tmp_path / "never")
    manifests = [each.pop("manifest.json") for each in both]

    assert both[0] == both[1]
    assert b'"kept_back": 1' in manifests[0]


@pytest.mark.parametrize(
    ("prepare", "said"),
    [
        (lambda f: (f.mkdir(), (f / "x").write_text("x")), "not empty"),
        (lambda f: f.write_text("x"), "not empty"),
        (lambda f: (f.mkdir(), (f / "manifest.json").write_text("[")), "another key"),
    ],
    ids=["other files", "a file", "damaged manifest"],
)
def test_another_folder_is_left_alone(
    prepare, said: str, tmp_path: Path, sqlite: Database, settings: Settings
):
    """Nothing is written into it."""
    prepare(tmp_path / "out")

    with pytest.raises(SourceUnreadable, match=said):
        export(MemorySource([]), tmp_path / "out", sqlite, settings)


def test_another_keys_or_selections_export_is_left_alone(
    files: list[bytes], tmp_path: Path, sqlite: Database, settings: Settings
):
    """Two sets of pseudonyms in one folder would join with nothing."""
    export(source_of(files[:1]), tmp_path / "out", sqlite, settings)
    before = everything_in(tmp_path / "out")
    with pytest.raises(SourceUnreadable, match="another key"):
        export(source_of(files), tmp_path / "out", sqlite, settings, key=OTHER)
    manifest = tmp_path / "out" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"all"', '"some"'))
    with pytest.raises(SourceUnreadable, match="another selection"):
        export(source_of(files), tmp_path / "out", sqlite, settings)
    manifest.write_text(manifest.read_text().replace('"some"', '"all"'))

    assert before == everything_in(tmp_path / "out")


def review(uids, reader: str, answer: ReaderAnswer, comment: str = "") -> Review:
    """Return a review of one finding."""
    finding = ReviewedFinding("Effusion", answer, True, 0.9, 0.5, 0.9)
    return Review(
        *uids, WHEN, reader, "densenet 1", "ab" * 32, (finding,), (), comment, f"1.2.{reader}"
    )


def test_reviews_and_labels_are_written_with_pseudonyms(
    files: list[bytes], tmp_path: Path, sqlite: Database, settings: Settings
):
    """Each reader's latest answer counts; names and words are there only when asked for."""
    present, absent = ReaderAnswer.PRESENT, ReaderAnswer.ABSENT

    def given(uids) -> list[Review]:
        return [
            review(uids, "ana", absent),
            review(uids, "ana", present, "=seen twice"),
            review(uids, "rui", present),
        ]

    source = source_of(files[:1], given=given)
    export(source, tmp_path / "a", sqlite, settings)
    asked = ExportOptions(reader_names=True, free_text=True)
    export(source, tmp_path / "b", sqlite, settings, asked)
    plain, named = ((tmp_path / each / "reviews.csv").read_text() for each in "ab")
    labels = (tmp_path / "a" / "labels.csv").read_text().splitlines()

    assert reader_word(KEY, "ana") in plain
    assert "ana," not in plain
    assert "seen twice" not in plain
    assert "ana," in named
    assert ",'=seen twice" in named
    assert ["false", "true", "true"] == [line.rsplit(",", 1)[1] for line in plain.splitlines()[1:]]
    assert labels[1].endswith("Effusion,2,0,0,2,present")


def test_files_without_a_node_are_exported_with_their_readings(
    files: list[bytes], tmp_path: Path, sqlite: Database, settings: Settings
):
    """By the JSON of hilum read; what is not DICOM is counted."""
    folder = tmp_path / "SILVA_MARIA"
    folder.mkdir()
    (folder / "silva.dcm").write_bytes(files[0])
    (folder / "notes.txt").write_text("nothing")
    release(sqlite, files[0], settings, archive="files")
    document = dict(invented(Effusion=0.9).document) | {"schema": "hilum.reading/1"}
    uids = ImageUIDs.of(dicom.parse(files[0], name="it"))
    document["readings"] = [{**document["readings"][0], **uids._asdict(), "status": "read"}]
    (tmp_path / "readings.json").write_text(json.dumps(document))
    source = FileSource((folder,), documents([tmp_path / "readings.json"]))
    _, why = export(source, tmp_path / "out", sqlite, settings)
    content = everything_in(tmp_path / "out")

    assert ["not_readable", ""] == sorted(why, reverse=True)
    assert b"Effusion score" in content["readings.csv"]
    assert not any(name.startswith("reports/") for name in content)  # no maps, no regions
    assert not any(b"silva" in each.lower() for each in content.values())


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"readings": 3}'])
def test_another_file_in_place_of_readings_is_said(tmp_path: Path, content: str):
    """In one line."""
    path = tmp_path / "readings.json"
    path.write_text(content)

    with pytest.raises(SourceUnreadable, match="not a document of hilum read"):
        documents([path])
