"""Implements for the web application what it needs of the core and may not import."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hilum import explain
from hilum.encode.forms import FORMS
from hilum.ingest.earlier_reports import EarlierReports
from hilum.language import Language
from hilum.node import page_work
from hilum.pacs.archive import Archive
from hilum.radiograph import FieldOfView, ImageUIDs
from hilum.reading import Heatmap
from hilum.records.readings import StoredReading
from hilum.records.reviews import Review
from hilum.settings import Settings
from hilum.web.displayed import DisplayedImage
from hilum.web.study_tools import ReadingFile


@dataclass(frozen=True, slots=True)
class PooledStudyTools:
    """Implements `hilum.web.study_tools.StudyTools`."""

    settings: Settings
    """Those of reports count."""
    work: Callable[..., Any]
    """Runs a function of `hilum.node.page_work` on a file, in an inference worker."""

    def picture(self, file: bytes) -> DisplayedImage:
        """Return an image as it is displayed, whatever the gate says of it."""
        made: DisplayedImage = self.work(page_work.picture, file)
        return made

    def thumbnail(self, file: bytes) -> bytes:
        """Return the small picture of an image."""
        return bytes(self.work(page_work.thumbnail, file))

    def png(self, file: bytes) -> bytes:
        """Return the picture of a stored overlay."""
        return bytes(self.work(page_work.png, file))

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
        self,
        form: str,
        reading: StoredReading,
        image: Callable[[], bytes],
        when: datetime,
        *,
        language: Language | None = None,
    ) -> ReadingFile:
        """Return a reading in one of its forms, those for people in a language."""
        asked = page_work.WantedForm(form, language)
        if not FORMS[form].needs_image:
            return page_work.written(b"", self.settings, asked, reading, when)
        made: ReadingFile = self.work(page_work.written, image(), asked, reading, when)
        return made

    def review_file(
        self, file: bytes, review: Review, key: str, judged: bytes | None
    ) -> tuple[str, bytes]:
        """Return UID and file of the structured report of a reader's review."""
        made: tuple[str, bytes] = self.work(page_work.review_file, file, review, key, judged)
        return made
