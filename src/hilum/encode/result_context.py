"""What every result of one reading is made from: reading, source, codes, settings, time."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from pydicom import Dataset

from hilum.encode.codes import CodeTable, load_codes
from hilum.encode.identity import ResultIdentity, identify
from hilum.encode.source import source_of
from hilum.language import Language
from hilum.reading import Reading
from hilum.settings import ReportSettings


@dataclass(frozen=True, slots=True, eq=False)
class ResultContext:
    """What every result of one reading is made from, gathered once for all."""

    reading: Reading
    source: Dataset
    """What `hilum.encode.source.as_source` gave for the image."""
    codes: CodeTable
    """Label → concept."""
    identity: ResultIdentity
    """One for all, so that a finding's tracking UID is the same in all results."""
    settings: ReportSettings
    when: datetime
    """Time of the analysis, with its UTC offset."""

    @classmethod
    def of(cls, reading: Reading, *, when: datetime, settings: ReportSettings) -> Self:
        """Gather what the results of one reading are made from.

        Raises
        ------
        SettingInvalid
            The site's codes file cannot be used.
        ValueError
            The radiograph has no header.
        """
        codes = load_codes(settings.codes_file)
        identity = identify(reading, settings.language.code, settings.sr_class, codes.digest)
        return cls(reading, source_of(reading), codes, identity, settings, when)

    @property
    def language(self) -> Language:
        """Language of texts for people."""
        return self.settings.language

    @property
    def stamp(self) -> str:
        """What series descriptions begin with where the demonstration model read the image."""
        return "DEMONSTRATION " if self.reading.model.demonstration else ""
