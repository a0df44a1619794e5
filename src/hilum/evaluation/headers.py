"""What DICOM headers say of images that were read: whose, when, of which device."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from pydicom import Dataset, dcmread
from pydicom.errors import InvalidDicomError

from hilum.evaluation.label_table import Fact
from hilum.values.ages import age_of
from hilum.values.attributes import first_text

TAGS: Final = (
    *("AccessionNumber", "StudyDate", "AcquisitionDate", "ContentDate", "SeriesDate"),
    *("PatientID", "IssuerOfPatientID", "PatientSex", "PatientAge", "PatientBirthDate"),
    *("ViewPosition", "Manufacturer", "InstitutionName", "SpecificCharacterSet"),
)
"""Attributes that are read; all of them lie before the pixels."""

OF_FACT: Final[Mapping[Fact, str]] = {
    Fact.PATIENT: "PatientID",
    Fact.SEX: "PatientSex",
    Fact.VIEW: "ViewPosition",
    Fact.MANUFACTURER: "Manufacturer",
    Fact.SITE: "InstitutionName",
    Fact.DATE: "StudyDate",
}


@dataclass(frozen=True, slots=True, eq=False)
class HeaderFacts:
    """What the headers of images say, one text an image, ``""`` where there is none."""

    facts: Mapping[Fact, Sequence[str]]
    accessions: tuple[str, ...]
    found: int
    """Images whose file could be read."""


def image_file(path: str, folder: Path | None) -> Path | None:
    """Return the file of an image: where it was read, or below `folder`; None where it is not."""
    if "!" in path or "://" in path:
        return None
    here = Path(path)
    places = [here]
    if folder is not None:
        parts = here.parts
        places = [
            folder.joinpath(*parts[start:]) for start in range(here.is_absolute(), len(parts))
        ]
    return next((place for place in places if place.is_file()), None)


def header_facts(paths: Sequence[str], folder: Path | None = None) -> HeaderFacts:
    """Read the headers of images that are still there.

    Parameters
    ----------
    paths
        As the readings name them.
    folder
        Where the images lie now; None: where they were read.
    """
    facts: dict[Fact, list[str]] = {fact: [] for fact in (*OF_FACT, Fact.AGE)}
    accessions: list[str] = []
    count = 0
    for path in paths:
        header = _header(image_file(path, folder))
        count += bool(header)
        said = {keyword: first_text(header, keyword) for keyword in TAGS}
        for fact, keyword in OF_FACT.items():
            facts[fact].append(said[keyword])
        years = age_of(partial(first_text, header)).years
        facts[Fact.AGE].append("" if years is None else f"{years:.2f}")
        accessions.append(said["AccessionNumber"])
    return HeaderFacts(facts, tuple(accessions), count)


def _header(file: Path | None) -> Dataset:
    """Return the attributes of a file; none of a picture, and of what is not there."""
    if file is None:
        return Dataset()
    try:
        return dcmread(file, stop_before_pixels=True, specific_tags=list(TAGS), force=False)
    except (OSError, InvalidDicomError, ValueError, KeyError, NotImplementedError):
        return Dataset()  # a picture, or what no reader of DICOM takes
