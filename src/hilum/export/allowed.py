"""What may leave of a header: a list of attributes, and of the values that each may have.

All else is left out, known or not: private attributes, overlays, every text that people write.
A value that is not expected could be anything, so a word is one of a list, a number lies where
such numbers lie, and a code is of the standard's tables, whose meanings are written anew.

Sources
-------
PS3.15 Annex E (Basic Application Level Confidentiality Profile), from the other side: what an
image needs. PS3.3 A.2 (CR), A.26 (DX), C.7.6, C.8.1, C.8.11, C.11; PS3.16 CID 4009, 4010.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from pydicom import DataElement, Dataset, config
from pydicom import Sequence as Items
from pydicom.datadict import dictionary_description, dictionary_VR
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.tag import Tag
from pydicom.valuerep import format_number_as_ds

from hilum.export.reasons import WithheldError
from hilum.pixels.decisions import Unusable
from hilum.pixels.lookup import MOST_ENTRIES, entries_of
from hilum.radiograph import directions
from hilum.values.attributes import (
    element_of,
    first_text,
    items_of,
    numbers_of,
    values_of,
    written_values_of,
)
from hilum.values.numbers import PLAIN

Rule = Callable[[Dataset, str], Any]
"""A header and a keyword → the value that may leave; None: none of it."""

LONGEST_DS: Final = 16
"""Characters of a number as text (PS3.5 6.2)."""

WORD: Final = 0xFFFF
HALF_WORD: Final = 0x8000


def word(*allowed: str) -> Rule:
    """Return the rule that an attribute is one of these words."""

    def rule(header: Dataset, keyword: str) -> str | None:
        found = _texts(header, keyword)
        return found[0] if found[:1] and found[0] in allowed else None

    return rule


def several(*allowed: str) -> Rule:
    """Return the rule that each value is one of these words."""

    def rule(header: Dataset, keyword: str) -> list[str] | None:
        found = _texts(header, keyword)
        return found if found and set(found) <= set(allowed) else None

    return rule


def number(low: float, high: float, most: int = 1) -> Rule:
    """Return the rule that there are at most so many numbers, all within bounds."""

    def rule(header: Dataset, keyword: str) -> Any:
        numbers = numbers_of(header, keyword)
        if not 0 < len(numbers) <= most or not all(low <= each <= high for each in numbers):
            return None
        vr = dictionary_VR(keyword)
        made: list[Any] = numbers
        if vr == "DS":
            written = [str(each).strip(" \0") for each in written_values_of(header, keyword)]
            plain = len(written) == len(numbers) and all(map(_is_plain, written))
            made = written if plain else [format_number_as_ds(each) for each in numbers]
        elif vr in {"IS", "US", "SS", "UL"} or vr.startswith("US "):
            if any(each != int(each) for each in numbers):
                return None
            made = [int(each) for each in numbers]
        return made[0] if len(made) == 1 else made

    return rule


def image_type(header: Dataset, keyword: str) -> list[str] | None:
    """Return the first two values of Image Type; the others are the sender's own words."""
    found = _texts(header, keyword)[:2]
    ends = ({"ORIGINAL", "DERIVED"}, {"PRIMARY"})
    known = len(found) == len(ends) and all(
        each in may for each, may in zip(found, ends, strict=True)
    )
    return [*found, ""] if known else None


def orientation(header: Dataset, keyword: str) -> list[str] | None:
    """Return the directions of rows and columns."""
    found = directions([str(each) for each in values_of(header, keyword)])
    both = len(found) == 2 and all(re.fullmatch("[LRHFAP]{1,3}", each) for each in found)  # noqa: PLR2004
    return found if both else None


