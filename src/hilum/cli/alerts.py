"""``hilum alerts``: what people were told, and whether a message arrives."""

import sys

import click

from hilum import RESEARCH_USE_ONLY
from hilum.cli.main import FAILED, main
from hilum.cli.terminal import echo, say
from hilum.errors import SettingInvalid
from hilum.records import alerts as told
from hilum.records.alerts import ALERT_STATES
from hilum.records.database import open_database
from hilum.settings import Settings
from hilum.telemetry.alerts import send_test

NEWEST = 50
"""Lines that a list shows unless more are asked for."""


@main.group(invoke_without_command=True)
@click.pass_context
def alerts(context: click.Context) -> None:
    """Show alerts, or send a test alert. Settings: section alerts."""
    if context.invoked_subcommand is None:
        context.invoke(list_)


@alerts.command("list")
@click.option(
    "--limit", type=click.IntRange(min=1), default=NEWEST, show_default=True, help="Newest first."
)
def list_(limit: int = NEWEST) -> None:
    """List alerts, newest first."""
    with open_database(Settings.load()) as database, database.look() as connection:
        found = told.newest(connection, limit=limit)
    for each in found:
        state, text = say(ALERT_STATES[each.state]), say(each.text)
        click.echo(f"{each.raised:%Y-%m-%d %H:%M:%S}  {each.kind:<8}  {text}  ({state})")
    if not found:
        echo("No alerts yet.", err=True)


@alerts.command()
def test() -> None:
    """Send a test alert to each address of the settings.

    Exit status: 0 when every service accepted it, 1 when one did not.
    """
    settings = Settings.load().alerts
    if not settings.urls:
        raise SettingInvalid(
            "No address for alerts is set.", "Set alerts.urls; docs/operations.md has examples."
        )
    taken = send_test(settings, RESEARCH_USE_ONLY)
    for name, well in taken.items():
        if well:
            echo("{target}: sent", target=name)
        else:
            echo("{target}: not accepted. Check address, user and password.", target=name)
    if not all(taken.values()):
        sys.exit(FAILED)
