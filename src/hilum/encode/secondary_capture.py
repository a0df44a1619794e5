"""The overlay as a Secondary Capture Image: the one result that every viewer shows.

It is JPEG Baseline, which every DICOM viewer of the last thirty years decodes, in the one
colour form that the standard has for it (docs/decisions/0007). It cannot be mistaken for the
acquisition: derived and secondary, a series of its own that says AI, no view position, no
pixel spacing (nobody can measure on it), words burnt in.

Sources
-------
PS3.3 A.8.1 (Secondary Capture Image IOD), C.7.6.1 (General Image), C.8.6.1 (SC Equipment).
PS3.5 8.2.1 (JPEG: YBR_FULL_422, colour halved along the rows), A.4.1 (encapsulation).
"""

from io import BytesIO
from typing import Any, Final

from PIL import Image
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.multival import MultiValue
from pydicom.uid import JPEGBaseline8Bit
from pydicom.valuerep import VR

from hilum import RESEARCH_USE_ONLY
from hilum.encode.common_modules import SOURCE_IMAGE, VISUAL_EXPLANATION, begin, conclude, reference
from hilum.encode.equipment import algorithm_name, code_item
from hilum.encode.kinds import PICTURE
from hilum.encode.result_context import ResultContext

QUALITY: Final = 90
"""JPEG quality: letters and outlines show no ringing, and a sheet stays below 400 kB."""

LOSSY_METHOD: Final = "ISO_10918_1"
"""Defined term for JPEG (PS3.3 C.7.6.1.1.5.1)."""


def secondary_capture(sheet: Image.Image, context: ResultContext) -> Dataset:
    """Write the overlay of one reading, mode ``RGB``, down as a Secondary Capture Image.

    Raises
    ------
    ValueError
        `when` has no UTC offset.
    """
    result = begin(PICTURE, context)
    result.ConversionType = "WSD"
    result.DateOfSecondaryCapture = result.TimeOfSecondaryCapture = ""  # `conclude` knows
    _write_derivation(result, context)
    _write_pixels(result, sheet, context.source)
    description = context.language.say_ascii(
        "AI picture: {positive} of {all}, research only",
        positive=len(context.reading.positives),
        all=len(context.reading.findings),
    )
    conclude(result, context, description=description)
    return result


def _write_derivation(result: Dataset, context: ResultContext) -> None:
    """Write what the picture is, and what it was made from."""
    model = context.reading.model
    result.ImageType = ["DERIVED", "SECONDARY", "OTHER"]
    result.BurnedInAnnotation = "YES"
    result.RecognizableVisualFeatures = "NO"
    stamp = "DEMONSTRATION. " if model.demonstration else ""
    result.ImageComments = f"{stamp}AI result. {RESEARCH_USE_ONLY}"
    result.DerivationDescription = (
        f"Class activation maps of {algorithm_name(model)} {model.version} over "
        "the radiograph as displayed, with scores, legend and marks burnt in"
    )[:1024]
    result.DerivationCodeSequence = [code_item(VISUAL_EXPLANATION)]
    result.SourceImageSequence = [reference(context.source, SOURCE_IMAGE)]
    result.PatientOrientation = context.source.get("PatientOrientation") or None


def _write_pixels(result: Dataset, sheet: Image.Image, source: Dataset) -> None:
    """Write the sheet as JPEG, and that it lost something, after what the source had lost."""
    buffer = BytesIO()
    sheet.save(buffer, "JPEG", quality=QUALITY, subsampling="4:2:2")
    jpeg = buffer.getvalue()
    result.SamplesPerPixel = 3
    result.PhotometricInterpretation = "YBR_FULL_422"
    result.PlanarConfiguration = 0
    result.Rows, result.Columns = sheet.height, sheet.width
    result.BitsAllocated = result.BitsStored = 8
    result.HighBit = 7
    result.PixelRepresentation = 0
    result.LossyImageCompression = "01"
    ratios = _values(source, "LossyImageCompressionRatio")
    methods = _values(source, "LossyImageCompressionMethod")
    if len(ratios) != len(methods):  # a chain with a hole says nothing about either
        ratios, methods = [], []
    result.LossyImageCompressionRatio = [
        *ratios,
        f"{3 * sheet.width * sheet.height / len(jpeg):.2f}",
    ]
    result.LossyImageCompressionMethod = [*methods, LOSSY_METHOD]
    result.file_meta = FileMetaDataset()
    result.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    result.add_new("PixelData", VR.OB, encapsulate([jpeg]))
    result["PixelData"].is_undefined_length = True


def _values(source: Dataset, keyword: str) -> list[Any]:
    """Return the values of an attribute, none when it is absent or empty."""
    value = source.get(keyword)
    if isinstance(value, MultiValue):
        return list(value)
    return [] if value in (None, "") else [value]
