"""The kinds of results: what each is called, numbered, and how its file is named."""

from typing import Final, NamedTuple

from pydicom import Dataset
from pydicom.uid import (
    EncapsulatedPDFStorage,
    EnhancedSRStorage,
    GrayscaleSoftcopyPresentationStateStorage,
    KeyObjectSelectionDocumentStorage,
    ParametricMapStorage,
    SecondaryCaptureImageStorage,
    SegmentationStorage,
)


class ObjectKind(NamedTuple):
    """One kind of result."""

    name: str
    """Its name within the derived UIDs; never changed."""
    sop_class: str
    """SOP Class UID; empty: the one that ``report.sr_class`` asks for."""
    modality: str
    """Modality of its series."""
    series: int
    """Series Number."""
    file_name: str
    """How its file is named, without the ending; braces stand for the Instance Number."""

    @property
    def series_name(self) -> str:
        """Name of its series within the derived UIDs."""
        return f"{self.name} series"


TEXT_REPORT: Final = ObjectKind("text report", EnhancedSRStorage, "SR", 901, "findings.sr")
REGIONS_REPORT: Final = ObjectKind("regions report", "", "SR", 902, "regions.sr")
PICTURE: Final = ObjectKind("overlay", SecondaryCaptureImageStorage, "OT", 903, "overlay")
SEGMENTATION: Final = ObjectKind("segmentation", SegmentationStorage, "SEG", 904, "regions.seg")
PRESENTATION: Final = ObjectKind(
    "presentation state", GrayscaleSoftcopyPresentationStateStorage, "PR", 905, "regions.pr"
)
KEY_OBJECTS: Final = ObjectKind(
    "key objects", KeyObjectSelectionDocumentStorage, "KO", 906, "key-objects.ko"
)
PARAMETRIC_MAP: Final = ObjectKind(
    "parametric map", ParametricMapStorage, "OT", 907, "activation-{}.pm"
)
ENCAPSULATED_PDF: Final = ObjectKind(
    "encapsulated PDF", EncapsulatedPDFStorage, "DOC", 908, "report.pdf"
)
ANATOMY_SEGMENTATION: Final = ObjectKind(
    "anatomy segmentation", SegmentationStorage, "SEG", 909, "anatomy.seg"
)
ANATOMY_REPORT: Final = ObjectKind("anatomy report", "", "SR", 910, "anatomy.sr")
REVIEW: Final = ObjectKind("review", "", "SR", 911, "review.sr")

KINDS: Final = (
    TEXT_REPORT,
    REGIONS_REPORT,
    PICTURE,
    SEGMENTATION,
    PRESENTATION,
    KEY_OBJECTS,
    PARAMETRIC_MAP,
    ENCAPSULATED_PDF,
    ANATOMY_SEGMENTATION,
    ANATOMY_REPORT,
    REVIEW,
)
"""All kinds; docs/conformance.md has the same table."""


def result_name(result: Dataset) -> str:
    """Return a word for what a result is, from its Series Number."""
    for kind in KINDS:
        if kind.series == result.SeriesNumber:
            return kind.file_name.format(result.InstanceNumber)
    return str(result.Modality).lower()
