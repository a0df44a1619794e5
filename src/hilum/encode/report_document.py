"""One structured report, built by hilum's own encoder: content tree and source → data set.

Sources
-------
PS3.3 A.35 (SR Document IODs), C.17.1 and C.17.2 (series and document modules).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pydicom import Dataset
from pydicom.charset import convert_encodings
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag
from pydicom.uid import Comprehensive3DSRStorage, ComprehensiveSRStorage, EnhancedSRStorage

from hilum.encode.codes import CodeTable
from hilum.encode.content import ImageReference, Item
from hilum.encode.content_writer import Writer
from hilum.encode.equipment import finish
from hilum.encode.source import (
    character_sets,
    copy_element,
    fitting_character_set,
    is_undeclared,
    quiet_item,
    tree_in_ascii,
)
from hilum.files.dicom import text
from hilum.reading import ModelIdentity
from hilum.settings import SRClass
from hilum.values.character_sets import LATIN_1

SOP_CLASSES: Final = {
    SRClass.COMPREHENSIVE_3D: Comprehensive3DSRStorage,
    SRClass.COMPREHENSIVE: ComprehensiveSRStorage,
    SRClass.ENHANCED: EnhancedSRStorage,
}
"""Setting → SOP Class UID."""

REQUEST: Final = (
    "AccessionNumber",
    "IssuerOfAccessionNumberSequence",
    "PlacerOrderNumberImagingServiceRequest",
    "FillerOrderNumberImagingServiceRequest",
    "RequestedProcedureID",
    "RequestedProcedureDescription",
)
"""What Request Attributes Sequence and Referenced Request Sequence have in common."""


@dataclass(frozen=True, slots=True, eq=False)
class ReportDocument:
    """All that one structured report is, before it is encoded."""

    root: Item
    """The content tree."""
    sop_class: SRClass
    """SOP Class, by its setting."""
    uid: str
    series_uid: str
    """SOP Instance and Series Instance UID."""
    series_number: int
    """Number of the series within the study."""
    description: str
    """Series Description."""
    evidence: tuple[Dataset, ...]
    """The source as `as_source` gives it, then all other instances that the tree refers to."""
    codes: CodeTable
    """Declares the private coding schemes."""
    model: ModelIdentity | None
    """Which model read the image; None when none did."""
    when: datetime
    """Time of the analysis, with its UTC offset."""
    predecessor: Dataset | None = None
    """The document that this one replaces, if any."""

    @property
    def source(self) -> Dataset:
        """The image that the report is about."""
        return self.evidence[0]

    @property
    def content(self) -> Item:
        """The content tree in the letters in which it is written."""
        return as_written(self.root, self.source)


def build(document: ReportDocument) -> Dataset:
    """Return the report as a data set whose content is encoded already.

    It reads like any other; the content tree is parsed when it is first looked at.

    Raises
    ------
    ValueError
        The tree refers to an instance that is not in the evidence.
    """
    _check_references(document)
    result = Dataset()
    result.SOPClassUID = SOP_CLASSES[document.sop_class]
    result.SOPInstanceUID = document.uid
    result.Modality = "SR"
    result.SeriesInstanceUID = document.series_uid
    result.SeriesNumber = document.series_number
    result.InstanceNumber = 1
    result.CompletionFlag = "COMPLETE"
    result.VerificationFlag = "UNVERIFIED"
    result.PreliminaryFlag = "PRELIMINARY"
    result.CurrentRequestedProcedureEvidenceSequence = list(references(document.evidence))
    if document.predecessor is not None:
        result.PredecessorDocumentsSequence = list(references([document.predecessor]))
    result.ReferencedPerformedProcedureStepSequence = []
    complete(result, document)
    write_content(result, document.content)
    return result


def as_written(root: Item, source: Dataset) -> Item:
    """Return a content tree as it is beside its source's text: at times without accents."""
    if not is_undeclared(source) or fitting_character_set(source, root.strings()):
        return root
    return tree_in_ascii(root)


