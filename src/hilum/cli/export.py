"""``hilum export``: images, readings and reviews for research, de-identified."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import Any, Final

import click

from hilum.cli.main import main
from hilum.cli.noted import actor, note
from hilum.cli.progress import progress
from hilum.cli.terminal import check_paths, echo, say
from hilum.errors import NotInPacs, SettingInvalid, SourceUnreadable
from hilum.export import preview
from hilum.export.folder import ExportFolder, writing
from hilum.export.key import KEY_FILE, SiteKey, image_word
from hilum.export.reasons import WithheldError
from hilum.export.reidentify import NAMES, originals
from hilum.export.run import Analyze, Export, ExportOptions
from hilum.export.sheet import sheet
from hilum.export.sources import ExportSource, FileSource, NodeSource, documents
from hilum.files.atomic import replacing
from hilum.files.held import held
from hilum.files.private import OWNER_FILE
from hilum.language import of_environment
from hilum.radiograph import ImageUIDs
from hilum.records import Database, releases
from hilum.records.database import open_database
from hilum.records.releases import ACTIONS, ExportQuery, Release, ReleaseState
from hilum.settings import Settings

DAY: Final = click.DateTime(formats=["%Y-%m-%d"])
FILE: Final = click.Path(dir_okay=False, path_type=Path)

OPTIONS: Final = (
    click.option("--since", type=DAY, help="First study date, YYYY-MM-DD."),
    click.option("--until", type=DAY, help="Last study date, YYYY-MM-DD."),
    click.option("--finding", default="", help="Only studies in which this finding is positive."),
    click.option("--reviewed", is_flag=True, help="Only studies that a reader reviewed."),
    click.option(
        "--from",
        "paths",
        type=click.Path(path_type=Path),
        multiple=True,
        help="File or folder to export instead of the node's archive; may be repeated.",
    ),
    click.option(
        "--key",
        "key_file",
        type=FILE,
        help="The site's key.  [default: export.key in the data folder]",
    ),
)
"""Options of whatever looks at images."""


@dataclass(frozen=True, slots=True)
class ExportSelection:
    """Which images, by which key."""

    query: ExportQuery
    paths: tuple[Path, ...]
    key_file: Path | None

    def key(self, settings: Settings) -> SiteKey:
        """Return the site's key."""
        return key_of(self.key_file, settings)

    @contextmanager
    def source(
        self, settings: Settings, readings: Sequence[Path] = ()
    ) -> Iterator[tuple[ExportSource, Database]]:
        """Yield where the images come from, and where releases are kept."""
        if self.paths:
            check_paths(tuple(map(str, self.paths)))
            with open_database(settings) as database:
                yield FileSource(self.paths, documents(readings)), database
            return
        from hilum.node.service import open_node_context  # noqa: PLC0415  needs Linux

        with open_node_context(settings) as node:
            limit = settings.node.max_file_bytes
            yield (
                NodeSource(node.database, node.archive, node.pacs, self.query, limit),
                node.database,
            )


