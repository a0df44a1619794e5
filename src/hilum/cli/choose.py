"""What ``hilum evaluate --choose`` adds: operating points of this site, as a file."""

import getpass
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self

import click

from hilum.cli.terminal import echo, say
from hilum.errors import SettingInvalid
from hilum.evaluation.intervals import Estimate
from hilum.evaluation.label_table import Fact
from hilum.evaluation.operating import PointFigures
from hilum.evaluation.operating_points import (
    NOT_REACHED,
    TOO_FEW,
    ChoiceRule,
    ChosenPoint,
    choose_points,
    halves,
)
from hilum.evaluation.results import Evaluation
from hilum.language import Language, Message, of_environment
from hilum.predict import find_card
from hilum.predict.card import DEFAULT_POINTS
from hilum.predict.points_file import (
    TITLE_PATTERN,
    CheckedShare,
    FindingPoint,
    HeldOut,
    OfData,
    OfModel,
    OfPixels,
    SitePoints,
)
from hilum.settings import Settings
from hilum.wording import finding_name

WHY: Final[Mapping[str, Message]] = {
    "": Message(""),
    TOO_FEW: Message("too few images: unchanged"),
    NOT_REACHED: Message("no threshold reaches it: unchanged"),
}
"""Why no threshold was chosen → its words."""


@dataclass(frozen=True, slots=True)
class SiteChoice:
    """What ``--choose`` and ``--title`` ask for."""

    rule: ChoiceRule
    title: str
    """What the operating points are called."""

    @classmethod
    def parse(cls, rule: str | None, title: str) -> Self | None:
        """Return it; None where nothing is to be chosen.

        Raises
        ------
        SettingInvalid
            The rule is none, or the title no name.
        """
        if rule is None:
            return None
        if not re.fullmatch(TITLE_PATTERN, title):
            raise SettingInvalid(
                "{title!r} cannot be the title of operating points.",
                "Use letters, digits and . _ - only.",
                title=title,
            )
        return cls(ChoiceRule.parse(rule), title)


def choose(
    found: Evaluation, choice: SiteChoice, files: Sequence[Path], settings: Settings, folder: Path
) -> None:
    """Write a file of operating points beside the report, and say how they did."""
    points = site_points(found, choice, files, settings)
    for line in lines(points):
        click.echo(line)
    if not any(each.chosen for each in points.findings.values()):
        echo("No operating point was chosen: no file was written.", err=True)
        return
    path = points.write(folder)
    echo("Wrote {file}: put it to use with hilum points use {file}", file=path, err=True)


def site_points(
    found: Evaluation, choice: SiteChoice, files: Sequence[Path], settings: Settings
) -> SitePoints:
    """Choose the operating points of the findings that were evaluated.

    Raises
    ------
    ModelUnknown
        There is no card of the model that read.
    SettingInvalid
        The readings were made with another pixel pipeline than the settings have.
    """
    readings, join = found.readings, found.join
    if readings.pipeline != settings.pixels.pipeline:
        raise SettingInvalid(
            "The readings were made with pixels.pipeline = {theirs}, which is {ours} here.",
            "Read the images with the settings of the node.",
            theirs=readings.pipeline,
            ours=settings.pixels.pipeline,
        )
    card = find_card(readings.model, settings.data_folder)
    labels = [each.label for each in found.findings if each.label in card.trained_labels]
    names = [uid or path for uid, path in zip(readings.instances, readings.paths, strict=True)]
    patients = join.facts.get(Fact.PATIENT) or [""] * len(names)
    keys = [patient or name for patient, name in zip(patients, names, strict=True)]
    labelled = join.labelled
    kept = [key for key, known in zip(keys, labelled, strict=True) if known]
    chosen = choose_points(
        choice.rule,
        {each: readings.raw[labelled, readings.labels.index(each)] for each in labels},
        {each: join.truth[labelled, found.labels.findings.index(each)] for each in labels},
        kept,
        card.operating_points[DEFAULT_POINTS],
    )
    first = halves(kept)
    on = {key for key, is_first in zip(kept, first, strict=True) if is_first}
    return SitePoints(
        title=choice.title,
        created=datetime.now(UTC).replace(microsecond=0),
        created_by=getpass.getuser(),
        rule=str(choice.rule),
        model=OfModel(name=readings.model, version=readings.version, sha256=readings.sha256),
        pixels=OfPixels.of(settings.pixels),
        data=OfData(
            sha256=digest(files),
            images=int(first.sum()),
            patients=len(on),
            held_out_images=int((~first).sum()),
            held_out_patients=len(set(kept) - on),
        ),
        findings={label: _point(each) for label, each in chosen.items()},
    )


def digest(files: Sequence[Path]) -> str:
    """Return the SHA-256 of the label files, one after the other."""
    found = hashlib.sha256()
    for path in files:
        found.update(path.read_bytes())
    return found.hexdigest()


def lines(points: SitePoints) -> Iterator[str]:
    """Yield what was chosen, a line a finding."""
    yield say(
        "{rule}: threshold, sensitivity and specificity on the patients on whom it was not chosen",
        rule=points.rule,
    )
    language = of_environment()
    for label, each in points.findings.items():
        tried = each.held_out
        shares = (None, None) if tried is None else (tried.sensitivity, tried.specificity)
        name, threshold = finding_name(label, language), language.fixed(each.threshold, 4)
        figures = " ".join(f"{_share(share, language):<18}" for share in shares)
        yield f"{name:<28} {threshold:<8} {figures} {say(WHY[each.why])}".rstrip()


def _share(share: CheckedShare | None, language: Language) -> str:
    if share is None:
        return "–"
    value, low, high = (language.fixed(each, 2) for each in (share.value, share.low, share.high))
    return f"{value} ({low}–{high})"


def _point(chosen: ChosenPoint) -> FindingPoint:
    return FindingPoint(
        threshold=chosen.threshold,
        chosen=not chosen.why,
        why=chosen.why,
        positives=chosen.positives,
        negatives=chosen.negatives,
        held_out=None if chosen.held_out is None else _held_out(chosen.held_out),
    )


def _held_out(tried: PointFigures) -> HeldOut:
    return HeldOut(
        positives=tried.true_positives + tried.false_negatives,
        negatives=tried.true_negatives + tried.false_positives,
        sensitivity=_checked(tried.sensitivity),
        specificity=_checked(tried.specificity),
        ppv=_checked(tried.ppv),
    )


def _checked(share: Estimate) -> CheckedShare | None:
    if not share.known:
        return None
    return CheckedShare(value=share.value, low=share.low, high=share.high, total=share.total)
