"""Results of one reading as files, or into the PACS, without a node."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Final

from pydicom import Dataset

from hilum import encode, explain
from hilum.eligibility import Reason
from hilum.encode.forms import FORMS, FormSource
from hilum.errors import PacsRefused
from hilum.files import dicom
from hilum.files.atomic import AtomicFile, not_written
from hilum.files.candidate import printable
from hilum.ingest.earlier_reports import EarlierReports
from hilum.outcome import Outcome, Read, Status, Written
from hilum.pacs.archive import Archive
from hilum.pipeline import Writing
from hilum.radiograph import ImageUIDs
from hilum.settings import Settings

LONGEST_STEM: Final = 150
"""Bytes of a source's name that its results keep: most file systems allow 255 in all."""


ResultWriter = Callable[[Outcome], Iterator[str]]
"""Takes the results of one reading, and yields where each went."""


@dataclass(frozen=True, slots=True)
class ResultFiles:
    """Writes results into one folder, named after their source."""

    folder: Path
    """Made when it is missing."""
    settings: Settings
    """Those of the reports count."""
    stems: Mapping[str, str]
    """Source → first part of the names of its results; see `distinct_stems`."""
    forms: Sequence[str]
    """Names of the forms to write beside the DICOM objects and the overlay."""

    def __call__(self, outcome: Outcome) -> Iterator[str]:
        """Write overlay and reports of one reading; yield their paths.

        Raises
        ------
        SourceUnreadable
            The folder cannot be written to.
        """
        for path, content in self._files(outcome):
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
            except OSError as exc:
                raise not_written(path, exc) from exc
            with AtomicFile(path) as file:
                file.write(content)
            yield printable(str(path))

    def _files(self, outcome: Outcome) -> Iterator[tuple[Path, bytes]]:
        """Yield path and content of each file of one reading."""
        read, written = _results_of(outcome)
        reading, stem = read.reading, self.folder / self.stems[outcome.path]
        results = {Path(f"{stem}.overlay.png"): explain.png(written.sheet)}
        if read.anatomy is not None:
            sheet = explain.anatomy_sheet(read.anatomy, self.settings.report.language)
            results[Path(f"{stem}.anatomy.png")] = explain.png(sheet)
        for result in written.objects:
            results[Path(f"{stem}.{encode.result_name(result)}.dcm")] = encode.to_bytes(result)
        yield from results.items()
        outcome = replace(outcome, outputs=tuple(printable(str(path)) for path in results))
        document = encode.reading_document(outcome, reading.model, self.settings)
        source = FormSource(outcome, reading, document, written.when, self.settings.report)
        for form in (FORMS[name] for name in self.forms):
            if reading.radiograph.header is not None or not form.needs_image:
                yield Path(f"{stem}.{form.suffix}"), form.make(source)


@dataclass(frozen=True, slots=True)
class ResultsInPacs:
    """Stores results in the PACS, beside the image that they are about."""

    pacs: Archive
    """The archive."""
    settings: Settings
    """Those of the reports count."""
    stored: Counter[str] = field(default_factory=Counter)
    """Image → objects that were stored for it."""

    def earlier(self, header: Dataset) -> list[Dataset]:
        """Return the reports of ours on an image that the PACS has.

        Raises
        ------
        PacsRefused
            The PACS does not have the image, or has it several times.
        PacsUnavailable
            No answer, or not now.
        """
        uids = ImageUIDs.of(header)
        files = EarlierReports(self.pacs).files(self._reference(uids), uids)
        return [dicom.parse(file, name="an earlier report") for file in files]

    def __call__(self, outcome: Outcome) -> Iterator[str]:
        """Store the results of one reading and ask for them; yield where each is.

        Raises
        ------
        PacsRefused
            It is a PNG or JPEG, or the PACS does not show what it was given.
        PacsUnavailable
            No answer, or not now.
        """
        read, written = _results_of(outcome)
        if read.reading.radiograph.header is None:
            raise PacsRefused(
                "{path} is a PNG or JPEG: there is no study to store its results in.",
                "Read pictures without --store.",
                path=outcome.path,
            )
        for result in written.objects:
            stored = self.pacs.store(encode.to_bytes(result)).reference
            if str(result.SOPInstanceUID) not in self.pacs.present([stored]):
                raise PacsRefused(
                    "The PACS accepted a result of {path} but does not show it.",
                    "Look at its log and its disk, then run this again.",
                    path=outcome.path,
                )
            self.stored[outcome.path] += 1
            yield self.pacs.address_of(stored)

    def _reference(self, uids: ImageUIDs) -> str:
        """Return the reference to the image, which has to be there once."""
        study, series, instance = uids
        found = self.pacs.find_objects(instance, study=study, series=series)
        if not found:
            raise PacsRefused(
                "The PACS does not have this image: its results would be stored without it.",
                "Send the image first with `hilum send`.",
            )
        if len(found) > 1:
            raise PacsRefused(
                "The PACS has this image {count} times, for different patients.",
                "Delete the wrong ones in the PACS, then run this again.",
                count=len(found),
            )
        return found[0]


def writing_for(writers: Sequence[ResultWriter]) -> Callable[[], Writing] | None:
    """Return what makes the results of each file; None when nobody takes them."""
    if not writers:
        return None
    archives = [writer for writer in writers if isinstance(writer, ResultsInPacs)]

    def earlier(header: Dataset) -> list[Dataset]:
        return [report for archive in archives for report in archive.earlier(header)]

    return lambda: Writing(datetime.now().astimezone(), earlier)


def write_results(outcome: Outcome, writers: Iterable[ResultWriter]) -> Outcome:
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
    if outcome.read is None:
        return outcome
    outputs: list[str] = []
    try:
        for write in writers:
            outputs.extend(write(outcome))
    except PacsRefused as exc:
        reasons = (Reason("not_written", exc.message),)
        return replace(
            outcome, status=Status.FAILED, read=None, reasons=reasons, outputs=tuple(outputs)
        )
    return replace(outcome, outputs=tuple(outputs))


def distinct_stems(sources: Iterable[str]) -> dict[str, str]:
    """Return a short name for each source of a run that no other has, always the same."""
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


def _results_of(outcome: Outcome) -> tuple[Read, Written]:
    if outcome.read is None or outcome.read.written is None:
        raise ValueError(f"{outcome.path} was not read and written down: it has no results")
    return outcome.read, outcome.read.written
