"""``hilum evaluate``: readings against labels, as a report for people and programs."""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

import click

from hilum import RESEARCH_USE_ONLY
from hilum.cli.choose import ChoiceOptions, SiteChoice, choice_options, choose
from hilum.cli.label_options import LabelOptions, joined, label_options, open_readings, pairs
from hilum.cli.terminal import echo, say
from hilum.errors import HilumError
from hilum.evaluation import results
from hilum.evaluation.agreement import FindingAgreement, agreements
from hilum.evaluation.labels import read_labels, stacked
from hilum.evaluation.listed_labels import label_of
from hilum.evaluation.pictures import thumbnail
from hilum.evaluation.planning import cases_for_share, images_for_area
from hilum.evaluation.readings import ReadingTable
from hilum.evaluation.report import ReportWords, html
from hilum.evaluation.results import Evaluation, ModelFacts, Standing
from hilum.evaluation.tables import document, finding_rows, group_rows, plain
from hilum.files.atomic import AtomicFile, not_written
from hilum.language import LANGUAGES, Language, of_environment
from hilum.predict import find_card
from hilum.settings import Settings
from hilum.wording import finding_name

REPORT: Final = "report.html"

AREAS: Final = (0.75, 0.85, 0.95)
PREVALENCES: Final = (0.02, 0.05, 0.1, 0.3)
SHARES: Final = (0.8, 0.9, 0.95)
"""For which a plan is made when nothing was measured yet."""


@click.command()
@click.argument("readings", required=False, type=click.Path(path_type=Path))
@click.option(
    "--labels",
    "files",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Labels: a CSV of yours, the label file of a public dataset, or the page's reviews; may "
    "be repeated.",
)
@click.option(
    "--with",
    "other",
    type=click.Path(path_type=Path),
    help="Readings of the same images by another model or pixel pipeline, to compare with.",
)
@click.option(
    "--out",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("evaluation"),
    show_default=True,
    help="Folder for the report (HTML), JSON and CSV.",
)
@click.option(
    "--prevalence",
    "prevalences",
    multiple=True,
    metavar="FINDING=SHARE",
    help="Share of images with a finding where the model is to be used, such as Effusion=0.05: "
    "says what a positive is worth there. May be repeated.",
)
@click.option(
    "--plan",
    type=click.FloatRange(0.001, 0.4),
    metavar="X",
    help="How many images an interval of ±X needs; without READINGS, before anything is measured.",
)
@choice_options
@click.option("--no-pictures", is_flag=True, help="No pictures of missed images in the report.")
@click.option("--language", type=click.Choice(list(LANGUAGES)), help="Language of the report.")
@label_options
def evaluate(
    readings: Path | None,
    *,
    files: tuple[Path, ...],
    other: Path | None,
    folder: Path,
    prevalences: tuple[str, ...],
    plan: float | None,
    no_pictures: bool,
    language: str | None,
    how: LabelOptions,
    choosing: ChoiceOptions,
) -> None:
    """Compare readings with labels: figures for each finding, and for whom it is worse.

    READINGS is what hilum read wrote with --json or --csv, the folder of hilum dataset run, or
    node: for what this node analyzed (node:silent, node:audit or node:live for one mode).
    For each finding: how well scores tell images apart, what is found and missed at the
    operating point, what a positive is worth, all with intervals.

    \b
    hilum read images --json readings.json
    hilum labels check labels.csv --readings readings.json
    hilum evaluate readings.json --labels labels.csv --out evaluation
    """  # noqa: D301  click wants the character itself, not a backslash and a b
    if readings is None:
        if plan is None or files:
            raise click.UsageError(say("Give READINGS and --labels, or --plan alone."))
        show(plan_lines(plan))
        return
    if not files:
        raise click.UsageError(say("Give the labels with --labels."))
    choice = SiteChoice.parse(choosing)
    read = open_readings(readings)
    tables = read_labels(files, how.policy, read.labels)
    agreed = [each for table in tables if table.reviews for each in agreements(table, read)]
    show(agreement_lines(agreed))
    references = [table for table in tables if not table.reviews]
    if not references:
        echo("Reviews are agreement, not a reference: give labels for a report.", err=True)
        return
    labels = stacked(references)
    compared = None if other is None else open_readings(other)
    settings = Settings.load()
    found = results.evaluate(
        read,
        labels,
        joined(labels, read, how),
        card=model_facts(read, settings),
        prevalence=prevalence_of(prevalences, read),
        other=compared,
    )
    spoken = Language(language) if language else of_environment()
    picture = partial(thumbnail, folder=how.images, settings=settings.pixels)
    report = html(
        found,
        spoken,
        when=datetime.now().astimezone(),
        agreements=agreed,
        thumbnail=(lambda _: None) if no_pictures else picture,
        notes=labels.notes,
    )
    write_all(folder, found, report, agreed)
    show(summary_lines(found))
    if choice is not None:
        choose(found, choice, files, settings, folder)
    if plan is not None:
        show(planned_lines(plan, found))
    echo("Wrote {file}: open it in a browser.", file=folder / REPORT, err=True)
    echo(RESEARCH_USE_ONLY, err=True)


def show(lines: Iterable[str]) -> None:
    """Print lines."""
    for line in lines:
        click.echo(line)


