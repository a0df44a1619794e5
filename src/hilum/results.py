"""The by-hand path: results of one reading as files, or into the PACS, without a node."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Protocol

from pydicom import Dataset

from hilum import dicomfile, encode, explain, pipeline
from hilum.arrive import earlier_results
from hilum.errors import PacsRefused, SourceUnreadable
from hilum.orthanc import Orthanc
from hilum.outcome import Outcome
from hilum.reading import Reading
from hilum.settings import Settings


class ResultWriter(Protocol):
    """Something that takes the results of one reading."""

    def __call__(self, outcome: Outcome, when: datetime) -> Iterator[str]:
        """Write the results; yield where each went."""
        ...


@dataclass(slots=True)
class ResultFiles:
    """Writes results into one folder, named after their source.

    Attributes
    ----------
    folder
        Made when it is missing.
    settings
        Those of the reports count.
    """

    folder: Path
    settings: Settings
    _taken: set[str] = field(default_factory=set)

    def __call__(self, outcome: Outcome, when: datetime) -> Iterator[str]:
        """Write overlay and reports of one reading; yield their paths.

        Raises
        ------
        SourceUnreadable
            The folder cannot be written to.
        """
        reading = _reading_of(outcome)
        stem = self._stem(outcome.path)
        for name, content in _files(reading, self.settings, when):
            path = self.folder / f"{stem}.{name}"
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                aside = path.with_name(path.name + ".part")
                aside.write_bytes(content)
                aside.replace(path)
            except OSError as exc:
                raise SourceUnreadable(
                    f"{path} cannot be written: {exc.strerror}.",
                    "Name a folder that you may write to, with room on its disk.",
                ) from exc
            yield str(path)

    def _stem(self, source: str) -> str:
        """Return a name for the results of `source` that no other source of this run has."""
        plain = PurePosixPath(source.replace("!", "/").replace("\\", "/")).stem or "image"
        stem, number = plain, 1
        while stem in self._taken:
            number += 1
            stem = f"{plain}-{number}"
        self._taken.add(stem)
        return stem


@dataclass(frozen=True, slots=True)
class ResultsInPacs:
    """Stores results in the PACS, beside the image that they are about.

    Attributes
    ----------
    orthanc
        The PACS.
    settings
        Those of the reports count.
    """

    orthanc: Orthanc
    settings: Settings

    def __call__(self, outcome: Outcome, when: datetime) -> Iterator[str]:
        """Store the results of one reading and ask for them; yield where each is.

        Raises
        ------
        PacsRefused
            The PACS does not have the image, or does not show what it was given.
        PacsUnavailable
            No answer, or not now.
        """
        reading = _reading_of(outcome)
        if reading.radiograph.header is None:
            return
        if self.orthanc.find_instance(str(reading.radiograph.sop_instance_uid)) is None:
            raise PacsRefused(
                f"The PACS does not have the image {outcome.path}: its results would stand alone.",
                "Send the image first with `hilum send`.",
            )
        study = dicomfile.text(reading.radiograph.header, "StudyInstanceUID")
        before = earlier_results(self.orthanc, study)
        for result in pipeline.report(reading, self.settings, when=when, earlier=before):
            self.orthanc.upload(encode.to_bytes(result))
            stored = self.orthanc.find_instance(str(result.SOPInstanceUID))
            if stored is None:
                raise PacsRefused(
                    f"The PACS took a result of {outcome.path} but does not show it.",
                    "Look at its log and its disk, then run this again.",
                )
            yield f"{self.orthanc.url}/instances/{stored}"


def _reading_of(outcome: Outcome) -> Reading:
    if outcome.reading is None:
        raise ValueError(f"{outcome.path} was not read: it has no results")
    return outcome.reading


def _files(reading: Reading, settings: Settings, when: datetime) -> Iterator[tuple[str, bytes]]:
    """Yield (ending, content) of each file of one reading."""
    sheet = explain.overlay(reading, when=when, language=settings.report.language)
    yield "overlay.png", explain.png(sheet)
    if reading.radiograph.header is None:
        return
    for result in pipeline.report(reading, settings, when=when):
        yield f"{result_name(result)}.dcm", encode.to_bytes(result)


def result_name(result: Dataset) -> str:
    """Return a word for what a result is, from its series number (docs/conformance.md)."""
    names = {
        901: "findings.sr",
        902: "regions.sr",
        903: "overlay",
        904: "regions.seg",
        905: "regions.pr",
        906: "key-objects.ko",
        907: f"activation-{result.InstanceNumber}.pm",  # one for each positive finding
    }
    return names.get(int(result.SeriesNumber), str(result.Modality).lower())
