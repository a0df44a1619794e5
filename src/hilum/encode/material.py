"""What all results of one reading are made from, gathered once for each."""

from dataclasses import dataclass
from datetime import datetime

from pydicom import Dataset

from hilum.encode.codes import CodeTable, load_codes
from hilum.encode.identity import ResultIdentity, identify
from hilum.encode.source import source_of
from hilum.language import Language
from hilum.reading import Reading
from hilum.settings import ReportSettings


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """What every result of one reading is made from."""

    reading: Reading
    """What was found."""
    source: Dataset
    """What `hilum.encode.source.as_source` gave for the image."""
    codes: CodeTable
    """Label → concept."""
    identity: ResultIdentity
    """Gives the UIDs."""
    language: Language
    """Language of texts for people."""
    when: datetime
    """Time of the analysis, with its UTC offset."""


def material(reading: Reading, *, when: datetime, settings: ReportSettings) -> Material:
    """Gather what the results of one reading are made from.

    Raises
    ------
    SettingInvalid
        The site's codes file cannot be used.
    ValueError
        The radiograph has no header.
    """
    codes = load_codes(settings.codes_file)
    # One identity for all, so that a finding's tracking UID is the same in all results.
    identity = identify(reading, settings.language.code, settings.sr_class, codes.digest)
    return Material(reading, source_of(reading), codes, identity, settings.language, when)
