"""``hilum backfill``: analyze images that are in the PACS already."""

from datetime import UTC, datetime

import click

from hilum.cli.main import main
from hilum.cli.progress import progress
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
@click.option("--again", is_flag=True, help="Also images analyzed before, with the current model.")
def backfill(
    since: datetime | None,
    until: datetime | None,
    modalities: tuple[str, ...],
    study: str | None,
    *,
    again: bool,
) -> None:
    """Queue images that are in the PACS already; the running node, or the next one, reads them.

    What arrives meanwhile is read first. A backfill that was broken off goes on where it
    stopped when it is asked for in the same words. Images that were read are left alone,
    also by another model, unless --again is given: then each gets new results beside the
    old ones.
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
    )
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
