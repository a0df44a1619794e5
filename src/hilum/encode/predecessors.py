"""Which earlier reports a new one replaces."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final

from pydicom import Dataset

from hilum import PRODUCT
from hilum.encode.kinds import ANATOMY_REPORT
from hilum.encode.report_document import SOP_CLASSES
from hilum.files.dicom import text
from hilum.radiograph import ImageUIDs

REVIEW_TITLE: Final = "READERREVIEW"
"""Code Value of the title of a reader's review, which no reading replaces."""


def earlier_reports(image: Dataset, instances: Iterable[Dataset]) -> tuple[Dataset, ...]:
    """Return hilum's reports on `image` among the instances of its study, the newest first.

    Those of a reading: reviews and reports on the anatomy are left out.
    """
    found = [one for one in instances if _reports_on(one, ImageUIDs.of(image))]
    return tuple(sorted(found, key=_moment, reverse=True))


def predecessor(reports: Sequence[Dataset], titles: Collection[str], *, uid: str) -> Dataset | None:
    """Return the first of `reports` with one of the titles that is not the report `uid` again."""
    for earlier in reports:
        if title_of(earlier) in titles and uid != text(earlier, "SOPInstanceUID"):
            return earlier
    return None


def _reports_on(instance: Dataset, source: ImageUIDs) -> bool:
    ours = instance.get("ManufacturerModelName") == PRODUCT
    if not ours or instance.get("SOPClassUID") not in SOP_CLASSES.values():
        return False
    if title_of(instance) == REVIEW_TITLE or is_anatomy(instance):
        return False
    return source in images_in(instance)


def is_anatomy(report: Dataset) -> bool:
    """Whether a report of ours is about the anatomy: it has the title of a regions report."""
    return text(report, "SeriesNumber") == str(ANATOMY_REPORT.series)


def images_in(report: Dataset) -> Iterator[ImageUIDs]:
    """Yield the instances that a report refers to (PS3.3 C.17.2)."""
    for study in report.get("CurrentRequestedProcedureEvidenceSequence", ()):
        for series in study.ReferencedSeriesSequence:
            for image in series.ReferencedSOPSequence:
                yield ImageUIDs(
                    text(study, "StudyInstanceUID"),
                    text(series, "SeriesInstanceUID"),
                    text(image, "ReferencedSOPInstanceUID"),
                )


def title_of(report: Dataset) -> str:
    """Return the Code Value of a report's title, empty when it has none."""
    named = report.get("ConceptNameCodeSequence") or ()
    return str(named[0].get("CodeValue", "")) if named else ""


def _moment(report: Dataset) -> tuple[str, str]:
    return str(report.ContentDate), str(report.ContentTime)
