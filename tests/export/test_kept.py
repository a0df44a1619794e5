"""What has to survive an export, and what the outcome is to other programs."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset
from pydicom import uid as uids

from export_tools import MemorySource, export, only_image, release
from hilum import phantom, pipeline
from hilum.export.clean import cleaned
from hilum.export.key import SiteKey
from hilum.export.run import ExportOptions
from hilum.files import dicom
from hilum.outcome import Read
from hilum.records import Database
from hilum.settings import Settings
from page_studies import demonstration_pipeline
from pixel_codings import recode
from radiographs import dicom_file, make_radiograph
from sr_validators import disagreements, objections, suspicions

KEPT = (
    *("Modality", "SOPClassUID", "ViewPosition", "PatientSex", "ImageLaterality", "PatientAge"),
    *("BodyPartExamined", "PatientOrientation", "Rows", "Columns", "BitsAllocated", "BitsStored"),
    *("HighBit", "PixelRepresentation", "PhotometricInterpretation", "ImagerPixelSpacing"),
    *("WindowCenter", "WindowWidth", "RescaleSlope", "RescaleIntercept", "PresentationLUTShape"),
    *("LossyImageCompression", "KVP", "PixelIntensityRelationship", "QualityControlImage"),
    *("PixelData", "SeriesNumber", "InstanceNumber", "PresentationIntentType", "DetectorType"),
)


@pytest.fixture
def sent(sqlite: Database, settings: Settings, tmp_path: Path):
    """Return what exports images, read anew by the demonstration model."""

    def run(*images: Dataset, **options: bool) -> Path:
        files = [dicom_file(image) for image in images]
        for file in files:
            release(sqlite, file, settings)
        context = demonstration_pipeline()

        def analyze(clean: Dataset):
            outcome = pipeline.process(clean, context)
            return outcome.reading if isinstance(outcome, Read) else None

        folder = tmp_path / f"out{len(list(tmp_path.iterdir()))}"
        _, why = export(
            MemorySource(files), folder, sqlite, settings, ExportOptions(**options), analyze=analyze
        )
        assert [""] * len(images) == why
        return folder

    return run


@pytest.mark.parametrize("seed", [3, 6])
def test_what_an_image_is_and_how_it_looks_survives(sent, seed: int):
    """Pixels, spacing, window or table, photometric, view, laterality, age and sex."""
    image = phantom.make(seed, size=256).dataset
    _, clean = only_image(sent(image))

    assert {k: image[k].value for k in KEPT if k in image} == {
        k: clean[k].value for k in KEPT if k in clean
    }
    assert ("VOILUTSequence" in image) == ("VOILUTSequence" in clean)


@pytest.mark.parametrize("modality", ["CR", "DX"])
def test_other_programs_have_nothing_against_the_outcome(sent, modality: str):
    """Neither dciodvfy nor dcmpschk, about image and reports; dcentvfy sees one study."""
    seed = next(n for n in range(40) if phantom.make(n, size=64).dataset.Modality == modality)
    folder = sent(phantom.make(seed, findings=("effusion",), size=256).dataset, heatmaps=True)
    files = sorted(folder.rglob("*.dcm"))

    assert 4 == len(files)
    assert {} == {path.name: said for path in files if (said := objections(path))}
    assert {} == {path.name: said for path in files if (said := suspicions(path))}
    assert [] == disagreements(*files)


def test_the_model_says_the_same_of_the_exported_image(sent):
    """To the last bit, by the pixels and the header that left."""
    image = phantom.make(3, findings=("effusion",), size=256).dataset
    folder = sent(image)
    context = demonstration_pipeline()
    before = pipeline.process(image, context)
    after = pipeline.process(only_image(folder)[1], context)
    with (folder / "readings.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)

    assert before.reading.findings == after.reading.findings
    assert {f.label: str(round(f.raw, 7)) for f in before.reading.findings} == {
        f.label: row[f"{f.label} raw"] for f in before.reading.findings
    }


def test_manifest_and_file_say_what_was_done(sent):
    """In the codes of PS3.15, and no more than was done."""
    folder = sent(make_radiograph())
    _, clean = only_image(folder)
    said = json.loads((folder / "manifest.json").read_text())
    done = ["113100", "113107", "113108"]

    assert done == [each["code"] for each in said["deidentification"]]
    assert done == [each.CodeValue for each in clean.DeidentificationMethodCodeSequence]
    assert ("YES", "MODIFIED") == (
        clean.PatientIdentityRemoved,
        clean.LongitudinalTemporalInformationModified,
    )
    assert said["complete"]
    assert sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*.dcm")) == said["files"]
    assert "Research use only" in (folder / "README.txt").read_text()
    assert "Somente para pesquisa" in (folder / "README.txt").read_text()


def clean_of(image: Dataset, key: bytes = bytes(32)) -> Dataset:
    """Return an image as it leaves."""
    file = dicom.parse(dicom_file(image), name="it")
    return cleaned(pipeline.with_text_decoded(file, Settings()).dataset, SiteKey(key)).dataset


@pytest.mark.parametrize(
    ("age", "born", "said"),
    [
        ("034Y", "", "034Y"),
        ("089Y", "", "089Y"),
        ("090Y", "", "090Y"),
        ("104Y", "", "090Y"),
        ("", "19200101", "090Y"),
        ("", "19900601", "033Y"),
        ("018M", "", "001Y"),
        ("", "", None),
    ],
)
def test_ages_from_ninety_on_are_ninety(age: str, born: str, said: str | None):
    """Whatever tells the age; it is that at the date of the image."""
    clean = clean_of(make_radiograph(PatientAge=age, PatientBirthDate=born))

    assert said == clean.get("PatientAge")
    assert "" == clean.PatientBirthDate


def test_intervals_of_one_patient_are_kept_and_the_dates_are_not():
    """Whole days are added, other ones for another patient; times are cut to the hour."""
    days = ("20240102", "20240131")
    one, two = (clean_of(make_radiograph(StudyDate=day, StudyTime="231512.5")) for day in days)
    other = clean_of(make_radiograph(StudyDate=days[0], PatientID="GENERATED-2"))
    dates = [np.datetime64(f"{d[:4]}-{d[4:6]}-{d[6:]}") for d in (one.StudyDate, two.StudyDate)]

    assert np.timedelta64(29, "D") == dates[1] - dates[0]
    assert {one.StudyDate, other.StudyDate}.isdisjoint(days)
    assert one.StudyDate != other.StudyDate
    assert "230000" == one.StudyTime


def test_two_people_with_one_id_are_two_and_an_empty_id_is_nobodys():
    """The birth date tells them apart; studies without an ID are not one patient's."""
    named = [
        clean_of(make_radiograph(PatientBirthDate=f"19{n}0101")).PatientID for n in (50, 60, 50)
    ]
    nobody = [clean_of(make_radiograph(PatientID=each)).PatientID for each in ("", "ANONYMOUS")]

    assert named[0] == named[2] != named[1]
    assert 4 == len({*named, *nobody})


def test_a_padding_value_keeps_the_sign_of_the_pixels():
    """Its VR is often the other one."""
    signed = make_radiograph(PixelRepresentation=1, PixelPaddingValue=None)
    signed.add_new("PixelPaddingValue", "US", 63488)

    assert -2048 == clean_of(signed).PixelPaddingValue
    assert "SS" == clean_of(signed)["PixelPaddingValue"].VR


def test_big_endian_tables_stay_right():
    """The entries of a VOI LUT are in the order of the file's bytes."""
    image = phantom.make(6, size=256).dataset
    table = Dataset()
    table.add_new("LUTDescriptor", "US", [256, 0, 8])
    table.add_new("LUTData", "OW", np.arange(256, dtype=">u2").tobytes())
    recode(image, uids.ExplicitVRBigEndian)
    image.VOILUTSequence = [table]

    assert table.LUTData == clean_of(image).VOILUTSequence[0].LUTData