def selecting(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that select images, as an `ExportSelection`."""

    @wraps(command)
    def run(
        since: datetime | None,
        until: datetime | None,
        finding: str,
        paths: tuple[Path, ...],
        key_file: Path | None,
        *,
        reviewed: bool,
        **more: Any,
    ) -> None:
        if since and until and until < since:
            raise click.UsageError(say("--until is before --since."))
        first, last = ("" if each is None else f"{each:%Y%m%d}" for each in (since, until))
        query = ExportQuery(first, last, finding, reviewed)
        if paths and query != ExportQuery():
            raise click.UsageError(say("--from exports all files: leave the other choices out."))
        command(ExportSelection(query, paths, key_file), **more)

    made: Callable[..., None] = run
    for option in reversed(OPTIONS):
        made = option(made)
    return made


@main.group()
def export() -> None:
    """Export images, readings and reviews for research, de-identified.

    First somebody looks at the images: `hilum export review`, or the page. Only what was
    released leaves.
    """


@export.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@selecting
@click.option(
    "--json",
    "readings",
    type=FILE,
    multiple=True,
    help="What hilum read --json wrote about the files of --from.",
)
@click.option("--analyze", is_flag=True, help="Analyze the exported images with the model in use.")
@click.option("--heatmaps", is_flag=True, help="Also the overlays.")
@click.option("--png", "pictures", is_flag=True, help="Also a PNG of each image.")
@click.option("--reader-names", is_flag=True, help="Names of readers instead of pseudonyms.")
@click.option("--free-text", is_flag=True, help="Also what readers wrote in their own words.")
def run(
    selection: ExportSelection,
    folder: Path,
    *,
    readings: tuple[Path, ...],
    analyze: bool,
    **chosen: bool,
) -> None:
    """Write the released images into FOLDER.

    After an interruption the same command goes on where it stopped. The same images and the
    same key give the same files.
    """
    if readings and not selection.paths:
        raise click.UsageError(say("--json belongs to --from."))
    settings, options = Settings.load(), ExportOptions(**chosen)
    key = selection.key(settings)
    asked = [
        asdict(selection.query),
        [str(path.resolve()) for path in (*selection.paths, *readings)],
        asdict(options),
        analyze,
    ]
    head = {
        "hilum_export": "1",
        "key": key.id,
        "selection": key.digest("selection", json.dumps(asked)).hex()[:16],
    }
    with ExitStack() as stack:
        source, database = stack.enter_context(selection.source(settings, readings))
        stack.enter_context(held(folder, private=True))
        work = Export(
            source,
            key,
            ExportFolder(folder, head),
            database,
            settings,
            options,
            _analysis(settings) if analyze else None,
        )
        with progress(say("exporting"), 0) as advance:
            for name, reason in work.run():
                if reason is not None:
                    advance(f"{name}: {say(reason.text)}")
        count = len({each["patient"] for each in work.records})
        note(
            database,
            "export.written",
            images=len(work.records),
            patients=count,
            withheld=work.withheld.total(),
            key=key.id,
        )
    _summarize(work, folder)


@export.command()
@selecting
@click.option("--sheet", "file", type=FILE, help="Write a contact sheet of what is undecided.")
@click.option("--release", "released", multiple=True, metavar="IMAGE", help="Release this image.")
@click.option(
    "--keep-back", "kept", multiple=True, metavar="IMAGE", help="Keep this image on the site."
)
@click.option(
    "--release-rest", is_flag=True, help="Release all on contact sheets that are undecided."
)
def review(
    selection: ExportSelection,
    *,
    file: Path | None,
    released: tuple[str, ...],
    kept: tuple[str, ...],
    release_rest: bool,
) -> None:
    """Look at images before they leave, and say which ones may.

    First write a contact sheet and look at it; then give --keep-back for each image with a name
    or a number in the picture, and --release-rest. IMAGE is what the sheet calls it.
    """
    if (file is None) is not (bool(released or kept) or release_rest):
        raise click.UsageError(say("Give --sheet FILE, or say what is released or kept back."))
    settings = Settings.load()
    key = selection.key(settings)
    with selection.source(settings) as (source, database):
        if file is not None:
            _write_sheet(file, source, database, key, settings)
            return
        with database.look() as connection:
            known = {
                image_word(key, each.uids): each
                for each in releases.every(connection, source.archive)
            }
        chosen = dict.fromkeys(released, ReleaseState.RELEASED)
        chosen |= dict.fromkeys(kept, ReleaseState.KEPT_BACK)
        if missing := sorted(chosen.keys() - known.keys()):
            raise SettingInvalid(
                "{image} is on no contact sheet.",
                "Write one with --sheet, and name images as it does.",
                image=missing[0],
            )
        if release_rest:
            rest = (word for word, each in known.items() if each.state is ReleaseState.SHOWN)
            chosen = {**dict.fromkeys(rest, ReleaseState.RELEASED), **chosen}
        for word, state in chosen.items():
            _decide(database, source.archive, known[word], state)
    counts = Counter(chosen.values())
    echo(
        "Released: {released}. Kept back: {kept}.",
        released=counts[ReleaseState.RELEASED],
        kept=counts[ReleaseState.KEPT_BACK],
    )


@export.command()
@click.argument("pseudonym")
@click.option("--key", "key_file", type=FILE, help="The site's key.")
def reidentify(pseudonym: str, key_file: Path | None) -> None:
    """Say whose a PSEUDONYM is: a patient's, an accession number, a UID, a reader.

    It takes the site's key and the node's records. Who asked is written into the audit trail.
    """
    from hilum.node.retrying_archive import archive_name  # noqa: PLC0415  needs Linux

    settings = Settings.load()
    key = key_of(key_file, settings, make=False)
    with open_database(settings) as database:
        with database.look() as connection:
            found = list(originals(connection, archive_name(settings), key, pseudonym))
        studies = {study for _, _, study in found}
        note(
            database,
            "export.reidentified",
            archive=archive_name(settings),
            study=studies.pop() if len(studies) == 1 else "",
            pseudonym=pseudonym,
            found=len(found),
        )
    if not found:
        raise SettingInvalid(
            "{pseudonym} is no pseudonym of this key for anything in the records of this node.",
            "Check it, and the key.",
            pseudonym=pseudonym,
        )
    for kind, said, study in found:
        line = f"{say(NAMES[kind])}: {said}"
        click.echo(f"{line}  {study}" if study not in {"", said} else line)


def key_of(file: Path | None, settings: Settings, *, make: bool = True) -> SiteKey:
    """Return the site's key.

    Raises
    ------
    SettingInvalid
        It cannot be used; or there is none, and none is to be made.
    """
    path = file or settings.data_folder / KEY_FILE
    if (not make or file is not None) and not path.exists():
        raise SettingInvalid("There is no key {path}.", "Check its path.", path=path)
    return SiteKey.load(path)


def _decide(database: Database, archive: str, shown: Release, state: ReleaseState) -> None:
    decided = replace(shown, state=state, actor=actor(), at=datetime.now(UTC))
    with database.transaction() as connection:
        releases.put(connection, archive, decided)
    about = {"study": shown.study_instance_uid, "image": shown.sop_instance_uid}
    note(database, ACTIONS[state], archive=archive, **about, series=shown.series_instance_uid)


def _write_sheet(
    file: Path, source: ExportSource, database: Database, key: SiteKey, settings: Settings
) -> None:
    count = 0

    def tiles() -> Iterator[tuple[str, bytes]]:
        nonlocal count
        for name, found in _undecided(source, database, settings):
            if isinstance(found, WithheldError):
                click.echo(f"{name}: {say(found.reason.text)}")
                continue
            uids = ImageUIDs.of(found.header)
            now = datetime.now(UTC)
            shown = Release(*uids, ReleaseState.SHOWN, found.digest, actor(), now)
            yield image_word(key, uids), preview.picture(found)
            with database.transaction() as connection:
                releases.put(connection, source.archive, shown)
            count += 1

    with (
        writing(file),
        replacing(file, file.with_name(f"{file.name}.part"), mode=OWNER_FILE) as out,
    ):
        for part in sheet(tiles(), of_environment()):
            out.write(part.encode())
    echo(
        "{count} image to look at is in {file}.",
        "{count} images to look at are in {file}.",
        count=count,
        file=file,
    )
    if count:
        echo("Next: hilum export review --keep-back IMAGE ... --release-rest", err=True)


def _undecided(
    source: ExportSource, database: Database, settings: Settings
) -> Iterator[tuple[str, preview.Original | WithheldError]]:
    """Yield the images about which nobody has decided as they are now."""
    for image in source.images():
        try:
            found = preview.original(image.fetch(), settings)
        except NotInPacs:
            continue
        except SourceUnreadable as exc:
            yield image.name, WithheldError("not_readable", why=exc.problem)
            continue
        except WithheldError as exc:
            yield image.name, exc
            continue
        with database.look() as connection:
            known = releases.get(connection, source.archive, ImageUIDs.of(found.header))
        decided = known is not None and known.state is not ReleaseState.SHOWN
        if not (decided and known is not None and known.digest == found.digest):
            yield image.name, found


def _analysis(settings: Settings) -> Analyze:
    """Return what reads clean images with the model of the settings."""
    from hilum import pipeline  # noqa: PLC0415  loads a network library
    from hilum.outcome import Read  # noqa: PLC0415

    context = pipeline.open_pipeline(settings)

    def analyze(clean: Any) -> Any:
        outcome = pipeline.process(clean, context)
        return outcome.reading if isinstance(outcome, Read) else None

    return analyze


def _summarize(work: Export, folder: Path) -> None:
    """Say what was exported, and for which reasons images were not."""
    for code, count in sorted(work.withheld.items()):
        echo(
            "{count} image not exported: {code}",
            "{count} images not exported: {code}",
            count=count,
            code=code,
            err=True,
        )
    echo(
        "Exported {count} image to {folder}.",
        "Exported {count} images to {folder}.",
        count=len(work.records),
        folder=folder,
    )
