"""The by-hand path: results of one reading as files, or into the PACS, without a node."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Final, Protocol

from pydicom import Dataset

from hilum import dicomfile, encode, explain, pipeline
from hilum.arrive import EarlierReports
from hilum.aside import FileAside, not_written
from hilum.encode import forms
from hilum.errors import EncodingFailed, PacsRefused
from hilum.orthanc import Orthanc
from hilum.outcome import Outcome, Status
from hilum.reading import Reading
from hilum.settings import Settings
from hilum.verdict import Reason

LONGEST_STEM: Final = 150
"""Bytes of a source's name that its results keep: most file systems allow 255 in all."""


class ResultWriter(Protocol):
    """Something that takes the results of one reading."""

    def __call__(self, outcome: Outcome, when: datetime) -> Iterator[str]:
        """Write the results; yield where each went."""
        ...


@dataclass(frozen=True, slots=True)
class ResultFiles:
    """Writes results into one folder, named after their source.

    Attributes
    ----------
    folder
        Made when it is missing.
    settings
        Those of the reports count.
    stems
        Source → first part of the names of its results; see `distinct_stems`.
    """

    folder: Path
    settings: Settings
    stems: Mapping[str, str]

    def __call__(self, outcome: Outcome, when: datetime) -> Iterator[str]:
        """Write overlay and reports of one reading; yield their paths.

        Raises
        ------
        SourceUnreadable
            The folder cannot be written to.
        """
        reading = _reading_of(outcome)
        for name, content in _files(reading, self.settings, when):
            path = self.folder / f"{self.stems[outcome.path]}.{name}"
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
            except OSError as exc:
                raise not_written(path, exc) from exc
            with FileAside(path) as file:
                file.write(content)
            yield str(path)


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
            The PACS does not have the image, which a PNG or JPEG never is, or does not
            show what it was given.
        PacsUnavailable
            No answer, or not now.
        """
        reading = _reading_of(outcome)
        if reading.radiograph.header is None:
            raise PacsRefused(
                f"{outcome.path} is a picture without a study that its results could be stored in.",
                "Read pictures without --store.",
            )
        uid = str(reading.radiograph.sop_instance_uid)
        instance = self.orthanc.find_instance(uid)
        if instance is None:
            raise PacsRefused(
                f"The PACS does not have the image {outcome.path}: its results would stand alone.",
                "Send the image first with `hilum send`.",
            )
        files = EarlierReports(self.orthanc).files(instance, uid)
        before = [dicomfile.parse(file, name="an earlier report") for file in files]
        for result in pipeline.report(reading, self.settings, when=when, earlier=before):
            stored = self.orthanc.upload(encode.to_bytes(result)).instance_id
            if str(result.SOPInstanceUID) not in self.orthanc.there([stored]):
                raise PacsRefused(
                    f"The PACS took a result of {outcome.path} but does not show it.",
                    "Look at its log and its disk, then run this again.",
                )
            yield f"{self.orthanc.url}/instances/{stored}"


def write_results(outcome: Outcome, writers: Iterable[ResultWriter], when: datetime) -> Outcome:
    """Write the results of one reading everywhere they are wanted.

    Returns
    -------
    Outcome
        With where its results are; failed when this image, not the disk or the network,
        is why there are none: the images after it are read all the same.

    Raises
    ------
    SourceUnreadable
        The folder cannot be written to.
    PacsUnavailable
        No answer, or not now.
    """
    if outcome.reading is None:
        return outcome
    outputs: list[str] = []
    try:
        for write in writers:
            outputs.extend(write(outcome, when))
    except (EncodingFailed, PacsRefused) as exc:
        reasons = (Reason("not_written", str(exc)),)
        return replace(
            outcome, status=Status.FAILED, reading=None, reasons=reasons, outputs=tuple(outputs)
        )
    return replace(outcome, outputs=tuple(outputs))


def distinct_stems(sources: Iterable[str]) -> dict[str, str]:
    """Return a short name for each source that no other has, the same whenever it is asked.

    Parameters
    ----------
    sources
        All sources of a run, as `hilum.arrive.Candidate` names them.
    """
    stems: dict[str, str] = {}
    taken: set[str] = set()
    for source in sources:
        plain = PurePosixPath(source.replace("!", "/").replace("\\", "/")).stem or "image"
        plain = plain.encode()[:LONGEST_STEM].decode(errors="ignore")
        stem, number = plain, 1
        while stem in taken:
            number += 1
            stem = f"{plain}-{number}"
        taken.add(stem)
        stems[source] = stem
    return stems


def _reading_of(outcome: Outcome) -> Reading:
    if outcome.reading is None:
        raise ValueError(f"{outcome.path} was not read: it has no results")
    return outcome.reading


def _files(reading: Reading, settings: Settings, when: datetime) -> Iterator[tuple[str, bytes]]:
    """Yield (ending, content) of each file of one reading."""
    sheet = pipeline.draw(reading, settings, when=when)
    yield "overlay.png", explain.png(sheet)
    language = settings.report.language
    yield "findings.txt", forms.text(reading, when=when, language=language).encode()
    if reading.radiograph.header is None:
        return
    for result in pipeline.report(reading, settings, when=when, sheet=sheet):
        yield f"{result_name(result)}.dcm", encode.to_bytes(result)
    bundle = forms.fhir(reading, when=when, settings=settings.report)
    yield "fhir.json", json.dumps(bundle, indent=1, ensure_ascii=False).encode()


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
