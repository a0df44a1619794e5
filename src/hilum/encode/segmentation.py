"""Segmentations: regions of the positive findings, or the anatomy, as masks on the source matrix.

Sources
-------
PS3.3 A.51 (Segmentation IOD), C.8.20.2 (Segmentation Image Module).
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from pydicom import Dataset
from pydicom.pixels.utils import pack_bits
from pydicom.sr.coding import Code

from hilum import MANUFACTURER
from hilum.encode.codes import private_code
from hilum.encode.common_modules import begin, conclude, derivation, write_dimensions, write_source
from hilum.encode.content import codes
from hilum.encode.equipment import algorithm_name, code_item
from hilum.encode.kinds import ANATOMY_SEGMENTATION, SEGMENTATION
from hilum.encode.provenance import parameters
from hilum.encode.result_context import ResultContext
from hilum.encode.source import quiet_item
from hilum.reading import Finding, Region
from hilum.structures import Anatomy

COLOURS: Final = (
    (46273, 37131, 52089),  # orange
    (45761, 29808, 23959),  # sky blue
    (37842, 21141, 36174),  # bluish green
    (40007, 42800, 30170),  # reddish purple
    (35512, 44018, 49160),  # vermilion
    (58401, 29471, 52288),  # yellow
    (30129, 32193, 22263),  # blue
)
"""For the segments in turn: CIELab (PS3.3 C.10.7.1.1) of colours that the colour-blind tell apart
(Okabe and Ito 2008)."""


class Segment(NamedTuple):
    """One segment: what it is, and where."""

    label: str
    """Segment Label, and what it is tracked by."""
    tracked: str
    """Its name within the derived UIDs."""
    category: Code
    """Segmented Property Category (PS3.16 CID 7150)."""
    kind: Code
    """Segmented Property Type."""
    mask: NDArray[np.bool_]
    """Shape ``(rows, columns)`` of the source image."""
    site: Code | None = None
    """Anatomic Region; None where the type says it."""
    side: Code | None = None
    """Modifier of the type: right or left (CID 244)."""


def segmentation(context: ResultContext, regions: Sequence[Region]) -> Dataset:
    """Return the regions of each positive finding as one segment of a binary segmentation."""
    reading = context.reading
    shape = reading.radiograph.rows, reading.radiograph.columns
    segments = [_segment_of(finding, regions, shape, context) for finding in reading.positives]
    result = begin(SEGMENTATION, context)
    write_source(result, context, "AI_REGIONS", "Class activation maps above half of their peak")
    write_segments(result, context, segments, context.identity.uid("segmentation dimensions"))
    description = context.language.say_ascii(
        "AI regions (SEG): {positive} findings, research only", positive=len(segments)
    )
    conclude(result, context, description=description, texts=_texts(context, segments))
    return result


def anatomy_segmentation(context: ResultContext, anatomy: Anatomy) -> Dataset | None:
    """Return each structure that was found as one segment; None when nothing was."""
    shape = context.reading.radiograph.rows, context.reading.radiograph.columns
    segments = []
    for name in anatomy.structures:
        mask = mask_of(anatomy.outlines(name), shape)
        if mask.any():
            segments.append(_structure(name, mask, context))
    if not segments:
        return None
    result = begin(ANATOMY_SEGMENTATION, context)
    write_source(result, context, "AI_ANATOMY", "Anatomical structures by a network")
    dimensions = context.identity.uid("anatomy segmentation dimensions")
    write_segments(result, context, segments, dimensions)
    description = context.language.say_ascii(
        "AI anatomy (SEG): {count} structure, research only",
        "AI anatomy (SEG): {count} structures, research only",
        count=len(segments),
    )
    conclude(result, context, description=description, texts=_texts(context, segments))
    return result


def write_segments(
    result: Dataset, context: ResultContext, segments: Sequence[Segment], dimensions: str
) -> None:
    """Write segments, one frame each; changed in place.

    Parameters
    ----------
    dimensions
        Dimension Organization UID.
    """
    result.ImageType = ["DERIVED", "PRIMARY"]
    result.SegmentationType = "BINARY"
    result.SegmentSequence = [
        _item(number, segment, context) for number, segment in enumerate(segments, start=1)
    ]
    write_dimensions(
        result, dimensions, [("ReferencedSegmentNumber", "SegmentIdentificationSequence")]
    )
    result.SharedFunctionalGroupsSequence = [quiet_item()]
    result.PerFrameFunctionalGroupsSequence = [
        quiet_item(
            FrameContentSequence=[quiet_item(DimensionIndexValues=[number])],
            # not shared: OHIF looks in each frame for the image that it lies on
            DerivationImageSequence=[derivation(context.source, codes.DCM.Segmentation)],
            SegmentIdentificationSequence=[quiet_item(ReferencedSegmentNumber=number)],
        )
        for number in range(1, len(segments) + 1)
    ]
    _write_masks(result, np.stack([segment.mask for segment in segments]))


def mask_of(outlines: Iterable[NDArray[np.float64]], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return the pixels within any of the outlines, shape ``(rows, columns)``."""
    mask = Image.new("1", (shape[1], shape[0]))
    draw = ImageDraw.Draw(mask)
    for outline in outlines:  # Pillow counts from the centre of the first pixel
        draw.polygon((outline - 0.5).ravel().tolist(), fill=1)
    return np.asarray(mask)


