"""Earlier reports on a study, which a newer one may replace."""

from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from typing import Any, Final

from hilum import PRODUCT
from hilum.errors import NotInPacs
from hilum.pacs.archive import Archive
from hilum.radiograph import ImageUIDs
from hilum.runtime.caches import LruCache

REMEMBERED: Final = 20_000
"""Reports of which it is remembered what they are about; about 4 MB."""


class EarlierReports:
    """Finds hilum's own reports on one image. Safe for several threads.

    What a report is about never changes, and is asked once: else each image of a study
    would ask about the reports on all others.
    """

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._about: LruCache[str, frozenset[ImageUIDs]] = LruCache(REMEMBERED)

    def files(self, reference: str, uids: ImageUIDs) -> list[bytes]:
        """Return the files of the reports on one image, which are in its study.

        Asked by references: a search takes longer with each study that the archive holds.

        Raises
        ------
        NotInPacs
            The image is not there, or not any more.
        PacsUnavailable
            No answer, or not now.
        """
        found: list[bytes] = []
        for report in self.references(reference, uids):
            with suppress(NotInPacs):  # deleted between the question and the answer
                found.append(self._archive.fetch(report, verified=True))
        return found

    def references(self, reference: str, uids: ImageUIDs) -> list[str]:
        """Return references to the reports on one image; as `files` otherwise."""
        found: list[str] = []
        series = self._archive.series_of(self._archive.study_of(reference))
        for report in chain(*(each.references for each in series if each.modality == "SR")):
            with suppress(NotInPacs):  # as above
                if uids in self._images_of(report):
                    found.append(report)
        return found

    def remember(self, reference: str, uids: ImageUIDs) -> None:
        """Learn what a result is about from whoever stored it."""
        self._about.put(reference, frozenset({uids}))

    def _images_of(self, reference: str) -> frozenset[ImageUIDs]:
        """Return the images that a report of ours is about, none for others'."""
        known = self._about.get(reference)
        if known is not None:
            return known
        tags = self._archive.attributes(reference)
        ours = tags.get("ManufacturerModelName") == PRODUCT
        about = frozenset(_evidence(tags)) if ours else frozenset()
        self._about.put(reference, about)
        return about


def _evidence(tags: dict[str, Any]) -> Iterator[ImageUIDs]:
    """Yield what a report says that it is about (PS3.3 C.17.2)."""
    for study in tags.get("CurrentRequestedProcedureEvidenceSequence", ()):
        for series in study.get("ReferencedSeriesSequence", ()):
            for image in series.get("ReferencedSOPSequence", ()):
                yield ImageUIDs(
                    str(study.get("StudyInstanceUID", "")),
                    str(series.get("SeriesInstanceUID", "")),
                    str(image.get("ReferencedSOPInstanceUID", "")),
                )
