"""An image with an identifier in every place that a DICOM file has, and what is searched for.

Each is planted once and is a word, number or run of bytes that nothing else holds, so that one
that is left is found in the bytes of any file, and is told by the place where it was planted.
"""

import struct
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, Final

import numpy as np
from pydicom import DataElement, Dataset, Sequence, config, dcmwrite
from pydicom.datadict import DicomDictionary
from pydicom.tag import Tag

from radiographs import make_radiograph

EACH_VR: Final = 9
"""Attributes of each VR that are planted."""

NOT_PLANTED: Final = frozenset({0x0000, 0x0002, 0x0028, 0x6000, 0x7FE0, 0xFFFA, 0xFFFC})
"""Groups that are planted in a way of their own."""

KEEPS_IT_HERE: Final = frozenset(
    {
        *("SOPClassUID", "Modality", "ConversionType", "NumberOfFrames", "ImageType"),
        *("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SpecificCharacterSet"),
        *("PixelSpacing", "PatientBirthDate", "PatientAge", "StudyDate", "PresentationLUTShape"),
        *("WindowCenter", "WindowWidth", "ShutterShape", "VOILUTSequence"),
    }
)
"""Attributes that decide whether, or how, an image is exported: they have tests of their own."""

TEXTS: Final = frozenset({"CS", "SH", "LO", "LT", "ST", "UT", "UC", "AE", "UR"})
"""VRs of text."""


@dataclass
class Planted:
    """The image, and what must be nowhere in an export of it."""

    image: Dataset
    secrets: dict[str, list[bytes]] = field(default_factory=dict)
    """Where it was planted → how it could be written."""
    count: int = 0

    def word(self, where: str) -> str:
        """Return a new word, and remember it."""
        self.count += 1
        made = f"QZX{self.count:04d}JWV"
        self.remember(where, made.encode(), made.encode("utf-16-le"), made.encode("utf-16-be"))
        return made

    def number(self, where: str, digits: int = 9) -> str:
        """Return a new number."""
        self.count += 1
        made = str(7 * 10 ** (digits - 1) + 9_871_603 * self.count % 10 ** (digits - 1))
        self.remember(where, made.encode())
        return made

    def remember(self, where: str, *written: bytes) -> None:
        self.secrets[f"{where} {len(self.secrets)}"] = list(written)

    def value(self, vr: str, where: str) -> Any:
        """Return a value of a VR that identifies."""
        made: Any
        if vr == "PN":
            made = f"{self.word(where)}^{self.word(where)}"
        elif vr in {"IS", "DS"}:
            made = self.number(where)
        elif vr == "UI":
            made = f"1.2.840.99999.{self.number(where)}"
        elif vr in {"DA", "DT", "TM", "AS"}:
            made = self.moment(vr, where)
        elif vr in {"FD", "FL", "UL", "SL", "UV", "SV"}:
            made = self.binary(vr, where)
        elif vr in {"OB", "OW", "UN"}:
            made = self.word(where).encode()
        else:
            assert vr in TEXTS
            made = self.word(where)
        return made

    def moment(self, vr: str, where: str) -> str:
        self.count += 1
        n = self.count
        day = f"{1900 + n % 80:04d}{1 + n % 12:02d}{1 + n % 28:02d}"
        clock = f"{n % 24:02d}{(7 * n) % 59 + 1:02d}{(11 * n) % 59 + 1:02d}.{n:06d}"
        made = {"DA": day, "DT": day + clock, "TM": clock, "AS": f"{n % 900 + 99:03d}M"}[vr]
        if vr != "AS":  # a few letters are anywhere
            self.remember(where, made.encode())
        return made

    def binary(self, vr: str, where: str) -> Any:
        self.count += 1
        form = {"FD": "d", "FL": "f", "UL": "I", "SL": "i", "UV": "Q", "SV": "q"}[vr]
        value = 71234.5678 + self.count if vr in {"FD", "FL"} else 1_912_345_678 + 77 * self.count
        self.remember(where, struct.pack(f"<{form}", value), struct.pack(f">{form}", value))
        return value

    def put(self, dataset: Dataset, tag: int, vr: str, where: str) -> None:
        dataset.add(DataElement(Tag(tag), vr, self.value(vr, where), validation_mode=config.IGNORE))


