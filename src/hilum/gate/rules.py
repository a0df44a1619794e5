"""What each rule of the gate looks for in a header; the rules themselves are in `table`."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, NamedTuple

from pydicom import Dataset
from pydicom.uid import UID

from hilum import MANUFACTURER, PRODUCT
from hilum.gate import evidence
from hilum.gate.header import called, number, value, values
from hilum.gate.reasons import WORDS
from hilum.gate.vocabulary import Meaning, meanings
from hilum.radiograph import Turn
from hilum.settings import GateSettings
from hilum.values.ages import BORN, STATED, Age, age_of
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

Gaps = Mapping[str, str]
"""What fills the gaps of a reason's text."""


@dataclass(frozen=True)
class GateInput:
    """One header, and what it is judged for."""

    header: Dataset
    """The attributes of the image, with or without its pixels."""
    settings: GateSettings
    """What the site lets in."""
    min_age_years: float | None = None
    """From which age on the model reads, None for any."""
    clinical_model: bool = field(default=True, kw_only=True)
    """Whether the model is made for patients, not for phantoms."""

    @cached_property
    def body_part(self) -> evidence.Resolution:
        """What the header as a whole says about a chest."""
        return evidence.body_part(self.header)

    @cached_property
    def view(self) -> evidence.Resolution:
        """What the header as a whole says about a frontal view."""
        return evidence.view(self.header)

    @cached_property
    def age(self) -> Age:
        """How old the patient was, by all that the header says."""
        return age_of(lambda keyword: value(self.header, keyword))

    @property
    def is_image(self) -> bool:
        """Whether there is a matrix of pixels to be judged."""
        return bool(number(self.header, "Rows") and number(self.header, "Columns"))


Broken = Callable[[GateInput], Gaps | None]
"""Returns what fills a reason's text when a rule is broken, else None."""


class Rule(NamedTuple):
    """One line of the table."""

    code: str
    """Code of its reason."""
    attributes: tuple[str, ...]
    """Keywords that it looks at."""
    accepted: str
    """What passes, in words."""
    source: str
    """Where the standard, the settings or the model card say so."""
    broken: Broken
    """Returns what fills the reason's text when the rule is broken, else None."""
    of_images: bool = True
    """Whether it only makes sense for an image."""


def _quoted(case: GateInput, keyword: str) -> Gaps:
    return {"attribute": called(keyword), "value": value(case.header, keyword)}


def not_an_image(case: GateInput) -> Gaps | None:
    """Object to what has no matrix of pixels."""
    return None if case.is_image else {}


def own_result(case: GateInput) -> Gaps | None:
    """Object to what hilum made, so that results never make work."""
    for equipment in (case.header, *items_of(case.header, "ContributingEquipmentSequence")):
        for keyword, ours in (("ManufacturerModelName", PRODUCT), ("Manufacturer", MANUFACTURER)):
            if value(equipment, keyword) == ours:
                return {"attribute": called(keyword), "value": ours}
    return None


def modality(case: GateInput) -> Gaps | None:
    """Object to a modality that the site does not read."""
    said = _modality(case)
    if said in case.settings.modalities:
        return None
    if said not in SETTABLE:
        return {"value": said}
    wording = "modality_missing" if said == NO_MODALITY else "modality_settable"
    return {"wording": wording, "value": said, "setting": _modalities_for(case)}


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


def processed_copy(case: GateInput) -> Gaps | None:
    """Object to a copy from which bones or the like were taken away."""
    for keyword in ("ImageType", "DerivationDescription", *evidence.IMAGE_TEXTS):
        if Meaning.PROCESSED in meanings(value(case.header, keyword)):
            return _quoted(case, keyword)
    return None


def for_processing(case: GateInput) -> Gaps | None:
    """Object to what no person is meant to see."""
    if value(case.header, "PresentationIntentType") == "FOR PROCESSING":
        return _quoted(case, "PresentationIntentType")
    sop_class = value(case.header, "SOPClassUID")
    if sop_class == FOR_PROCESSING:
        return {"attribute": called("SOPClassUID"), "value": UID(sop_class).name}
    return None


def multi_frame(case: GateInput) -> Gaps | None:
    """Object to more than one frame."""
    frames = number(case.header, "NumberOfFrames")
    return {"value": str(frames)} if frames is not None and frames > 1 else None


def colour(case: GateInput) -> Gaps | None:
    """Object to pixels that cannot be grey; RGB and palettes are looked at when decoded."""
    photometric = value(case.header, "PhotometricInterpretation")
    return None if photometric.startswith(CONVERTIBLE) else {"value": photometric or "?"}


def too_small(case: GateInput) -> Gaps | None:
    """Object to a matrix smaller than the model's."""
    rows, columns = number(case.header, "Rows") or 0, number(case.header, "Columns") or 0
    limit = case.settings.min_side
    if min(rows, columns) >= limit:
        return None
    return {"value": f"{columns} × {rows}", "limit": str(limit)}


def aspect_ratio(case: GateInput) -> Gaps | None:
    """Object to a matrix that is too long for a chest: strips, long bones, stitched spines."""
    rows, columns = number(case.header, "Rows") or 0, number(case.header, "Columns") or 0
    short, long = sorted((rows, columns))
    limit = case.settings.max_aspect_ratio
    if long <= limit * short:
        return None
    ratio = f"{long / max(short, 1):.2f}"
    return {"value": f"{columns} × {rows}", "ratio": ratio, "limit": f"{limit:g}"}


def not_chest(case: GateInput) -> Gaps | None:
    """Object to another part of the body, and to more than the chest where that is not read."""
    found = _against(case.body_part)
    if found is None or not _is_combined(case):
        return found
    if not _refuses(case, "combined_parts"):
        return None
    return {**found, "wording": "combined_refused"}


