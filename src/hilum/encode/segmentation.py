"""Segmentation: the regions of the positive findings as masks on the source matrix.

Sources
-------
PS3.3 A.51 (Segmentation IOD), C.8.20.2 (Segmentation Image Module).
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from pydicom import Dataset
from pydicom.pixels.utils import pack_bits

from hilum import MANUFACTURER
from hilum.encode.common_modules import begin, conclude, derivation, write_dimensions, write_source
from hilum.encode.content import codes
from hilum.encode.equipment import algorithm_name, code_item
from hilum.encode.kinds import SEGMENTATION
from hilum.encode.provenance import parameters
from hilum.encode.result_context import ResultContext
from hilum.encode.source import quiet_item
from hilum.reading import Finding, Region


def segmentation(context: ResultContext, regions: Sequence[Region]) -> Dataset:
    """Return the regions of each positive finding as one segment of a binary segmentation."""
    reading, source = context.reading, context.source
    shape = reading.radiograph.rows, reading.radiograph.columns
    masks = [
        filled([r for r in regions if r.label == finding.label], shape)
        for finding in reading.positives
    ]
    result = begin(SEGMENTATION, context)
    result.ImageType = ["DERIVED", "PRIMARY"]
    write_source(result, context, "AI_REGIONS", "Class activation maps above half of their peak")
    result.SegmentationType = "BINARY"
    result.SegmentSequence = [
        _segment(number, finding, context)
        for number, finding in enumerate(reading.positives, start=1)
    ]
    write_dimensions(
        result,
        context.identity.uid("segmentation dimensions"),
        [("ReferencedSegmentNumber", "SegmentIdentificationSequence")],
    )
    shared = quiet_item(DerivationImageSequence=[derivation(source, codes.DCM.Segmentation)])
    result.SharedFunctionalGroupsSequence = [shared]
    result.PerFrameFunctionalGroupsSequence = [
        quiet_item(
            FrameContentSequence=[quiet_item(DimensionIndexValues=[number])],
            SegmentIdentificationSequence=[quiet_item(ReferencedSegmentNumber=number)],
        )
        for number in range(1, len(masks) + 1)
    ]
    _write_masks(result, np.stack(masks))
    description = context.language.say_ascii(
        "AI regions (SEG): {positive} findings, research only", positive=len(masks)
    )
    conclude(result, context, description=description, texts=_texts(context))
    return result


def filled(regions: Sequence[Region], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return the pixels within any of the outlines, shape ``(rows, columns)``."""
    mask = Image.new("1", (shape[1], shape[0]))
    draw = ImageDraw.Draw(mask)
    for region in regions:  # Pillow counts from the centre of the first pixel
        draw.polygon((region.outline - 0.5).ravel().tolist(), fill=1)
    return np.asarray(mask)


def _segment(number: int, finding: Finding, context: ResultContext) -> Dataset:
    """Return what one segment is: a finding, by which algorithm, where in the body."""
    model = context.reading.model
    concept, site = context.codes.finding(finding.label), context.codes.site(finding.label)
    algorithm = quiet_item(
        AlgorithmFamilyCodeSequence=[code_item(codes.DCM.ArtificialIntelligence)],
        AlgorithmName=algorithm_name(model),
        AlgorithmVersion=model.version,
        AlgorithmParameters="; ".join(parameters(context.reading))[:10240],
        AlgorithmSource=MANUFACTURER,
    )
    return quiet_item(
        SegmentNumber=number,
        SegmentLabel=f"AI {concept.meaning}"[:64],
        SegmentedPropertyCategoryCodeSequence=[
            code_item(codes.SCT.MorphologicallyAbnormalStructure)
        ],
        SegmentedPropertyTypeCodeSequence=[code_item(concept)],
        **({} if site is None else {"AnatomicRegionSequence": [code_item(site)]}),
        SegmentAlgorithmType="AUTOMATIC",
        SegmentAlgorithmName=algorithm_name(model),
        SegmentationAlgorithmIdentificationSequence=[algorithm],
        TrackingID=f"AI {finding.label}",
        TrackingUID=context.identity.uid(f"tracking {finding.label}"),
    )


def _texts(context: ResultContext) -> Iterator[str]:
    """Yield what may have other letters than the source: a site's own codes, for example."""
    for finding in context.reading.positives:
        yield from (finding.label, context.codes.finding(finding.label).meaning)
        if (site := context.codes.site(finding.label)) is not None:
            yield site.meaning
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
