"""``hilum jobs``: what became of each image that arrived."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from hilum.cli.main import main
from hilum.errors import NodeError
from hilum.jobs.ledger import Entry, Ledger, ledger_file
from hilum.jobs.states import LISTED, State
from hilum.service import pacs_name
from hilum.settings import Settings

NEWEST = 50
"""Lines that a list shows unless more are asked for."""


@main.group(invoke_without_command=True)
@click.pass_context
def jobs(context: click.Context) -> None:
    """Show what became of each image, and retry what failed."""
    if context.invoked_subcommand is None:
        context.invoke(list_)


@jobs.command("list")
@click.option(
    "--state",
    "states",
    type=click.Choice([state.value for state in State]),
    multiple=True,
    help="Only this state; may be given several times.",
)
@click.option(
    "--limit", type=click.IntRange(min=1), default=NEWEST, show_default=True, help="Newest first."
)
def list_(states: tuple[str, ...] = (), limit: int = NEWEST) -> None:
    """List images, newest first. Results of hilum itself are only counted."""
    wanted = tuple(State(state) for state in states) or LISTED
    with open_ledger() as ledger:
        for entry in ledger.entries(wanted, limit=limit):
            click.echo(one_line(entry))
        counts = ledger.counts()
    said = ", ".join(f"{counts[state]} {state}" for state in State if state in counts)
    click.echo(said or "No image has been taken up yet.", err=True)


@jobs.command()
@click.argument("instance")
def show(instance: str) -> None:
    """Show all about one INSTANCE: Orthanc's identifier or its SOP Instance UID."""
    with open_ledger() as ledger:
        entry = ledger.entry(instance)
    if entry is None:
        raise _unknown(instance)
    click.echo(f"instance          {entry.instance_id}")
    click.echo(f"SOP Instance UID  {entry.sop_instance_uid or 'unknown'}")
    click.echo(f"state             {entry.state}")
    click.echo(f"arrived           {entry.first_seen:%Y-%m-%d %H:%M:%S} UTC")
    if entry.settled is not None:
        click.echo(f"settled           {entry.settled:%Y-%m-%d %H:%M:%S} UTC")
    click.echo(f"attempts          {entry.attempts}")
    for reason in entry.reasons:
        click.echo(f"because           {reason.text} ({reason.code})")
    for uid in entry.results:
        click.echo(f"result            {uid}")


@jobs.command()
@click.argument("instances", nargs=-1, metavar="[INSTANCE]...")
@click.option("--all-failed", is_flag=True, help="Everything that failed.")
def retry(instances: tuple[str, ...], *, all_failed: bool) -> None:
    """Ask for another attempt; the running node, or the next one, takes it up."""
    if bool(instances) == all_failed:
        raise click.UsageError("Name instances, or give --all-failed.")
    with open_ledger() as ledger:
        if all_failed:
            chosen = [entry.instance_id for entry in ledger.entries((State.FAILED,))]
        else:
            chosen = [_find(ledger, instance).instance_id for instance in instances]
        asked = ledger.ask_again(chosen)
    click.echo(f"{asked} of {len(chosen)} will be read again.")


@contextmanager
def open_ledger() -> Iterator[Ledger]:
    """Open the ledger of the PACS of the settings."""
    settings = Settings.load()
    with Ledger(ledger_file(settings.data_folder), pacs_name(settings)) as ledger:
        yield ledger


def one_line(entry: Entry) -> str:
    """Return the line of one image in the list."""
    why = "; ".join(reason.text for reason in entry.reasons)
    return f"{entry.first_seen:%Y-%m-%d %H:%M:%S}  {entry.state:<8}  {entry.instance_id}  {why}"


def _find(ledger: Ledger, instance: str) -> Entry:
    entry = ledger.entry(instance)
    if entry is None:
        raise _unknown(instance)
    return entry


def _unknown(instance: str) -> NodeError:
    return NodeError(f"No image {instance} has arrived.", "See hilum jobs list.")
