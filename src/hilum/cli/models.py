"""``hilum models``: list, fetch, add and verify models."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click
from rich.progress import BarColumn, DownloadColumn, TextColumn, TransferSpeedColumn
from rich.progress import Progress as Bar

from hilum import RESEARCH_USE_ONLY, predict
from hilum.cli.main import FAILED
from hilum.cli.ood import ood
from hilum.cli.progress import console_on
from hilum.cli.terminal import echo, say
from hilum.errors import CardInvalid, ModelError, WeightsMissing
from hilum.language import Message
from hilum.pixels import fit, radiograph_from_picture
from hilum.predict import InstallRecord, ModelCard, acquire, find_card
from hilum.predict.card import NetworkKind, WeightsFormat
from hilum.predict.download import Progress
from hilum.radiograph import PixelPipeline
from hilum.settings import PixelSettings, Settings

PUBLISHED_TOLERANCE: Final = 1e-3
"""How far a score may be from the published one: two JPEG decoders round differently."""

LINE_EVERY: Final = 0.1
"""Without a terminal, one line for each tenth of a download."""

SHOWN_NAMES: Final = 8
"""Of the unknown names in a weights file, so many are shown."""

KINDS: Final = {
    NetworkKind.CLASSIFIER: Message("findings"),
    NetworkKind.VIEW: Message("frontal or lateral"),
    NetworkKind.SEGMENTATION: Message("anatomy"),
}
"""What a network says of an image → its words."""

INERT_NAMES: Final = click.option(
    "--inert-names",
    is_flag=True,
    help="Ignore names in the weights file that hilum does not know, instead of refusing the "
    "file. Nothing in it runs either way. Always so for a file whose hash is published.",
)


@click.group(epilog=RESEARCH_USE_ONLY)
def models() -> None:
    """List, fetch, add and check models.

    A model is a card (what it is, where its weights come from, what it was trained on) and
    its weights. The cards come with hilum; the weights come with `pull` from where
    TorchXRayVision releases them, or with `add` from a file.
    """


models.add_command(ood)


@models.command("list")
def list_models() -> None:
    """List every model: whether it is here, what it reads, what it is.

    An asterisk marks the model of the settings. "verified" says that the weights match a
    hash that is published; "first use" that none is, so that the hash of the first time is
    held on to.
    """
    settings = Settings.load()
    rows = [
        (
            ("* " if card.name == settings.model.name else "  ") + card.name,
            state_of(card, settings),
            say("{count} label", "{count} labels", count=len(card.trained_labels)),
            f"{card.input_size}²",
            say(card.title),
        )
        for card in predict.all_cards(settings.data_folder)
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        click.echo("  ".join([*cells, row[-1]]))


@models.command()
@click.argument("name", required=False)
def show(name: str | None) -> None:
    """Show one model's card: labels, operating points, training data, licence, limits.

    NAME defaults to the model of the settings.
    """
    settings = Settings.load()
    card = predict.find_card(name or settings.model.name, settings.data_folder)
    installed = record_of(card, settings)
    click.echo(f"{card.name} {card.version}: {say(card.title)}")
    facts = {
        say("kind"): say(KINDS[card.kind]),
        say("state"): state_of(card, settings),
        say("weights"): card.weights.url or weights_without_address(card),
        say("size"): card.weights.size and say("{count:,} bytes", count=card.weights.size),
        "SHA-256": card.weights.sha256 or say("not published: trust on first use"),
        say("hash from"): card.weights.sha256_source,
        say("input"): say("{size} × {size} pixels", size=card.input_size),
        say("youngest patient"): say("{years} years", years=card.min_age_years),
        say("licence"): say(card.licence),
        say("terms"): say(card.terms),
        say("terms accepted"): say(installed.accepted_terms) if installed else "",
        say("names ignored"): names_in(installed) if installed else "",
    }
    for key, value in facts.items():
        if value:
            click.echo(f"  {key + ':':<18}{value}")
    for title, lines in (
        (say("trained on"), card.training_data),
        (say("limits"), card.limits),
        (say("references"), card.references),
    ):
        if lines:
            click.echo(f"  {title}:")
            for line in lines:
                click.echo(f"    - {say(line)}")
    for line in table_of(card):
        click.echo(f"  {line}")


def weights_without_address(card: ModelCard) -> str:
    """Return where weights are that were not downloaded, in words."""
    if card.weights.format is WeightsFormat.SHIPPED:
        return say("come with hilum")
    return say("{format} on this machine", format=card.weights.format)


def record_of(card: ModelCard, settings: Settings) -> InstallRecord | None:
    """Return what is known of an installed model; None where it is missing or damaged."""
    try:
        return predict.open_installation(card, settings.data_folder).record
    except ModelError:
        return None


def table_of(card: ModelCard) -> Iterator[str]:
    """Yield a table of a card's labels: operating points, then published AUCs."""
    auc = card.published_auc.by_data_set if card.published_auc else {}
    columns = list(card.operating_points) + [f"AUC {name}" for name in auc]
    first = max(len(label) for label in card.trained_labels)
    yield " ".join(
        ["label".ljust(first), *(column.rjust(max(9, len(column))) for column in columns)]
    )
    for label in card.trained_labels:
        sets = [points.get(label) for points in card.operating_points.values()]
        areas = [by_label.get(label) for by_label in auc.values()]
        numbers = [f"{p:.5f}" if p is not None else "-" for p in sets]
        numbers += [f"{a:.2f}" if a is not None else "-" for a in areas]
        cells = [
            number.rjust(max(9, len(column)))
            for number, column in zip(numbers, columns, strict=True)
        ]
        yield " ".join([label.ljust(first), *cells])
    if card.published_auc:
        yield say("AUC: {source}", source=card.published_auc.source)


