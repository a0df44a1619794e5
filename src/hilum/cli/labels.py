"""``hilum labels``: what a label file says, and which images it finds."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from hilum.cli.label_options import LabelOptions, joined, label_options, open_readings
from hilum.cli.main import main
from hilum.cli.terminal import echo, say
from hilum.errors import SourceUnreadable
from hilum.evaluation.joining import Join
from hilum.evaluation.label_table import FACT_NAMES, KEY_NAMES, OF_STUDY, LabelTable
from hilum.evaluation.labels import read_labels
from hilum.evaluation.readings import ReadingTable
from hilum.language import Message

ANSWERS: Final = (Message("present"), Message("absent"), Message("unknown"))

SHOWN: Final = 5
"""Examples of a kind."""

MOST_COLUMNS: Final = 20
"""Column names that are listed."""


@main.group()
def labels() -> None:
    """Look at label files before an evaluation."""


@labels.command("check")
@click.argument(
    "files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path)
)
@click.option(
    "--readings",
    type=click.Path(path_type=Path),
    help="What hilum read wrote, the folder of hilum dataset run, or node: for what this node "
    "analyzed: shows which images find a label.",
)
@label_options
def check(
    files: tuple[Path, ...],
    *,
    readings: Path | None,
    how: LabelOptions,
) -> None:
    """Say what label files hold and what joins, with examples of what does not.

    FILE is a CSV with a column an image is known by (SOPInstanceUID, file name, AccessionNumber,
    or patient and date) and a column a finding, or the label file of NIH, PadChest, CheXpert,
    MIMIC-CXR, RSNA, SIIM, VinDr-CXR or Open-i, packed or not. Nothing is changed.
    """
    read = None if readings is None else open_readings(readings)
    known = () if read is None else read.labels
    for table in read_labels(files, how.policy, known):
        for line in _about(table):
            click.echo(line)
        if read is not None and not table.reviews:
            try:
                found = joined(table, read, how)
            except SourceUnreadable as exc:
                click.echo(say(exc.message))
                continue
            for line in _about_join(found, table, read):
                click.echo(line)
    if read is None:
        echo("Next: --readings READINGS, to see which images find their label.", err=True)


def _about(table: LabelTable) -> Iterator[str]:
    """Yield what a label file says by itself."""
    kind = table.dataset or (say("reviews") if table.reviews else say("own file"))
    yield say(
        "{source}: {kind}, {count} row",
        "{source}: {kind}, {count} rows",
        source=table.source,
        kind=kind,
        count=len(table),
    )
    yield say(
        "  names images by: {keys}", keys=", ".join(say(KEY_NAMES[key]) for key in table.keys)
    )
    if table.facts:
        facts = ", ".join(say(FACT_NAMES[fact]) for fact in table.facts)
        yield say("  also says: {facts}", facts=facts)
    heads = "".join(f" {say(each):>9}" for each in ANSWERS)
    finding = say("finding")
    yield f"  {finding:<28}{heads}"
    for name, (present, absent, unknown) in table.counts().items():
        yield f"  {name:<28} {present:>9} {absent:>9} {unknown:>9}"
    if table.unused:
        shown = ", ".join(table.unused[:MOST_COLUMNS])
        yield say("  not used: {columns}", columns=shown)
    for note in table.notes:
        yield say("  note: {text}", text=say(note))


def _about_join(found: Join, table: LabelTable, readings: ReadingTable) -> Iterator[str]:
    """Yield what joins and what does not."""
    for match in found.matches:
        yield say(
            "  by {key}: {rows} of {all} rows find an image",
            key=say(KEY_NAMES[match.key]),
            rows=match.rows,
            all=len(table),
        )
    labelled = int(found.labelled.sum())
    yield say(
        "  joined by {key}: {labelled} of {images} images have a label",
        key=say(KEY_NAMES[found.key]),
        labelled=labelled,
        images=len(readings),
    )
    if found.key in OF_STUDY and found.shared:
        yield say(
            "  {count} image has the label of its whole study",
            "  {count} images have the label of their whole study",
            count=found.shared,
        )
    for name in found.unmatched[:SHOWN]:
        alike = found.nearest.get(name)
        if alike is None:
            yield say("  no image: {name!r}", name=name)
        else:
            yield say("  no image: {name!r}; the nearest is {alike!r}", name=name, alike=alike)
    if len(found.unmatched) > SHOWN:
        yield say("  and {count} more rows without an image", count=len(found.unmatched) - SHOWN)
    for name in found.ambiguous[:SHOWN]:
        yield say("  fits several images, left out: {name!r}", name=name)
    if found.contradictions:
        yield say(
            "  {count} label is contradicted by another row: not known",
            "  {count} labels are contradicted by other rows: not known",
            count=found.contradictions,
        )
    missing = [path for path, has in zip(readings.paths, found.labelled, strict=True) if not has]
    for path in missing[:SHOWN]:
        yield say("  without a label: {path}", path=path)
    if len(missing) > SHOWN:
        yield say("  and {count} more images without a label", count=len(missing) - SHOWN)
