"""``hilum deliveries``: what was sent on to other archives and systems, and what was not."""

from collections.abc import Sequence
from datetime import UTC, datetime

import click

from hilum.cli.jobs import NEWEST, find, forward_line, records
from hilum.cli.main import main
from hilum.cli.terminal import echo, say
from hilum.jobs.queue import Queue
from hilum.records import forwards
from hilum.records.forwards import FORWARD_STATES, ForwardState


@main.group(invoke_without_command=True)
@click.pass_context
def deliveries(context: click.Context) -> None:
    """Show what was sent on to other archives and systems, and retry failures."""
    if context.invoked_subcommand is None:
        context.invoke(list_)


@deliveries.command("list")
@click.option(
    "--state",
    "states",
    type=click.Choice([state.value for state in ForwardState]),
    multiple=True,
    help="Only this state; may be given several times.",
)
@click.option(
    "--limit", type=click.IntRange(min=1), default=NEWEST, show_default=True, help="Newest first."
)
def list_(states: Sequence[str] = (), limit: int = NEWEST) -> None:
    """List deliveries, last changed first."""
    wanted = frozenset(map(ForwardState, states)) or frozenset(ForwardState)
    with records() as (database, archive), database.look() as connection:
        found = forwards.entries(connection, archive, wanted, limit=limit)
        counts = forwards.counts(connection, archive)
    for each in found:
        uid = each.forward.uids.sop_instance_uid
        click.echo(f"{each.changed:%Y-%m-%d %H:%M:%S}  {uid}  {forward_line(each)}")
    said = [
        f"{counts[each]} {say(FORWARD_STATES[each])}" for each in ForwardState if each in counts
    ]
    echo(", ".join(said) or say("Nothing was sent on yet."), err=True)


@deliveries.command()
@click.argument("instances", nargs=-1, metavar="[INSTANCE]...")
@click.option("--to", "target", metavar="TARGET", help="Only to this target, such as hl7:RIS.")
@click.option("--all-failed", is_flag=True, help="Everything that failed.")
def retry(instances: Sequence[str], *, target: str | None, all_failed: bool) -> None:
    """Ask for another attempt to deliver what failed; the running node takes it up.

    INSTANCE is the SOP Instance UID or the reference of an image.
    """
    if bool(instances) == all_failed:
        raise click.UsageError(say("Name instances, or give --all-failed."))
    failed = {ForwardState.FAILED}
    with records() as (database, archive):
        with database.look() as connection:
            named = {find(connection, archive, each).uids for each in instances}
            found = [
                each.forward
                for each in forwards.entries(connection, archive, failed)
                if all_failed or each.forward.uids in named
                if target in {None, each.forward.target}
            ]
        queue = Queue(database)
        with database.transaction() as connection:
            asked = queue.retry_forwards(connection, found, datetime.now(UTC))
    echo("{count} will be sent again.", "{count} will be sent again.", count=asked)
