"""``hilum jobs``: status of each image."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import click

from hilum.cli.main import main
from hilum.cli.terminal import echo, say
from hilum.errors import NodeError
from hilum.jobs.queue import Queue
from hilum.language import Message
from hilum.node.retrying_archive import archive_name
from hilum.records import Connection, Database, forwards, images, worklist
from hilum.records.database import open_database
from hilum.records.forwards import FORWARD_STATES, ForwardEntry
from hilum.records.images import ImageRecord
from hilum.records.states import STATES, URGENCIES, State
from hilum.records.worklist import StudyRow
from hilum.settings import Settings

FORWARD = Message("forward")

NEWEST = 50
"""Lines that a list shows unless more are asked for."""


@main.group(invoke_without_command=True)
@click.pass_context
def jobs(context: click.Context) -> None:
    """Show the status of each image, and retry failures."""
    if context.invoked_subcommand is None:
        context.invoke(list_)


@jobs.command("list")
@click.option(
    "--state",
    "states",
    type=click.Choice([state.value for state in State]),
    multiple=True,
    help="Only this state; may be given several times. stored are images that were analyzed, "
    "refused those that were not.",
)
@click.option("--study", metavar="UID", help="Only this study, by its Study Instance UID.")
@click.option(
    "--limit", type=click.IntRange(min=1), default=NEWEST, show_default=True, help="Newest first."
)
@click.option(
    "--show",
    "shown",
    type=click.Choice(["patient", "accession"]),
    multiple=True,
    help="Also the patient's name and ID, or the accession number; may be given several times.",
)
def list_(
    states: tuple[str, ...] = (),
    study: str | None = None,
    limit: int = NEWEST,
    shown: tuple[str, ...] = (),
) -> None:
    """List images, newest first."""
    wanted = frozenset(State(state) for state in states) or frozenset(State)
    with records() as (database, archive), database.look() as connection:
        for entry in images.entries(
            connection, archive, wanted, study_instance_uid=study, limit=limit
        ):
            row = worklist.row(connection, archive, entry.study_instance_uid) if shown else None
            click.echo("  ".join([one_line(entry), *whose(row, shown)]).rstrip())
        counts = images.counts(connection, archive)
    said = ", ".join(f"{counts[each]} {say(STATES[each])}" for each in State if each in counts)
    echo(said or say("No image has arrived yet."), err=True)


@jobs.command()
@click.argument("instance")
def show(instance: str) -> None:
    """Show all about one INSTANCE: its SOP Instance UID or its reference."""
    with records() as (database, archive), database.look() as connection:
        entry = find(connection, archive, instance)
        sent = forwards.entries(connection, archive, uids=entry.uids)
    for name, value in facts(entry):
        click.echo(f"{say(name):<18}{say(value)}")
    for each in sent:
        click.echo(f"{say(FORWARD):<18}{forward_line(each)}")


@jobs.command()
@click.argument("instances", nargs=-1, metavar="[INSTANCE]...")
@click.option("--all-failed", is_flag=True, help="Everything that failed.")
def retry(instances: tuple[str, ...], *, all_failed: bool) -> None:
    """Ask for another attempt; the running node, or the next one, takes it up.

    INSTANCE is the SOP Instance UID or the reference of an image that failed, was refused,
    or was gone. A reference is what the PACS calls it, as hilum jobs list shows it.
    """
    if bool(instances) == all_failed:
        raise click.UsageError(say("Name instances, or give --all-failed."))
    with records() as (database, archive):
        with database.look() as connection:
            if all_failed:
                chosen = images.entries(connection, archive, {State.FAILED})
            else:
                chosen = [find(connection, archive, instance) for instance in instances]
        queue = Queue(database)
        with database.transaction() as connection:
            uids = [entry.uids for entry in chosen]
            asked = queue.retry(connection, archive, uids, datetime.now(UTC))
    echo(
        "{count} of {all} will be analyzed again.",
        "{count} of {all} will be analyzed again.",
        count=len(asked),
        all=len(chosen),
    )


@contextmanager
def records() -> Iterator[tuple[Database, str]]:
    """Open the database of the settings; yield it with the name of their PACS."""
    settings = Settings.load()
    with open_database(settings) as database:
        yield database, archive_name(settings)


def one_line(entry: ImageRecord) -> str:
    """Return the line of one image in the list."""
    why = "; ".join(say(reason.text) for reason in entry.reasons)
    state = say(STATES[entry.state])
    return f"{entry.arrived:%Y-%m-%d %H:%M:%S}  {state:<19}  {entry.reference}  {why}"


def whose(row: StudyRow | None, shown: tuple[str, ...]) -> Iterator[str]:
    """Yield what was asked for of the study that an image is in."""
    if row is not None and "patient" in shown:
        yield f"{row.patient_name} ({row.patient_id})"
    if row is not None and "accession" in shown:
        yield row.accession_number


def facts(entry: ImageRecord) -> Iterator[tuple[str, str]]:
    """Yield name and value of each thing that is known of one image."""
    yield Message("reference"), entry.reference
    yield "SOP Instance UID", entry.sop_instance_uid
    yield Message("series"), entry.series_instance_uid
    yield Message("study"), entry.study_instance_uid
    yield Message("state"), STATES[entry.state]
    yield Message("urgency"), URGENCIES[entry.urgency]
    yield Message("arrived"), f"{entry.arrived:%Y-%m-%d %H:%M:%S} UTC"
    if entry.settled is not None:
        yield Message("settled"), f"{entry.settled:%Y-%m-%d %H:%M:%S} UTC"
    yield Message("run"), str(entry.run)
    yield Message("attempts"), str(entry.attempts)
    if entry.model is not None:
        yield Message("model"), entry.model
    if entry.seconds:
        yield (
            Message("seconds"),
            ", ".join(f"{stage} {spent:.3f}" for stage, spent in entry.seconds.items()),
        )
    for reason in entry.reasons:
        yield Message("because"), f"{say(reason.text)} ({reason.code})"
    for uid in entry.results:
        yield Message("result"), uid


def forward_line(entry: ForwardEntry) -> str:
    """Return the outcome of the results on their way to one target."""
    why = f": {say(entry.why)}" if entry.why else ""
    return say(
        "{target} {state}, {count} attempt{why}",
        "{target} {state}, {count} attempts{why}",
        target=entry.forward.target,
        state=say(FORWARD_STATES[entry.state]),
        count=entry.attempts,
        why=why,
    )


def find(connection: Connection, archive: str, instance: str) -> ImageRecord:
    """Return the image that a person calls so.

    Raises
    ------
    NodeError
        There is none, or there are several: one SOP Instance UID in two studies.
    """
    found = images.called(connection, archive, instance)
    if not found:
        raise NodeError(
            "No image {instance} has arrived.", "See hilum jobs list.", instance=instance
        )
    if len(found) > 1:
        each = Message.joined(
            "; ",
            [
                Message(
                    "{reference} in study {study}",
                    reference=one.reference,
                    study=one.study_instance_uid,
                )
                for one in found
            ],
        )
        raise NodeError(
            "{count} images have the SOP Instance UID {instance}.",
            "Give the reference instead: {each}.",
            count=len(found),
            instance=instance,
            each=each,
        )
    return found[0]
