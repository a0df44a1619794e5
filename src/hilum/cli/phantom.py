"""``hilum phantom``: synthetic chest radiographs with ground truth."""

import json
from io import BytesIO
from pathlib import Path
from typing import Final

import click

from hilum.cli.progress import progress
from hilum.cli.terminal import say
from hilum.files.atomic import AtomicFile, not_written
from hilum.language import Message
from hilum.phantom import KINDS, SIZE, SMALLEST, Phantom, make
from hilum.runtime.memory import keep_freed_memory

LARGEST: Final = 4096
"""Pixels of the shorter side above which no detector goes."""


NONE: Final = Message("no finding")


@click.command("phantom")
@click.argument("folder", metavar="FOLDER", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--count", type=click.IntRange(min=1), default=8, show_default=True, help="Number of phantoms."
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    help="Seed of the first phantom.",
)
@click.option(
    "--finding",
    "findings",
    type=click.Choice(KINDS),
    multiple=True,
    help="What every phantom shows; may be given several times. Default: chosen by the seed.",
)
@click.option("--healthy", is_flag=True, help="All of them are normal.")
@click.option(
    "--size",
    type=click.IntRange(SMALLEST, LARGEST),
    default=SIZE,
    show_default=True,
    help="Pixels of the shorter side.",
)
def phantom(
    folder: Path, *, count: int, seed: int, findings: tuple[str, ...], healthy: bool, size: int
) -> None:
    """Create synthetic chest radiographs in FOLDER.

    Each is a DICOM image that says PHANTOM and Quality Control Image YES, and beside it a JSON
    file with the truth: findings, sides, sizes and masks. The same seed gives the same phantom.

    \b
    hilum phantom folder                                    eight, findings left to chance
    hilum phantom folder --count 1 --seed 64 --finding effusion
    hilum phantom folder --healthy --size 2048

    No phantom shows how well a model reads patients.
    """  # noqa: D301  click wants the character itself, not a backslash and a b
    if healthy and findings:
        raise click.UsageError(say("--healthy and --finding exclude each other."))
    wanted = () if healthy else findings or None
    keep_freed_memory()
    with progress(say("drawing"), count) as advance:
        for number in range(seed, seed + count):
            drawn = make(number, findings=wanted, size=size)
            path = write(drawn, folder)
            advance(f"{path}: {', '.join(drawn.truth.labels) or say(NONE)}")


def write(drawn: Phantom, folder: Path) -> Path:
    """Write a phantom and its truth into a folder, each whole or not at all; return its path.

    Raises
    ------
    SourceUnreadable
        The folder cannot be written to.
    """
    buffer = BytesIO()
    drawn.dataset.save_as(buffer, enforce_file_format=True)
    path = folder / f"phantom-{drawn.truth.seed}.dcm"
    truth = path.with_suffix(".json")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise not_written(truth, exc) from exc
    for target, contents in (
        (truth, json.dumps(drawn.truth.document())),
        (path, buffer.getvalue()),
    ):
        with AtomicFile(target) as file:
            file.write(contents)
    return path