def state_of(card: ModelCard, settings: Settings) -> str:
    """Return whether a model is here and trusted, in a word or two."""
    if card.demonstration:
        return say("built in")
    if not predict.is_installed(card, settings.data_folder):
        return say("not installed")
    record = record_of(card, settings)
    if record is None:
        return say("damaged")
    return say("verified") if record.verified else say("first use")


@models.command()
@click.argument("names", nargs=-1, metavar="[NAME...]")
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Fetch every published model that has no terms.",
)
@click.option("--again", is_flag=True, help="Fetch models that are already installed, too.")
@INERT_NAMES
@click.option(
    "--accept-terms",
    is_flag=True,
    help="Accept the terms of the models, such as no commercial use. Written down with each.",
)
def pull(
    names: tuple[str, ...],
    *,
    everything: bool,
    again: bool,
    inert_names: bool,
    accept_terms: bool,
) -> None:
    """Fetch the weights of models and check them.

    NAME defaults to the model of the settings. A download that was interrupted goes on
    where it stopped. The weights are accepted only when size and SHA-256 are those of the
    card, and they are read without running anything in them.

    With `model.mirror` in the settings the file comes from there; with
    `model.offline_folder` it is taken from that folder and no network is used.
    """
    settings = Settings.load()
    if everything:
        every = predict.all_cards(settings.data_folder)
        cards = [c for c in every if c.weights.url and (accept_terms or not c.terms)]
    else:
        chosen = names or (settings.model.name,)
        cards = [predict.find_card(name, settings.data_folder) for name in chosen]
    for card in cards:
        if not again and is_whole(card, settings):
            echo("{name}: already installed", name=card.name)
            continue
        with download_progress(card.name) as progress:
            record = acquire.pull(
                card, settings, progress, inert_names=inert_names, terms_accepted=accept_terms
            )
        click.echo(f"{card.name}: {state_of(card, settings)}")
        say_names(record)


def is_whole(card: ModelCard, settings: Settings) -> bool:
    """Whether a model is here and is what was installed."""
    try:
        predict.open_installation(card, settings.data_folder)
    except ModelError:
        return False
    return True


def pull_missing(settings: Settings) -> None:
    """Say that the weights of the settings' model are not here, and get them.

    Raises
    ------
    ModelError
        They can't be had, or are not what the card says.
    """
    echo(
        "The weights of {name} are not installed. Trying to download them ...",
        name=settings.model.name,
    )
    with download_progress(settings.model.name) as progress:
        card = find_card(settings.model.name, settings.data_folder)
        record = acquire.pull(card, settings, progress)
    say_names(record)


def say_names(record: InstallRecord | None) -> None:
    """Say which names in a weights file were ignored, if any were."""
    if record is not None and record.inert_names:
        count = len(record.inert_names)
        echo(
            "  Ignored {count} unknown name in the file: {names}",
            "  Ignored {count} unknown names in the file: {names}",
            count=count,
            names=names_in(record),
        )


def names_in(record: InstallRecord) -> str:
    """Return the names that were ignored, the first few of many.

    They are the file's own text, so nothing in them may reach the terminal unescaped.
    """
    shown = ", ".join(ascii(name)[1:-1] for name in record.inert_names[:SHOWN_NAMES])
    return shown + (", ..." if len(record.inert_names) > SHOWN_NAMES else "")