def combined_parts(case: GateInput) -> Gaps | None:
    """Say that the image shows more than the chest."""
    if not _is_combined(case) or _refuses(case, "combined_parts"):
        return None
    return _against(case.body_part)


def _is_combined(case: GateInput) -> bool:
    decisive = case.body_part.decided_by
    return decisive is not None and decisive.combined


def not_frontal(case: GateInput) -> Gaps | None:
    """Object to another view."""
    return _against(case.view)


def _against(resolution: evidence.Resolution) -> Gaps | None:
    decisive = resolution.decided_by
    if decisive is None or decisive.fits:
        return None
    return {"attribute": called(decisive.keyword), "value": decisive.value}


def too_young(case: GateInput) -> Gaps | None:
    """Object to patients that the model was not made for."""
    years, limit = case.age.years, case.min_age_years
    if limit is None or years is None or years >= limit:
        return None
    return {"value": f"{int(years)}", "said": _age_source(case, case.age.by), "limit": f"{limit:g}"}


def _age_source(case: GateInput, keyword: str) -> str:
    """Return what told an age; a date of birth is the patient's and never quoted."""
    quoted = f" {value(case.header, keyword)}" if keyword != BORN else ""
    return f"{called(keyword)}{quoted}"


def quality_control(case: GateInput) -> Gaps | None:
    """Object to phantoms and test images where patients are read."""
    if not case.clinical_model:
        return None
    for keyword in ("QualityControlImage", "QualityControlSubject"):
        if value(case.header, keyword) == "YES":
            return _quoted(case, keyword)
    for keyword in ("BodyPartExamined", *evidence.IMAGE_TEXTS):
        if Meaning.PHANTOM in meanings(value(case.header, keyword)):
            return _quoted(case, keyword)
    for keyword in ("PatientName", "PatientID"):
        if Meaning.PHANTOM in meanings(value(case.header, keyword)):  # which is never quoted
            return {"attribute": called(keyword), "value": WORDS["phantom"]}
    return None


def not_upright(case: GateInput) -> Gaps | None:
    """Object to, or warn of, an image that is stored turned or mirrored."""
    turn = Turn.stated(values(case.header, "PatientOrientation")) or Turn()
    return None if turn == Turn() else _quoted(case, "PatientOrientation")


def unknown(topic: str) -> Broken:
    """Return a rule: nothing speaks for or against a chest or frontal view, or an unknown word."""

    def broken(case: GateInput) -> Gaps | None:
        found: evidence.Resolution = getattr(case, topic)
        if found.decided_by and (not found.unrecognized or not found.decided_by.fits):
            return None  # it is told, or refused for what tells otherwise
        if not found.unrecognized:
            return {}
        return {"wording": f"{topic}_unrecognized", "value": found.unrecognized}

    return broken


def if_refused(setting: str, broken: Broken) -> Broken:
    """Return `broken` for sites that refuse what a setting leaves to them."""
    return lambda case: broken(case) if _refuses(case, setting) else None


def if_read(setting: str, broken: Broken) -> Broken:
    """Return `broken` for sites that read it, with a warning."""
    return lambda case: None if _refuses(case, setting) else broken(case)


def _refuses(case: GateInput, setting: str) -> bool:
    return bool(getattr(case.settings, setting) == "refuse")  # ReadOrRefuse, NotUpright


def contradiction(topic: str, name: str) -> Broken:
    """Return a rule: a description contradicts what was decided, ``"chest"`` or ``"frontal"``."""

    def broken(case: GateInput) -> Gaps | None:
        found: evidence.Resolution = getattr(case, topic)
        if found.decided_by is None or found.against is None:
            return None
        taken = WORDS[name if found.decided_by.fits else f"not_{name}"]
        about = {"attribute": called(found.against.keyword), "value": found.against.value}
        return {"taken": taken, **about}

    return broken


def derived_secondary(case: GateInput) -> Gaps | None:
    """Say that the image was derived after the examination."""
    if "SECONDARY" not in values(case.header, "ImageType")[1:2]:
        return None
    return {"value": value(case.header, "ImageType")}


def age_unknown(case: GateInput) -> Gaps | None:
    """Say that the age limit could not be checked."""
    if case.min_age_years is None or case.age.years is not None or case.age.unusable:
        return None
    return {"limit": f"{case.min_age_years:g}"}


def age_unreadable(case: GateInput) -> Gaps | None:
    """Say that what is said of the age cannot be read, or cannot be."""
    if case.min_age_years is None or case.age.years is not None or not case.age.unusable:
        return None
    return {"value": _unusable(case), "limit": f"{case.min_age_years:g}"}


def age_contradiction(case: GateInput) -> Gaps | None:
    """Say that age and birth date do not agree, and which was taken."""
    age = case.age
    if age.computed is None or age.stated is None or not age.doubtful_at(case.min_age_years):
        return None
    return {"value": value(case.header, STATED), "years": f"{int(age.computed)}"}


def age_ignored(case: GateInput) -> Gaps | None:
    """Say that one of age and birth date cannot be read, or cannot be, and the other was taken."""
    if case.age.years is None or not case.age.unusable:
        return None
    return {
        "value": _unusable(case),
        "said": called(case.age.by),
        "years": f"{int(case.age.years)}",
    }


def _unusable(case: GateInput) -> str:
    """Return what cannot be read, quoted; of a date of birth only its form is."""
    return ", ".join(
        f"{called(keyword)} {_form(said) if keyword == BORN else said}"
        for keyword in case.age.unusable
        for said in [value(case.header, keyword)]
    )


def _form(text: str) -> str:
    """Return how a text is written, without what it says: ``##.##.####``."""
    return "".join("#" if c.isdigit() else "x" if c.isalpha() else c for c in text)
