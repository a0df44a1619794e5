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

from hilum.encode.common_modules import begin, conclude, derivation, write_dimensions, write_source
from hilum.encode.content import codes
from hilum.encode.equipment import code_item
from hilum.encode.kinds import PARAMETRIC_MAP
from hilum.encode.result_context import ResultContext
from hilum.encode.source import quiet_item, write_quietly
from hilum.reading import Finding

CLASS_ACTIVATION: Final = Code("130402", "DCM", "Class activation")
"""What the numbers are (PS3.16 CID 217)."""

FRAME_TYPE: Final = ["DERIVED", "PRIMARY", "STATIC", "NONE"]
"""Image Type and Frame Type (PS3.3 C.8.32.2)."""


def parametric_map(
    context: ResultContext, finding: Finding, activation: NDArray[np.float32]
) -> Dataset:
    """Return one finding's class activation map on the source matrix.

    Parameters
    ----------
    finding
        The positive finding that the map supports.
    activation
        Shape ``(rows, columns)`` of the source image, in logits.
    """
    source = context.source
    concept = context.codes.finding(finding.label)
    result = begin(PARAMETRIC_MAP, context, part=finding.label)
    write_quietly(
        result,
        InstanceNumber=1 + context.reading.positives.index(finding),
        ImageType=FRAME_TYPE,
        ContentQualification="RESEARCH",
        PixelPresentation="MONOCHROME",
        FrameOfReferenceUID=source.get("FrameOfReferenceUID")
        or context.identity.uid("frame of reference"),
        PositionReferenceIndicator="",
        AcquisitionContextSequence=[],
        BurnedInAnnotation="NO",
        RecognizableVisualFeatures="NO",
        PresentationLUTShape="IDENTITY",
        SharedFunctionalGroupsSequence=[_shared(source, activation, concept)],
        NumberOfFrames=1,
        Rows=activation.shape[0],
        Columns=activation.shape[1],
        SamplesPerPixel=1,
        PhotometricInterpretation="MONOCHROME2",
        BitsAllocated=32,
        FloatPixelData=activation.astype("<f4").tobytes(),
    )
    write_source(result, context, "AI_ACTIVATION", f"Class activation of {concept.meaning}"[:64])
    content = {"StackID": "1", "InStackPositionNumber": 1}
    pointers = [(keyword, "FrameContentSequence") for keyword in content]
    write_dimensions(result, context.identity.uid("parametric map dimensions"), pointers)
    frame = quiet_item(
        FrameContentSequence=[quiet_item(**content, DimensionIndexValues=[1, 1])],
        DerivationImageSequence=[derivation(source, CLASS_ACTIVATION)],
    )
    result.PerFrameFunctionalGroupsSequence = [frame]
    description = context.language.say_ascii("AI activation maps (PM), research only")
    conclude(result, context, description=description, texts=[concept.meaning])
    return result


def _shared(source: Dataset, activation: NDArray[np.float32], concept: Code) -> Dataset:
    """Return what holds for all frames: size of pixels, meaning of values, window."""
    low, high = float(activation.min()), float(activation.max())
    spacing = source.get("ImagerPixelSpacing") or source.get("PixelSpacing")
    window = {"WindowCenter": f"{(low + high) / 2:.6g}", "WindowWidth": f"{high - low or 1:.6g}"}
    stored = quiet_item(RescaleIntercept=0, RescaleSlope=1, RescaleType="US")
    return quiet_item(
        PixelMeasuresSequence=[quiet_item(**({"PixelSpacing": spacing} if spacing else {}))],
        FrameVOILUTSequence=[quiet_item(**window)],
        PixelValueTransformationSequence=[stored],
        ParametricMapFrameTypeSequence=[quiet_item(FrameType=FRAME_TYPE)],
        RealWorldValueMappingSequence=[_meaning(low, high, concept)],
    )


def _meaning(low: float, high: float, concept: Code) -> Dataset:
    """Return what the numbers are: class activation of a finding, in no unit."""
    quantities = (
        (Code("246205007", "SCT", "Quantity"), CLASS_ACTIVATION),
        (codes.DCM.Finding, concept),
    )
    return quiet_item(
        LUTExplanation=f"Class activation of {concept.meaning}"[:64],
        LUTLabel="ACTIVATION",
        MeasurementUnitsCodeSequence=[code_item(codes.UCUM.NoUnits)],
        DoubleFloatRealWorldValueFirstValueMapped=low,
        DoubleFloatRealWorldValueLastValueMapped=high,
        RealWorldValueIntercept=0.0,
        RealWorldValueSlope=1.0,
        QuantityDefinitionSequence=[
            quiet_item(
                ValueType="CODE",
                ConceptNameCodeSequence=[code_item(name)],
                ConceptCodeSequence=[code_item(value)],
            )
            for name, value in quantities
        ],
    )
