"""The anatomy report: heart and chest as measured lines, and the cardiothoracic ratio (TID 1500).

OHIF draws a line of TID 1501 only where it is the sole child of its measurement, and a report
without any such group not at all: limit and doubts are in the evaluations, and what could not
be measured at all is shown by the field that the network saw. See docs/conformance.md.

Sources
-------
PS3.16 TID 1500, 1501, 300, 320, 4019; CID 42 (114006), CID 223 (371933006), CID 6135.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pydicom import Dataset
from pydicom.sr.coding import Code

from hilum.encode.codes import load_codes
from hilum.encode.content import (
    Container,
    Item,
    NumericValue,
    Polyline,
    Relation,
    Text,
    codes,
    language,
)
from hilum.encode.encoders import build
from hilum.encode.identity import identify
from hilum.encode.imaging_report import image_library, procedure, selected_from, tracking
from hilum.encode.kinds import ANATOMY_REPORT
from hilum.encode.provenance import algorithm, observer, statements, unverified
from hilum.encode.report_document import ReportDocument
from hilum.encode.result_context import ResultContext
from hilum.encode.segmentation import anatomy_segmentation
from hilum.encode.source import source_of
from hilum.language import Message
from hilum.reading import Reading
from hilum.settings import ReportSettings
from hilum.structures import Anatomy, Line
from hilum.wording import anatomy_statements

RATIO_UNIT: Final = Code("{ratio}", "UCUM", "ratio")
"""Unit of the ratio (PS3.16 CID 7181)."""

MILLIMETRE: Final = Code("mm", "UCUM", "mm")

FAULTS: Final = {
    "quality_dark": codes.DCM.OverExposed,
    "quality_bright": codes.DCM.UnderExposed,
    "quality_rotated": codes.DCM.Positioning,
    "quality_inspiration": codes.DCM.Positioning,
    "quality_cut": codes.DCM.Positioning,
}
"""Note on the image's quality → its code (PS3.16 CID 6135)."""

HEART_WIDTH: Final = Message("Heart, greatest width")
CHEST_WIDTH: Final = Message("Chest, greatest inner width")
"""What viewers show above a line."""


def anatomy_objects(
    anatomy: Anatomy, *, when: datetime, settings: ReportSettings
) -> tuple[Dataset, ...]:
    """Write the anatomy of one radiograph down as DICOM: the masks, then the measurements.

    Raises
    ------
    EncodingFailed
        highdicom does not take the report.
    SettingInvalid
        The site's codes file cannot be used.
    ValueError
        The radiograph has no header, or `when` no UTC offset.
    """
    context = _context(anatomy, when, settings)
    masks = anatomy_segmentation(context, anatomy)
    report = build(_document(context, anatomy), settings.encoder)
    return (report,) if masks is None else (masks, report)


def _context(anatomy: Anatomy, when: datetime, settings: ReportSettings) -> ResultContext:
    """Return what the results are made from: a reading of the network, without findings."""
    reading = Reading(anatomy.radiograph, anatomy.model, (), ())
    table = load_codes(settings.codes_file)
    ratio = anatomy.ratio
    choices = (settings.language.code, settings.sr_class, table.digest)
    checks = [f"{check.note.code} {check.value}" for check in anatomy.quality if check.note]
    identity = identify(reading, *choices, f"{ratio.projection} {ratio.limit:g}", *checks)
    return ResultContext(reading, source_of(reading), table, identity, settings, when)


