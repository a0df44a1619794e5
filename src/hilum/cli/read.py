"""``hilum read``: files in, findings out, without a node."""

import csv
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final

import click

from hilum import RESEARCH_USE_ONLY, encode
from hilum.cli.main import FAILED
from hilum.cli.progress import progress
from hilum.cli.reading_options import model_option, pixels_option, read_with
from hilum.cli.terminal import check_paths, echo, say
from hilum.dataset.batch import read_many
from hilum.dataset.journal import ReadingJournal
from hilum.dataset.results import (
    ResultFiles,
    ResultsInPacs,
    ResultWriter,
    distinct_stems,
    write_results,
    writing_for,
)
from hilum.dataset.terminal import counted, full_table, model_line, one_line
from hilum.encode.forms import FORMS
from hilum.encode.forms.csv_table import CsvTable
from hilum.errors import SourceUnreadable
from hilum.files.atomic import AtomicFile
from hilum.files.candidate import SNIFFED_BYTES, Candidate, FileKind, kind_of, printable
from hilum.files.errors import read_errors
from hilum.files.find import find_candidates
from hilum.language import Message, of_environment
from hilum.outcome import Outcome, Status
from hilum.pipeline import PipelineContext, open_pipeline
from hilum.predict import Model
from hilum.settings import Settings

FULL_TABLES: Final = 3
"""Up to so many files, every finding of each is printed; above, a line a file."""


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=click.Path())
@model_option
@pixels_option
@click.option(
    "--json",
    "document",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the readings as one JSON document. After an interruption the same command "
    "resumes where it stopped.",
)
@click.option(
    "--csv",
    "table",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write one row for each file as CSV. Such a run always starts over.",
)
@click.option(
    "--out",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write the results of each radiograph into this folder: DICOM reports and overlay, the "
    "overlay as PNG, the findings in each form.",
)
@click.option(
    "--form",
    "wanted_forms",
    type=click.Choice(list(FORMS)),
    multiple=True,
    help="Form of the findings to write with --out, instead of all; may be repeated.",
)
@click.option(
    "--anatomy",
    is_flag=True,
    help="Also look for lungs and heart and measure the cardiothoracic ratio, with the network of "
    "anatomy.model.",
)
@click.option(
    "--store",
    is_flag=True,
    help="Send the DICOM reports and the overlay to the PACS of the settings.",
)
def read(
    paths: tuple[str, ...],
    *,
    model: str | None,
    pixels: str | None,
    document: Path | None,
    table: Path | None,
    folder: Path | None,
    wanted_forms: tuple[str, ...],
    anatomy: bool,
    store: bool,
) -> None:
    """Read chest radiographs and print what the model finds.

    PATH is a DICOM, PNG or JPEG file, a folder, a ZIP archive or a DICOMDIR. Every file is
    accounted for: read, refused (with the reasons), or failed. Raw values are what the
    network says; scores are those values on TorchXRayVision's scale, where 0.5 is the
    operating point. A score is not a probability.

    Exit status: 0 when nothing failed (a refusal is an answer), 1 when something failed,
    2 for wrong usage.
    """
    if wanted_forms and folder is None:
        raise click.UsageError(say("--form selects what --out writes: give a folder with --out."))
    check_paths(paths)
    check_outputs(document, table)
    settings = read_with(Settings.load(), model, pixels)
    context = open_pipeline(settings, with_anatomy=anatomy)
    language = of_environment()
    echo(model_line(context.model.identity, language), err=True)
    if context.segmentation is not None:
        echo(model_line(context.segmentation.identity, language), err=True)
    candidates = list(find_candidates(paths))
    with ExitStack() as stack:
        written = wanted_forms or tuple(FORMS)
        writers = _writers(settings, folder, candidates, forms=written, store=store, stack=stack)
        journal = None
        if document is not None:
            head = encode.document_head(context.model.identity, settings.pixels.pipeline)
            out = None if folder is None else [printable(str(folder)), *written]
            wanted = {"out": out, "store": store, **({"anatomy": True} if anatomy else {})}
            journal = stack.enter_context(
                ReadingJournal(document, head, wanted=wanted, resume=table is None)
            )
        rows = None if table is None else stack.enter_context(AtomicFile(table))
        counts = _read_all(candidates, context, writers, journal, rows)
        if journal is not None:
            journal.finish()
    echo(counted(counts, language), err=True)
    for in_pacs in (writer for writer in writers if isinstance(writer, ResultsInPacs)):
        echo(stored_line(in_pacs.stored, in_pacs.pacs.url), err=True)
    echo(RESEARCH_USE_ONLY, err=True)
    if counts[Status.FAILED]:
        sys.exit(FAILED)


