"""What the study page needs of the core: pictures, outlines, forms, reports of reviews."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from hilum import encode, explain, pipeline, pixels
from hilum.eligibility import Reason
from hilum.encode import Assessed, Assessment
from hilum.encode.forms import FORMS, FormSource
from hilum.files import dicom
from hilum.ingest.earlier_reports import EarlierReports
from hilum.outcome import Outcome, Read, Status
from hilum.pacs.archive import Archive
from hilum.radiograph import FieldOfView, ImageUIDs, PixelDecision, PixelPipeline, Radiograph
from hilum.reading import Finding, Heatmap, ModelIdentity, Reading
from hilum.records.readings import StoredReading
from hilum.records.reviews import Review
from hilum.settings import Settings, UnusableWindow
from hilum.web.tools import GREYS, Picture, ReadingFile

DARKEST, BRIGHTEST = -1024.0, 1024.0
"""Ends of the scale on which radiographs are kept."""


@dataclass(frozen=True, slots=True)
class PageTools:
    """Implements `hilum.web.tools.StudyTools`."""

    settings: Settings
    """Those of pixels and reports count."""

    def picture(self, file: bytes) -> Picture:
        """Return an image as it is displayed, whatever the gate says of it."""
        dataset = dicom.parse(file, name="the image")
        lenient = {"pipeline": PixelPipeline.DISPLAY, "unusable_window": UnusableWindow.IGNORE}
        shown = self.settings.pixels.model_copy(update=lenient)
        grey = pixels.develop(dataset, shown).pixels
        share = (grey - DARKEST) * np.float32((GREYS - 1) / (BRIGHTEST - DARKEST))
        return Picture(np.rint(share).clip(0, GREYS - 1).astype(np.uint16))

    def outlines(
        self, activation: NDArray[np.float32], field_of_view: FieldOfView
    ) -> Sequence[NDArray[np.float64]]:
        """Return where a map is strong; the whole field when it is strong nowhere."""
        found = explain.outlines(Heatmap("", activation, field_of_view))
        return found or (field_of_view.frame,)

    def is_reported(self, archive: Archive, reference: str, uids: ImageUIDs) -> bool:
        """Return whether the archive holds a report of hilum, whoever stored it, on an image."""
        return bool(EarlierReports(archive).references(reference, uids))

    def forms(self, reading: StoredReading) -> Mapping[str, str]:
        """Return the forms in which a reading can be had, name → title."""
        # identifiers that are derived from pixels are only right where the pixels were read
        ours = reading.origin is None
        return {each.name: each.title for each in FORMS.values() if ours or not each.needs_image}

    def written(
        self, form: str, reading: StoredReading, image: Callable[[], bytes], when: datetime
    ) -> ReadingFile:
        """Return a reading in one of its forms."""
        wanted = FORMS[form]
        if wanted.needs_image:
            seen = pixels.develop(self._image(image()), self.settings.pixels)
            found = restored(reading, seen.header, seen.pixel_digest)
        else:
            found = restored(reading, None)
        row = reading.document["readings"][0]
        uids = ImageUIDs(*(row[name] or "" for name in ImageUIDs._fields))
        outcome = Outcome(row["path"], Status.READ, uids, found.warnings, Read(found))
        source = FormSource(outcome, found, reading.document, when, self.settings.report)
        return ReadingFile(wanted.make(source), wanted.suffix, wanted.media_type)

    def review_file(
        self, file: bytes, review: Review, key: str, judged: bytes | None
    ) -> tuple[str, bytes]:
        """Return UID and file of the structured report of a reader's review."""
        report = encode.review_report(
            self._image(file, header_only=True),
            Assessment(
                review.reader,
                tuple(
                    Assessed(each.label, each.positive, each.opinion.value)
                    for each in review.findings
                ),
                review.missing,
                review.comment,
                demonstration=review.demonstration,
            ),
            key=key,
            when=review.at.astimezone(),
            settings=self.settings.report,
            judged=None if judged is None else dicom.parse(judged, name="the AI's report"),
        )
        return str(report.SOPInstanceUID), encode.to_bytes(report)

    def _image(self, file: bytes, *, header_only: bool = False) -> Dataset:
        """Return an image with its text decoded, as its reading had it."""
        dataset = dicom.parse(file, name="the image", header_only=header_only)
        return pipeline.in_letters(dataset, self.settings).dataset


def restored(stored: StoredReading, header: Dataset | None, pixel_digest: str = "") -> Reading:
    """Return a reading as it was, but for its pixels, which are as dark as they are large.

    Parameters
    ----------
    stored
        The reading as it is kept.
    header
        The image's attributes, where the reading is to be written down as DICOM or FHIR.
    pixel_digest
        That of the image's stored pixels, where identifiers are derived from it.
    """
    document = stored.document
    row = document["readings"][0]
    shown = row["pixels"]
    dark = np.broadcast_to(np.float32(DARKEST), (shown["rows"], shown["columns"]))
    model = document["model"]
    return Reading(
        Radiograph(
            dark,
            header,
            PixelPipeline(shown["pipeline"]),
            tuple(PixelDecision(each["code"], each["text"]) for each in shown["decisions"]),
            pixel_digest,
        ),
        ModelIdentity(**model),
        tuple(
            Finding(each["label"], each["raw"], each["operating_point"], each["score"])
            for each in row["findings"]
        ),
        tuple(
            Heatmap(each["label"], activation.astype(np.float32), stored.field_of_view)
            for each, activation in zip(row["findings"], stored.maps, strict=True)
        ),
        tuple(Reason(each["code"], each["text"]) for each in row["reasons"]),
    )