def model_facts(readings: ReadingTable, settings: Settings) -> ModelFacts:
    """Return what the model's card says; nothing where there is no card of that name."""
    try:
        card = find_card(readings.model, settings.data_folder)
    except HilumError:
        return ModelFacts()
    published = card.published_auc
    return ModelFacts(
        card.training_data,
        {} if published is None else published.by_data_set,
        "" if published is None else published.source,
    )


def prevalence_of(texts: Sequence[str], readings: ReadingTable) -> dict[str, float]:
    """Return finding → share of images that show it, as ``--prevalence`` says.

    Raises
    ------
    click.UsageError
        It is no finding of the model, or no share between 0 and 1.
    """
    found = {}
    for name, said in pairs(texts, "--prevalence").items():
        label = label_of(name, readings.labels)
        try:
            share = float(said.replace(",", ".").removesuffix("%")) / (
                100 if said.endswith("%") else 1
            )
        except ValueError:
            share = 0.0
        if label not in readings.labels or not 0 < share < 1:
            raise click.UsageError(
                say(
                    "--prevalence takes a finding of the model and a share such as "
                    "Effusion=0.05, not {text!r}.",
                    text=f"{name}={said}",
                )
            )
        found[label] = share
    return found


def write_all(
    folder: Path, found: Evaluation, report: str, agreed: Sequence[FindingAgreement]
) -> None:
    """Write report, JSON and CSV into a folder.

    Raises
    ------
    SourceUnreadable
        It cannot be written to.
    """
    whole = document(found) | {"reviews": plain(list(agreed))}
    contents = {
        REPORT: report,
        "evaluation.json": json.dumps(whole, indent=1, ensure_ascii=False, allow_nan=False) + "\n",
        "findings.csv": finding_rows(found),
        "groups.csv": group_rows(found),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise not_written(folder, exc) from exc
    for name, content in contents.items():
        with AtomicFile(folder / name) as file:
            file.write(content)


def summary_lines(found: Evaluation) -> Iterator[str]:
    """Yield a line a finding, and the groups that differ."""
    language = of_environment()
    words = ReportWords(language)
    yield say(
        "{labelled} of {images} images have a label; joined by {key}",
        labelled=int(found.join.labelled.sum()),
        images=len(found.readings),
        key=say(found.join.key),
    )
    heads = (say("AUROC"), say("sensitivity"), say("specificity"))
    head = " ".join(f"{each:<18}" for each in heads).rstrip()
    finding, positives = say("finding"), say("with it")
    yield f"{finding:<28} {positives:>7} {head}"
    for each in found.findings:
        name = finding_name(each.label, language)
        line = f"{name:<28} {each.positives:>7} "
        if each.standing in {Standing.NO_POSITIVES, Standing.NO_NEGATIVES}:
            yield line + words.standing(each)
            continue
        figures = (each.area, each.point.sensitivity, each.point.specificity)
        line += " ".join(f"{words.value(figure):<18}" for figure in figures).rstrip()
        yield line if each.standing is Standing.JUDGED else f"{line}  {words.standing(each)}"
    for each in found.findings:
        for group in each.groups:
            if group.differs:
                yield words.difference(each, group)["sentence"]
    if found.in_training:
        yield say("In the training data of the model: {entry}", entry=say(found.in_training))


def agreement_lines(agreed: Sequence[FindingAgreement]) -> Iterator[str]:
    """Yield how often readers agree, a line a finding."""
    language = of_environment()
    words = ReportWords(language)
    for each in agreed:
        shown = say("findings not shown") if each.unaided else say("findings shown")
        yield say(
            "reviews, {finding} ({shown}): {agree} agree, {missed} missed, {alarms} false alarms; "
            "agreement {share}",
            finding=finding_name(each.label, language),
            shown=shown,
            agree=each.agree,
            missed=each.missed,
            alarms=each.false_alarms,
            share=words.value(each.share),
        )


def plan_lines(half: float) -> Iterator[str]:
    """Yield how many images an interval of ± `half` needs, before anything is measured."""
    yield say("Images for a 95% interval of ±{half} of the AUROC:", half=half)
    head = say("with the finding")
    heads = [say("AUROC {area}", area=area) for area in AREAS]
    yield f"  {head:<20}" + "".join(f"{each:>14}" for each in heads)
    language = of_environment()
    for prevalence in PREVALENCES:
        counts = [images_for_area(half, area, prevalence) for area in AREAS]
        yield f"  {language.share(prevalence):<20}" + "".join(
            f"{language.number(count):>14}" for count in counts
        )
    yield say(
        "Images with the finding for ±{half} of the sensitivity, without it for the specificity:",
        half=half,
    )
    for share in SHARES:
        count = language.number(cases_for_share(half, share))
        yield f"  {language.fixed(share, 2):<20}{count:>14}"
    yield say("Of one patient, count one image.")


def planned_lines(half: float, found: Evaluation) -> Iterator[str]:
    """Yield how many images each finding needs, as it was measured here."""
    language = of_environment()
    yield say("Images for a 95% interval of ±{half}, by what was measured here:", half=half)
    for each in found.findings:
        if not each.area.known:
            continue
        area = min(max(each.area.value, 0.5), 0.99)
        images = images_for_area(half, area, each.point.prevalence.value)
        sensitivity = min(max(each.point.sensitivity.value, 0.01), 0.99)
        cases = cases_for_share(half, sensitivity)
        yield say(
            "  {finding}: {images} for the AUROC, {all} for the sensitivity",
            finding=finding_name(each.label, language),
            images=language.number(images),
            all=language.number(round(cases / each.point.prevalence.value)),
        )