def plant(**attributes: Any) -> Planted:
    """Return a radiograph with some two hundred identifiers in its data set."""
    made = Planted(make_radiograph(**attributes))
    image = made.image
    planted: dict[str, int] = {}
    for tag, (vr, _, _, _, keyword) in sorted(DicomDictionary.items()):
        if tag >> 16 in NOT_PLANTED or tag >> 16 & 1 or keyword in KEEPS_IT_HERE or not keyword:
            continue
        kind = vr.split(" or ")[0]
        if kind in {"SQ", "AT", "SS", "US", "OV", "OL", "OF", "OD", "NONE"} or kind != vr:
            continue
        if planted.get(kind, 0) < EACH_VR or keyword in ALLOWED_WORDS:
            planted[kind] = planted.get(kind, 0) + 1
            made.put(image, tag, kind, f"{keyword} {vr}")
    _beside_the_pixels(made)
    _in_sequences(made)
    _private(made)
    _in_groups_of_old(made)
    return made


ALLOWED_WORDS: Final = frozenset(
    {
        *("BodyPartExamined", "ViewPosition", "ImageLaterality", "Laterality", "DetectorType"),
        *("SeriesNumber", "InstanceNumber", "KVP", "ExposureTime", "Exposure", "PatientSex"),
        *("Manufacturer", "PositionerType", "Grid", "PixelIntensityRelationship", "Sensitivity"),
        *("StudyDescription", "SeriesDescription", "ProtocolName", "PatientComments", "PatientID"),
        *("PatientName", "OtherPatientNames", "ReferringPhysicianName", "OperatorsName"),
        *("AccessionNumber", "StudyID", "InstitutionName", "StationName", "DeviceSerialNumber"),
        *("ImageComments", "AcquisitionDeviceProcessingDescription", "PlateID", "CassetteID"),
        *("SoftwareVersions", "FrameOfReferenceUID", "DeviceUID", "TimezoneOffsetFromUTC"),
        *("StudyTime", "SeriesTime", "AcquisitionTime", "ContentTime", "SeriesDate"),
        *("AcquisitionDate", "ContentDate", "AcquisitionDateTime", "DateOfSecondaryCapture"),
    }
)
"""Attributes that leave with a value that is expected, and others that everybody fills."""


def _beside_the_pixels(made: Planted) -> None:
    """Plant what describes pixels, colours and documents."""
    for keyword, vr in (
        ("PixelSpacingCalibrationDescription", "LO"), ("ICCProfile", "OB"), ("ColorSpace", "CS"),
        ("RescaleType", "LO"), ("PixelDataProviderURL", "UR"), ("RecommendedViewingMode", "CS"),
        ("LossyImageCompressionMethod", "CS"), ("EncapsulatedDocument", "OB"),
        ("DocumentTitle", "ST"), ("RetrieveURL", "UR"), ("RetrieveAETitle", "AE"),
    ):  # fmt: skip
        if keyword not in made.image:
            made.put(made.image, Tag(keyword), vr, keyword)
    path = Dataset()
    for keyword, vr in (("ICCProfile", "OB"), ("OpticalPathDescription", "ST")):
        made.put(path, Tag(keyword), vr, f"optical path {keyword}")
    made.image.OpticalPathSequence = [path]


def _in_sequences(made: Planted) -> None:
    image = made.image
    deep = made.image
    for depth in range(4):
        item = Dataset()
        for tag, vr in (
            (0x00100010, "PN"),
            (0x00100020, "LO"),
            (0x00081155, "UI"),
            (0x00104000, "LT"),
        ):
            made.put(item, tag, vr, f"nested {depth}")
        deep.add(DataElement(Tag(0x00400275), "SQ", Sequence([item])))
        deep = item
    for keyword in (
        "ReferencedStudySequence",
        "ReferencedPatientSequence",
        "OriginalAttributesSequence",
    ):
        item = Dataset()
        made.put(item, 0x00081155, "UI", keyword)
        made.put(item, 0x00100010, "PN", keyword)
        setattr(image, keyword, [item])
    for keyword in ("AnatomicRegionSequence", "ViewCodeSequence"):
        item = getattr(image, keyword)[0]
        item.CodeMeaning = made.word(keyword)
        made.put(item, 0x00080106, "DT", keyword)
        made.put(item, 0x00100010, "PN", keyword)
        unknown = Dataset()
        unknown.CodeValue, unknown.CodingSchemeDesignator = made.word(keyword), made.word(keyword)
        unknown.CodeMeaning = made.word(keyword)
        getattr(image, keyword).append(unknown)
    table = Dataset()
    table.add(DataElement(Tag("LUTDescriptor"), "US", [4096, 0, 12]))
    entries = np.arange(4096, dtype="<u2").tobytes()
    table.add(DataElement(Tag("LUTData"), "OW", entries + made.word("behind LUT Data").encode()))
    table.LUTExplanation = made.word("LUT Explanation")
    image.VOILUTSequence = [table]
    image.WindowCenterWidthExplanation = made.word("window explanation")
    icon = Dataset()
    icon.Rows = icon.Columns = 8
    icon.PixelData = made.value("OB", "icon").ljust(64, b"\0")
    icon["PixelData"].VR = "OB"
    image.IconImageSequence = [icon]


