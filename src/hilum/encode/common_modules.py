"""DICOM modules common to all results but the structured reports.

These are the overlay, segmentations, presentation states, maps and key object selections.
"""

from collections.abc import Iterable
from typing import Final

from pydicom import Dataset
from pydicom.sr.coding import Code
from pydicom.tag import Tag

from hilum.encode.equipment import code_item, finish
from hilum.encode.kinds import ObjectKind
from hilum.encode.result_context import ResultContext
from hilum.encode.source import copy_element, quiet_item, write_quietly

LABELS: Final = {"ReferencedSegmentNumber": "Segment Number"}
"""Attribute that tells frames apart → what it is called, where that is not its keyword."""

SOURCE_IMAGE: Final = Code("121322", "DCM", "Source of image processing operation")
"""Purpose of a reference to the radiograph (PS3.16 CID 7202)."""

VISUAL_EXPLANATION: Final = Code("130401", "DCM", "Visual explanation")
"""What every one of these objects is (PS3.16 TID 1410)."""


def begin(kind: ObjectKind, context: ResultContext, *, part: str = "") -> Dataset:
    """Return a new result, or a `part` of one, with UIDs, series and place in the body."""
    return quiet_item(
        SOPClassUID=kind.sop_class,
        SOPInstanceUID=context.identity.uid(f"{kind.name} {part}".strip()),
        SeriesInstanceUID=context.identity.uid(kind.series_name),
        SeriesNumber=kind.series,
        InstanceNumber=1,
        Modality=kind.modality,
        # Without one, a chest is taken for one of a pair of organs (PS3.3 C.7.3.1).
        BodyPartExamined=context.source.get("BodyPartExamined") or "CHEST",
    )


def conclude(
    result: Dataset, context: ResultContext, *, description: str, texts: Iterable[str] = ()
) -> None:
    """Write patient, study, time and equipment; changed in place.

    Parameters
    ----------
    texts
        Other texts that the character set must be able to hold.

    Raises
    ------
    ValueError
        `when` has no UTC offset.
    """
    finish(
        result,
        context.source,
        model=context.reading.model,
        when=context.when,
        series_description=context.stamp + description,
        texts=texts,
    )


def reference(image: Dataset, purpose: Code | None = None) -> Dataset:
    """Return a reference to an image, as any sequence of them has it (PS3.3 table 10-3)."""
    item = quiet_item(
        ReferencedSOPClassUID=image.SOPClassUID, ReferencedSOPInstanceUID=image.SOPInstanceUID
    )
    if purpose is not None:
        item.PurposeOfReferenceCodeSequence = [code_item(purpose)]
    return item


def derivation(source: Dataset, method: Code) -> Dataset:
    """Return the item that says how a frame was made from which image (PS3.3 C.7.6.16.2.6)."""
    origin = reference(source, SOURCE_IMAGE)
    origin.SpatialLocationsPreserved = "YES"
    return quiet_item(SourceImageSequence=[origin], DerivationCodeSequence=[code_item(method)])


def referenced_series(source: Dataset, keyword: str) -> Dataset:
    """Return the source's series with the source in its sequence `keyword`."""
    members = {keyword: [reference(source)]}
    return quiet_item(SeriesInstanceUID=source.SeriesInstanceUID, **members)


def write_source(result: Dataset, context: ResultContext, label: str, description: str) -> None:
    """Write what a segmentation or a map is called, and of which image it is."""
    source = context.source
    write_quietly(
        result,
        ContentLabel=label,
        ContentDescription=description,
        ContentCreatorName="",
        PatientOrientation=source.get("PatientOrientation") or None,
        SourceImageSequence=[reference(source)],
        ReferencedSeriesSequence=[referenced_series(source, "ReferencedInstanceSequence")],
    )
    _copy_loss(result, source)


def write_dimensions(result: Dataset, uid: str, pointers: Iterable[tuple[str, str]]) -> None:
    """Write by which attributes of which functional groups frames are told apart (C.7.6.17)."""
    result.DimensionOrganizationSequence = [quiet_item(DimensionOrganizationUID=uid)]
    result.DimensionIndexSequence = [
        quiet_item(
            DimensionOrganizationUID=uid,
            DimensionIndexPointer=Tag(attribute),
            FunctionalGroupPointer=Tag(group),
            DimensionDescriptionLabel=LABELS.get(attribute, attribute),
        )
        for attribute, group in pointers
    ]


def _copy_loss(result: Dataset, source: Dataset) -> None:
    """Write that the source was compressed with loss, if it was (PS3.3 C.7.6.1.1.5)."""
    result.LossyImageCompression = source.get("LossyImageCompression") or "00"
    if result.LossyImageCompression == "01":
        for keyword in ("LossyImageCompressionRatio", "LossyImageCompressionMethod"):
            if keyword in source:
                result.add(copy_element(source[keyword]))
