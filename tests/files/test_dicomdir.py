"""Media as they are copied in real life: names in another case, with extensions, cut off."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MediaStorageDirectoryStorage, generate_uid

from hilum.errors import SourceUnreadable
from hilum.files.candidate import read_dicom
from hilum.files.find import find_candidates
from radiographs import dicom_file, make_radiograph

Copied = Callable[[Path], None]

pytestmark = pytest.mark.filterwarnings("ignore:.* for VR CS:UserWarning")


def index_of(*file_ids: str | list[str]) -> bytes:
    """Return a DICOMDIR with one image record for each file ID."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.FileSetID = "MEDIUM"
    dataset.DirectoryRecordSequence = [Dataset()]  # of a patient, without a file
    dataset.DirectoryRecordSequence[0].DirectoryRecordType = "PATIENT"
    for file_id in file_ids:
        record = Dataset()
        record.DirectoryRecordType = "IMAGE"
        record.ReferencedFileID = file_id
        dataset.DirectoryRecordSequence.append(record)
    return dicom_file(dataset)


def renamed(form: str, *, folder: str = "IMAGES") -> Copied:
    """Return how a medium is copied: the names of its files and of their folder change."""

    def copy(medium: Path) -> None:
        for file in sorted((medium / "IMAGES").iterdir()):
            file.rename(file.with_name(form.format(file.name, low=file.name.lower())))
        (medium / "IMAGES").rename(medium / folder)

    return copy


def flattened(medium: Path) -> None:
    """Unpack as a program does to which a backslash is a letter."""
    for file in sorted((medium / "IMAGES").iterdir()):
        file.rename(medium / f"IMAGES\\{file.name}")


COPIES: dict[str, Copied] = {
    "as it was": renamed("{}"),
    "small letters": renamed("{low}", folder="images"),
    "a folder in small letters": renamed("{}", folder="images"),
    "a folder with a capital": renamed("{low}", folder="Images"),
    ".dcm": renamed("{}.dcm"),
    ".DCM": renamed("{}.DCM"),
    "small letters and .dcm": renamed("{low}.dcm", folder="images"),
    ".dicom": renamed("{}.dicom"),
    "a version": renamed("{};1"),
    "a version after a dot": renamed("{}.;1"),
    "a dot": renamed("{}."),
    "a version and small letters": renamed("{low};1", folder="images"),
    "a version behind .dcm": renamed("{}.dcm;1"),
    "backslashes as letters": flattened,
}


@pytest.fixture
def medium(tmp_path: Path) -> Path:
    """Return the folder of a medium with two images and an index."""
    (tmp_path / "IMAGES").mkdir()
    for number in (1, 2):
        (tmp_path / "IMAGES" / f"IM00000{number}").write_bytes(dicom_file(make_radiograph()))
    write_index(tmp_path, ["IMAGES", "IM000001"], ["IMAGES", "IM000002"])
    return tmp_path


def write_index(medium: Path, *file_ids: str | list[str]) -> None:
    (medium / "DICOMDIR").write_bytes(index_of(*file_ids))


def images_behind(path: Path) -> int:
    """Return how many images are read; each once, and nothing complains."""
    uids = [read_dicom(each).dataset.SOPInstanceUID for each in find_candidates([path])]
    assert len(uids) == len(set(uids))
    return len(uids)


@pytest.mark.parametrize("copied", COPIES)
@pytest.mark.parametrize("by", ["folder", "index"])
def test_copied_medium_gives_its_images_once(medium: Path, copied: str, by: str):
    """By its folder and by its DICOMDIR, whatever the copy did to the names."""
    COPIES[copied](medium)

    assert 2 == images_behind(medium if by == "folder" else medium / "DICOMDIR")