def _segment_of(
    finding: Finding, regions: Sequence[Region], shape: tuple[int, int], context: ResultContext
) -> Segment:
    """Return the regions of one finding as a segment."""
    concept = context.codes.finding(finding.label)
    return Segment(
        label=f"AI {concept.meaning}"[:64],
        tracked=finding.label,
        category=codes.SCT.MorphologicallyAbnormalStructure,
        kind=concept,
        mask=mask_of((r.outline for r in regions if r.label == finding.label), shape),
        site=context.codes.site(finding.label),
    )


def _structure(name: str, mask: NDArray[np.bool_], context: ResultContext) -> Segment:
    """Return one structure as a segment; one that the codes do not know has a private code."""
    site = context.codes.structures.get(name)
    sides = {"right": codes.SCT.Right, "left": codes.SCT.Left}
    return Segment(
        label=f"AI {name}"[:64],
        tracked=f"structure {name}",
        category=codes.SCT.AnatomicalStructure,
        kind=private_code(name) if site is None else context.codes.sites[site.site].code,
        mask=mask,
        side=None if site is None or site.side is None else sides[site.side],
    )


def _item(number: int, segment: Segment, context: ResultContext) -> Dataset:
    """Return what one segment is: of what kind, by which algorithm, where in the body."""
    model = context.reading.model
    algorithm = quiet_item(
        AlgorithmFamilyCodeSequence=[code_item(codes.DCM.ArtificialIntelligence)],
        AlgorithmName=algorithm_name(model),
        AlgorithmVersion=model.version,
        AlgorithmParameters="; ".join(parameters(context.reading))[:10240],
        AlgorithmSource=MANUFACTURER,
    )
    kind = code_item(segment.kind)
    if segment.side is not None:
        kind.SegmentedPropertyTypeModifierCodeSequence = [code_item(segment.side)]
    site = segment.site
    return quiet_item(
        SegmentNumber=number,
        SegmentLabel=segment.label,
        SegmentedPropertyCategoryCodeSequence=[code_item(segment.category)],
        SegmentedPropertyTypeCodeSequence=[kind],
        **({} if site is None else {"AnatomicRegionSequence": [code_item(site)]}),
        RecommendedDisplayCIELabValue=list(COLOURS[(number - 1) % len(COLOURS)]),
        SegmentAlgorithmType="AUTOMATIC",
        SegmentAlgorithmName=algorithm_name(model),
        SegmentationAlgorithmIdentificationSequence=[algorithm],
        TrackingID=f"AI {segment.tracked}",
        TrackingUID=context.identity.uid(f"tracking {segment.tracked}"),
    )


def _texts(context: ResultContext, segments: Iterable[Segment]) -> Iterator[str]:
    """Yield what may have other letters than the source: a site's own codes, for example."""
    for segment in segments:
        yield from (segment.tracked, segment.kind.meaning)
        if segment.site is not None:
            yield segment.site.meaning
    yield from parameters(context.reading)


def _write_masks(result: Dataset, masks: NDArray[np.bool_]) -> None:
    """Write masks of shape ``(frames, rows, columns)``, one bit a pixel (PS3.5 8.1.1)."""
    result.SegmentsOverlap = "YES" if (masks.sum(axis=0) > 1).any() else "NO"
    result.NumberOfFrames, result.Rows, result.Columns = masks.shape
    result.SamplesPerPixel = result.BitsAllocated = result.BitsStored = 1
    result.PhotometricInterpretation = "MONOCHROME2"
    result.HighBit = result.PixelRepresentation = 0
    result.PixelData = pack_bits(masks.astype(np.uint8))
    result["PixelData"].VR = "OB"
