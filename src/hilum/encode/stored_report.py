"""Reads back a regions report of ours: the findings of whoever wrote it.

The inverse of `hilum.encode.regions_report`. Nothing proves who wrote a report, so that
everything in it is checked against the rest: what does not hold together is not shown.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final

from pydicom import Dataset
from pydicom.sr.coding import Code

from hilum import MANUFACTURER, PRODUCT
from hilum.encode.codes import CodeTable
from hilum.encode.content import codes
from hilum.encode.forms.json_document import document_head, finding_entry
from hilum.encode.predecessors import images_in, is_anatomy, title_of
from hilum.encode.provenance import HEAD_OF_WARNING
from hilum.encode.report_document import SOP_CLASSES
from hilum.errors import SourceUnreadable
from hilum.files.dicom import REGIONS_TITLE, damage_named, text
from hilum.language import LANGUAGES
from hilum.language.message import filled_in
from hilum.outcome import Status
from hilum.radiograph import ImageUIDs, PixelPipeline
from hilum.reading import OPERATING_POINT_SCORE, Finding, ModelIdentity
from hilum.values.site_curve import SiteProbability
from hilum.wording import shown_score

MOST_FINDINGS: Final = 1024
"""Rows of a report; no model card has more labels."""

MOST_BYTES: Final = 2 << 20
"""Size of what a report says; it has a thousand findings and their texts many times over."""

LONGEST_SIDE: Final = 0xFFFF
"""Rows or Columns of an image (PS3.3 C.7.6.3, US)."""

YEARS: Final = range(2000, 9999)
"""When an analysis may have been: hilum is younger, and clocks are wrong."""

OPINIONS: Final[Mapping[str, Mapping[str, type[float | str]]]] = {
    "out_of_distribution": {
        **dict.fromkeys(("percentile", "limit", "distance"), float),
        "images": int,
        "statistics": str,
    },
    "view": {"frontal": float, "network": str, "stated": str},
}
"""Parameter of the algorithm → fields of what the pixels say of the image as a whole."""

NINE_DIGITS: Final = 1e-8
"""How far a score may be from the one that raw value and operating point give again."""

STAMP: Final = "DEMONSTRATION"
"""Begins the name of a demonstration model in coded results."""


@dataclass(frozen=True, slots=True, eq=False)
class StoredReport:
    """One coded report of ours."""

    uid: str
    """Its SOP Instance UID."""
    source: ImageUIDs
    """The image that it is about."""
    when: datetime
    """Time of the analysis, with its UTC offset."""
    overlay: str | None
    """SOP Instance UID of the overlay that it refers to; None when there is none."""
    document: dict[str, Any]
    """What it says, as a hilum.reading/1 document of one row."""


def stored_report(report: Dataset, table: CodeTable) -> StoredReport | None:
    """Read a coded report back; None for whatever else an archive holds.

    Raises
    ------
    SourceUnreadable
        It says that it is a report of ours, and is damaged or contradicts itself.

    Sources
    -------
    PS3.16 TID 1500; docs/conformance.md.
    """
    name = "The report"
    with damage_named(name):
        if not _is_coded_report(report):
            return None
        found = _Report(report, table).read()
        # what can neither be kept nor shown: lone surrogates, NUL, numbers that are none
        said = json.dumps(found.document, ensure_ascii=False, allow_nan=False)
        if len(said.encode()) > MOST_BYTES or r"\u0000" in said or found.when.year not in YEARS:
            raise _contradiction("its texts or its time are invalid")
        return found


def _is_coded_report(report: Dataset) -> bool:
    return (
        text(report, "SOPClassUID") in SOP_CLASSES.values()
        and text(report, "Manufacturer") == MANUFACTURER
        and text(report, "ManufacturerModelName") == PRODUCT
        and title_of(report) == REGIONS_TITLE
        and not is_anatomy(report)
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Report:
    """A report that says that it is ours."""

    root: Dataset
    """The report, whose content tree is checked while it is read."""
    table: CodeTable
    """Codes of the findings."""

    def read(self) -> StoredReport:
        image = _image(_only(self._library(), self.table.concept("source")))
        source = self._of_evidence(image)
        findings = [self._finding(row) for row in self._rows()]
        labels = [each["label"] for each in findings]
        if not findings or len(findings) > MOST_FINDINGS or len(set(labels)) < len(labels):
            raise _contradiction("it has no findings, too many, or one twice")
        when = f"{self.root.ContentDate}{str(self.root.ContentTime)[:6]}"
        zone = text(self.root, "TimezoneOffsetFromUTC")
        overlay = next(self._overlays(), None)
        if overlay is not None:
            self._of_evidence(overlay)
        uid = text(self.root, "SOPInstanceUID")
        parameters = self._parameters()
        return StoredReport(
            uid,
            source,
            datetime.strptime(when + zone, "%Y%m%d%H%M%S%z"),
            overlay,
            {
                **document_head(self._model(parameters), _pipeline(parameters)),
                "software": {"name": PRODUCT, "version": self._version()},
                "readings": [
                    {
                        "path": source.sop_instance_uid,
                        **source._asdict(),
                        "status": Status.READ.value,
                        "reasons": list(self._warnings()),
                        "pixels": self._pixels(parameters),
                        **_second_opinions(parameters),
                        "findings": findings,
                        "outputs": [each for each in (overlay, uid) if each],
                        "seconds": {},
                    }
                ],
            },
        )

    def _of_evidence(self, image: str) -> ImageUIDs:
        """Return what names an image that the report refers to: one of its own study."""
        found = [each for each in images_in(self.root) if each.sop_instance_uid == image]
        if len(found) != 1 or found[0].study_instance_uid != text(self.root, "StudyInstanceUID"):
            raise _contradiction("it refers to an image that is not among its evidence")
        return found[0]

    def _library(self) -> Dataset:
        return _only(_only(self.root, codes.DCM.ImageLibrary), codes.DCM.ImageLibraryGroup)

    def _parameters(self) -> dict[str, list[str]]:
        """Return what the answer depends on: name → values, in order."""
        found: dict[str, list[str]] = {}
        for item in _all(self._measurements(), codes.DCM.AlgorithmParameters):
            name, _, value = str(item.TextValue).partition("=")
            found.setdefault(name, []).append(value)
        return found

    def _measurements(self) -> Dataset:
        return _only(self.root, codes.DCM.ImagingMeasurements)

    def _evaluations(self) -> Dataset:
        return _only(self.root, self.table.concept("qualitative_evaluations"))

    def _rows(self) -> Iterator[Dataset]:
        """Yield the items that say of a finding whether it is present."""
        states = {_key(codes.SCT.Present), _key(codes.SCT.Absent)}
        for item in _children(self._evaluations()):
            if text(item, "ValueType") == "CODE" and _code(item, "ConceptCodeSequence") in states:
                yield item

    def _finding(self, row: Dataset) -> dict[str, Any]:
        """Return one finding, whose parts must say the same."""
        present = _code(row, "ConceptCodeSequence") == _key(codes.SCT.Present)
        raw = _number(_only(row, self.table.concept("model_output")))
        point = _number(_only(row, self.table.concept("model_output_operating_point")))
        label = self._label(row)
        said = _number(_only(row, self.table.score(label, demonstration=self._is_demonstration())))
        finding = Finding(label, raw, point, _score(raw, point), self._site_probability(row))
        if present != finding.positive and raw != point:  # nine digits may make them equal
            raise _contradiction(
                "{label} is present below its operating point, or absent above", label=label
            )
        may_be = (finding.score + each for each in (-NINE_DIGITS, NINE_DIGITS))
        if said not in {shown_score(each, positive=present) for each in may_be}:
            raise _contradiction("the score of {label} does not match its raw value", label=label)
        code = row.ConceptNameCodeSequence[0]
        named = (code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning)
        return {**finding_entry(finding, Code(*map(str, named))), "positive": present}

    def _site_probability(self, row: Dataset) -> SiteProbability | None:
        concept = self.table.site_probability(demonstration=self._is_demonstration())
        items = list(_all(row, concept))
        if not items:
            return None
        (item,) = items
        said = dict(str(each.TextValue).split("=", 1) for each in _children(item))
        low, high = map(float, said["interval_95"].split())
        value, images = _number(item), int(said["images"])
        if not 0 <= low <= value <= high <= 1 or images < 1:
            raise _contradiction("its calibrated probability is none")
        return SiteProbability(value, low, high, images)

    def _label(self, row: Dataset) -> str:
        """Return the model's label: the one tracked, where it has the code, else the code's."""
        tracked = str(_only(row, codes.DCM.TrackingIdentifier).TextValue).removeprefix("AI ")
        coded = _code(row, "ConceptNameCodeSequence")
        if _key(self.table.finding(tracked)) == coded:
            return tracked
        named = (label for label, each in self.table.findings.items() if _key(each.code) == coded)
        return next(named, tracked)

    def _algorithm(self) -> str:
        return str(_only(self._measurements(), codes.DCM.AlgorithmName).TextValue)

    def _is_demonstration(self) -> bool:
        return self._algorithm().startswith(STAMP)

    def _model(self, parameters: dict[str, list[str]]) -> ModelIdentity:
        said, demonstration = self._algorithm(), self._is_demonstration()
        rest = said.removeprefix(STAMP).strip()
        bare = rest if rest[:1].isalnum() else f"demonstration{rest}"
        sha256 = parameters["weights_sha256"][0]
        if re.fullmatch(r"[0-9a-f]{64}", sha256) is None:
            raise _contradiction("the hash of the weights is invalid")
        return ModelIdentity(
            bare if demonstration else said,
            str(_only(self._measurements(), codes.DCM.AlgorithmVersion).TextValue),
            sha256,
            parameters["weights_verified"][0] == "yes",
            demonstration,
            int(parameters["input"][0].partition("x")[0]),
            parameters["operating_points"][0],
            parameters.get("operating_points_origin", [""])[0],
        )

    def _pixels(self, parameters: dict[str, list[str]]) -> dict[str, Any]:
        image = _only(self._library(), self.table.concept("source"))
        sides = [codes.DCM.PixelDataRows, codes.DCM.PixelDataColumns]
        rows, columns = (int(_number(_only(image, side))) for side in sides)
        if not 0 < min(rows, columns) <= max(rows, columns) <= LONGEST_SIDE:
            raise _contradiction("the size of the image is invalid")
        decisions = [each.partition(": ") for each in parameters.get("pixel_decision", ())]
        return {
            "pipeline": _pipeline(parameters).value,
            "rows": rows,
            "columns": columns,
            "decisions": [{"code": code, "text": words} for code, _, words in decisions],
        }

    def _warnings(self) -> Iterator[dict[str, str]]:
        for item in _all(self._evaluations(), codes.DCM.Comment):
            found = _warning().fullmatch(str(item.TextValue))
            if found is not None:
                yield {"code": found[2], "text": found[1]}

    def _overlays(self) -> Iterator[str]:
        for group in _all(self._measurements(), codes.DCM.MeasurementGroup):
            for item in _all(group, codes.DCM.VisualExplanation):
                yield _image(item)

    def _version(self) -> str:
        said = self.root.SoftwareVersions
        first = said if isinstance(said, str) else said[0]
        return str(first).removeprefix(PRODUCT).strip()


def _second_opinions(parameters: dict[str, list[str]]) -> dict[str, Any]:
    """Return what the pixels said of the image as a whole, where the report says it."""
    return {
        name: {each: kind(said[each]) for each, kind in kinds.items()}
        for name, kinds in OPINIONS.items()
        for said in map(json.loads, parameters.get(name, ()))
    }


def _score(raw: float, point: float) -> float:
    """Return a raw value on the scale of scores, as `hilum.predict.model.normalise` does."""
    if raw < point:
        return raw * OPERATING_POINT_SCORE / point
    return 1 - (1 - raw) * OPERATING_POINT_SCORE / (1 - point)


def _children(item: Dataset) -> Sequence[Dataset]:
    found: Sequence[Dataset] = item.get("ContentSequence") or ()
    return found


def _all(item: Dataset, name: Code) -> Iterator[Dataset]:
    """Yield the items of one concept right below another item."""
    for child in _children(item):
        if _code(child, "ConceptNameCodeSequence") == _key(name):
            yield child


def _only(item: Dataset, name: Code) -> Dataset:
    """Return the one item of a concept right below another."""
    found = list(_all(item, name))
    if len(found) != 1:
        raise _contradiction(
            "it says {meaning} {count} times", meaning=name.meaning, count=len(found)
        )
    return found[0]


def _key(code: Code) -> tuple[str, str]:
    return code.value, code.scheme_designator


def _code(item: Dataset, keyword: str) -> tuple[str, str]:
    """Return Code Value and Coding Scheme Designator of a code; empty where it has none."""
    named = item.get(keyword) or ()
    if not named:
        return "", ""
    return str(named[0].get("CodeValue", "")), str(named[0].get("CodingSchemeDesignator", ""))


def _image(item: Dataset) -> str:
    return text(item.ReferencedSOPSequence[0], "ReferencedSOPInstanceUID")


def _number(item: Dataset) -> float:
    """Return a number in full precision where it is there."""
    measured = item.MeasuredValueSequence[0]
    exact = measured.get("FloatingPointValue")
    return float(measured.NumericValue if exact is None else exact)


def _pipeline(parameters: dict[str, list[str]]) -> PixelPipeline:
    return PixelPipeline(parameters["pixel_pipeline"][0])


def _contradiction(what: str, **values: object) -> SourceUnreadable:
    what = filled_in(what, values)
    return SourceUnreadable(
        "The report says that hilum wrote it, but {what}.", "Ask where it comes from.", what=what
    )


@cache
def _warning() -> re.Pattern[str]:
    """Return what a warning of the gate among the comments looks like, in any language.

    Catalogues are read here, which most commands never need.
    """
    heads = "|".join(each.say(HEAD_OF_WARNING) for each in LANGUAGES)
    return re.compile(rf"(?:{heads}): (.+) \[([a-z][a-z0-9_]*)\]", re.DOTALL)