def coded(*tables: Any, also: Iterable[Code] = (), inside: str = "") -> Rule:
    """Return the rule that a sequence holds codes of the standard's tables.

    Parameters
    ----------
    tables
        Context groups of pydicom.
    inside
        Sequence within each item whose codes may leave by the same tables; empty for none.
    """

    def rule(header: Dataset, keyword: str) -> list[Dataset] | None:
        known = [*also, *(getattr(table, name) for table in tables for name in table.dir())]
        made = []
        for item in items_of(header, keyword):
            said = Code(
                first_text(item, "CodeValue"), first_text(item, "CodingSchemeDesignator"), ""
            )
            found = next((code for code in known if code == said), None)
            if found is None:
                continue
            one = Dataset()
            one.CodeValue, one.CodingSchemeDesignator = found.value, found.scheme_designator
            one.CodeMeaning = found.meaning
            if inside:
                setattr(one, inside, rule(item, inside) or [])
            made.append(one)
        return made or None

    return rule


def table(header: Dataset, keyword: str) -> Items | None:
    """Return the tables of a VOI or Modality LUT Sequence, each as long as it says."""
    little = header.original_encoding[1] is not False
    made = []
    for item in items_of(header, keyword):
        descriptor = [int(each) for each in numbers_of(item, "LUTDescriptor")]
        if len(descriptor) != 3:  # noqa: PLR2004  entries, first value, bits
            return None
        count, first, bits = descriptor
        count = count % MOST_ENTRIES or MOST_ENTRIES
        try:
            entries = entries_of(item, "LUTData", (count, bits), little_endian=little)
        except Unusable:
            return None
        negative = first < 0 or getattr(element_of(item, "LUTDescriptor"), "VR", "") == "SS"
        one = Dataset()
        first = (first + HALF_WORD) % (WORD + 1) - HALF_WORD if negative else first % (WORD + 1)
        # a length of 65536 is written 0; larger ones than 32767 have no place beside a sign
        length = count % MOST_ENTRIES
        length = length - MOST_ENTRIES if negative and length >= HALF_WORD else length
        _put(one, "LUTDescriptor", [length, first, bits], "SS" if negative else "US")
        order = "<" if little else ">"
        _put(one, "LUTData", entries.astype(f"{order}u2").tobytes(), "OW")
        if keyword == "ModalityLUTSequence":
            one.ModalityLUTType = word(*UNITS)(item, "ModalityLUTType") or "US"
        made.append(one)
    return Items(made) if made else None


UNITS: Final = ("US", "HU", "OD", "MGML", "Z_EFF", "ED", "EDW", "HU_MOD", "PCT")
"""Rescale Type and Modality LUT Type (PS3.3 C.11.1.1.2)."""

THORAX: Final = (Code("51185008", "SCT", "Thorax"), Code("43799004", "SCT", "Thorax"))
"""What senders write for a chest beside CID 4009."""

EDGE: Final = number(-WORD, WORD)
YES_OR_NO: Final = word("YES", "NO")

