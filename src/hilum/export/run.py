"""The export. Read this first: one image after another, from what is on the site to what leaves."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final

from PIL import Image
from pydicom import Dataset

from hilum import encode, explain, pixels
from hilum.eligibility import Reason
from hilum.errors import FileTooLarge, NotInPacs, RadiographRefused, SourceUnreadable
from hilum.export import reports, tables
from hilum.export.clean import (
    CleanImage,
    cleaned,
    identifiers,
    require_no_identifier,
)
from hilum.export.folder import ExportFolder
from hilum.export.key import SiteKey, image_word
from hilum.export.preview import Original, original
from hilum.export.reasons import WithheldError
from hilum.export.sources import ExportImage, ExportSource
from hilum.files import dicom
from hilum.radiograph import ImageUIDs, Radiograph
from hilum.reading import Reading
from hilum.records import Database, releases
from hilum.records.releases import Release, ReleaseState
from hilum.records.stored_reading import StoredReading
from hilum.settings import Settings
from hilum.values.dates import read_day

HIDDEN: Final = frozenset(
    {"upper_bits_removed", "overlay_bits_removed", "high_bit_shifted", "sign_extended"}
)
"""Decisions that say of pixels that bits beside the image are in use."""

UNDATED: Final = datetime(2000, 1, 1, 12, tzinfo=UTC)
"""Stands for the time of an analysis of which neither that nor the day of the study is known."""

Analyze = Callable[[Dataset], Reading | None]
"""Clean image → what the model says of it, None where it may not read it."""


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What is written beside images and scores."""

    heatmaps: bool = False
    """Overlays, to which the reports refer."""
    pictures: bool = False
    """PNGs of the images as they are displayed."""
    reader_names: bool = False
    free_text: bool = False
    """Names of readers and what they wrote, as they are."""


