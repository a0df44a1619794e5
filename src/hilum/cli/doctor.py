"""``hilum doctor``: check the installation."""

import json
import sys
from dataclasses import asdict
from typing import Final

import click

from hilum import RESEARCH_USE_ONLY, __version__
from hilum.cli.main import FAILED, main
from hilum.cli.terminal import say
from hilum.doctor import Level, run_checks
from hilum.language import Message

SCHEMA: Final = "hilum.doctor/1"
"""Name of the form of ``--json``."""

COLOURS: Final = {Level.OK: "green", Level.WARNING: "yellow", Level.PROBLEM: "red"}

LEVELS: Final = {
    Level.OK: Message("ok"),
    Level.WARNING: Message("warning"),
    Level.PROBLEM: Message("problem"),
}
"""Severity → its word."""

WIDTH: Final = max(map(len, Level))


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Write one JSON document instead of lines.")
def doctor(*, as_json: bool) -> None:
    """Check the installation and say what to do.

    One line for each thing: ok, warning or problem, what was found, and what to do about
    it. Nothing is changed, nothing of any patient is read. Status 1 when there is a problem.
    """
    found = []
    for each in run_checks():
        found.append(each)
        if not as_json:
            level = each.finding.level
            word = click.style(f"{say(LEVELS[level]):<{WIDTH}}", fg=COLOURS[level])
            remedy = f"  → {say(each.finding.remedy)}" if each.finding.remedy else ""
            click.echo(f"{word}  {say(each.name)}: {say(each.finding.what)}{remedy}")
    levels = [each.finding.level for each in found]
    if as_json:
        checks = [{"check": each.name, **asdict(each.finding)} for each in found]
        document = {"schema": SCHEMA, "software": f"hilum {__version__}", "checks": checks}
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        counts = ", ".join(f"{levels.count(level)} {say(word)}" for level, word in LEVELS.items())
        click.echo(f"{counts}. {say(RESEARCH_USE_ONLY)}", err=True)
    if Level.PROBLEM in levels:
        sys.exit(FAILED)
