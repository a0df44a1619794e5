"""The regions report, for software and for viewers that draw: TID 1500, coded findings, outlines.

Its form is the one that OHIF 3.12 opens. A measurement group without a polygon, or
none at all, leaves its viewport blank without a message, so a reading without
positives draws the field that the model saw. See docs/conformance.md.

Sources
-------
PS3.16 TID 1500, 1410, 4019, 1600, 1602; sites, scores and states as in docs/conformance.md.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.sr.coding import Code

from hilum.encode.content import (
    Container,
    Item,
    NumericValue,
    Polyline,
    Relation,
    Text,
    codes,
    language,
    reference,
)
from hilum.encode.imaging_report import image_library, procedure, selected_from, tracking
from hilum.encode.provenance import SCORE_UNIT, algorithm, cautions, observer, single, statements
from hilum.encode.result_context import ResultContext
from hilum.errors import EncodingFailed
from hilum.radiograph import FieldOfView
from hilum.reading import OPERATING_POINT_SCORE, Finding, Region
from hilum.settings import SRClass
from hilum.values.site_curve import SiteProbability
from hilum.wording import shown_score

FEWEST_POINTS = 6
"""Fewer make OHIF take an outline for a tool of its own, and ask whether to edit it."""


@dataclass(frozen=True, slots=True, eq=False)
class RegionsReport:
    """Builds the content tree of one reading."""

    context: ResultContext
    """What it is made from."""
    visual_explanation: Dataset | None = None
    """The picture of the heatmaps, None when there is none."""

    def tree(self, regions: Sequence[Region]) -> Item:
        """Return the content tree; regions of findings below their operating point are not drawn.

        Raises
        ------
        EncodingFailed
            An outline is open, too short or outside the image.
        """
        root = Item(codes.DCM.ImagingMeasurementReport, Container("1500"), None)
        return root.having(
            language(self.context.language),
            *observer(self.context.reading.model, identified=True),
            procedure(self.context),
            image_library(self.context),
            Item(codes.DCM.ImagingMeasurements, Container()).having(
                *algorithm(self.context.reading, Relation.HAS_CONCEPT_MOD), *self._groups(regions)
            ),
            Item(self.context.codes.concept("qualitative_evaluations"), Container()).having(
                self._summary(),
                *(self._row(finding) for finding in self.context.reading.findings),
                *self._comments(),
            ),
        )

    def _comments(self) -> Iterator[Item]:
        for text in (
            *statements(self.context.reading.model, self.context.language),
            *cautions(self.context.reading, self.context.language),
        ):
            yield Item(codes.DCM.Comment, Text(text))

    def _groups(self, regions: Sequence[Region]) -> Iterator[Item]:
        """Yield a measurement group for each region; OHIF needs at least one."""
        positives = self.context.reading.positives
        if not positives:
            yield self._assessed_field()
        for finding in positives:
            outlines = [region.outline for region in regions if region.label == finding.label]
            frame = self._field_of_view(finding.label).frame
            for number, outline in enumerate(outlines or [frame], start=1):
                yield self._region(finding, outline, number)

    def _region(self, finding: Finding, outline: NDArray[np.float64], number: int) -> Item:
        """Return TID 1410 of one region; two regions need two tracking UIDs."""
        label = finding.label
        code, site = self.context.codes.finding(label), self.context.codes.site(label)
        modifier = Relation.HAS_CONCEPT_MOD
        # Finding Site hangs below the score: OHIF prints it as a bare code on the group.
        score = self._score(finding).having(
            Item(codes.DCM.Finding, code, modifier),
            None if site is None else Item(codes.SCT.FindingSite, site, modifier),
        )
        return Item(codes.DCM.MeasurementGroup, Container("1410")).having(
            *tracking(
                self.context.identity, f"AI {label} region {number}", f"region {number} of {label}"
            ),
            Item(codes.DCM.Finding, code),
            self._outline(label, outline),
            score,
            self._operating_point(),
            self._explanation(),
        )

    def _assessed_field(self) -> Item:
        """Return TID 1410 of the field that the model saw, when nothing is positive in it."""
        highest = max(self.context.reading.findings, key=lambda finding: finding.score)
        stamp = "demonstration_" if self.context.reading.model.demonstration else ""
        name = self.context.codes.concept(f"{stamp}highest_score")
        score = self._score(highest, name=name).having(
            algorithm_parameter(f"label={highest.label}")
        )
        frame = self._field_of_view(highest.label).frame
        return Item(codes.DCM.MeasurementGroup, Container("1410")).having(
            *tracking(self.context.identity, "AI assessed field", "assessed field"),
            self._outline("assessed field", frame),
            score,
            self._operating_point(),
            self._summary(),
            self._explanation(),
        )

    def _row(self, finding: Finding) -> Item:
        """Return the coded row of one finding, present or absent."""
        label, positive = finding.label, finding.positive
        code, site = self.context.codes.finding(label), self.context.codes.site(label)
        modifier = Relation.HAS_CONCEPT_MOD
        score = self._score(finding, Relation.HAS_PROPERTIES).having(
            # Only where it is asserted: some read any Finding in a report as a diagnosis.
            Item(codes.DCM.Finding, code, modifier) if positive else None,
            algorithm_parameter(f"operating_point={OPERATING_POINT_SCORE:g}"),
        )
        return Item(code, codes.SCT.Present if positive else codes.SCT.Absent).having(
            *tracking(self.context.identity, f"AI {label}", label, self._row_tracking()),
            None if site is None else Item(codes.SCT.FindingSite, site, modifier),
            score,
            self._ratio("model_output", finding.raw),
            self._ratio("model_output_operating_point", finding.operating_point),
            self._site_probability(finding.probability),
            Item(
                self.context.codes.concept("source"),
                reference(self.context.source),
                Relation.INFERRED_FROM,
            ),
        )

    def _summary(self) -> Item:
        outcome = (
            codes.DCM.AllAlgorithmsSucceededWithFindings
            if self.context.reading.positives
            else codes.DCM.AllAlgorithmsSucceededWithoutFindings
        )
        return Item(codes.DCM.CADProcessingAndFindingsSummary, outcome)

    def _row_tracking(self) -> Relation:
        """Return how a row has its tracking: Enhanced SR gives context to containers only."""
        enhanced = self.context.settings.sr_class is SRClass.ENHANCED
        return Relation.HAS_PROPERTIES if enhanced else Relation.HAS_OBS_CONTEXT

    def _outline(self, label: str, outline: NDArray[np.float64]) -> Item:
        radiograph = self.context.reading.radiograph
        check_outline(label, outline, radiograph.rows, radiograph.columns)
        return Item(codes.DCM.ImageRegion, Polyline(outline)).having(selected_from(self.context))

    def _explanation(self) -> Item | None:
        if self.visual_explanation is None:
            return None
        return Item(codes.DCM.VisualExplanation, reference(self.visual_explanation))

    def _operating_point(self) -> Item:
        value = NumericValue(OPERATING_POINT_SCORE, SCORE_UNIT)
        return Item(self.context.codes.concept("operating_point"), value)

    def _score(
        self, finding: Finding, relation: Relation = Relation.CONTAINS, *, name: Code | None = None
    ) -> Item:
        demonstration = self.context.reading.model.demonstration
        name = name or self.context.codes.score(finding.label, demonstration=demonstration)
        value = shown_score(finding.score, positive=finding.positive)
        return Item(name, NumericValue(value, SCORE_UNIT), relation)

    def _ratio(self, concept: str, value: float) -> Item:
        return self._number(self.context.codes.concept(concept), value)

    def _number(self, concept: Code, value: float) -> Item:
        number = NumericValue(single(value), codes.UCUM.NoUnits)
        return Item(concept, number, Relation.HAS_PROPERTIES)

    def _site_probability(self, site: SiteProbability | None) -> Item | None:
        """Return a measurement of its own: it is no score."""
        if site is None:
            return None
        demonstration = self.context.reading.model.demonstration
        concept = self.context.codes.site_probability(demonstration=demonstration)
        interval = f"interval_95={site.low:.7f} {site.high:.7f}"
        return self._number(concept, site.value).having(
            *map(algorithm_parameter, (f"images={site.images}", interval))
        )

    def _field_of_view(self, label: str) -> FieldOfView:
        return next(h.field_of_view for h in self.context.reading.heatmaps if h.label == label)


def algorithm_parameter(text: str) -> Item:
    """Return one Algorithm Parameters row below a measurement (TID 4019)."""
    return Item(codes.DCM.AlgorithmParameters, Text(text), Relation.HAS_CONCEPT_MOD)


def check_outline(label: str, outline: NDArray[np.float64], rows: int, columns: int) -> None:
    """Refuse an outline that viewers would draw wrongly or not at all.

    Parameters
    ----------
    outline
        Shape ``(points, 2)``, (column, row) in source pixels.
    rows, columns
        Size of the source image.

    Raises
    ------
    EncodingFailed
        It is open, has fewer than six points, or leaves the image.
    """
    if len(outline) < FEWEST_POINTS or not np.array_equal(outline[0], outline[-1]):
        raise EncodingFailed(
            "The region of {label} has {count} points or is not closed.",
            "Give six points or more, the last one like the first.",
            label=label,
            count=len(outline),
        )
    if outline.min() < 0 or (outline > (columns, rows)).any():
        raise EncodingFailed(
            "The region of {label} lies outside the image of {rows} rows and {columns} columns.",
            "Give it in pixels of the source image.",
            label=label,
            rows=rows,
            columns=columns,
        )
