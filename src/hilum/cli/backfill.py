"""``hilum backfill``: analyze images that are in the PACS already, or in another one."""

import sys
from datetime import UTC, datetime

import click

from hilum.cli.main import FAILED, main
from hilum.cli.progress import pause, progress, tell_unfetched
from hilum.cli.terminal import echo, say
from hilum.errors import SettingInvalid
from hilum.language import Message
from hilum.node.backfill import Backfill, BackfillQuery
from hilum.node.service import open_node_context
from hilum.settings import Settings

DAY = click.DateTime(formats=["%Y-%m-%d"])


@main.command()
@click.option("--since", type=DAY, help="First study date, YYYY-MM-DD.")
@click.option("--until", type=DAY, help="Last study date, YYYY-MM-DD.")
@click.option(
    "--modality",
    "modalities",
    multiple=True,
    metavar="CS",
    help="Modality of the series; may be given several times.  [default: gate.modalities]",
)
@click.option("--study", metavar="UID", help="Only this study, by its Study Instance UID.")
@click.option(
    "--from",
    "source",
    metavar="PACS",
    help="Fetch them from another PACS first: a name of pacs.query, or AET@HOST:PORT.",
)
@click.option("--again", is_flag=True, help="Also images analyzed before, with the current model.")
@click.option(
    "--silent",
    is_flag=True,
    help="Record the results for operators only; nothing is stored in the PACS.",
)
def backfill(
    since: datetime | None,
    until: datetime | None,
    modalities: tuple[str, ...],
    study: str | None,
    source: str | None,
    *,
    again: bool,
    silent: bool,
) -> None:
    """Queue images that are in the PACS already; the running node, or the next one, reads them.

    What arrives meanwhile is read first. A backfill that was broken off goes on where it
    stopped when it is asked for in the same words. Images that were read are left alone,
    also by another model, unless --again is given: then each gets new results beside the
    old ones.

    With --from, images of another PACS are copied into this one by C-FIND and C-GET or C-MOVE;
    the node takes them up as they come. It needs --since and --until, or --study.

    With --silent, a retrospective audit: whatever the node's mode, the results are recorded for
    operators only, and images with results in the PACS are left alone. Without it, images that were
    analyzed in a quieter mode than the node's present one are analyzed again in that one.
    """
    if since and until and until < since:
        raise click.UsageError(say("--until is before --since."))
    settings = Settings.load()
    wanted = BackfillQuery(
        since.date() if since else None,
        until.date() if until else None,
        tuple(sorted({each.upper() for each in modalities})) or settings.gate.modalities,
        study,
        again,
        silent=silent,
    )
    if source is not None and silent:
        raise click.UsageError(
            say("--silent is for images in the PACS: set node.mode to silent for those of --from.")
        )
    if source is not None:
        _fetch(settings, source, wanted)
        return
    started = datetime.now(UTC)
    with open_node_context(settings) as context:
        work = Backfill(context, wanted)
        done, total = work.progress.studies, len(work.left)
        if done:
            echo(
                "{count} study was already queued; remaining: {left}.",
                "{count} studies were already queued; remaining: {left}.",
                count=done,
                left=total,
                err=True,
            )
        with progress(say("queueing"), total) as advance:
            for number, images in enumerate(work.run(), start=1):
                advance(
                    say(
                        "study {number} of {all}: {count} image queued",
                        "study {number} of {all}: {count} images queued",
                        number=number,
                        all=total,
                        count=images,
                    )
                )
        reached = work.progress
    seconds = (datetime.now(UTC) - started).total_seconds()
    echo(
        "Queued in {seconds:.0f} s: {images} of {studies}.",
        images=Message("{count} image", "{count} images", count=reached.images),
        studies=Message("{count} study", "{count} studies", count=reached.studies),
        seconds=seconds,
    )
    if study is not None and not reached.studies:
        raise SettingInvalid(
            "The PACS has no study {study}.", "Check its Study Instance UID.", study=study
        )


def _fetch(settings: Settings, name: str, wanted: BackfillQuery) -> None:
    """Copy images of another PACS into the archive, and say what came."""
    # pynetdicom takes half a second to import: only who needs it waits
    from hilum.node.retrieve import RemoteBackfill  # noqa: PLC0415
    from hilum.pacs.query import query_source  # noqa: PLC0415

    if wanted.again or not (wanted.study_instance_uid or (wanted.since and wanted.until)):
        raise click.UsageError(say("--from needs --since and --until, or --study, and no --again."))
    failed = 0
    with open_node_context(settings) as context:
        work = RemoteBackfill(context, query_source(settings, name), wanted)
        for each in work.run(pause):
            if each.error is not None:
                failed += 1
                echo("Not fetched: {why}", why=each.error.message, err=True)
    reached = work.progress
    echo(
        "Fetched from {pacs}: {images} of {studies}. The node analyzes them as it gets to them.",
        pacs=name,
        images=Message("{count} new image", "{count} new images", count=reached.images),
        studies=Message("{count} study", "{count} studies", count=reached.studies),
    )
    tell_unfetched(failed)
    if failed:
        sys.exit(FAILED)
