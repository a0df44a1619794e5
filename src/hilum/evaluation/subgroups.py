"""Is the model worse for some? Groups of images, each against the rest.

All comparisons of one evaluation are one family: what is named as different is so at 5 % for
all of them together (Holm). Where nothing differs, at most 5 of 100 reports name something.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

import numpy as np

from hilum.evaluation.intervals import (
    Bools,
    Estimate,
    Floats,
    Groups,
    difference,
    fisher,
    holm,
    proportion,
)
from hilum.evaluation.label_table import Fact
from hilum.evaluation.ranking import compare, rank
from hilum.values.ages import read_age
from hilum.values.dates import read_day

FAMILY_ERROR: Final = 0.05
"""How often a report names a difference where there is none at all."""

MOST: Final = 12
"""Groups of one kind at most: the largest ones; the rest are one group."""

OTHERS: Final = "…"
"""Name of that group."""

AGE_BANDS: Final = ((18, 39), (40, 59), (60, 79))
"""Years, both ends included; younger and older are groups, too."""


SEXES: Final = {
    word: sex
    for sex, words in {
        "F": "f fem female feminino feminina femenino femenina w woman mulher mujer",
        "M": "m masc male masculino masculina man h homem hombre",
    }.items()
    for word in words.split()
}
"""What headers and people write, in lower case → DICOM's letter."""


class Grouping(StrEnum):
    """By what images are grouped."""

    SEX = "sex"
    AGE = "age"
    VIEW = "view"
    MANUFACTURER = "manufacturer"
    SITE = "site"
    MONTH = "month"


class Measure(StrEnum):
    """What is compared."""

    AREA = "auroc"
    SENSITIVITY = "sensitivity"
    SPECIFICITY = "specificity"


@dataclass(frozen=True, slots=True)
class GroupFigure:
    """One measure in one group."""

    value: Estimate
    difference: Estimate
    """Group less rest."""
    p: float
    """NaN where it was not tested: too few, or the other of two groups was."""
    adjusted: float = math.nan
    """p among all comparisons of the evaluation."""

    @property
    def differs(self) -> bool:
        """Whether the group is named as different."""
        return self.adjusted <= FAMILY_ERROR


@dataclass(frozen=True, slots=True)
class GroupResult:
    """One finding in one group of images."""

    grouping: Grouping
    name: str
    images: int
    positives: int
    too_few: bool
    """Whether the group or the rest has fewer than ten patients with the finding, or without."""
    figures: Mapping[Measure, GroupFigure]

    @property
    def differs(self) -> bool:
        """Whether any measure does."""
        return any(figure.differs for figure in self.figures.values())


def groupings(facts: Mapping[Fact, Sequence[str]]) -> dict[Grouping, list[str]]:
    """Return for each grouping the group of every image, ``""`` where it is not known.

    Groupings with fewer than two groups are left out.
    """
    made: dict[Grouping, tuple[Fact, Callable[[str], str]]] = {
        Grouping.SEX: (Fact.SEX, _sex),
        Grouping.AGE: (Fact.AGE, _age_band),
        Grouping.VIEW: (Fact.VIEW, _view),
        Grouping.MANUFACTURER: (Fact.MANUFACTURER, _plain),
        Grouping.SITE: (Fact.SITE, _plain),
        Grouping.MONTH: (Fact.DATE, _month),
    }
    found = {}
    for grouping, (fact, name) in made.items():
        said = facts.get(fact, ())
        known = {text: name(text) for text in set(said)}
        names = _largest([known[text] for text in said])
        if len(set(names) - {""}) > 1:
            found[grouping] = names
    return found


def _largest(names: list[str]) -> list[str]:
    kept = {name for name, _ in Counter(filter(None, names)).most_common(MOST)}
    return [name if name in kept or not name else OTHERS for name in names]


def _sex(text: str) -> str:
    return SEXES.get(text.strip(" .").casefold(), "")


