"""``hilum selftest``: send a phantom through the whole chain and compare with the reference."""

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Final

import click

from hilum.cli.main import FAILED
from hilum.cli.terminal import echo, say
from hilum.language import Message
from hilum.node.retrying_archive import archive_name
from hilum.quality import selftest as test
from hilum.quality.selftest import LiveSelfTest
from hilum.records.constancy import SelfTestEnd, SelfTestState
from hilum.records.database import open_database
from hilum.settings import Settings

SCHEMA: Final = "hilum.quality.selftest/1"

SAYS: Final = {
    SelfTestState.OK: Message(
        "ok: {model} gives the reference findings (largest shift {worst:.1e})"
    ),
    SelfTestState.RECORDED: Message("recorded: the findings of {model} are the new reference"),
    SelfTestState.ALARM: Message("ALARM {model}"),
}


@click.command("selftest")
@click.option("--offline", is_flag=True, help="In this process alone: no PACS, no node.")
@click.option(
    "--record",
    is_flag=True,
    help="Make the answer the reference, e.g. after a wanted change of model. The first test of "
    "a model does so by itself.",
)
@click.option("--keep", is_flag=True, help="Leave the phantom and its results in the PACS.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON document.")
def selftest(*, offline: bool, record: bool, keep: bool, as_json: bool) -> None:
    """Send a phantom through PACS, node and model, and compare with the recorded reference.

    Looks at the findings, at the objects that come back and at the seconds that each stage took.
    The phantom's study is deleted afterwards. Exit status: 0 OK, 1 alarm.
    """
    settings = Settings.load()
    with ended_in_order(), open_database(settings) as database:
        through = LiveSelfTest(settings, database, archive_name(settings))
        if offline:
            ended = test.run_offline(through, record=record)
        else:
            ended = test.run_live(through, record=record, keep=keep)
    if as_json:
        click.echo(json.dumps({"schema": SCHEMA, **asdict(ended)}, indent=1))
    else:
        show(ended)
    if ended.state is SelfTestState.ALARM:
        sys.exit(FAILED)


@contextmanager
def ended_in_order() -> Iterator[None]:
    """Let SIGTERM end the self-test as Ctrl-C does: its phantom is taken away first."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(FAILED))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def show(ended: SelfTestEnd) -> None:
    """Print how a self-test ended."""
    echo(SAYS[ended.state].with_values(model=ended.model or "", worst=ended.worst or 0))
    for line in ended.lines:
        click.echo(f"  {say(line)}")
    if ended.seconds:
        stages = ", ".join(f"{stage} {spent:.2f}" for stage, spent in ended.seconds.items())
        echo("  seconds: {stages}", stages=stages)