def write_content(result: Dataset, root: Item) -> None:
    """Write a content tree into `result`, encoded already, in the character set that it names."""
    encodings = convert_encodings(character_sets(result)) if character_sets(result) else None
    writer = Writer(encodings[0] if encodings else LATIN_1)
    for (group, element), (vr, value) in writer.elements(root).items():
        tag = Tag(group, element)
        result[tag] = RawDataElement(
            tag, vr.decode(), len(value), value, 0, is_implicit_VR=False, is_little_endian=True
        )
    result.set_original_encoding(
        is_implicit_vr=False, is_little_endian=True, character_encoding=encodings
    )


def complete(result: Dataset, document: ReportDocument) -> None:
    """Write what highdicom does not, or does otherwise, into a report; changed in place."""
    source = document.source
    finish(
        result,
        source,
        model=document.model,
        when=document.when,
        series_description=document.description,
        texts=document.root.strings(),
    )
    result.CodingSchemeIdentificationSequence = [
        quiet_item(
            CodingSchemeDesignator=designator,
            CodingSchemeUID=scheme.uid,
            CodingSchemeName=scheme.name,
            CodingSchemeResponsibleOrganization=scheme.organization,
        )
        for designator, scheme in sorted(document.codes.schemes.items())
    ]
    result.PerformedProcedureCodeSequence = list(source.get("ProcedureCodeSequence", ()))
    requests = list(referenced_requests(source))
    if requests:
        result.ReferencedRequestSequence = requests


def references(instances: Iterable[Dataset]) -> Iterator[Dataset]:
    """Yield `instances` by study and series (PS3.3 table C.17-3, SOP Instance Reference)."""
    studies: dict[str, dict[str, dict[str, Dataset]]] = {}
    for instance in instances:
        study_uid, series_uid, sop_class_uid, sop_instance_uid = (
            text(instance, f"{named}UID")
            for named in ("StudyInstance", "SeriesInstance", "SOPClass", "SOPInstance")
        )
        series = studies.setdefault(study_uid, {})
        series.setdefault(series_uid, {})[sop_instance_uid] = quiet_item(
            ReferencedSOPClassUID=sop_class_uid, ReferencedSOPInstanceUID=sop_instance_uid
        )
    for study_uid, by_series in studies.items():
        items = [
            quiet_item(SeriesInstanceUID=series_uid, ReferencedSOPSequence=list(sops.values()))
            for series_uid, sops in by_series.items()
        ]
        yield quiet_item(StudyInstanceUID=study_uid, ReferencedSeriesSequence=items)


def referenced_requests(source: Dataset) -> Iterator[Dataset]:
    """Yield the imaging requests that the image fulfilled, none when it names none.

    Sources
    -------
    PS3.3 table C.17-2, Referenced Request Sequence.
    """
    named = source.get("RequestAttributesSequence") or ([source] if source.AccessionNumber else ())
    for request in named:
        item = quiet_item(
            StudyInstanceUID=source.StudyInstanceUID,
            ReferencedStudySequence=[],
            AccessionNumber=source.AccessionNumber,
            PlacerOrderNumberImagingServiceRequest="",
            FillerOrderNumberImagingServiceRequest="",
            RequestedProcedureID="",
            RequestedProcedureDescription="",
            RequestedProcedureCodeSequence=list(request.get("RequestedProcedureCodeSequence", ())),
        )
        for keyword in REQUEST:
            if request.get(keyword):
                item.add(copy_element(request[keyword]))
        yield item


def _check_references(document: ReportDocument) -> None:
    known = {str(instance.SOPInstanceUID) for instance in document.evidence}
    for item in document.root.walk():
        if isinstance(item.value, ImageReference) and item.value.sop_instance_uid not in known:
            raise ValueError("the content tree refers to an image that is not in the evidence")