@pytest.mark.parametrize(
    "file_id",
    [
        "IMAGES/IM000001",
        "/IMAGES/IM000001",
        "./IMAGES/IM000001",
        ["", "IMAGES", "IM000001"],
        ["IMAGES", "IM000001", ""],
        ["images", "im000001"],
        ["IMAGES", "IM000001.;1"],
        ["IMAGES", "IM000001.DCM"],
        ["IMAGES ", "IM000001 "],
    ],
    ids=str,
)
@pytest.mark.parametrize("by", ["folder", "index"])
def test_index_written_otherwise_gives_the_image(medium: Path, file_id: str | list[str], by: str):
    """Slashes, empty components, blanks, versions and extensions in the record itself."""
    write_index(medium, file_id)

    assert images_behind(medium if by == "folder" else medium / "DICOMDIR") == (
        2 if by == "folder" else 1
    )


@pytest.mark.parametrize(
    ("wanted", "there"),
    [
        ("RADIOGRAPH1", "RADIOGRA"),
        ("RADIOGRA", "radiograph-one"),
        ("CHEST PA", "CHEST_PA.;1"),
        ("IM-00001-1", "IM_00001"),
    ],
)
def test_names_cut_by_the_file_system_are_found(medium: Path, wanted: str, there: str):
    """ISO 9660 level 1 knows eight letters, digits and the underscore."""
    (medium / "IMAGES" / "IM000001").rename(medium / "IMAGES" / there)
    write_index(medium, ["IMAGES", wanted])

    assert 1 == images_behind(medium / "DICOMDIR")


def test_cut_name_that_means_two_files_means_none(medium: Path):
    """Never a guess: which of two files is meant cannot be known."""
    for name in ("RADIOGRAPH-A", "RADIOGRAPH-B"):
        shutil.copy(medium / "IMAGES" / "IM000001", medium / "IMAGES" / name)
    write_index(medium, ["IMAGES", "RADIOGRA"])

    (candidate,) = find_candidates([medium / "DICOMDIR"])
    with pytest.raises(SourceUnreadable, match=r"RADIOGRA does not exist, but .*DICOMDIR names it"):
        candidate.read()


def test_file_named_twice_is_read_once(medium: Path):
    """Two records of one file, spelled in two ways."""
    write_index(medium, ["IMAGES", "IM000001"], ["images", "im000001"], "IMAGES/IM000001")

    assert 1 == images_behind(medium / "DICOMDIR")


@pytest.mark.parametrize(
    "file_id",
    [["..", "SECRET"], "IMAGES/../../SECRET", ["C:", "SECRET"], "\\..\\SECRET", ["IMAGES", ".."]],
    ids=str,
)
def test_record_that_points_outside_is_refused_and_the_others_are_read(
    medium: Path, file_id: str | list[str]
):
    """A medium cannot name a file of the machine that it is read on."""
    (medium.parent / "SECRET").write_bytes(dicom_file(make_radiograph()))
    write_index(medium, file_id, ["IMAGES", "IM000001"])

    refused, image = find_candidates([medium / "DICOMDIR"])
    with pytest.raises(SourceUnreadable, match="names a file outside its folder"):
        refused.read()
    assert "GENERATED-1" == read_dicom(image).dataset.PatientID


def test_missing_file_is_named_with_the_index_that_names_it(medium: Path):
    """By folder too, beside the images that are there."""
    (medium / "IMAGES" / "IM000002").unlink()

    found = list(find_candidates([medium]))
    complaints = []
    for candidate in found:
        try:
            candidate.read()
        except SourceUnreadable as exc:
            complaints.append(str(exc))

    path = medium / "IMAGES" / "IM000002"
    assert [
        f"{path} does not exist, but {medium}/DICOMDIR names it. Copy the whole medium."
    ] == complaints
    assert 2 == len(found)


def test_index_without_files_is_named(medium: Path):
    """Only records of patients."""
    write_index(medium)

    (candidate,) = find_candidates([medium / "DICOMDIR"])
    with pytest.raises(SourceUnreadable, match="names no files"):
        candidate.read()
