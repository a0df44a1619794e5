"""Grayscale Softcopy Presentation State: outlines and scores over the untouched original.

A workstation that opens it shows the radiograph as its own header asks for, with the
regions drawn on a layer that can be switched off.

Sources
-------
PS3.3 A.33.1 (IOD), C.10.4 to C.10.7 (displayed area, graphics, layers), C.11.6 and C.11.8.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.multival import MultiValue

from hilum.encode.common_modules import begin, conclude, reference, referenced_series
from hilum.encode.kinds import PRESENTATION
from hilum.encode.result_context import ResultContext
from hilum.encode.source import copy_element, quiet_item
from hilum.reading import Reading, Region
from hilum.wording import AI, DEMONSTRATION, finding_name, score_text

LAYER: Final = "AI"
"""Name of the graphic layer."""

DESCRIPTION: Final = "AI result, research use only"

AMBER: Final = (55050, 34438, 49344)
"""CIELab of the outlines, as PS3.3 C.10.7.1.1 scales it."""


def presentation_state(context: ResultContext, regions: Sequence[Region]) -> Dataset:
    """Return the outlines and scores of one positive finding or more as a presentation state."""
    reading, source, language = context.reading, context.source, context.language
    result = begin(PRESENTATION, context)
    result.ContentLabel = "AI_REGIONS"
    result.ContentDescription = DESCRIPTION
    result.ContentCreatorName = ""
    result.PresentationCreationDate = result.PresentationCreationTime = ""  # `conclude` knows
    result.ReferencedSeriesSequence = [referenced_series(source, "ReferencedImageSequence")]
    _write_grey_scale(result, source, destroyed=_destroyed(reading))
    result.DisplayedAreaSelectionSequence = [_displayed_area(reading, source)]
    stamp = f"{language.say(DEMONSTRATION)} " if reading.model.demonstration else ""
    texts = {
        finding.label: f"{stamp}{language.say(AI)}: {finding_name(finding.label, language)} "
        f"{score_text(finding, language)}"
        for finding in reading.positives
    }
    result.GraphicAnnotationSequence = [
        _annotation([r.outline for r in regions if r.label == label], source, text)
        for label, text in texts.items()
    ]
    layer = quiet_item(
        GraphicLayer=LAYER,
        GraphicLayerOrder=1,
        GraphicLayerRecommendedDisplayCIELabValue=list(AMBER),
        GraphicLayerDescription=DESCRIPTION,
    )
    result.GraphicLayerSequence = [layer]
    description = language.say_ascii(
        "AI regions (PR): {positive} findings, research only", positive=len(texts)
    )
    conclude(result, context, description=description, texts=texts.values())
    del result.ContentDate, result.ContentTime  # a presentation state has a creation instead
    return result


def _annotation(outlines: list[NDArray[np.float64]], source: Dataset, text: str) -> Dataset:
    """Return one finding's outlines, and its name and score beside the first."""
    return quiet_item(
        ReferencedImageSequence=[reference(source)],
        GraphicLayer=LAYER,
        GraphicObjectSequence=[_polyline(outline) for outline in outlines],
        TextObjectSequence=[_text(outlines[0], text)],
    )


def _polyline(outline: NDArray[np.float64]) -> Dataset:
    """Return a closed line; its origin is the corner of the first pixel (PS3.3 C.10.5.1.2)."""
    return quiet_item(
        GraphicAnnotationUnits="PIXEL",
        GraphicDimensions=2,
        NumberOfGraphicPoints=len(outline),
        GraphicData=outline.astype(np.float32).ravel().tolist(),
        GraphicType="POLYLINE",
        GraphicFilled="N",
    )


def _text(outline: NDArray[np.float64], text: str) -> Dataset:
    """Return words that hang on the outline's highest point."""
    highest = outline[np.argmin(outline[:, 1])]
    return quiet_item(
        AnchorPointAnnotationUnits="PIXEL",
        AnchorPoint=highest.astype(np.float32).tolist(),
        AnchorPointVisibility="N",
        UnformattedTextValue=text,
    )


def _displayed_area(reading: Reading, source: Dataset) -> Dataset:
    """Return the whole image, with pixels as wide and high as the header says."""
    area = quiet_item(
        DisplayedAreaTopLeftHandCorner=[1, 1],
        DisplayedAreaBottomRightHandCorner=[reading.radiograph.columns, reading.radiograph.rows],
        PresentationSizeMode="SCALE TO FIT",
    )
    for keyword in ("PixelSpacing", "ImagerPixelSpacing"):
        if keyword in source:
            area.PresentationPixelSpacing = source[keyword].value
            return area
    area.PresentationPixelAspectRatio = source.get("PixelAspectRatio") or [1, 1]
    return area


def _destroyed(reading: Reading) -> frozenset[str]:
    """Return which kinds of transform the pixel pipeline found to destroy the image."""
    ending = "_destroys"
    codes = (decision.code for decision in reading.radiograph.decisions)
    return frozenset(code.removesuffix(ending) for code in codes if code.endswith(ending))


def _write_grey_scale(result: Dataset, source: Dataset, *, destroyed: frozenset[str]) -> None:
    """Write how the original's own header has it shown: a state replaces all of it.

    What would destroy the image is left out; without it a viewer shows the pixels' range.
    """
    if "ModalityLUTSequence" in source and "modality_lut" not in destroyed:
        result.ModalityLUTSequence = source.ModalityLUTSequence
    elif "RescaleSlope" in source and "RescaleIntercept" in source:
        result.RescaleSlope, result.RescaleIntercept = source.RescaleSlope, source.RescaleIntercept
        result.RescaleType = source.get("RescaleType") or "US"
    voi = Dataset()
    if "VOILUTSequence" in source:
        voi.VOILUTSequence = source.VOILUTSequence[:1]
    elif "WindowCenter" in source and "WindowWidth" in source:
        for keyword in ("WindowCenter", "WindowWidth"):
            value = source[keyword].value
            setattr(voi, keyword, value[0] if isinstance(value, MultiValue) else value)
        if "VOILUTFunction" in source:
            voi.add(copy_element(source["VOILUTFunction"]))
    if len(voi) and not destroyed:
        result.SoftcopyVOILUTSequence = [voi]
    inverse = source.get("PhotometricInterpretation") == "MONOCHROME1"
    result.PresentationLUTShape = "INVERSE" if inverse else "IDENTITY"
