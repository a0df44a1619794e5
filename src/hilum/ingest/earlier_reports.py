"""What was said about a study before: the reports that a newer one may replace."""

from collections.abc import Iterator
from itertools import chain
from typing import Any, Final

from hilum import PRODUCT
from hilum.errors import NotInPacs
from hilum.pacs.orthanc.client import Orthanc
from hilum.radiograph import ImageUIDs
from hilum.runtime.caches import LruCache

REMEMBERED: Final = 20_000
"""Reports of which it is remembered what they are about; about 4 MB."""


class EarlierReports:
    """Finds hilum's own reports on one image. Safe for several threads.

    What a report is about never changes, and is asked once: else each image of a study
    would ask about the reports on all others.

    Parameters
    ----------
    orthanc
        The PACS, logged in.
    """

    def __init__(self, orthanc: Orthanc) -> None:
        self._orthanc = orthanc
        self._about: LruCache[str, frozenset[ImageUIDs]] = LruCache(REMEMBERED)

    def files(self, instance_id: str, uids: ImageUIDs) -> list[bytes]:
        """Return the files of the reports on one image, which are in its study.

        Asked by Orthanc's identifiers: a search takes longer with each study that it holds.

        Parameters
        ----------
        instance_id, uids
            The image, as Orthanc and as DICOM calls it.

        Raises
        ------
        NotInPacs
            The image is not there, or not any more.
        PacsUnavailable
            No answer, or not now.
        """
        found: list[bytes] = []
        for instance in self.instances(instance_id, uids):
            try:
                found.append(self._orthanc.file_as_kept(instance))
            except NotInPacs:  # deleted between the question and the answer
                continue
        return found

    def instances(self, instance_id: str, uids: ImageUIDs) -> list[str]:
        """Return Orthanc's identifiers of the reports on one image; as `files` otherwise."""
        found: list[str] = []
        series = self._orthanc.series_of(self._orthanc.study_of(instance_id))
        reports = [each.instance_ids for each in series if each.modality == "SR"]
        for instance in chain.from_iterable(reports):
            try:
                if uids in self._images_of(instance):
                    found.append(instance)
            except NotInPacs:  # deleted between the question and the answer
                continue
        return found

    def remember(self, instance_id: str, uids: ImageUIDs) -> None:
        """Learn what a result is about from whoever stored it."""
        self._about.put(instance_id, frozenset({uids}))

    def _images_of(self, instance_id: str) -> frozenset[ImageUIDs]:
        """Return the images that a report of ours is about, none for others'."""
        known = self._about.get(instance_id)
        if known is not None:
            return known
        tags = self._orthanc.tags(instance_id)
        ours = tags.get("ManufacturerModelName") == PRODUCT
        about = frozenset(_evidence(tags)) if ours else frozenset()
        self._about.put(instance_id, about)
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
