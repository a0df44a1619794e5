"""What ``hilum evaluate --choose`` adds: operating points of this site, as a file."""

import getpass
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self

import click

from hilum.cli.option_sets import option_set
from hilum.cli.terminal import echo, say
from hilum.errors import SettingInvalid
from hilum.evaluation.drawings import figure_text
from hilum.evaluation.intervals import UNKNOWN, Estimate
from hilum.evaluation.label_table import Fact
from hilum.evaluation.operating import PointFigures
from hilum.evaluation.operating_points import (
    LEAST,
    TOO_FEW,
    ChoiceRule,
    ChosenPoint,
    choose_points,
    halves,
)
from hilum.evaluation.results import Evaluation
from hilum.evaluation.site_calibration import (
    LEAST_FITTED,
    SiteFit,
    WhyNot,
    fit_sites,
)
from hilum.language import Language, of_environment
from hilum.predict import find_card
from hilum.predict.card import DEFAULT_POINTS
from hilum.predict.points_file import (
    TITLE_PATTERN,
    CheckedCalibration,
    CheckedNumber,
    CheckedShare,
    FindingPoint,
    HeldOut,
    OfData,
    OfModel,
    OfPixels,
    SiteCalibration,
    SitePoints,
)
from hilum.settings import Settings
from hilum.wording import WHY_UNCALIBRATED, WHY_UNCHANGED, finding_name


@dataclass(frozen=True, slots=True)
class ChoiceOptions:
    """What a person says about operating points, as the options have it."""

    rule: str | None
    """None: none are chosen."""
    calibrate: bool
    title: str


choice_options: Final = option_set(
    ChoiceOptions,
    "choosing",
    click.option(
        "--choose",
        "rule",
        metavar="RULE",
        help="Also choose operating points of this site on half of the patients, and try them on "
        "the others: sensitivity=0.95, specificity=0.95, ppv=0.8 or youden.",
    ),
    click.option(
        "--calibrate",
        is_flag=True,
        help="With --choose: also fit a calibrated probability at this site for each finding, "
        "shown beside the score once the file is put to use.",
    ),
    click.option("--title", default="site", show_default=True, help="What these are called."),
)
"""Adds them to a command."""


@dataclass(frozen=True, slots=True)
class SiteChoice:
    """What ``--choose`` and ``--title`` ask for."""

    rule: ChoiceRule
    title: str
    """What the operating points are called."""
    calibrate: bool = False
    """Whether calibrated probabilities are fitted, too."""

    @classmethod
    def parse(cls, options: ChoiceOptions) -> Self | None:
        """Return it; None where nothing is to be chosen.

        Raises
        ------
        SettingInvalid
            The rule is none, or the title no name.
        """
        if options.rule is None:
            if options.calibrate:
                raise SettingInvalid(
                    "--calibrate adds to the operating points that --choose writes.",
                    "Give both, e.g. --choose sensitivity=0.95 --calibrate.",
                )
            return None
        if not re.fullmatch(TITLE_PATTERN, options.title):
            raise SettingInvalid(
                "{title!r} cannot be the title of operating points.",
                "Use letters, digits and . _ - only.",
                title=options.title,
            )
        return cls(ChoiceRule.parse(options.rule), options.title, options.calibrate)


def choose(
    found: Evaluation, choice: SiteChoice, files: Sequence[Path], settings: Settings, folder: Path
) -> None:
    """Write a file of operating points beside the report, and say how they did."""
    points = site_points(found, choice, files, settings)
    for line in (*lines(points), *(calibration_lines(points) if choice.calibrate else ())):
        click.echo(line)
    if not any(each.chosen or each.calibration for each in points.findings.values()):
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
    raw = {each: readings.raw[labelled, readings.labels.index(each)] for each in labels}
    truth = {each: join.truth[labelled, found.labels.findings.index(each)] for each in labels}
    default = card.operating_points[DEFAULT_POINTS]
    chosen = choose_points(choice.rule, raw, truth, kept, default)
    fits = fit_sites(raw, truth, kept) if choice.calibrate else {}
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
        findings={label: _point(each, fits.get(label, "")) for label, each in chosen.items()},
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
    if any(each.why == TOO_FEW for each in points.findings.values()):
        yield say(
            "It needs {least} images with the finding and {least} without it to choose on, which "
            "are those of half of the patients.",
            least=LEAST,
        )
    language = of_environment()
    for label, each in points.findings.items():
        tried = each.held_out
        shares = (None, None) if tried is None else (tried.sensitivity, tried.specificity)
        name, threshold = finding_name(label, language), language.fixed(each.threshold, 4)
        figures = " ".join(f"{_figure(share, language):<18}" for share in shares)
        why = say(WHY_UNCHANGED[each.why]) if each.why else ""
        yield f"{name:<28} {threshold:<8} {figures} {why}".rstrip()


def calibration_lines(points: SitePoints) -> Iterator[str]:
    """Yield how calibrated probabilities did, a line a finding."""
    yield say(
        "calibrated probability at this site: slope (1 is right) and Brier score (lower is better) "
        "of the raw value → of the probability, on the patients on whom it was not fitted"
    )
    language = of_environment()
    if any(each.uncalibrated == TOO_FEW for each in points.findings.values()):
        yield say(
            "It needs {fitted} images with the finding and {fitted} without it to fit on, {tried} "
            "and {tried} to try on.",
            fitted=LEAST_FITTED,
            tried=LEAST,
        )
    for label, each in points.findings.items():
        name, fit = finding_name(label, language), each.calibration
        if fit is None:
            yield f"{name:<28} {say(WHY_UNCALIBRATED[each.uncalibrated])}"
            continue
        tried = fit.held_out
        brier = (language.fixed(value, 3) for value in (tried.brier_before, tried.brier))
        slopes = " → ".join(_figure(slope, language) for slope in (tried.slope_before, tried.slope))
        size = f"n={fit.curve.images}, {tried.positives + tried.negatives}"
        yield f"{name:<28} {slopes}; {' → '.join(brier)}; {size}"


def _figure(figure: CheckedShare | CheckedNumber | None, language: Language) -> str:
    known = UNKNOWN if figure is None else Estimate(figure.value, figure.low, figure.high)
    return figure_text(known, language)


def _point(chosen: ChosenPoint, fit: SiteFit | WhyNot) -> FindingPoint:
    return FindingPoint(
        threshold=chosen.threshold,
        chosen=not chosen.why,
        why=chosen.why,
        positives=chosen.positives,
        negatives=chosen.negatives,
        held_out=None if chosen.held_out is None else _held_out(chosen.held_out),
        calibration=_calibration(fit) if isinstance(fit, SiteFit) else None,
        uncalibrated="" if isinstance(fit, SiteFit) else fit,
    )


def _calibration(fit: SiteFit) -> SiteCalibration:
    return SiteCalibration(
        curve=fit.curve,
        held_out=CheckedCalibration(
            positives=fit.positives,
            negatives=fit.negatives,
            slope_before=_number(fit.before.slope),
            slope=_number(fit.after.slope),
            brier_before=fit.before.brier,
            brier=fit.after.brier,
        ),
    )


def _number(figure: Estimate) -> CheckedNumber | None:
    if not figure.known:
        return None
    return CheckedNumber(value=figure.value, low=figure.low, high=figure.high)


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
