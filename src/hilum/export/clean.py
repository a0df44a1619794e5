"""One image without its patient: made anew from what may leave, with the pixels as they are stored.

Nothing is taken out of the original: what the list of `hilum.export.allowed` does not name is
never put in.

Sources
-------
PS3.15 E.2, E.3.6 (modified dates), E.3.7 (patient characteristics); PS3.3 C.7.1.1, C.12.1;
45 CFR 164.514(b)(2)(i)(C) for the ages above 89.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from pydicom import Dataset
from pydicom import uid as uids
from pydicom.datadict import keyword_for_tag
from pydicom.dataelem import RawDataElement
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sr.coding import Code
from pydicom.uid import UID
from pydicom.valuerep import VR

from hilum import PRODUCT
from hilum.encode.equipment import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME, code_item
from hilum.export.allowed import copy_allowed, vendor
from hilum.export.codestreams import ENDS_EARLY, image_alone
from hilum.export.key import Pseudonyms, SiteKey, person
from hilum.export.reasons import WithheldError
from hilum.files import dicom
from hilum.files.dicom import DAMAGE
from hilum.language import Message
from hilum.pixels.codestream import CodestreamInvalid, frame_of
from hilum.radiograph import ImageUIDs
from hilum.values.ages import age_of
from hilum.values.attributes import bytes_of, first_text, text_of, values_of, whole_of
from hilum.values.dates import read_day
from hilum.values.texts import text_in, vr_of

SOP_CLASSES: Final = frozenset(
    {uids.ComputedRadiographyImageStorage, uids.DigitalXRayImageStorageForPresentation}
)
"""What is exported."""

NATIVE: Final = frozenset(
    {uids.ImplicitVRLittleEndian, uids.ExplicitVRLittleEndian, uids.ExplicitVRBigEndian}
)
CODED: Final = frozenset(
    {
        *(uids.RLELossless, uids.JPEGBaseline8Bit, uids.JPEGExtended12Bit, uids.JPEGLossless),
        *(uids.JPEGLosslessSV1, uids.JPEGLSLossless, uids.JPEGLSNearLossless),
        *(uids.JPEG2000Lossless, uids.JPEG2000, uids.HTJ2KLossless, uids.HTJ2KLosslessRPCL),
        uids.HTJ2K,
    }
)
"""Transfer syntaxes that are kept; a deflated image becomes Explicit VR Little Endian."""

OLDEST: Final = 90
"""Years from which on an age is only said to be as high."""

DATES: Final = ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate")
TIMES: Final = ("StudyTime", "SeriesTime", "AcquisitionTime", "ContentTime")

HOUR: Final = re.compile(r"([01]\d|2[0-3])(\d|:|$)")
"""Beginning of a time of day."""

METHODS: Final = (
    Code("113100", "DCM", "Basic Application Confidentiality Profile"),
    Code("113107", "DCM", "Retain Longitudinal Temporal Information Modified Dates Option"),
    Code("113108", "DCM", "Retain Patient Characteristics Option"),
)
"""What is done (PS3.16 CID 7050): dates are shifted, age and sex stay."""

METHOD: Final = f"{PRODUCT}: allow-list, HMAC pseudonyms, dates shifted per patient"

EMPTY: Final = ("PatientBirthDate", "ReferringPhysicianName", "StudyID")
"""Attributes that every image has and whose values stay here (Type 2)."""

SIZES: Final = ("Rows", "Columns", "BitsAllocated", "BitsStored")
NO_SIZE: Final = Message("their size is missing")

NAMED: Final = frozenset(
    {
        *("PatientID", "OtherPatientIDs", "AccessionNumber", "StationName", "InstitutionName"),
        *("InstitutionAddress", "PatientAddress", "PatientTelephoneNumbers", "AdmissionID"),
        *("DeviceSerialNumber", "RequestedProcedureID", "MedicalRecordLocator", "PatientComments"),
    }
)
"""Attributes that identify beside names, UIDs and AE titles."""

SHORTEST: Final = 6
"""Bytes from which on an identifier is looked for: shorter ones are in pixels by chance."""

BETWEEN: Final = re.compile(rb"[\\^=\0 ]+")
"""Parts of names and IDs."""


@dataclass(frozen=True, slots=True, eq=False)
class CleanImage:
    """An image that may leave once a person has released it."""

    dataset: Dataset
    called: Pseudonyms


def require_exportable(header: Dataset) -> None:
    """Return for an image that may be exported by what its header says.

    Raises
    ------
    WithheldError
        It may not.
    """
    sop_class = dicom.text(header, "SOPClassUID")
    if sop_class not in SOP_CLASSES:
        raise WithheldError("sop_class", value=_standard_name(sop_class))
    if text_of(header, "Modality") not in {"CR", "DX"}:
        raise WithheldError("modality")
    if any(str(each).strip() for each in values_of(header, "ConversionType")):
        raise WithheldError("secondary_capture", attribute="Conversion Type")
    kinds = [str(each).strip().upper() for each in values_of(header, "ImageType")]
    if "SECONDARY" in kinds:
        raise WithheldError("secondary_capture", attribute="Image Type SECONDARY")
    burned = text_of(header, "BurnedInAnnotation")
    if burned not in {"", "NO"}:
        raise WithheldError("burned_in" if burned == "YES" else "burned_in_unknown")
    if text_of(header, "RecognizableVisualFeatures") not in {"", "NO"}:
        raise WithheldError("recognizable")
    if (whole_of(header, "NumberOfFrames") or 1) != 1:
        raise WithheldError("several_frames")
    if (whole_of(header, "SamplesPerPixel") or 1) != 1 or not text_of(
        header, "PhotometricInterpretation"
    ).startswith("MONOCHROME"):
        raise WithheldError("colour")
    if not all(ImageUIDs.of(header)):
        raise WithheldError("uid_missing")


def cleaned(header: Dataset, key: SiteKey) -> CleanImage:
    """Return an image as it may leave.

    Parameters
    ----------
    header
        A whole image, its text decoded.

    Raises
    ------
    WithheldError
        It may not leave.
    """
    require_exportable(header)
    original = ImageUIDs.of(header)
    whose = person(
        first_text(header, "PatientID"),
        first_text(header, "IssuerOfPatientID"),
        first_text(header, "PatientBirthDate"),
        original.study_instance_uid,
    )
    called = Pseudonyms.of(key, original, whose, first_text(header, "AccessionNumber"))
    clean = Dataset()
    little = header.original_encoding[1] is not False
    clean.set_original_encoding(False, little, None)  # noqa: FBT003
    clean.SOPClassUID = UID(dicom.text(header, "SOPClassUID"))
    _write_names(clean, called)
    copy_allowed(header, clean)
    for keyword in ("SeriesNumber", "InstanceNumber"):
        if keyword not in clean:
            setattr(clean, keyword, None)
    clean.BurnedInAnnotation = "NO"
    clean.Manufacturer = vendor(header)
    if "AcquisitionContextSequence" in header:
        clean.AcquisitionContextSequence = []
    _write_moments(header, clean, called.shift)
    _write_age(header, clean)
    write_methods(clean)
    _write_pixels(header, clean)
    return CleanImage(clean, called)


def write_methods(dataset: Dataset) -> None:
    """Write what was done about the identity (PS3.15 E.1.1, step 6)."""
    dataset.PatientIdentityRemoved = "YES"
    dataset.DeidentificationMethod = METHOD
    dataset.DeidentificationMethodCodeSequence = [code_item(each) for each in METHODS]
    dataset.LongitudinalTemporalInformationModified = "MODIFIED"


def identifiers(original: Dataset) -> Iterator[bytes]:
    """Yield, in small letters, what names patient, persons, places and objects of an image.

    As it is stored, whatever its character set, and in UTF-8; no word of fewer than `SHORTEST`
    bytes, and no UID of the standard.
    """
    for element in _elements(original):
        if isinstance(element, RawDataElement):
            value = element.value or b""
        elif isinstance(element.value, bytes):
            value = element.value
        else:
            value = text_in(element).encode()
        for part in (value, *BETWEEN.split(value)):
            plain = part.strip(b" \0").lower()
            if len(plain) >= SHORTEST and not plain.startswith(b"1.2.840.10008."):
                yield plain


def require_no_identifier(clean: Dataset, known: frozenset[bytes]) -> None:
    """Return when none of the identifiers is in the bytes of the pixels.

    Raises
    ------
    WithheldError
        One is.
    """
    stored = bytes(clean.PixelData).lower()
    if any(each in stored for each in known):
        raise WithheldError("identifier_in_pixels")


def _elements(dataset: Dataset) -> Iterator[Any]:
    """Yield the elements that identify, those in sequences too."""
    for tag in list(dataset.keys()):
        element = dataset.get_item(tag)
        vr = vr_of(element)
        if vr == VR.SQ:
            try:
                items = dataset[tag].value
            except DAMAGE:
                continue
            for item in items:
                yield from _elements(item)
        elif vr in {VR.PN, VR.UI, VR.AE} or keyword_for_tag(tag) in NAMED:
            yield element


def _write_names(clean: Dataset, called: Pseudonyms) -> None:
    study, series, instance = called.uids
    clean.StudyInstanceUID = study
    clean.SeriesInstanceUID = series
    clean.SOPInstanceUID = instance
    clean.PatientID = called.patient
    clean.PatientName = f"{called.patient}^"  # a name without a caret is one of old (PS3.5 6.2.1)
    clean.AccessionNumber = called.accession
    for keyword in EMPTY:
        setattr(clean, keyword, "")


def _write_moments(header: Dataset, clean: Dataset, shift: timedelta) -> None:
    """Write dates, shifted, and times of day to the hour."""
    for keyword in DATES:
        if (day := shifted(first_text(header, keyword), shift)) or keyword == "StudyDate":
            setattr(clean, keyword, day)
    for keyword in TIMES:
        found = HOUR.match(first_text(header, keyword).strip())
        if found or keyword == "StudyTime":
            setattr(clean, keyword, f"{found[1]}0000" if found else "")


def shifted(text: str, shift: timedelta) -> str:
    """Return a date of a header, shifted; empty where it is none, or not a day."""
    day = read_day(text)
    return "" if day is None else (day + shift).strftime("%Y%m%d")


def _write_age(header: Dataset, clean: Dataset) -> None:
    years = age_of(lambda keyword: first_text(header, keyword)).years
    if years is not None:
        clean.PatientAge = f"{min(int(years), OLDEST):03d}Y"
    if "PatientSex" not in clean:
        clean.PatientSex = ""


def _write_pixels(header: Dataset, clean: Dataset) -> None:
    """Write the pixel data as they are stored, and nothing behind them."""
    if any(keyword not in clean for keyword in SIZES):
        raise WithheldError("pixel_data", why=NO_SIZE)
    syntax = dicom.text(header.file_meta, "TransferSyntaxUID")
    if syntax == uids.DeflatedExplicitVRLittleEndian:
        syntax = str(uids.ExplicitVRLittleEndian)
    stored = bytes_of(header, "PixelData")
    if syntax in NATIVE:
        length = clean.Rows * clean.Columns * (clean.BitsAllocated // 8)
        if len(stored) < length:
            raise WithheldError("pixel_data", why=ENDS_EARLY)
        clean.PixelData = stored[:length] + bytes(length % 2)
        clean["PixelData"].VR = "OW" if clean.BitsAllocated > 8 else "OB"  # noqa: PLR2004
    elif syntax in CODED:
        try:
            frame = frame_of(stored)
        except CodestreamInvalid as exc:
            raise WithheldError("pixel_data", why=exc.why) from exc
        frame = image_alone(frame, rows=clean.Rows, columns=clean.Columns)
        clean.PixelData = encapsulate([frame])
        clean["PixelData"].VR = "OB"
        clean["PixelData"].is_undefined_length = True
    else:
        raise WithheldError("transfer_syntax", value=_standard_name(syntax))
    clean.file_meta = FileMetaDataset()
    clean.file_meta.TransferSyntaxUID = UID(syntax)
    clean.file_meta.ImplementationClassUID = IMPLEMENTATION_CLASS_UID
    clean.file_meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME
    implicit = syntax == uids.ImplicitVRLittleEndian
    clean.set_original_encoding(implicit, syntax != uids.ExplicitVRBigEndian, None)


def _standard_name(uid: str) -> str:
    """Return a UID of the standard by its name; any other might be of the site."""
    name = UID(uid).name if uid.startswith("1.2.840.10008.") else ""
    return name or "?"
