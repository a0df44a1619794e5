"""One evaluation: labels against readings, finding by finding."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import compress
from typing import Final

import numpy as np

from hilum.errors import SourceUnreadable
from hilum.evaluation.calibration import Calibration, calibrate
from hilum.evaluation.intervals import (
    UNKNOWN,
    Bools,
    Estimate,
    Floats,
    Groups,
    groups_of,
    paired_difference,
)
from hilum.evaluation.joining import Join
from hilum.evaluation.label_table import PRESENT, Fact, LabelTable
from hilum.evaluation.operating import PointFigures, at_point, counted, npv_at, ppv_at
from hilum.evaluation.ranking import (
    AreaComparison,
    Ranking,
    average_precision,
    compare,
    precision_recall,
    rank,
    roc_curve,
)
from hilum.evaluation.readings import ReadingTable
from hilum.evaluation.subgroups import GroupResult, adjusted, group_results, groupings, tests_in

CURVE_POINTS: Final = 200
"""Points of a drawn curve at most."""

THRESHOLDS: Final = tuple(round(0.1 * step, 1) for step in range(1, 10))
"""Scores at which calls are counted, beside the operating point."""

WORST: Final = 3
"""Missed images of a finding that are shown, and false alarms."""


class Standing(StrEnum):
    """How far a finding can be judged."""

    JUDGED = "judged"
    TOO_FEW = "too_few"
    """Fewer than ten patients with it, or without: figures, but no firm interval."""
    NO_POSITIVES = "no_positives"
    NO_NEGATIVES = "no_negatives"


@dataclass(frozen=True, slots=True)
class ThresholdRow:
    """Calls at one score."""

    score: float
    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int


@dataclass(frozen=True, slots=True)
class Miss:
    """One image on which model and label disagree."""

    path: str
    score: float


@dataclass(frozen=True, slots=True)
class PairedResult:
    """Two sets of readings of the same images, the first less the second."""

    images: int
    area: AreaComparison
    sensitivity: Estimate
    sensitivity_p: float
    specificity: Estimate
    specificity_p: float
    other_area: Estimate


@dataclass(frozen=True, slots=True)
class FindingResult:
    """Everything about one finding."""

    label: str
    standing: Standing
    images: int
    positives: int
    patients: int
    """Patients with it; images where patients are not known."""
    unknown: int
    """Labelled images of which the label says neither yes nor no."""
    area: Estimate
    precision: Estimate
    """Area under the precision–recall curve."""
    point: PointFigures
    calibration: Calibration
    roc: tuple[tuple[float, float], ...]
    recall: tuple[tuple[float, float], ...]
    thresholds: tuple[ThresholdRow, ...]
    ppv_here: Estimate = UNKNOWN
    npv_here: Estimate = UNKNOWN
    """At the prevalence that was asked for."""
    prevalence_here: float = math.nan
    missed: tuple[Miss, ...] = ()
    false_alarms: tuple[Miss, ...] = ()
    published: Mapping[str, float] = field(default_factory=dict)
    """Dataset → area that the model's authors published."""
    groups: tuple[GroupResult, ...] = ()
    paired: PairedResult | None = None


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What a model card says that matters here."""

    training_data: tuple[str, ...] = ()
    published: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Dataset → finding → area."""
    published_source: str = ""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A whole evaluation."""

    readings: ReadingTable
    labels: LabelTable
    join: Join
    findings: tuple[FindingResult, ...]
    """Those that model and labels have in common, the most frequent first."""
    not_of_the_model: tuple[str, ...]
    """Findings of the labels that the model does not look for."""
    not_labelled: tuple[str, ...]
    """Findings of the model of which the labels say nothing."""
    patients_known: bool
    patients: int
    tests: int
    """Comparisons of groups, all of one family."""
    in_training: str | None
    """What the model's card says of these very images, None where it says nothing."""
    card: ModelFacts
    other: ReadingTable | None = None
    """The readings that they are compared with."""


IMAGES_OF: Final = {
    "SIIM": "NIH ChestX-ray14",
    "RSNA": "NIH ChestX-ray14",
    "Google NIH": "NIH ChestX-ray14",
}
"""Dataset → the one whose images it has."""

