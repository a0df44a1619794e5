"""The report that a department head reads: one HTML file that needs nothing else."""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from hilum import RESEARCH_USE_ONLY, __version__
from hilum.evaluation.agreement import FindingAgreement
from hilum.evaluation.drawings import (
    ForestRow,
    curve,
    figure_text,
    forest,
    hundred,
    of_hundred,
    reliability,
)
from hilum.evaluation.intervals import Estimate
from hilum.evaluation.label_table import KEY_NAMES
from hilum.evaluation.readings import NO_IMAGE
from hilum.evaluation.results import Evaluation, FindingResult, Miss, Standing
from hilum.evaluation.subgroups import OTHERS, Grouping, GroupResult, Measure
from hilum.language import Language, Message
from hilum.language.language import translations
from hilum.values.control_characters import visible
from hilum.wording import finding_name

GROUPINGS: Final = {
    Grouping.SEX: Message("Sex"),
    Grouping.AGE: Message("Age"),
    Grouping.VIEW: Message("View"),
    Grouping.MANUFACTURER: Message("Manufacturer"),
    Grouping.SITE: Message("Site"),
    Grouping.MONTH: Message("Month"),
}

GROUP_NAMES: Final = {
    (Grouping.SEX, "F"): Message("women"),
    (Grouping.SEX, "M"): Message("men"),
    (Grouping.VIEW, "LL"): Message("lateral"),
}

MEASURES: Final = {
    Measure.AREA: Message("AUROC"),
    Measure.SENSITIVITY: Message("Sensitivity"),
    Measure.SPECIFICITY: Message("Specificity"),
}

STANDINGS: Final = {
    Standing.TOO_FEW: Message("too few images"),
    Standing.NO_POSITIVES: Message("no image with it"),
    Standing.NO_NEGATIVES: Message("no image without it"),
}
"""Why a finding cannot be judged."""

MOST_REASONS: Final = 4
"""Reasons for which images were not analyzed that are shown, the most frequent first."""

Thumbnail = Callable[[str], str | None]
"""Path of an image → a picture of it, None where there is none."""