def _age_band(text: str) -> str:
    found = read_age(text)
    if found is None:
        return ""
    years = int(found[0])
    for low, high in AGE_BANDS:
        if years < low:
            return f"0–{low - 1}"
        if years <= high:
            return f"{low}–{high}"
    return f"{AGE_BANDS[-1][1] + 1}+"


def _view(text: str) -> str:
    plain = " ".join(text.upper().replace("_", " ").split())
    words = {"POSTEROANTERIOR": "PA", "ANTEROPOSTERIOR": "AP", "LATERAL": "LL", "L": "LL"}
    return words.get(plain, plain)


def _plain(text: str) -> str:
    return " ".join(text.split()).upper()


def _month(text: str) -> str:
    if len(text) == len("2024-03") and text[4] == "-":
        return text
    found = read_day(text)
    return "" if found is None else f"{found:%Y-%m}"


def group_results(
    names: Mapping[Grouping, Sequence[str]],
    scores: Floats,
    called: Bools,
    truth: Bools,
    groups: Groups,
) -> list[GroupResult]:
    """Return one finding's figures in each group; p values are not adjusted yet.

    Parameters
    ----------
    names
        Of each grouping, the group of every image.
    scores, called, truth, groups
        Shape ``(images,)``: score, whether it is called positive, whether the finding is
        there, and whose image it is.
    """
    found = []
    for grouping, said in names.items():
        which = np.array(said, dtype=object)
        known = which != ""
        present = sorted({name for name in which[known] if name != OTHERS})
        present += [OTHERS] if (which == OTHERS).any() else []
        for number, name in enumerate(present):
            inside, rest = which == name, known & (which != name)
            again = number > 0 and len(present) == 2  # noqa: PLR2004  its own mirror image
            parts = tuple(
                (scores[part], called[part], truth[part], groups[part]) for part in (inside, rest)
            )
            found.append(_group(grouping, str(name), parts, tested=not again))
    return found


Part = tuple[Floats, Bools, Bools, Groups]


def _group(grouping: Grouping, name: str, parts: Sequence[Part], *, tested: bool) -> GroupResult:
    areas = [rank(scores, truth, groups) for scores, _, truth, groups in parts]
    too_few = any(area.too_few for area in areas)
    compared = compare(*areas)
    tested = tested and not too_few
    figures = {
        Measure.AREA: GroupFigure(
            areas[0].estimate, compared.difference, compared.p if tested else math.nan
        )
    }
    for measure, shown in ((Measure.SENSITIVITY, True), (Measure.SPECIFICITY, False)):
        shares = [
            proportion(called[truth == shown] == shown, groups[truth == shown])
            for _, called, truth, groups in parts
        ]
        pairs = [
            (share.value * share.size, share.size) if share.known else (0, 0) for share in shares
        ]
        figures[measure] = GroupFigure(
            shares[0],
            difference(shares[0], shares[1]),
            fisher(*pairs) if tested else math.nan,
        )
    truth = parts[0][2]
    return GroupResult(grouping, name, len(truth), int(truth.sum()), too_few, figures)


def adjusted(results: Mapping[str, Sequence[GroupResult]]) -> dict[str, list[GroupResult]]:
    """Return the results of all findings with p values adjusted for all of them together."""
    places = [
        (label, number, measure)
        for label, those in results.items()
        for number, result in enumerate(those)
        for measure in result.figures
    ]
    values = holm([results[label][number].figures[measure].p for label, number, measure in places])
    figures: dict[tuple[str, int], dict[Measure, GroupFigure]] = {}
    for (label, number, measure), value in zip(places, values, strict=True):
        figure = results[label][number].figures[measure]
        figures.setdefault((label, number), {})[measure] = replace(figure, adjusted=value)
    return {
        label: [
            replace(result, figures=figures[label, number]) for number, result in enumerate(those)
        ]
        for label, those in results.items()
    }


def tests_in(results: Mapping[str, Sequence[GroupResult]]) -> int:
    """Return how many comparisons were made."""
    return sum(
        not math.isnan(figure.p)
        for those in results.values()
        for result in those
        for figure in result.figures.values()
    )
