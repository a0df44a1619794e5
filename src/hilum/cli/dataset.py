"""``hilum dataset``: datasets of any size, on one machine or many."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Final

import click
from rich.progress import BarColumn, Progress, TextColumn

from hilum import RESEARCH_USE_ONLY
from hilum.cli.progress import console_on, pause, tell_unfetched
from hilum.cli.reading_options import model_option, pixels_option, read_with
from hilum.cli.terminal import check_paths, echo, say
from hilum.dataset.cluster import DaskEngine, Patience
from hilum.dataset.engine import LocalEngine
from hilum.dataset.lists import ListOptions
from hilum.dataset.parts import DatasetRun, parts_in
from hilum.dataset.record import of_run
from hilum.dataset.run import DatasetWriter, Tally, read_before, read_shards
from hilum.dataset.schema import arrow
from hilum.dataset.shards import Shard, SourceList, batches, find_sources
from hilum.dataset.terminal import counted, model_line
from hilum.dataset.worker import run_of
from hilum.files.candidate import printable
from hilum.files.held import held
from hilum.files.remote import is_address
from hilum.language import Message, of_environment
from hilum.outcome import Status
from hilum.pipeline import open_pipeline
from hilum.runtime.cores import core_count
from hilum.settings import Settings

PACS: Final = "pacs:"
"""How a source begins that is a period of a PACS."""

LINE_S: Final = 30.0
"""Without a terminal, one line in so many seconds."""

SHARDS_A_WORKER: Final = 4
"""With fewer, shards are cut, so that no worker waits for another one at the end."""

MINUTE_S: Final = 60
HOUR_S: Final = 3600


@click.group(epilog=RESEARCH_USE_ONLY)
def dataset() -> None:
    """Analyze whole datasets of chest radiographs, on this machine or on many."""


@dataset.command()
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option(
    "--out",
    "folder",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the results: Parquet files, one row an image. The same command goes on "
    "where it was interrupted.",
)
@click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="Read with the workers of this Dask scheduler, e.g. tcp://host:8786, instead of this "
    "machine.",
)
@click.option(
    "--wait-for-workers",
    "wait_min",
    type=click.FloatRange(min=0),
    default=30,
    show_default=True,
    metavar="MINUTES",
    help="End the run when the Dask scheduler has had no worker for so long; 0: wait without end.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    help="Processes on this machine; one for each core unless set.",
)
@model_option
@pixels_option
@click.option("--column", help="Column of a list that has the paths; found by its name unless set.")
@click.option(
    "--root",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder that the relative paths of a list start from; the folder of the list unless set.",
)
@click.option(
    "--retry-failed",
    is_flag=True,
    help="Analyze again the images that failed in an earlier run into the same folder.",
)
def run(
    sources: tuple[str, ...],
    *,
    folder: Path,
    scheduler: str | None,
    wait_min: float,
    workers: int | None,
    model: str | None,
    pixels: str | None,
    column: str | None,
    root: Path | None,
    retry_failed: bool,
) -> None:
    """Analyze every chest radiograph of a dataset and write the findings as Parquet.

    SOURCE is a folder, a DICOM, PNG or JPEG file, a ZIP archive, a list (CSV, Parquet or
    text file with paths), an address in an object store (s3://, gs://, abfss://), or a period of a
    PACS, which is copied first (pacs:NAME/2026-01-01/2026-03-31). Every image is one row: read,
    refused (with the reasons), or failed. A file that crashes whatever reads it is a failed row.

    Exit status: 0 when every image has its row, 1 when the run could not go on, 2 for wrong
    usage.
    """
    if workers is not None and scheduler is not None:
        raise click.UsageError(say("--workers is for this machine: leave it out with --scheduler."))
    arrow()
    paths = tuple(each for each in sources if not each.startswith(PACS))
    if paths and not any(map(is_address, paths)):
        check_paths(paths)
    settings = read_with(Settings.load().changed("model", threads=1), model, pixels)
    context = open_pipeline(settings)
    identity = context.model.identity
    echo(model_line(identity, of_environment()), err=True)
    wanted = run_of(context)
    with held(folder):
        tally = Tally()
        done = read_before(folder, wanted, tally, retry_failed=retry_failed)
        periods = [each for each in sources if each.startswith(PACS)]
        paths += tuple(_copied(each, settings, folder) for each in periods)
        found = _found(paths, ListOptions(column, root), done)
        tally.total = tally.done + sum(shard.count for shard in found)
        _tell_before(tally)
        about = of_run(identity, settings.pixels.pipeline)
        writer = DatasetWriter(folder, wanted, tally, about)
        if found and scheduler is not None:
            _read_by_dask(found, wanted, writer, scheduler, wait_min)
        elif found:
            _read_here(found, wanted, writer, workers or core_count())
    _tell_end(tally, folder)


def _copied(text: str, settings: Settings, results: Path) -> str:
    """Copy the images of a period of a PACS that are not here yet; return where they are."""
    # pynetdicom takes half a second to import: only who needs it waits
    from hilum.dataset.pacs_copies import PacsCopies, PacsPeriod  # noqa: PLC0415

    period = PacsPeriod.parse(text, settings)
    copies, images = PacsCopies(period, settings, results.absolute(), pause), 0
    for each in copies.run():
        if isinstance(each, int):
            images += each
        else:
            echo("Not fetched: {why}", why=each.message, err=True)
    echo(
        "Copied from {pacs}: {images}.",
        pacs=period.source.node,
        images=Message("{count} new image", "{count} new images", count=images),
        err=True,
    )
    tell_unfetched(copies.failed)
    return str(copies.folder)


def _found(sources: Sequence[str], options: ListOptions, done: set[bytes]) -> list[Shard]:
    """Return the sources that are still to be read, in shards."""
    known = SourceList(done)
    shards = list(batches(known.left(find_sources(sources, options))))
    if known.twice:
        echo(
            "{count} source was named twice; it is analyzed once.",
            "{count} sources were named twice; each is analyzed once.",
            count=known.twice,
            err=True,
        )
    return shards


def _read_here(
    shards: list[Shard], wanted: DatasetRun, writer: DatasetWriter, workers: int
) -> None:
    """Read everything that is left on this machine."""
    with LocalEngine(wanted.metadata, workers) as local, _progress(writer.tally) as told:
        read_shards(_spread(shards, workers), local, writer, told)


def _read_by_dask(
    shards: list[Shard], wanted: DatasetRun, writer: DatasetWriter, address: str, wait_min: float
) -> None:
    """Read everything that is left with the workers of a scheduler."""
    patience = Patience(wait_min * MINUTE_S or None, partial(echo, err=True))
    with DaskEngine(address, wanted.metadata, patience) as cluster:
        echo(
            "{count} Dask worker; dashboard: {dashboard}",
            "{count} Dask workers; dashboard: {dashboard}",
            count=cluster.workers,
            dashboard=cluster.dashboard,
            err=True,
        )
        with _progress(writer.tally) as told:
            read_shards(_spread(shards, cluster.workers), cluster, writer, told)


def _spread(shards: list[Shard], workers: int) -> list[Shard]:
    """Return shards of which every worker gets some."""
    if len(shards) >= SHARDS_A_WORKER * workers:
        return shards
    return [piece for shard in shards for piece in shard.cut()]


def _tell_before(tally: Tally) -> None:
    for path in tally.damaged:
        echo(
            "{name} is cut off or damaged: its images are analyzed again.",
            name=printable(str(path)),
            err=True,
        )
    if tally.before:
        echo(
            "{count} image was already analyzed; remaining: {left}.",
            "{count} images were already analyzed; remaining: {left}.",
            count=tally.before,
            left=tally.total - tally.before,
            err=True,
        )


def _tell_end(tally: Tally, folder: Path) -> None:
    echo(counted(tally.counts, of_environment()), err=True)
    echo(
        "{count} part in {folder}. Next: hilum evaluate {folder} --labels FILE",
        "{count} parts in {folder}. Next: hilum evaluate {folder} --labels FILE",
        count=len(parts_in(folder)),
        folder=printable(str(folder)),
        err=True,
    )
    echo(RESEARCH_USE_ONLY, err=True)


def how_far(tally: Tally) -> Message:
    """Return one line: how much is done, how fast it goes, and how long it still takes."""
    return Message(
        "{done:,} of {total:,} images, {rate:.1f} images/s, time left {left}, {failed} failed",
        done=tally.done,
        total=tally.total,
        rate=tally.rate,
        left="?" if tally.left_s is None else duration(tally.left_s),
        failed=tally.counts[Status.FAILED],
    )


def duration(seconds: float) -> str:
    """Return a time as people say it, e.g. ``2 h 05 min``; the units are international."""
    if seconds < 2 * MINUTE_S:
        return f"{seconds:.0f} s"
    minutes = round(seconds / MINUTE_S)
    if seconds < HOUR_S:
        return f"{minutes} min"
    return f"{minutes // MINUTE_S} h {minutes % MINUTE_S:02} min"


@contextmanager
def _progress(tally: Tally) -> Iterator[Callable[[Tally], object]]:
    """Show how far a run is: a bar on a terminal, else a line now and then."""
    console = console_on(sys.stderr)
    if not console.is_terminal:
        last = monotonic()

        def line(now: Tally) -> None:
            nonlocal last
            if monotonic() - last >= LINE_S:
                last = monotonic()
                echo(how_far(now), err=True)

        yield line
        return
    columns = (BarColumn(), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(say(how_far(tally)), total=tally.total, completed=tally.done)
        yield lambda now: bar.update(task, completed=now.done, description=say(how_far(now)))