@dataclass(slots=True, eq=False)
class Export:
    """One export into one folder."""

    source: ExportSource
    key: SiteKey
    folder: ExportFolder
    database: Database
    """Where releases are kept."""
    settings: Settings
    options: ExportOptions = ExportOptions()
    analyze: Analyze | None = None
    """Reads the clean images; None: the readings of the source are exported."""
    withheld: Counter[str] = field(default_factory=Counter)
    """Code of a reason → images that did not leave for it."""
    records: list[dict[str, Any]] = field(default_factory=list)
    """What was written down of each image that leaves."""

    def run(self) -> Iterator[tuple[str, Reason | None]]:
        """Export image after image; yield its name and why it does not leave, None if it does.

        Raises
        ------
        PacsUnavailable
            The archive does not answer; the same export goes on where it stopped.
        SourceUnreadable
            The folder cannot be written; the same holds.
        """
        for image in self.source.images():
            reason = None
            try:
                self.records.append(self._exported(image))
            except WithheldError as exc:
                reason = exc.reason
                self.withheld[reason.code] += 1
            yield image.name, reason
        files = [name for each in self.records for name in each["files"]]
        made = tables.tables(self.records, free_text=self.options.free_text)
        said = tables.manifest(self.records, self.withheld, asdict(self.options))
        self.folder.finish(files, made, said)

    def _exported(self, image: ExportImage) -> dict[str, Any]:
        if image.uids is not None:
            release = self._release(image.uids)
            before = self.folder.record(image_word(self.key, image.uids))
            if before is not None and before["digest"] == release.digest:
                return before
        found = self._fetched(image)
        uids = ImageUIDs.of(found.header)
        release = self._release(uids)
        if release.digest != found.digest:
            raise WithheldError("image_changed")
        clean = cleaned(found.header, self.key)
        known = frozenset((*identifiers(found.stored), *identifiers(found.header)))
        require_no_identifier(clean.dataset, known)
        stored = self.source.reading(uids) if self.analyze is None else None
        radiograph = self._seen(clean.dataset, stored)
        if radiograph.pixel_digest != found.digest:
            raise WithheldError("pixels_changed")
        reading = self._reading(clean.dataset, stored, radiograph)
        files, record = self._written(image, clean, reading, radiograph)
        record |= {"digest": found.digest, "reviews": self._reviews(uids, clean)}
        self.folder.put(clean.called.image, files, record)
        return {**record, "files": sorted(files)}

    def _release(self, uids: ImageUIDs) -> Release:
        with self.database.look() as connection:
            release = releases.get(connection, self.source.archive, uids)
        if release is None or release.state is ReleaseState.SHOWN:
            raise WithheldError("not_reviewed")
        if release.state is ReleaseState.KEPT_BACK:
            raise WithheldError("kept_back")
        return release

    def _fetched(self, image: ExportImage) -> Original:
        try:
            return original(image.fetch(), self.settings)
        except NotInPacs as exc:
            raise WithheldError("not_in_pacs") from exc
        except (FileTooLarge, SourceUnreadable) as exc:
            raise WithheldError("not_readable", why=exc.problem) from exc

    def _seen(self, clean: Dataset, stored: StoredReading | None) -> Radiograph:
        """Return the clean image as a model sees it, read back from the file that leaves."""
        file = dicom.parse(encode.to_bytes(clean), name="the clean image")
        settings = reports.settings_of(stored, self.settings)
        try:
            radiograph = pixels.radiograph_from_dicom(file, settings.pixels)
        except RadiographRefused as exc:
            raise WithheldError("not_readable", why=exc.problem) from exc
        if HIDDEN & {each.code for each in radiograph.decisions}:
            raise WithheldError("hidden_bits")
        return radiograph

    def _reading(
        self, clean: Dataset, stored: StoredReading | None, radiograph: Radiograph
    ) -> Reading | None:
        if self.analyze is not None:
            made = self.analyze(clean)
            return None if made is None else reports.without_texts(made)
        return None if stored is None else reports.reading_of(stored, radiograph)

    def _written(
        self,
        image: ExportImage,
        clean: CleanImage,
        reading: Reading | None,
        radiograph: Radiograph,
    ) -> tuple[dict[str, bytes], dict[str, Any]]:
        """Return the files of an image, and what is written down of it."""
        called, dataset = clean.called, clean.dataset
        if reading is not None and "BodyPartExamined" not in dataset:
            dataset.BodyPartExamined = "CHEST"  # or its descriptions would not have let it be read
        path = f"images/{called.patient}/{called.image}.dcm"
        files = {path: encode.to_bytes(dataset)}
        if self.options.pictures:
            files[f"pictures/{called.patient}/{called.image}.png"] = explain.png(
                Image.fromarray(pixels.present(radiograph.pixels))
            )
        if reading is not None and all(each.activation.size for each in reading.heatmaps):
            when = _moment(image.when, called.shift, dataset)
            made = reports.reports(
                reading, self.settings, when=when, heatmaps=self.options.heatmaps
            )
            files |= {
                f"reports/{called.patient}/{called.image}.{name}.dcm": file for name, file in made
            }
        return files, {
            "image": called.image,
            "patient": called.patient,
            "accession_number": called.accession,
            "study_date": dataset.StudyDate,
            "age_years": str(dataset.get("PatientAge", ""))[:-1].lstrip("0"),
            "sex": dataset.PatientSex,
            "view_position": dataset.get("ViewPosition", ""),
            "rows": dataset.Rows,
            "columns": dataset.Columns,
            "read": "true" if reading is not None else "false",
            **called.uids._asdict(),
            "labels": [] if reading is None else [each.label for each in reading.findings],
            "cells": {"path": path, **called.uids._asdict()}
            if reading is None
            else tables.cells(path, called.uids, reading),
        }

    def _reviews(self, uids: ImageUIDs, clean: CleanImage) -> list[dict[str, Any]]:
        return tables.review_rows(
            self.source.reviews(uids),
            self.key,
            clean.called.shift,
            reader_names=self.options.reader_names,
            free_text=self.options.free_text,
        )


def _moment(when: datetime | None, shift: timedelta, clean: Dataset) -> datetime:
    """Return when an image was analyzed, shifted and cut to the hour; else the day of its study."""
    if when is not None:
        return (when.astimezone(UTC) + shift).replace(minute=0, second=0, microsecond=0)
    day = read_day(clean.StudyDate)
    return UNDATED if day is None else datetime.combine(day, time(12), UTC)
