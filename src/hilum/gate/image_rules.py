"""Rules about what kind of object and picture it is."""

import json
from typing import Final

from pydicom.uid import UID

from hilum import MANUFACTURER, PRODUCT
from hilum.gate import evidence
from hilum.gate.header import called, number, value, values
from hilum.gate.rule import Gaps, GateInput, left_to_site, rule
from hilum.gate.vocabulary import Meaning, meanings
from hilum.language import Message
from hilum.radiograph import Turn
from hilum.settings import NotUpright
from hilum.values.attributes import items_of

SECONDARY_CAPTURE: Final = "1.2.840.10008.5.1.4.1.1.7"
"""Root of the Secondary Capture image classes (PS3.4 Table B.5-1)."""

FOR_PROCESSING: Final = "1.2.840.10008.5.1.4.1.1.1.1.1"
"""Digital X-Ray Image Storage - For Processing (PS3.4 Table B.5-1)."""

NO_MODALITY: Final = "NONE"
"""Stands for a missing Modality in the setting gate.modalities."""

SETTABLE: Final = frozenset(
    {NO_MODALITY, "OT", "SC", "RF", "RG", "XA", "DR", "XR", "RX", "CX", "XC"}
)
"""Modalities under which radiographs come, by mistake or after a conversion; CT is none."""

CONVERTIBLE: Final = ("MONOCHROME", "RGB", "YBR_", "PALETTE COLOR")
"""Beginnings of photometric interpretations that can hold a grey image (PS3.3 C.7.6.3.1.2)."""


@rule(
    ("Rows", "Columns"),
    "present and above 0",
    "PS3.3 C.7.6.3",
    Message("not an image: the object has no Rows and Columns"),
    of_images=False,
)
def not_an_image(case: GateInput) -> Gaps | None:
    """Object to what has no matrix of pixels."""
    return None if case.is_image else {}


@rule(
    ("Manufacturer", "ManufacturerModelName", "ContributingEquipmentSequence"),
    f"neither {MANUFACTURER!r} nor {PRODUCT!r}",
    "PS3.3 C.7.5.1, C.12.1",
    Message("made by hilum itself: {attribute} is {value}"),
    of_images=False,
)
def own_result(case: GateInput) -> Gaps | None:
    """Object to what hilum made, so that results never make work."""
    for equipment in (case.header, *items_of(case.header, "ContributingEquipmentSequence")):
        for keyword, ours in (("ManufacturerModelName", PRODUCT), ("Manufacturer", MANUFACTURER)):
            if value(equipment, keyword) == ours:
                return {"attribute": called(keyword), "value": ours}
    return None


@rule(
    ("Modality",),
    "one of the setting gate.modalities, where NONE stands for a missing one",
    "PS3.3 C.7.3.1.1.1",
    Message("Modality {value} is not supported"),
    of_images=False,
)
def modality(case: GateInput) -> Gaps | None:
    """Object to a modality that the site does not read."""
    said = _modality(case)
    if said in case.settings.modalities:
        return None
    if said not in SETTABLE:
        return {"value": said}
    wording = Message(
        "Modality {value} is not read here; to read it, set gate.modalities = {setting}"
    )
    if said == NO_MODALITY:
        wording = Message(
            "Modality is missing; to read such images, set gate.modalities = {setting}"
        )
    return {"wording": wording, "value": said, "setting": _modalities_for(case)}


@rule(
    ("SOPClassUID",),
    "no Secondary Capture, unless SC is in gate.modalities",
    "PS3.3 A.8; PS3.4 B.5",
    Message(
        "a secondary capture, not the acquired image: SOP Class is {value}; to read it, set "
        "gate.modalities = {setting}"
    ),
)
def secondary_capture(case: GateInput) -> Gaps | None:
    """Object to screenshots, scans and results of other programs."""
    if not _is_secondary_capture(case) or "SC" in case.settings.modalities:
        return None
    sop_class = UID(value(case.header, "SOPClassUID"))
    return {"value": sop_class.name, "setting": _modalities_for(case)}


def _modality(case: GateInput) -> str:
    return value(case.header, "Modality").upper() or NO_MODALITY


def _is_secondary_capture(case: GateInput) -> bool:
    sop_class = value(case.header, "SOPClassUID")
    return sop_class == SECONDARY_CAPTURE or sop_class.startswith(f"{SECONDARY_CAPTURE}.")


def _modalities_for(case: GateInput) -> str:
    """Return the setting that lets an image in, as it is written in the settings file."""
    needed = [_modality(case)] if _modality(case) in SETTABLE else []
    needed += ["SC"] if _is_secondary_capture(case) else []
    return json.dumps(list(dict.fromkeys([*case.settings.modalities, *needed])))