@cache
def environment(language: Language) -> Environment:
    """Return the template's environment in one language."""
    made = Environment(
        loader=PackageLoader("hilum.evaluation", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
        finalize=lambda value: visible(value) if type(value) is str else value,
    )
    catalogue = translations(language)
    made.install_gettext_translations(catalogue, newstyle=True)  # type: ignore[attr-defined]
    return made


def html(
    evaluation: Evaluation,
    language: Language,
    *,
    when: datetime,
    agreements: Sequence[FindingAgreement] = (),
    thumbnail: Thumbnail = lambda _: None,
    notes: Sequence[str] = (),
) -> str:
    """Return the report.

    Parameters
    ----------
    when
        Time of the evaluation.
    agreements
        Of readers' reviews, shown apart.
    thumbnail
        Makes the pictures of missed images.
    notes
        What was decided on the way, in `language`.
    """
    words = ReportWords(language)
    judged = [each for each in evaluation.findings if each.standing is Standing.JUDGED]
    grouped = [(finding, group) for finding in evaluation.findings for group in finding.groups]
    differing = [words.difference(*each) for each in grouped if each[1].differs]
    refused = {
        reason: count
        for reason, count in evaluation.readings.reasons.items()
        if reason.code != NO_IMAGE
    }
    return (
        environment(language)
        .get_template("report.html")
        .render(
            evaluation=evaluation,
            readings=evaluation.readings,
            labels=evaluation.labels,
            join=evaluation.join,
            reasons=Counter(refused).most_common(MOST_REASONS),
            words=words,
            judged=judged,
            unjudged=[each for each in evaluation.findings if each not in judged],
            overview=words.overview(evaluation.findings),
            findings=[
                words.finding(each, thumbnail) for each in evaluation.findings if each.positives
            ],
            differing=differing,
            small=words.small_groups(evaluation.findings),
            group_table=grouped,
            measures=list(Measure),
            agreements=agreements,
            notes=[language.say(note) for note in notes],
            key=language.say(KEY_NAMES[evaluation.join.key]),
            when=language.moment(when),
            version=__version__,
            research_use_only=language.say(RESEARCH_USE_ONLY),
            language=language,
        )
    )


class ReportWords:
    """What the report says of figures, in one language."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self.say = language.say

    def name(self, label: str) -> str:
        """Return what a person calls a finding."""
        return finding_name(label, self.language)

    def value(self, estimate: Estimate, digits: int = 2) -> str:
        """Return a figure with its interval: ``0.87 (0.81–0.91)``."""
        return figure_text(estimate, self.language, digits)

    def per_hundred(self, estimate: Estimate) -> str:
        """Return a share as a number of a hundred, with its interval."""
        if not estimate.known:
            return "–"
        whole = [
            self.language.number(100 * part)
            for part in (estimate.value, estimate.low, estimate.high)
        ]
        return self.say("{value} ({low} to {high})", value=whole[0], low=whole[1], high=whole[2])

    def standing(self, finding: FindingResult) -> str:
        """Return why a finding cannot be judged, empty where it can."""
        return self.say(STANDINGS[finding.standing]) if finding.standing in STANDINGS else ""

    def group(self, group: GroupResult) -> str:
        """Return the name of a group of images."""
        if group.name == OTHERS:
            return self.say("all others")
        named = GROUP_NAMES.get((group.grouping, group.name))
        return self.say(named) if named else group.name

    def grouping(self, group: GroupResult) -> str:
        """Return by what a group is one."""
        return self.say(GROUPINGS[group.grouping])

    def measure(self, measure: Measure) -> str:
        """Return the name of a measure."""
        return self.say(MEASURES[measure])

    def overview(self, findings: Sequence[FindingResult]) -> Markup:
        """Return the picture of all areas."""
        rows = [
            ForestRow(
                self.name(each.label),
                each.area,
                tuple(each.published.values()),
                weak=each.standing is not Standing.JUDGED,
            )
            for each in findings
            if each.area.known
        ]
        low = min([0.5, *(row.value.low for row in rows if row.value.low < 0.5)])  # noqa: PLR2004
        ends = (math.floor(low * 5) / 5 if low < 0.5 else 0.5, 1.0)  # noqa: PLR2004
        label = "; ".join(f"{row.name} {self.value(row.value)}" for row in rows)
        return forest(rows, ends, 0.5, label, self.language)

    def difference(self, finding: FindingResult, group: GroupResult) -> dict[str, Any]:
        """Return what is different in a group: a sentence and a picture of the groups."""
        alike = [each for each in finding.groups if each.grouping is group.grouping]
        measure = next(name for name in Measure if group.figures[name].differs)
        figure = group.figures[measure]
        rows = [
            ForestRow(
                self.group(each),
                each.figures[measure].value,
                strong=each is group,
                weak=each.too_few,
            )
            for each in alike
        ]
        rest = figure.value.value - figure.difference.value
        worse = figure.difference.value < 0
        lower = Message(
            "{finding}, {grouping} {group}: {measure} {value} is lower than in the rest ({rest})."
        )
        higher = Message(
            "{finding}, {grouping} {group}: {measure} {value} is higher than in the rest ({rest})."
        )
        sentence = self.say(
            (lower if worse else higher).template,
            finding=self.name(finding.label),
            grouping=self.grouping(group).lower(),
            group=self.group(group),
            measure=self.measure(measure),
            value=self.language.fixed(figure.value.value, 2),
            rest=self.language.fixed(rest, 2),
        )
        ends = (0.0, 1.0) if measure is not Measure.AREA else (0.4, 1.0)
        picture = forest(rows, ends, ends[0], sentence, self.language)
        interval = self.value(figure.difference)
        return {"sentence": sentence, "picture": picture, "interval": interval, "worse": worse}

    def small_groups(self, findings: Sequence[FindingResult]) -> list[str]:
        """Return the groups that are too small to be judged, each once for all findings."""
        found: dict[tuple[str, str], list[str]] = {}
        for finding in findings:
            for group in finding.groups:
                if group.too_few:
                    where = (self.grouping(group), self.group(group))
                    found.setdefault(where, []).append(self.name(finding.label))
        return [
            f"{grouping}, {name}: {', '.join(labels)}" for (grouping, name), labels in found.items()
        ]

    def finding(self, finding: FindingResult, thumbnail: Thumbnail) -> dict[str, Any]:
        """Return what the report says of one finding: pictures, sentences and misses."""
        name, point = self.name(finding.label), finding.point
        squares = of_hundred(
            {
                "found": point.true_positives,
                "missed": point.false_negatives,
                "alarm": point.false_positives,
                "rest": point.true_negatives,
            }
        )
        drawn = bool(finding.roc)
        false_rate = 1 - point.specificity.value
        return {
            "it": finding,
            "name": name,
            "squares": squares,
            "hundred": hundred(squares, self._hundred_text(name, squares)),
            "roc": drawn
            and curve(
                finding.roc,
                (false_rate, point.sensitivity.value),
                (self.say("false-positive rate"), self.say("sensitivity")),
                self.say(
                    "ROC curve of {finding}, area {value}",
                    finding=name,
                    value=self.value(finding.area),
                ),
            ),
            "recall": drawn
            and curve(
                finding.recall,
                (point.sensitivity.value, point.ppv.value) if point.ppv.known else None,
                (self.say("sensitivity"), self.say("positive predictive value")),
                self.say("Precision and recall of {finding}", finding=name),
                level=point.prevalence.value,
            ),
            "calibration": drawn
            and reliability(
                finding.calibration.curve,
                (self.say("score"), self.say("share with the finding")),
                self.say("Share of images with {finding}, by score", finding=name),
            ),
            "missed": self._pictures(finding.missed, thumbnail),
            "alarms": self._pictures(finding.false_alarms, thumbnail),
        }

    def _hundred_text(self, name: str, squares: Mapping[str, int]) -> str:
        return self.say(
            "Of 100 images: {found} with {finding} and marked, {missed} missed, {alarm} marked "
            "without it, {rest} neither.",
            finding=name,
            **squares,
        )

    def _pictures(self, misses: Sequence[Miss], thumbnail: Thumbnail) -> list[dict[str, Any]]:
        return [
            {
                "picture": thumbnail(miss.path),
                "name": miss.path.replace("\\", "/").rpartition("/")[2],
                "score": self.language.fixed(miss.score, 2),
            }
            for miss in misses
        ]
