"""HL7 v2.5.1 ORU^R01: one OBX for each finding, and the report as text.

Nothing in it claims a person's word: all results have the status P (preliminary), and C where
they correct earlier ones. A score is a number, whose reference range is its operating point.

Sources
-------
HL7 v2.5.1: 2.7 (escape sequences), 2.14.9 (MSH), 3.4.2 (PID), 4.5.1 and 4.5.3 (ORC, OBR), 7.3.1
(ORU), 7.4.2 (OBX); tables 0078, 0085, 0123, 0211, 0396. IHE RAD Results Distribution.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError
from pydicom.sr.coding import Code

from hilum import PRODUCT, __version__
from hilum.encode.equipment import algorithm_name, device_uid
from hilum.encode.forms.plain_text import text
from hilum.encode.messages.outcome import FACTS, ImageOutcome
from hilum.encode.provenance import SCORE_UNIT, cautions, statements
from hilum.encode.text_report import refusal_text
from hilum.errors import SettingInvalid
from hilum.reading import OPERATING_POINT_SCORE, Finding, Reading
from hilum.settings.deliveries import Hl7Receiver, ReportText
from hilum.settings.section import first_invalid
from hilum.values.dates import read_day
from hilum.wording import finding_name, shown_score

ESCAPED: Final = str.maketrans(
    {sign: f"\\{letter}\\" for sign, letter in zip("|^&~\\", "FSTRE", strict=True)}
    | {chr(code): f"\\X{code:02X}\\" for code in (*range(32), 127)}
)
"""Signs that mean something in a message → how they are written in a value."""

SEGMENTS: Final = ("MSH", "PID", "PV1", "ORC", "OBR", "NTE", "OBX")
"""Segments that we write, in their order."""

SYSTEMS: Final = {"UMLS": "UML"}
"""DICOM's coding scheme designator → HL7's, where they differ (table 0396)."""

NAMELESS: Final = "^^^^^^U"
"""A name that nobody stated (table 0200); one is required."""

GAP: Final = re.compile(r"\{(\w*)\}")
"""A gap of a field of the mapping file."""

FIRST_WRITABLE: Final = 3
"""MSH-1 and MSH-2 say how the rest is written."""

Fields = dict[int, str]
"""Number of a field → its value, escaped."""

FieldName = Annotated[str, StringConstraints(pattern=rf"^({'|'.join(SEGMENTS)})-\d{{1,2}}$")]


class SiteMapping(BaseModel):
    """The mapping file of a site."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    codes: Mapping[str, str] = {}
    """The model's label → OBX-3, as HL7 writes it: identifier^text^system."""
    fields: Mapping[FieldName, str] = {}
    """Segment and field, as OBR-4 → what it holds, as HL7 writes it; {AccessionNumber} and other
    names of `FACTS` stand for what the image says."""


@cache
def load_mapping(file: Path | None) -> SiteMapping:
    """Return the mapping of a site; an empty one without a file.

    Raises
    ------
    SettingInvalid
        It cannot be read or used.
    """
    if file is None:
        return SiteMapping()
    try:
        mapping = SiteMapping(**tomllib.loads(file.read_text("utf-8")))
    except ValidationError as exc:
        name, why = first_invalid(exc)
        raise _unusable(file, f"{name}: {why}") from exc
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as exc:
        raise _unusable(file, str(exc)) from exc
    for name, value in mapping.fields.items():
        unknown = [gap for gap in GAP.findall(value) if gap not in FACTS]
        if unknown or re.search(r"[\r\n]", value) or name in {"MSH-1", "MSH-2", "MSH-10"}:
            raise _unusable(file, f"{name} = {value!r}")
    return mapping


def _unusable(file: Path, why: str) -> SettingInvalid:
    return SettingInvalid(
        "The mapping file {file} cannot be used ({why}).",
        "See docs/deliveries.md for its format.",
        file=file,
        why=why,
    )