@rule(
    ("ImageType", "DerivationDescription", *evidence.IMAGE_TEXTS),
    "no word for bone suppression or subtraction",
    "PS3.3 C.7.6.1",
    Message("a processed copy of a radiograph: {attribute} is {value}"),
)
def processed_copy(case: GateInput) -> Gaps | None:
    """Object to a copy from which bones or the like were taken away."""
    for keyword in processed_copy.attributes:
        if Meaning.PROCESSED in meanings(value(case.header, keyword)):
            return case.quoted(keyword)
    return None


@rule(
    ("PresentationIntentType", "SOPClassUID"),
    "FOR PRESENTATION or absent",
    "PS3.3 C.8.11.1",
    Message("raw data of the detector, not for presentation: {attribute} is {value}"),
)
def for_processing(case: GateInput) -> Gaps | None:
    """Object to what no person is meant to see."""
    if value(case.header, "PresentationIntentType") == "FOR PROCESSING":
        return case.quoted("PresentationIntentType")
    sop_class = value(case.header, "SOPClassUID")
    if sop_class == FOR_PROCESSING:
        return {"attribute": called("SOPClassUID"), "value": UID(sop_class).name}
    return None


@rule(
    ("NumberOfFrames",),
    "1 or absent",
    "PS3.3 C.7.6.6",
    Message("more than one frame: Number of Frames is {value}"),
)
def multi_frame(case: GateInput) -> Gaps | None:
    """Object to more than one frame."""
    frames = number(case.header, "NumberOfFrames")
    return {"value": str(frames)} if frames is not None and frames > 1 else None


@rule(
    ("PhotometricInterpretation",),
    "MONOCHROME1, MONOCHROME2; RGB, YBR and palette if the pixels turn out grey",
    "PS3.3 C.7.6.3.1.2",
    Message("neither grey nor convertible to grey: Photometric Interpretation is {value}"),
)
def colour(case: GateInput) -> Gaps | None:
    """Object to pixels that cannot be grey; RGB and palettes are looked at when decoded."""
    photometric = value(case.header, "PhotometricInterpretation")
    return None if photometric.startswith(CONVERTIBLE) else {"value": photometric or "?"}


@rule(
    ("Rows", "Columns"),
    "at least gate.min_side",
    "our own",
    Message("too small: {value} pixels, and at least {limit} on each side are needed"),
)
def too_small(case: GateInput) -> Gaps | None:
    """Object to a matrix smaller than the model's."""
    rows, columns = number(case.header, "Rows") or 0, number(case.header, "Columns") or 0
    limit = case.settings.min_side
    if min(rows, columns) >= limit:
        return None
    return {"value": f"{columns} × {rows}", "limit": str(limit)}


@rule(
    ("Rows", "Columns"),
    "no side longer than gate.max_aspect_ratio times the other",
    "our own",
    Message(
        "not the shape of a chest radiograph: {value} pixels are 1 : {ratio}, and at most 1 : "
        "{limit} is read"
    ),
)
def aspect_ratio(case: GateInput) -> Gaps | None:
    """Object to a matrix that is too long for a chest: strips, long bones, stitched spines."""
    rows, columns = number(case.header, "Rows") or 0, number(case.header, "Columns") or 0
    short, long = sorted((rows, columns))
    limit = case.settings.max_aspect_ratio
    if long <= limit * short:
        return None
    ratio = f"{long / max(short, 1):.2f}"
    return {"value": f"{columns} × {rows}", "ratio": ratio, "limit": f"{limit:g}"}


@left_to_site(
    NotUpright.TURN,
    ("PatientOrientation",),
    "L\\F, or nothing that tells, if {}",
    "PS3.3 C.7.6.1.1.1; the setting gate.not_upright",
    Message("stored turned or mirrored: {attribute} is {value}"),
)
def not_upright(case: GateInput) -> Gaps | None:
    """Object to, or warn of, an image that is stored turned or mirrored."""
    turn = Turn.stated(values(case.header, "PatientOrientation")) or Turn()
    return None if turn == Turn() else case.quoted("PatientOrientation")


@rule(
    ("ImageType",),
    "the second value is not SECONDARY",
    "PS3.3 C.7.6.1.1.2",
    Message("marked as derived after the examination: Image Type is {value}"),
)
def derived_secondary(case: GateInput) -> Gaps | None:
    """Say that the image was derived after the examination."""
    if "SECONDARY" not in values(case.header, "ImageType")[1:2]:
        return None
    return {"value": value(case.header, "ImageType")}