def _read_all(
    candidates: list[Candidate],
    context: PipelineContext,
    writers: list[ResultWriter],
    journal: ReadingJournal | None,
    table: AtomicFile | None,
) -> Counter[Status]:
    """Read, print and write each file; return how many ended how."""
    counts: Counter[Status] = Counter()
    anatomy = context.segmentation is not None
    add_row = _table_writer(table, context.model, anatomy=anatomy)
    codes = encode.load_codes(context.settings.report.codes_file)
    done = journal.done if journal is not None else {}
    left = [candidate for candidate in candidates if candidate.name not in done]
    counts.update(Status(status) for status in done.values())
    if done:
        echo(
            "{count} file was already analyzed; remaining: {left}.",
            "{count} files were already analyzed; remaining: {left}.",
            count=len(done),
            left=len(left),
            err=True,
        )
    show = full_table if len(candidates) <= FULL_TABLES else one_line
    language = of_environment()
    with progress(say("reading"), len(left)) as advance:
        for outcome in read_many(left, context, writing=writing_for(writers)):
            written = write_results(outcome, writers)
            if journal is not None:
                journal.append(outcome.path, encode.document_row(written, codes))
            add_row(written)
            counts[written.status] += 1
            advance(show(written, language))
    return counts


def stored_line(stored: Counter[str], place: str) -> str:
    """Return how many objects were stored for how many images, and where.

    Parameters
    ----------
    stored
        Image → objects that were stored for it.
    place
        Address of the PACS.
    """
    if not stored:
        return say("Nothing was stored in the PACS.")
    objects = Message("{count} object", "{count} objects", count=stored.total())
    images = Message("{count} image", "{count} images", count=len(stored))
    return say(
        "Stored {objects} for {images} in {place}, in the studies of the images.",
        objects=objects,
        images=images,
        place=place,
    )


def check_outputs(*files: Path | None) -> None:
    """Say of files to be written that they are one, or images, before one of them is replaced.

    Raises
    ------
    SourceUnreadable
        Two of them are the same file, or one is there and is no text.
    """
    named = [file for file in files if file is not None]
    if len({file.resolve() for file in named}) < len(named):
        raise SourceUnreadable(
            "{named} is given twice.", "Give each result a file of its own.", named=named[0]
        )
    for file in filter(Path.is_file, named):
        with read_errors(str(file)), file.open("rb") as stream:
            kind = kind_of(stream.read(SNIFFED_BYTES))
        if kind is not FileKind.OTHER:
            raise SourceUnreadable(
                "{file} is an image or an archive and would be replaced.",
                "Choose another file for the results.",
                file=file,
            )


def _table_writer(
    table: AtomicFile | None, model: Model, *, anatomy: bool
) -> Callable[[Outcome], object]:
    """Write the head of the CSV table and return what adds a row; nothing without a table."""
    if table is None:
        return lambda _: None
    wanted = CsvTable(model.labels, anatomy=anatomy, calibrated=model.curves.keys())
    rows = csv.DictWriter(table, wanted.columns)
    rows.writeheader()
    return lambda outcome: rows.writerow(wanted.row(outcome))


def _writers(
    settings: Settings,
    folder: Path | None,
    candidates: Sequence[Candidate],
    *,
    forms: Sequence[str],
    store: bool,
    stack: ExitStack,
) -> list[ResultWriter]:
    """Return what takes the results of each reading."""
    writers: list[ResultWriter] = []
    if folder is not None:
        stems = distinct_stems(candidate.name for candidate in candidates)
        writers.append(ResultFiles(folder, settings, stems, forms))
    if store:
        from hilum.pacs import credentials  # noqa: PLC0415  loads the web client

        address = credentials.load(settings)
        pacs = stack.enter_context(closing(address.connect(timeout_s=settings.pacs.timeout_s)))
        pacs.capabilities()  # wrong address or password: say so before anything is read
        writers.append(ResultsInPacs(pacs, settings))
    return writers