TRAINING_NAMES: Final = {
    "Google NIH": "Google labels",
    "NIH ChestX-ray14": "NIH",
    "VinDr-CXR": "VinDr",
}
"""Dataset → the word that a card has for it, where it is another."""


def in_training(dataset: str, training_data: Sequence[str]) -> str | None:
    """Return the training data that has the dataset's images, None for none."""
    if not dataset:
        return None
    for name in (dataset, IMAGES_OF.get(dataset)):
        word = TRAINING_NAMES.get(name or "", name or "\0")
        found = next((each for each in training_data if word in each), None)
        if found:
            return found
    return None


def evaluate(
    readings: ReadingTable,
    labels: LabelTable,
    join: Join,
    *,
    card: ModelFacts | None = None,
    prevalence: Mapping[str, float] | None = None,
    other: ReadingTable | None = None,
) -> Evaluation:
    """Return the figures of every finding that model and labels have in common.

    Parameters
    ----------
    prevalence
        Finding → share of images that show it where the model is to be used.
    other
        Readings to compare with, of the same images.

    Raises
    ------
    SourceUnreadable
        Model and labels have no finding in common, or the readings no image.
    """
    known = card or ModelFacts()
    shared = [label for label in readings.labels if label in labels.findings]
    if not shared:
        raise SourceUnreadable(
            "The labels of {name} have no finding of {model}: they have {theirs}.",
            "The model looks for {ours}.",
            name=labels.source,
            model=readings.model,
            theirs=", ".join(labels.findings[:20]),
            ours=", ".join(readings.labels),
        )
    patients = join.facts.get(Fact.PATIENT)
    groups = groups_of(patients, len(readings))
    names = groupings(
        {fact: list(compress(said, join.labelled)) for fact, said in join.facts.items()}
    )
    results, grouped = {}, {}
    pairs = None if other is None else paired_rows(readings, other)
    for label in shared:
        data = _Finding.of(label, readings, labels, join, groups)
        results[label] = data.result(known, (prevalence or {}).get(label, math.nan))
        if results[label].standing is Standing.JUDGED:
            which = data.known[join.labelled]
            of_known = {kind: list(compress(said, which)) for kind, said in names.items()}
            grouped[label] = group_results(
                of_known, data.score, data.called, data.truth, data.groups
            )
        if pairs is not None and other is not None and label in other.labels:
            results[label] = replace(results[label], paired=data.paired(other, pairs))
    held = adjusted(grouped)
    findings = [
        replace(result, groups=tuple(held.get(label, ()))) for label, result in results.items()
    ]
    return Evaluation(
        readings,
        labels,
        join,
        tuple(sorted(findings, key=lambda each: -each.positives)),
        tuple(label for label in labels.findings if label not in shared),
        tuple(label for label in readings.labels if label not in shared),
        patients_known=patients is not None and any(patients),
        patients=len(np.unique(groups[join.labelled])),
        tests=tests_in(held),
        in_training=in_training(labels.dataset, known.training_data),
        card=known,
        other=other,
    )


