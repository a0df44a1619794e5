"""``hilum audit``: the audit trail: who accessed which study."""

import csv
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click

from hilum.cli.main import FAILED, main
from hilum.cli.terminal import echo, say
from hilum.files.atomic import AtomicFile
from hilum.language import Message
from hilum.records import audit as trail
from hilum.records.database import open_database
from hilum.settings import Settings
from hilum.values.csv_text import harmless

NEWEST: Final = 50
"""Lines that a list shows unless more are asked for."""

COLUMNS: Final = (
    *("number", "at", "actor", "action", "archive", "study_instance_uid", "sop_instance_uid"),
    *("detail", "chain"),
)
"""Of an export, in order."""

SINCE: Final = click.option(
    "--since",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]),
    help="Only from this day or time on, in UTC.",
)
STUDY: Final = click.option("--study", metavar="UID", help="Only this Study Instance UID.")


@main.group(invoke_without_command=True)
@click.pass_context
def audit(context: click.Context) -> None:
    """Show who accessed or analyzed which study. Entries are only ever added."""
    if context.invoked_subcommand is None:
        context.invoke(list_)


@audit.command("list")
@SINCE
@STUDY
@click.option(
    "--limit", type=click.IntRange(min=1), default=NEWEST, show_default=True, help="The last ones."
)
def list_(since: datetime | None = None, study: str | None = None, limit: int = NEWEST) -> None:
    """List the last lines, the oldest of them first."""
    with open_database(Settings.load()) as database, database.look() as connection:
        found = trail.lines(connection, since=_utc(since), study_instance_uid=study, newest=limit)
        for each in found:
            echo(one_line(each))
        count = trail.count(connection)
        echo("{count} line in total.", "{count} lines in total.", count=count, err=True)


@audit.command()
@click.option(
    "--csv",
    "as_csv",
    type=click.Path(path_type=Path),
    help="Write a CSV file; - is standard output.",
)
@click.option(
    "--json",
    "as_json",
    type=click.Path(path_type=Path),
    help="Write JSON, a line each; - prints it.",
)
@SINCE
@STUDY
def export(
    as_csv: Path | None, as_json: Path | None, since: datetime | None, study: str | None
) -> None:
    """Write lines out with their chain values, for whoever keeps or checks them elsewhere."""
    if (as_csv is None) == (as_json is None):
        raise click.UsageError(say("Give --csv FILE or --json FILE."))
    path = as_csv or as_json or Path("-")
    with open_database(Settings.load()) as database, database.look() as connection:
        found = trail.lines(connection, since=_utc(since), study_instance_uid=study)
        texts = csv_lines(found) if as_csv is not None else json_lines(found)
        if str(path) == "-":
            count = _print(texts)
        else:
            with AtomicFile(path) as file:
                count = sum(1 for text in texts if file.write(text.encode()))
    count -= as_csv is not None
    echo("{count} line was written.", "{count} lines were written.", count=count, err=True)


@audit.command()
@click.option(
    "--kept",
    default=trail.START,
    metavar="CHAIN",
    help="A chain value that was written down before and must still be there.",
)
def verify(kept: str) -> None:
    """Check that no line was changed, put in between or taken out.

    Lines cut off at the end leave no gap: write down the last chain value now and then,
    where nobody who can change the database can change it, and give it as --kept.
    """
    with open_database(Settings.load()) as database, database.look() as connection:
        found = trail.verify(connection, kept=kept)
    if found.broken_at is not None:
        echo(
            "The audit trail is broken at line {broken_at}: that line or an earlier one was "
            "changed.",
            broken_at=found.broken_at,
        )
    elif not found.kept_found:
        echo("The audit trail does not contain the chain value that was kept: its end was cut off.")
    else:
        echo(
            "{count} line, not changed.",
            "{count} lines, none changed, none missing before the last.",
            count=found.lines,
        )
    echo("last chain value  {chain}", chain=found.last or Message("none"))
    if not found.whole:
        sys.exit(FAILED)


def one_line(found: trail.StoredAuditEntry) -> str:
    """Return the line of the list."""
    said = found.line
    about = said.sop_instance_uid or said.study_instance_uid
    facts = (f"{name}={_short(value)}" for name, value in said.detail.items())
    return "  ".join(
        (f"{said.at:%Y-%m-%d %H:%M:%S}", said.actor, said.action, about, *facts)
    ).rstrip()


def fields(found: trail.StoredAuditEntry) -> dict[str, Any]:
    """Return a line as names and values, in the order of `COLUMNS`."""
    at = found.line.at.isoformat(timespec="microseconds")
    return {"number": found.number, **asdict(found.line), "at": at, "chain": found.chain}


def json_lines(found: Iterable[trail.StoredAuditEntry]) -> Iterator[str]:
    """Yield a JSON object a line."""
    for each in found:
        yield json.dumps(fields(each), ensure_ascii=False) + "\n"


def csv_lines(found: Iterable[trail.StoredAuditEntry]) -> Iterator[str]:
    """Yield the heading and a CSV row for each line (RFC 4180)."""
    rows = csv.DictWriter(_Echo(), COLUMNS)
    yield rows.writeheader()
    for each in found:
        row = {**fields(each), "detail": json.dumps(dict(each.line.detail))}
        yield rows.writerow({name: harmless(value) for name, value in row.items()})


class _Echo:
    """A file for `csv` that hands back what is written."""

    def write(self, text: str) -> str:
        return text


def _print(texts: Iterable[str]) -> int:
    count = 0
    for text in texts:
        echo(text, nl=False)
        count += 1
    return count


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(tzinfo=UTC)


def _short(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
