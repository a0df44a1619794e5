"""Parametric Map: the class activation maps of the positive findings, as numbers.

For research: few viewers show it. A radiograph has no position in the patient, so the map
has none either; ``dciodvfy`` asks for plane positions all the same (six known errors), and
inventing them would be false data.

Sources
-------
PS3.3 A.75 (Parametric Map IOD), C.8.32 (its modules), C.7.6.16.2.11 (real world values);
PS3.16 CID 217.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.sr.coding import Code
from pydicom.tag import Tag

from hilum.encode.concepts import codes
from hilum.encode.equipment import code_item
from hilum.encode.kinds import PARAMETRIC_MAP
from hilum.encode.material import Material
from hilum.encode.source import write_quietly
from hilum.encode.start import begin, conclude, copy_loss, derivation, reference, referenced_series
from hilum.reading import Finding

CLASS_ACTIVATION: Final = Code("130402", "DCM", "Class activation")
"""What the numbers are (PS3.16 CID 217)."""

FRAME_TYPE: Final = ["DERIVED", "PRIMARY", "STATIC", "NONE"]
"""Image Type and Frame Type (PS3.3 C.8.32.2)."""


def parametric_map(of: Material, finding: Finding, activation: NDArray[np.float32]) -> Dataset:
    """Return one finding's class activation map on the source matrix.

    Parameters
    ----------
    finding
        The positive finding that the map supports.
    activation
        Shape ``(rows, columns)`` of the source image, in logits.
    """
    source = of.source
    concept = of.codes.finding(finding.label)
    result = begin(PARAMETRIC_MAP, of, part=finding.label)
    result.InstanceNumber = 1 + of.reading.positives.index(finding)
    result.ImageType = FRAME_TYPE
    result.ContentQualification = "RESEARCH"
    result.PixelPresentation = "MONOCHROME"
    result.PatientOrientation = source.get("PatientOrientation") or None
    result.ContentLabel = "AI_ACTIVATION"
    result.ContentDescription = f"Class activation of {concept.meaning}"[:64]
    result.ContentCreatorName = ""
    result.SourceImageSequence = [reference(source)]
    result.ReferencedSeriesSequence = [referenced_series(source, "ReferencedInstanceSequence")]
    frame_of_reference = source.get("FrameOfReferenceUID") or of.identity.uid("frame of reference")
    write_quietly(result, "FrameOfReferenceUID", frame_of_reference)
    result.PositionReferenceIndicator = ""
    result.AcquisitionContextSequence = []
    result.BurnedInAnnotation = "NO"
    result.RecognizableVisualFeatures = "NO"
    result.PresentationLUTShape = "IDENTITY"
    _write_frame(result, of)
    result.SharedFunctionalGroupsSequence = [_shared(source, activation, concept)]
    _write_values(result, activation, source)
    description = of.language.say_ascii("AI activation maps (PM), research only")
    conclude(result, of, description=description, texts=[concept.meaning])
    return result


def _write_frame(result: Dataset, of: Material) -> None:
    """Write the one frame, a stack of its own."""
    organization = Dataset()
    organization.DimensionOrganizationUID = of.identity.uid("parametric map dimensions")
    result.DimensionOrganizationSequence = [organization]
    result.DimensionIndexSequence = []
    for keyword in ("StackID", "InStackPositionNumber"):
        index = Dataset()
        index.DimensionOrganizationUID = organization.DimensionOrganizationUID
        index.DimensionIndexPointer = Tag(keyword)
        index.FunctionalGroupPointer = Tag("FrameContentSequence")
        index.DimensionDescriptionLabel = keyword
        result.DimensionIndexSequence.append(index)
    content = Dataset()
    content.StackID = "1"
    content.InStackPositionNumber = 1
    content.DimensionIndexValues = [1, 1]
    frame = Dataset()
    frame.FrameContentSequence = [content]
    frame.DerivationImageSequence = [derivation(of.source, CLASS_ACTIVATION)]
    result.PerFrameFunctionalGroupsSequence = [frame]


def _shared(source: Dataset, activation: NDArray[np.float32], concept: Code) -> Dataset:
    """Return what holds for all frames: size of pixels, meaning of values, window."""
    low, high = float(activation.min()), float(activation.max())
    measures = Dataset()
    spacing = source.get("ImagerPixelSpacing") or source.get("PixelSpacing")
    if spacing:
        measures.PixelSpacing = spacing
    window = Dataset()
    window.WindowCenter, window.WindowWidth = f"{(low + high) / 2:.6g}", f"{high - low or 1:.6g}"
    stored = Dataset()
    stored.RescaleIntercept, stored.RescaleSlope, stored.RescaleType = 0, 1, "US"
    kind = Dataset()
    kind.FrameType = FRAME_TYPE
    shared = Dataset()
    shared.PixelMeasuresSequence = [measures]
    shared.FrameVOILUTSequence = [window]
    shared.PixelValueTransformationSequence = [stored]
    shared.ParametricMapFrameTypeSequence = [kind]
    shared.RealWorldValueMappingSequence = [_meaning(low, high, concept)]
    return shared


def _meaning(low: float, high: float, concept: Code) -> Dataset:
    """Return what the numbers are: class activation of a finding, in no unit."""
    quantity = Dataset()
    quantity.ValueType = "CODE"
    quantity.ConceptNameCodeSequence = [code_item(Code("246205007", "SCT", "Quantity"))]
    quantity.ConceptCodeSequence = [code_item(CLASS_ACTIVATION)]
    finding = Dataset()
    finding.ValueType = "CODE"
    finding.ConceptNameCodeSequence = [code_item(codes.DCM.Finding)]
    finding.ConceptCodeSequence = [code_item(concept)]
    mapping = Dataset()
    mapping.LUTExplanation = f"Class activation of {concept.meaning}"[:64]
    mapping.LUTLabel = "ACTIVATION"
    mapping.MeasurementUnitsCodeSequence = [code_item(codes.UCUM.NoUnits)]
    mapping.DoubleFloatRealWorldValueFirstValueMapped = low
    mapping.DoubleFloatRealWorldValueLastValueMapped = high
    mapping.RealWorldValueIntercept = 0.0
    mapping.RealWorldValueSlope = 1.0
    mapping.QuantityDefinitionSequence = [quantity, finding]
    return mapping


def _write_values(result: Dataset, activation: NDArray[np.float32], source: Dataset) -> None:
    result.NumberOfFrames = 1
    result.Rows, result.Columns = activation.shape
    result.SamplesPerPixel = 1
    result.PhotometricInterpretation = "MONOCHROME2"
    result.BitsAllocated = 32
    copy_loss(result, source)
    result.FloatPixelData = activation.astype("<f4").tobytes()