def paired_rows(readings: ReadingTable, other: ReadingTable) -> dict[int, int]:
    """Return image of the first → the same image among the second, by UID, else by path.

    Raises
    ------
    SourceUnreadable
        They have no image in common.
    """
    theirs: dict[str, int] = {}
    for number in range(len(other)):
        theirs.setdefault(other.instances[number] or other.paths[number], number)
    found = {
        number: theirs[name]
        for number in range(len(readings))
        if (name := readings.instances[number] or readings.paths[number]) in theirs
    }
    if not found:
        raise SourceUnreadable(
            "{one} and {other} have no image in common.",
            "Read the same files with both models or pixel pipelines.",
            one=readings.source,
            other=other.source,
        )
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Finding:
    """Arrays of one finding, of the images whose label says yes or no."""

    label: str
    known: Bools
    """Shape ``(images,)``, of all that were read: which of them these are."""
    raw: Floats
    score: Floats
    called: Bools
    truth: Bools
    groups: Groups
    paths: tuple[str, ...]
    unknown: int
    ranking: Ranking

    @classmethod
    def of(
        cls, label: str, readings: ReadingTable, labels: LabelTable, join: Join, groups: Groups
    ) -> "_Finding":
        column = readings.labels.index(label)
        said = join.truth[:, labels.findings.index(label)]
        known = ~np.isnan(said) & ~np.isnan(readings.raw[:, column])
        raw, truth, whose = readings.raw[known, column], said[known] == PRESENT, groups[known]
        return cls(
            label,
            known,
            raw,
            readings.score[known, column],
            readings.positive[known, column],
            truth,
            whose,
            tuple(compress(readings.paths, known)),
            int(join.labelled.sum() - known.sum()),
            rank(raw, truth, whose),
        )

    @property
    def standing(self) -> Standing:
        if not self.truth.any():
            return Standing.NO_POSITIVES
        if self.truth.all():
            return Standing.NO_NEGATIVES
        return Standing.TOO_FEW if self.ranking.too_few else Standing.JUDGED

    def result(self, card: ModelFacts, prevalence: float) -> FindingResult:
        point = at_point(self.called, self.truth, self.groups)
        both = self.truth.any() and not self.truth.all()
        roc = roc_curve(self.score, self.truth) if both else None
        recall = precision_recall(self.score, self.truth) if both else None
        asked = 0 < prevalence < 1
        return FindingResult(
            label=self.label,
            standing=self.standing,
            images=len(self.truth),
            positives=int(self.truth.sum()),
            patients=len(np.unique(self.groups[self.truth])),
            unknown=self.unknown,
            area=self.ranking.estimate,
            precision=average_precision(self.raw, self.truth, self.groups),
            point=point,
            calibration=calibrate(self.score, self.truth, self.groups),
            roc=_thinned(roc.x, roc.y) if roc else (),
            recall=_thinned(recall.x, recall.y) if recall else (),
            thresholds=tuple(self._at(score) for score in THRESHOLDS),
            ppv_here=ppv_at(point, prevalence) if asked else UNKNOWN,
            npv_here=npv_at(point, prevalence) if asked else UNKNOWN,
            prevalence_here=prevalence,
            missed=self._worst(~self.called & self.truth, lowest=True),
            false_alarms=self._worst(self.called & ~self.truth, lowest=False),
            published={
                name: areas[self.label]
                for name, areas in card.published.items()
                if self.label in areas
            },
        )

    def _at(self, score: float) -> ThresholdRow:
        return ThresholdRow(score, *counted(self.score >= score, self.truth))

    def _worst(self, which: Bools, *, lowest: bool) -> tuple[Miss, ...]:
        where = np.flatnonzero(which)
        order = np.argsort(self.score[where] if lowest else -self.score[where], kind="stable")
        return tuple(
            Miss(self.paths[number], float(self.score[number])) for number in where[order[:WORST]]
        )

    def paired(self, other: ReadingTable, pairs: Mapping[int, int]) -> PairedResult:
        column = other.labels.index(self.label)
        numbers = np.flatnonzero(self.known)
        ours = np.array([at for at, number in enumerate(numbers) if number in pairs], dtype=np.intp)
        theirs = np.array([pairs[number] for number in numbers[ours]], dtype=np.intp)
        truth, groups = self.truth[ours], self.groups[ours]
        here = rank(self.raw[ours], truth, groups)
        there = rank(other.raw[theirs, column], truth, groups)
        called, also = self.called[ours], other.positive[theirs, column]
        caught = paired_difference(called[truth], also[truth], groups[truth])
        spared = paired_difference(~called[~truth], ~also[~truth], groups[~truth])
        return PairedResult(
            len(ours), compare(here, there), *caught, *spared, other_area=there.estimate
        )


def _thinned(x: Floats, y: Floats) -> tuple[tuple[float, float], ...]:
    """Return a curve with few points; where it has many, those evenly along it."""
    if len(x) > CURVE_POINTS:
        along = np.cumsum(np.hypot(np.diff(x, prepend=x[0]), np.diff(y, prepend=y[0])))
        wanted = np.linspace(0, along[-1], CURVE_POINTS)
        kept = np.unique(np.searchsorted(along, wanted).clip(0, len(x) - 1))
        x, y = x[kept], y[kept]
    return tuple((round(float(a), 5), round(float(b), 5)) for a, b in zip(x, y, strict=True))