ALLOWED: Final[Mapping[str, Rule]] = {
    # Patient (C.7.1.1, C.7.2.2)
    "PatientSex": word("M", "F", "O"),
    # Series (C.7.3.1, C.8.1.1, C.8.11.1)
    "Modality": word("CR", "DX"),
    "SeriesNumber": number(0, 9999),
    "Laterality": word("L", "R"),
    "BodyPartExamined": word("CHEST", "THORAX", "LUNG", "RIBS", "RIB", "STERNUM", "CLAVICLE"),
    "PresentationIntentType": word("FOR PRESENTATION"),
    # Image (C.7.6.1, C.8.1.2, C.8.11.2)
    "InstanceNumber": number(0, 9999),
    "ImageType": image_type,
    "PatientOrientation": orientation,
    "ImageLaterality": word("L", "R", "U", "B"),
    "QualityControlImage": YES_OR_NO,
    "LossyImageCompression": word("00", "01"),
    "LossyImageCompressionRatio": number(1, 1000, most=4),
    "LossyImageCompressionMethod": several(
        "ISO_10918_1", "ISO_14495_1", "ISO_15444_1", "ISO_15444_15"
    ),
    # Anatomy and view (C.8.11.2, C.8.11.5, 10.5)
    "ViewPosition": word("PA", "AP", "LL", "RL", "RLD", "LLD", "RLO", "LLO", "LAT", "LATERAL"),
    "AnatomicRegionSequence": coded(codes.cid4009, also=THORAX),
    "ViewCodeSequence": coded(codes.cid4010, codes.cid4011, inside="ViewModifierCodeSequence"),
    "ImageHorizontalFlip": word("Y", "N"),
    "ImageRotation": number(0, 360),
    # Acquisition (C.8.1.2, C.8.7.2, C.8.11.2 to C.8.11.4)
    "KVP": number(10, 500),
    "XRayTubeCurrent": number(0, 2000),
    "ExposureTime": number(0, 20_000),
    "Exposure": number(0, 5000),
    "ExposureInuAs": number(0, 5_000_000),
    "DistanceSourceToDetector": number(100, 9999),
    "DistanceSourceToPatient": number(100, 9999),
    "EstimatedRadiographicMagnificationFactor": number(0.5, 5),
    "ImagerPixelSpacing": number(0.001, 100, most=2),
    "PixelSpacing": number(0.001, 100, most=2),
    "NominalScannedPixelSpacing": number(0.001, 100, most=2),
    "PixelAspectRatio": number(1, 9999, most=2),
    "PixelSpacingCalibrationType": word("GEOMETRY", "FIDUCIAL"),
    "ExposureIndex": number(0, 99_999),
    "TargetExposureIndex": number(0, 99_999),
    "DeviationIndex": number(-99, 99),
    "Grid": several("FIXED", "FOCUSED", "RECIPROCATING", "PARALLEL", "CROSSED", "NONE", "IN"),
    "DetectorType": word("DIRECT", "SCINTILLATOR", "STORAGE"),
    "PositionerType": word("CARM", "COLUMN", "MAMMOGRAPHIC", "PANORAMIC", "CEPHALOSTAT", "RIGID",
                           "NONE"),
    "PixelIntensityRelationship": word("LIN", "LOG", "DISP"),
    "PixelIntensityRelationshipSign": number(-1, 1),
    # Pixels (C.7.6.3, C.7.5.1.1.2)
    "Rows": number(1, WORD),
    "Columns": number(1, WORD),
    "SamplesPerPixel": number(1, 1),
    "BitsAllocated": number(8, 32),
    "BitsStored": number(1, 32),
    "HighBit": number(0, 31),
    "PixelRepresentation": number(0, 1),
    "PhotometricInterpretation": word("MONOCHROME1", "MONOCHROME2"),
    "PixelPaddingValue": number(-HALF_WORD, WORD),
    "PixelPaddingRangeLimit": number(-HALF_WORD, WORD),
    # How they are shown (C.11, C.7.6.11)
    "RescaleIntercept": number(-1e6, 1e6),
    "RescaleSlope": number(-1e6, 1e6),
    "RescaleType": word(*UNITS),
    "ModalityLUTSequence": table,
    "WindowCenter": number(-1e6, 1e6, most=9),
    "WindowWidth": number(0, 1e6, most=9),
    "VOILUTFunction": word("LINEAR", "LINEAR_EXACT", "SIGMOID"),
    "VOILUTSequence": table,
    "PresentationLUTShape": word("IDENTITY", "INVERSE"),
    "ShutterShape": several("RECTANGULAR", "CIRCULAR", "POLYGONAL"),
    **dict.fromkeys(
        ("ShutterUpperHorizontalEdge", "ShutterLowerHorizontalEdge", "ShutterLeftVerticalEdge",
         "ShutterRightVerticalEdge", "RadiusOfCircularShutter"), EDGE,
    ),
    "CenterOfCircularShutter": number(-WORD, WORD, most=2),
    "VerticesOfThePolygonalShutter": number(-WORD, WORD, most=2048),
}  # fmt: skip
"""Keyword → what it may say. Names, UIDs, dates and ages are written by `hilum.export.clean`."""