def message(outcome: ImageOutcome, receiver: Hl7Receiver) -> bytes:
    """Return the message about one image, without the frame of MLLP.

    Raises
    ------
    SettingInvalid
        The mapping file or the site's codes file cannot be used.
    """
    writer = _OruWriter(outcome, receiver.report_text, load_mapping(receiver.mapping_file))
    return "".join(f"{segment}\r" for segment in writer.segments()).encode(errors="replace")


def message_id(outcome: ImageOutcome) -> str:
    """Return MSH-10: 20 characters are all that it may have."""
    return outcome.id.hex[:20].upper()


class _OruWriter:
    """Writes the segments of one message."""

    def __init__(
        self, outcome: ImageOutcome, report_text: ReportText, mapping: SiteMapping
    ) -> None:
        self._outcome = outcome
        self._report_text = report_text
        self._mapping = mapping
        self._of_image = outcome.uid("hl7")[-16:]
        given = ("X", "X") if outcome.reading is None else ("P", "C")
        self._status = given[outcome.corrects]

    def segments(self) -> Iterator[str]:
        """Yield the segments in order."""
        yield "MSH|^~\\&|" + self._joined("MSH", self._msh(), FIRST_WRITABLE)
        for name, fields in (
            ("PID", self._pid()),
            ("PV1", {}),
            ("ORC", {1: "RE", **self._order()}),
            ("OBR", self._obr()),
            ("NTE", {1: "1", 3: escaped(" ".join(self._notes()))}),
        ):
            if written := self._joined(name, fields):
                yield f"{name}|{written}"
        for number, fields in enumerate(self._results(), 1):
            fixed = {1: str(number), 4: self._of_image, 11: self._status, 14: self._taken()}
            yield "OBX|" + self._joined("OBX", fixed | fields)

    def _joined(self, segment: str, fields: Fields, first: int = 1) -> str:
        """Return the fields of a segment; those of the site come in their places."""
        of_site = {
            int(name[4:]): GAP.sub(lambda gap: self._fact(gap[1]), value)
            for name, value in self._mapping.fields.items()
            if name[:3] == segment
        }
        whole = fields | of_site
        return "|".join(whole.get(number, "") for number in range(first, max(whole, default=0) + 1))

    def _fact(self, name: str) -> str:
        return escaped(self._outcome.facts.get(name, ""))

    def _msh(self) -> Fields:
        model = self._outcome.reading and self._outcome.reading.model
        return {
            3: PRODUCT,
            7: self._outcome.at.strftime("%Y%m%d%H%M%S%z"),
            9: "ORU^R01^ORU_R01",
            10: message_id(self._outcome),
            11: "T" if model and model.demonstration else "P",
            12: "2.5.1",
            18: "UNICODE UTF-8",
        }

    def _pid(self) -> Fields:
        facts = self._outcome.facts
        issuer = self._fact("IssuerOfPatientID")
        return {
            1: "1",
            3: f"{self._fact('PatientID')}^^^{issuer}^PI" if facts.get("PatientID") else "",
            5: names(facts.get("PatientName", "")) or NAMELESS,
            7: _day(facts.get("PatientBirthDate", "")),
            8: facts.get("PatientSex") or "U",
        }

    def _order(self) -> Fields:
        """Return placer and filler order number; without any, the study's UID stands for it."""
        placer = self._fact("PlacerOrderNumberImagingServiceRequest")
        filler = self._fact("FillerOrderNumberImagingServiceRequest")
        filler = filler or self._fact("AccessionNumber")
        return {2: placer, 3: filler or self._fact("StudyInstanceUID")}

    def _obr(self) -> Fields:
        title = _coded(self._title())
        parts = [self._fact(f"Procedure{each}") for each in ("Code", "Meaning", "Scheme")]
        described = self._fact("StudyDescription")
        procedure = "^".join(parts) if parts[0] else f"^{described}" if described else title
        referring = names(self._outcome.facts.get("ReferringPhysicianName", "")).partition("~")[0]
        return {
            1: "1",
            **self._order(),
            4: procedure,
            7: self._taken(),
            16: "^" + "^".join(referring.split("^")[:5]) if referring else "",
            18: self._fact("AccessionNumber"),
            22: self._outcome.when.strftime("%Y%m%d%H%M%S%z"),
            24: "RAD",
            25: self._status,
        }

    def _taken(self) -> str:
        """Return when the study was taken, as far as its header says."""
        day = _day(self._outcome.facts.get("StudyDate", ""))
        time = re.match(r"[0-2]\d[0-5]\d([0-5]\d)?", self._outcome.facts.get("StudyTime", ""))
        return day + time[0] if day and time else day

    def _title(self) -> Code:
        model = self._outcome.reading and self._outcome.reading.model
        return self._outcome.codes.concept(
            "demonstration_title" if model and model.demonstration else "title"
        )

    def _notes(self) -> list[str]:
        language, reading = self._outcome.settings.language, self._outcome.reading
        said = statements(None if reading is None else reading.model, language)
        return [*said, *(cautions(reading, language) if reading else ())]

    def _results(self) -> Iterator[Fields]:
        """Yield the fields of each OBX: the study's name, the findings, the text."""
        study = _coded(Code("113014", "DCM", "DICOM Study"))
        yield {2: "HD", 3: study, 5: f"^{self._fact('StudyInstanceUID')}^ISO"}
        reading, language = self._outcome.reading, self._outcome.settings.language
        if reading is None:
            lines = refusal_text(self._outcome.reasons, language).split("\r\n")
        else:
            yield from (self._finding(each, reading) for each in reading.findings)
            lines = text(reading, when=self._outcome.when, language=language).splitlines()
        if reading is None or self._report_text is not ReportText.NONE:
            kind = ReportText.TX if self._report_text is ReportText.TX else ReportText.FT
            between = "~" if kind is ReportText.TX else "\\.br\\"
            yield {2: kind.value, 3: _coded(self._title()), 5: between.join(map(escaped, lines))}

    def _finding(self, finding: Finding, reading: Reading) -> Fields:
        label, language = finding.label, self._outcome.settings.language
        name = escaped(finding_name(label, language))
        model = escaped(f"{algorithm_name(reading.model)} {reading.model.version}")
        code = self._outcome.codes.finding(label)
        return {
            2: "NM",
            3: self._mapping.codes.get(label) or _coded(code, name),
            5: f"{shown_score(finding.score, positive=finding.positive):.2f}",
            6: _coded(SCORE_UNIT),
            7: f"<{OPERATING_POINT_SCORE:.2f}",
            8: "A" if finding.positive else "N",
            17: f"^{model}",
            18: f"{PRODUCT} {__version__}^{PRODUCT}^{device_uid(reading.model)}^ISO",
        }


def escaped(value: str) -> str:
    """Return a text as a value of a message."""
    return value.translate(ESCAPED)


def names(stored: str) -> str:
    """Return a DICOM Person Name as XPN: letters, characters and sounds are repetitions."""
    groups = zip(stored.split("="), "AIP", strict=False)
    return "~".join(_name(group, kind) for group, kind in groups if group.strip("^ "))


def _name(group: str, kind: str) -> str:
    family, given, middle, prefix, suffix = [*map(escaped, group.split("^")), *[""] * 5][:5]
    return f"{family}^{given}^{middle}^{suffix}^{prefix}^^L^{kind}"


def _coded(code: Code, name: str = "") -> str:
    scheme = SYSTEMS.get(code.scheme_designator, code.scheme_designator)
    return "^".join((escaped(code.value), name or escaped(code.meaning), escaped(scheme)))


def _day(stored: str) -> str:
    day = read_day(stored)
    return "" if day is None else f"{day:%Y%m%d}"