def _private(made: Planted) -> None:
    for group in (0x0009, 0x0011, 0x0019, 0x0021, 0x0029, 0x0051, 0x7FE1):
        block = made.image.private_block(group, made.word(f"creator {group:04x}")[:16], create=True)
        for number, vr in enumerate(("LO", "PN", "UN", "OB", "UT", "DA", "DS", "FD")):
            block.add_new(number, vr, made.value(vr, f"private {group:04x} {vr}"))
    item = Dataset()
    made.put(item, 0x00100010, "PN", "private sequence")
    block.add_new(0x20, "SQ", [item])


def _in_groups_of_old(made: Planted) -> None:
    """Plant overlays with text and data, curves, and groups that were retired."""
    image = made.image
    for group in (0x6000, 0x6002, 0x601E):
        overlay = [
            (0x0010, "US", 8), (0x0011, "US", 8), (0x0040, "CS", "G"), (0x0050, "SS", [1, 1]),
            (0x0100, "US", 1), (0x0102, "US", 0), (0x0022, "LO", made.word("overlay")),
            (0x1500, "LO", made.word("overlay")), (0x4000, "LT", made.word("overlay")),
            (0x3000, "OW", made.value("OW", "overlay data")),
        ]  # fmt: skip
        for element, vr, value in overlay:
            image.add(DataElement(Tag(group, element), vr, value, validation_mode=config.IGNORE))
    for element, vr in ((0x0022, "LO"), (0x2600, "SH"), (0x3000, "OW")):
        made.put(image, 0x50000000 | element, vr, "curve")
    made.put(image, 0xFFFCFFFC, "OB", "trailing padding")
    made.put(image, 0x40000010, "LT", "retired text group")
    image.add(DataElement(Tag(0xFFFAFFFA), "SQ", Sequence([Dataset()])))
    made.put(image[0xFFFAFFFA].value[0], 0x04000115, "OB", "signature")


def as_file(made: Planted) -> bytes:
    """Return the file, with more of them in its meta information, preamble and end."""
    meta = made.image.file_meta
    for keyword in (
        *("SourceApplicationEntityTitle", "SendingApplicationEntityTitle"),
        *("ReceivingApplicationEntityTitle", "ImplementationVersionName"),
    ):
        setattr(meta, keyword, made.word(keyword))
    for keyword in ("Source", "Sending", "Receiving"):
        name = f"{keyword}PresentationAddress"
        meta.add(DataElement(Tag(name), "UR", made.word(name), validation_mode=config.IGNORE))
    meta.ImplementationClassUID = made.value("UI", "ImplementationClassUID")
    meta.PrivateInformationCreatorUID = made.value("UI", "PrivateInformationCreatorUID")
    meta.PrivateInformation = made.value("OB", "PrivateInformation")
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
        made.remember(keyword, str(made.image[keyword].value).encode())
    meta.MediaStorageSOPInstanceUID = made.image.SOPInstanceUID
    made.image.preamble = made.word("preamble").encode().ljust(128, b"\0")
    buffer = BytesIO()
    dcmwrite(buffer, made.image, enforce_file_format=True)
    return buffer.getvalue() + made.word("behind the file").encode()


def left_in(secrets: dict[str, list[bytes]], content: bytes) -> list[str]:
    """Return where the identifiers were planted that are in some bytes, in letters of any size."""
    lowered = content.lower()
    return [
        where
        for where, written in secrets.items()
        if any(each in content or each.lower() in lowered for each in written)
    ]