NEEDED: Final = frozenset(
    keyword
    for keyword in list(ALLOWED)[list(ALLOWED).index("Rows") :]
    if keyword not in {"RescaleType", "PixelPaddingValue", "PixelPaddingRangeLimit"}
)
"""Attributes without which an image looks otherwise: a value that may not leave keeps it here."""

SIGNED: Final = ("PixelPaddingValue", "PixelPaddingRangeLimit")
"""Attributes with the sign of the pixels."""

VENDORS: Final[Mapping[str, str]] = {
    "AGFA": "Agfa", "CANON": "Canon", "CARESTREAM": "Carestream", "KODAK": "Carestream",
    "FUJI": "Fujifilm", "FUJIFILM": "Fujifilm", "GE": "GE Healthcare", "GENERAL": "GE Healthcare",
    "HITACHI": "Hitachi", "HOLOGIC": "Hologic", "KONICA": "Konica Minolta",
    "PHILIPS": "Philips", "SAMSUNG": "Samsung", "SHIMADZU": "Shimadzu", "SIEMENS": "Siemens",
    "SWISSRAY": "Swissray", "TOSHIBA": "Canon", "VAREX": "Varex", "VARIAN": "Varian",
    "VIEWORKS": "Vieworks", "DRTECH": "DRTECH", "RAYENCE": "Rayence", "ICRCO": "iCRco",
    "LODOX": "Lodox", "OLDELFT": "Oldelft", "SEDECAL": "Sedecal", "VILLA": "Villa",
}  # fmt: skip
"""First word of Manufacturer → what is written for it."""


def vendor(header: Dataset) -> str:
    """Return who made the device, as one of a list of makers; empty for any other."""
    words = re.findall(r"[A-Z]+", next(iter(_texts(header, "Manufacturer")), ""))
    return VENDORS.get(words[0], "") if words else ""


def copy_allowed(header: Dataset, clean: Dataset) -> None:
    """Write what may leave of a header into `clean`.

    Raises
    ------
    WithheldError
        Something that decides how the image looks may not.
    """
    for keyword, rule in ALLOWED.items():
        if keyword not in header:
            continue
        value = rule(header, keyword)
        if value is not None:
            _put(clean, keyword, value, _vr_of(keyword, clean))
        elif keyword in NEEDED and _says_something(header, keyword):
            raise WithheldError("unknown_value", attribute=dictionary_description(Tag(keyword)))
    for keyword in SIGNED:
        if keyword in clean:
            stored = clean[keyword].value & WORD
            signed = clean.get("PixelRepresentation") == 1
            value = stored - WORD - 1 if signed and stored >= HALF_WORD else stored
            _put(clean, keyword, value, _vr_of(keyword, clean))


def _vr_of(keyword: str, clean: Dataset) -> str:
    vr = dictionary_VR(keyword)
    if vr.startswith("US or"):
        return "SS" if clean.get("PixelRepresentation") == 1 else "US"
    return vr


def _put(dataset: Dataset, keyword: str, value: Any, vr: str) -> None:
    tag = Tag(keyword)
    dataset.add(DataElement(tag, vr, value, validation_mode=config.IGNORE))


def _says_something(header: Dataset, keyword: str) -> bool:
    """Whether an attribute is there and not empty."""
    element = element_of(header, keyword)
    if element is None:  # what is there cannot be read
        return True
    return bool(element.value) if element.VR == "SQ" else not element.is_empty


def _texts(header: Dataset, keyword: str) -> list[str]:
    """Return the values of an attribute as words of the standard are written."""
    return [str(each).strip(" \0").upper() for each in values_of(header, keyword)]


def _is_plain(text: str) -> bool:
    return len(text) <= LONGEST_DS and PLAIN.fullmatch(text) is not None