def _document(context: ResultContext, anatomy: Anatomy) -> ReportDocument:
    value = anatomy.ratio.value
    say = context.language.say_ascii
    described = (
        say("AI anatomy: ratio not measured")
        if value is None
        else say("AI anatomy: cardiothoracic ratio {ratio:.2f}", ratio=value)
    )
    return ReportDocument(
        root=_AnatomyReport(context, anatomy).tree(),
        sop_class=context.settings.sr_class,
        uid=context.identity.uid(ANATOMY_REPORT.name),
        series_uid=context.identity.uid(ANATOMY_REPORT.series_name),
        series_number=ANATOMY_REPORT.series,
        description=context.stamp + described,
        evidence=(context.source,),
        codes=context.codes,
        model=anatomy.model,
        when=context.when,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _AnatomyReport:
    """Builds the content tree."""

    context: ResultContext
    anatomy: Anatomy

    def tree(self) -> Item:
        """Return the content tree."""
        context = self.context
        root = Item(codes.DCM.ImagingMeasurementReport, Container("1500"), None)
        return root.having(
            language(context.language),
            *observer(self.anatomy.model, identified=True),
            procedure(context),
            image_library(context),
            Item(codes.DCM.ImagingMeasurements, Container()).having(
                *algorithm(context.reading, Relation.HAS_CONCEPT_MOD), *self._groups()
            ),
            Item(context.codes.concept("qualitative_evaluations"), Container()).having(
                self._evaluation(), *self._quality(), *self._comments()
            ),
        )

    def _groups(self) -> Iterator[Item]:
        """Yield a group for each width, the ratio beside the last; one in any case, for OHIF."""
        ratio = self.anatomy.ratio
        if ratio.heart is not None:
            yield self._width("heart", HEART_WIDTH, ratio.heart)
        if ratio.thorax is not None:
            group = self._width("chest_cavity", CHEST_WIDTH, ratio.thorax)
            if ratio.value is not None:
                number = NumericValue(round(ratio.value, 4), RATIO_UNIT)
                group = group.having(Item(self._concept, number).having(self._line(ratio.thorax)))
            yield group
        if ratio.heart is None and ratio.thorax is None:
            frame = Polyline(self.anatomy.frame.view.frame)
            yield Item(codes.DCM.MeasurementGroup, Container("1410")).having(
                *tracking(self.context.identity, "AI assessed field", "assessed field"),
                Item(codes.DCM.ImageRegion, frame).having(selected_from(self.context)),
                self._failure(),
            )

    def _width(self, site: str, title: Message, line: Line) -> Item:
        """Return TID 1501 of one width."""
        context = self.context
        if line.mm is None:
            number = NumericValue(round(line.pixels, 1), context.codes.concept("pixels"))
        else:
            number = NumericValue(round(line.mm, 1), MILLIMETRE)
        said = context.stamp + context.language.say("{what} (AI, research use only)", what=title)
        return Item(codes.DCM.MeasurementGroup, Container("1501")).having(
            *tracking(context.identity, f"AI width of {site}", f"width of {site}"),
            Item(codes.SCT.FindingSite, context.codes.sites[site].code, Relation.HAS_CONCEPT_MOD),
            Item(codes.DCM.Comment, Text(said)),
            Item(codes.SCT.Width, number).having(self._line(line)),
        )

    def _line(self, line: Line) -> Item:
        """Return TID 320: the line that a number was inferred from."""
        image = selected_from(self.context)
        return Item(codes.DCM.Path, Polyline(line.points), Relation.INFERRED_FROM).having(image)

    def _evaluation(self) -> Item | None:
        """Return whether the ratio is above the limit, or that there is none."""
        ratio = self.anatomy.ratio
        if ratio.value is None:
            return self._failure()
        if ratio.above_limit is None:
            return None
        limit = Item(
            codes.SCT.NormalRangeUpperLimit,
            NumericValue(ratio.limit, RATIO_UNIT),
            Relation.HAS_PROPERTIES,
        )
        said = codes.SCT.Present if ratio.above_limit else codes.SCT.Absent
        return Item(self.context.codes.concept("ratio_above_limit"), said).having(limit)

    def _quality(self) -> Iterator[Item]:
        """Yield the faults of the image's quality that have a code; the comments say all."""
        notes = (check.note for check in self.anatomy.quality if check.note is not None)
        for found in dict.fromkeys(FAULTS[note.code] for note in notes if note.code in FAULTS):
            yield Item(codes.DCM.QualityFinding, found)

    def _failure(self) -> Item:
        return Item(self._concept, codes.DCM.MeasurementFailure)

    def _comments(self) -> Iterator[Item]:
        model, tongue = self.anatomy.model, self.context.language
        texts = [tongue.say(each) for each in anatomy_statements(self.anatomy)]
        for text in (*texts, *statements(model, tongue), *unverified(model, tongue)):
            yield Item(codes.DCM.Comment, Text(text))

    @property
    def _concept(self) -> Code:
        stamp = "demonstration_" if self.anatomy.model.demonstration else ""
        return self.context.codes.concept(f"{stamp}cardiothoracic_ratio")
