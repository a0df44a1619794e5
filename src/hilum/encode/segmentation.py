"""Segmentation: the regions of the positive findings as masks on the source matrix.

Sources
-------
PS3.3 A.51 (Segmentation IOD), C.8.20.2 (Segmentation Image Module).
"""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from pydicom import Dataset
from pydicom.pixels.utils import pack_bits
from pydicom.tag import Tag

from hilum import MANUFACTURER
from hilum.encode.concepts import codes
from hilum.encode.equipment import algorithm_name, code_item
from hilum.encode.kinds import SEGMENTATION
from hilum.encode.material import Material
from hilum.encode.provenance import parameters
from hilum.encode.start import begin, conclude, copy_loss, derivation, reference, referenced_series
from hilum.reading import Finding, Region

SEGMENT_NUMBER: Final = Tag("ReferencedSegmentNumber")
SEGMENT_IDENTIFICATION: Final = Tag("SegmentIdentificationSequence")


def segmentation(of: Material, regions: Sequence[Region]) -> Dataset:
    """Return the regions of the positive findings as one binary segmentation.

    Parameters
    ----------
    of
        What it is made from; at least one finding is positive.
    regions
        Outlines of the positive findings, in source pixels: each finding's are one segment.
    """
    reading, source = of.reading, of.source
    shape = reading.radiograph.rows, reading.radiograph.columns
    masks = [
        filled([r for r in regions if r.label == finding.label], shape)
        for finding in reading.positives
    ]
    result = begin(SEGMENTATION, of)
    result.ImageType = ["DERIVED", "PRIMARY"]
    result.PatientOrientation = source.get("PatientOrientation") or None
    result.ContentLabel = "AI_REGIONS"
    result.ContentDescription = "Class activation maps above half of their peak"
    result.ContentCreatorName = ""
    result.SourceImageSequence = [reference(source)]
    result.ReferencedSeriesSequence = [referenced_series(source, "ReferencedInstanceSequence")]
    result.SegmentationType = "BINARY"
    result.SegmentSequence = [
        _segment(number, finding, of) for number, finding in enumerate(reading.positives, start=1)
    ]
    _write_frames(result, of, len(masks))
    _write_masks(result, np.stack(masks), source)
    conclude(
        result,
        of,
        description=of.language.say_ascii(
            "AI regions (SEG): {positive} findings, research only", positive=len(masks)
        ),
        texts=_texts(of),
    )
    return result


def filled(regions: Sequence[Region], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return the pixels within any of the outlines.

    Parameters
    ----------
    regions
        Outlines in continuous coordinates: (0, 0) is the corner of the first pixel.
    shape
        Rows and columns of the mask.
    """
    mask = Image.new("1", (shape[1], shape[0]))
    draw = ImageDraw.Draw(mask)
    for region in regions:  # Pillow counts from the centre of the first pixel
        draw.polygon((region.outline - 0.5).ravel().tolist(), fill=1)
    return np.asarray(mask)


def _segment(number: int, finding: Finding, of: Material) -> Dataset:
    """Return what one segment is: a finding, by which algorithm, where in the body."""
    model = of.reading.model
    algorithm = Dataset()
    algorithm.AlgorithmFamilyCodeSequence = [code_item(codes.DCM.ArtificialIntelligence)]
    algorithm.AlgorithmName = algorithm_name(model)
    algorithm.AlgorithmVersion = model.version
    algorithm.AlgorithmParameters = "; ".join(parameters(of.reading))[:10240]
    algorithm.AlgorithmSource = MANUFACTURER
    concept = of.codes.finding(finding.label)
    segment = Dataset()
    segment.SegmentNumber = number
    segment.SegmentLabel = f"AI {concept.meaning}"[:64]
    segment.SegmentedPropertyCategoryCodeSequence = [
        code_item(codes.SCT.MorphologicallyAbnormalStructure)
    ]
    segment.SegmentedPropertyTypeCodeSequence = [code_item(concept)]
    if (site := of.codes.site(finding.label)) is not None:
        segment.AnatomicRegionSequence = [code_item(site)]
    segment.SegmentAlgorithmType = "AUTOMATIC"
    segment.SegmentAlgorithmName = algorithm_name(model)
    segment.SegmentationAlgorithmIdentificationSequence = [algorithm]
    segment.TrackingID = f"AI {finding.label}"
    segment.TrackingUID = of.identity.uid(f"tracking {finding.label}")
    return segment


def _texts(of: Material) -> Iterator[str]:
    """Yield what may have other letters than the source: a site's own codes, for example."""
    for finding in of.reading.positives:
        yield from (finding.label, of.codes.finding(finding.label).meaning)
        if (site := of.codes.site(finding.label)) is not None:
            yield site.meaning
    yield from parameters(of.reading)


def _write_frames(result: Dataset, of: Material, frames: int) -> None:
    """Write one frame for each segment, indexed by the segment's number."""
    organization = Dataset()
    organization.DimensionOrganizationUID = of.identity.uid("segmentation dimensions")
    index = Dataset()
    index.DimensionOrganizationUID = organization.DimensionOrganizationUID
    index.DimensionIndexPointer = SEGMENT_NUMBER
    index.FunctionalGroupPointer = SEGMENT_IDENTIFICATION
    index.DimensionDescriptionLabel = "Segment Number"
    result.DimensionOrganizationSequence = [organization]
    result.DimensionIndexSequence = [index]
    shared = Dataset()
    shared.DerivationImageSequence = [derivation(of.source, codes.DCM.Segmentation)]
    result.SharedFunctionalGroupsSequence = [shared]
    result.PerFrameFunctionalGroupsSequence = [_frame(n) for n in range(1, frames + 1)]


def _frame(number: int) -> Dataset:
    content = Dataset()
    content.DimensionIndexValues = [number]
    identification = Dataset()
    identification.ReferencedSegmentNumber = number
    frame = Dataset()
    frame.FrameContentSequence = [content]
    frame.SegmentIdentificationSequence = [identification]
    return frame


def _write_masks(result: Dataset, masks: NDArray[np.bool_], source: Dataset) -> None:
    """Write masks of shape ``(frames, rows, columns)``, one bit a pixel (PS3.5 8.1.1)."""
    result.SegmentsOverlap = "YES" if (masks.sum(axis=0) > 1).any() else "NO"
    result.NumberOfFrames, result.Rows, result.Columns = masks.shape
    result.SamplesPerPixel = 1
    result.PhotometricInterpretation = "MONOCHROME2"
    result.BitsAllocated = result.BitsStored = 1
    result.HighBit = 0
    result.PixelRepresentation = 0
    copy_loss(result, source)
    result.PixelData = pack_bits(masks.astype(np.uint8))
    result["PixelData"].VR = "OB"