@contextmanager
def download_progress(name: str) -> Iterator[Progress]:
    """Show a download: a bar on a terminal, a line each tenth without one."""
    console = console_on(sys.stderr)
    if console.is_terminal:
        columns = (TextColumn(name), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        with Bar(*columns, console=console, transient=True) as bar:
            task = bar.add_task(name, total=None)
            yield lambda here, total: bar.update(task, completed=here, total=total)
        return
    said = -LINE_EVERY

    def line(here: int, total: int | None) -> None:
        nonlocal said
        share = here / total if total else 0.0
        if share >= said + LINE_EVERY:
            said = share
            of_all = f" / {total / 1e6:.1f}" if total else ""
            click.echo(f"{name}: {here / 1e6:.1f}{of_all} MB", err=True)

    yield line


FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@models.command()
@click.argument("name", metavar="NAME|CARD.toml")
@click.option(
    "--weights", type=FILE, help="Weights file of torch: a pickled network or state dict."
)
@click.option("--like", help="Card whose network these weights are for.")
@click.option(
    "--card", "own", type=FILE, help="TOML file with the fields that differ from that card."
)
@click.option(
    "--onnx", type=FILE, help="A whole network as an ONNX file, with CARD.toml as its card."
)
@click.option("--replace", is_flag=True, help="Replace a model that was added under this name.")
@INERT_NAMES
def add(
    name: str,
    *,
    weights: Path | None,
    like: str | None,
    own: Path | None,
    onnx: Path | None,
    replace: bool,
    inert_names: bool,
) -> None:
    """Add a model of your own.

    \b
    hilum models add NAME --weights FILE --like CARD [--card FILE.toml]
        weights of a published architecture, a fine-tuned DenseNet-121 say; labels and
        operating points are those of CARD unless FILE.toml gives others
    hilum models add CARD.toml --onnx FILE
        any other network, with its card (docs/models.md)

    The weights file is read without running anything in it, in either of torch's
    containers. A file with a name that hilum does not know is refused, and the name told,
    unless you use --inert-names. No hash of an added model is published, so it counts as
    "first use", and every result says so.
    """  # noqa: D301  click wants the character itself, not a backslash and a b
    settings = Settings.load()
    record = None
    if onnx is not None:
        if weights or like or own or inert_names:
            raise click.UsageError(
                say("--onnx needs a card and can only be combined with --replace")
            )
        card = acquire.add_onnx(Path(name), onnx, settings.data_folder, replace=replace)
    elif weights is None or like is None:
        raise click.UsageError(say("give --weights FILE --like CARD, or --onnx FILE with a card"))
    else:
        card = acquire.card_like(name, predict.find_card(like, settings.data_folder), own)
        record = acquire.add_weights(
            card, weights, settings.data_folder, replace=replace, inert_names=inert_names
        )
    echo(
        "{name}: added, {count} label, not verified",
        "{name}: added, {count} labels, not verified",
        name=card.name,
        count=len(card.trained_labels),
    )
    say_names(record)
    echo('To use it, set name = "{name}" under [model] in the settings.', name=card.name)


@models.command()
@click.argument("names", nargs=-1, metavar="[NAME...]")
@click.option(
    "--published",
    type=FILE,
    metavar="IMAGE",
    help="Also compare with the scores that TorchXRayVision publishes for its own sample "
    "image, which is IMAGE (16747_3_1.jpg of its repository).",
)
def verify(names: tuple[str, ...], *, published: Path | None) -> None:
    """Check that installed models are whole and are what was installed.

    NAME defaults to every model that was installed here; with --published to the model whose scores
    are published. Exit status 1 when a check fails.
    """
    settings = Settings.load()
    if published is not None and not names:
        names = tuple(c.name for c in predict.all_cards(settings.data_folder) if c.published_scores)
    chosen = [predict.find_card(name, settings.data_folder) for name in names] or [
        card
        for card in predict.all_cards(settings.data_folder)
        if predict.is_installed(card, settings.data_folder) and not card.demonstration
    ]
    if not chosen:
        raise WeightsMissing("No model is installed.", "Run `hilum models pull`.")
    failed = False
    for card in chosen:
        try:
            line = verified(card, settings, published)
        except ModelError as exc:
            failed, line = True, say(exc.message)
        click.echo(f"{card.name}: {line}")
    if failed:
        sys.exit(FAILED)


def verified(card: ModelCard, settings: Settings, published: Path | None) -> str:
    """Load a model, compare its scores where that is asked, and return what holds.

    Raises
    ------
    ModelError
        It is missing, changed or unusable, or its scores are not the published ones.
    """
    record = predict.open_installation(card, settings.data_folder).record
    if record.verified:
        line = say("OK, SHA-256 {sha256} matches its published hash", sha256=record.source_sha256)
    else:
        sha256 = record.source_sha256
        line = say("OK, SHA-256 {sha256} is unchanged since first use", sha256=sha256)
    if card.kind is not NetworkKind.CLASSIFIER:
        return line
    model = predict.load_model(
        settings.changed("model", name=card.name, operating_points="default")
    )
    if published is None:
        return line
    if card.published_scores is None:
        raise CardInvalid(
            "No scores are published for {name}.", "Leave out --published for it.", name=card.name
        )
    pixels = PixelSettings(pipeline=PixelPipeline.TORCHXRAYVISION)
    radiograph = radiograph_from_picture(published, pixels)
    findings, _ = model.predict(fit(radiograph, card.input_size))
    differences = {
        finding.label: abs(finding.score - card.published_scores.scores[finding.label])
        for finding in findings
    }
    label, most = max(differences.items(), key=lambda item: item[1])
    if most > PUBLISHED_TOLERANCE:
        raise CardInvalid(
            "The score of {label} differs by {most:.4f} from the published one.",
            "Check that the image is {image}.",
            label=label,
            most=most,
            image=card.published_scores.image,
        )
    return say("{line}; scores as published ({most:.1e} off at most)", line=line, most=most)
