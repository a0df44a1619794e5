"""The database: whether it is usable, and what it has of images and workers."""

import stat
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

from hilum.doctor.check import CheckResult, ok, problem, warning
from hilum.errors import DatabaseUnavailable, SettingInvalid
from hilum.language import Message
from hilum.node.audit_trail import repository_of
from hilum.node.retrying_archive import archive_name
from hilum.records import audit_position, retrievals, second_factor
from hilum.records.counts import observe, troubles
from hilum.records.database_state import (
    RESTORE,
    DatabaseState,
    database_file,
    database_state,
    examining,
    require_writable,
)
from hilum.records.migrations import INSTALL_NEWER, START_ANEW
from hilum.records.states import STATES, State
from hilum.settings import Settings
from hilum.web.credentials import factor_key

Answer = TypeVar("Answer")

SKEW_S: Final = 5.0
"""Seconds that the database's clock may differ from ours."""

LAGS: Final = timedelta(minutes=10)
"""Age of a line of the audit trail that was not sent, from which something is wrong."""

LATELY: Final = timedelta(days=7)
"""Priors that were not fetched before then are no news any more."""

NOT_YET: Final = Message("none yet; the first start creates it")


def database(settings: Settings) -> Iterator[CheckResult]:
    """Say which it is, whether it is sound and can be written, and what its clock says."""
    file = database_file(settings)
    if file is not None and not file.exists():
        yield ok("{file}: {why}", file=file, why=NOT_YET)
        return
    with examining(settings) as connection:
        found = database_state(connection)
        where = str(file) if file is not None else "node.database"
        yield ok(
            "{kind} at {where}, journal {journal}",
            kind=found.kind,
            where=where,
            journal=found.journal,
        )
        yield from _soundness(found)
        require_writable(connection)
        yield ok("writable")
    skew = abs(found.clock_s - time.time())
    if skew > SKEW_S:
        yield problem(
            "the clocks of this machine and the database differ by {skew:.0f} s",
            "Synchronize both with the same time server (NTP).",
            skew=skew,
        )
    if file is not None and stat.S_IMODE(file.stat().st_mode) & (stat.S_IRWXG | stat.S_IRWXO):
        yield problem("{file} can be read by others", "Run chmod 600 {file}.", file=file)


def images(settings: Settings) -> Iterator[CheckResult]:
    """Say how many images wait, failed or are stuck."""
    found = ask(settings, troubles)
    if isinstance(found, CheckResult):
        yield found
        return
    counted = [
        Message("{state}: {count}", state=STATES[state], count=found.of(state))
        for state in State
        if found.of(state)
    ]
    yield ok(Message.joined(", ", counted) if counted else Message("none so far"))
    if found.stuck:
        yield problem(
            Message(
                "{count} stuck: no progress for more than an hour",
                "{count} stuck: no progress for more than an hour",
                count=found.stuck,
            ),
            "Check the node's log, and restart it. hilum jobs list --state reading shows them.",
        )
    if found.of(State.FAILED):
        yield warning(
            Message("{count} failed", "{count} failed", count=found.of(State.FAILED)),
            "See why with hilum jobs list --state failed; then hilum jobs retry --all-failed.",
        )
    if found.of(State.HELD):
        yield warning(
            Message(
                "{count} waiting for a model that can analyze it",
                "{count} waiting for a model that can analyze them",
                count=found.of(State.HELD),
            ),
            "See the check of the model.",
        )


def lost_priors(settings: Settings) -> Iterator[CheckResult]:
    """Say of how many studies the priors could not be fetched lately; nothing of none."""
    count = ask(
        settings,
        lambda connection, archive, now: retrievals.given_up(connection, archive, now - LATELY),
    )
    if isinstance(count, int) and count:
        yield warning(
            Message(
                "the priors of {count} study could not be fetched in the last 7 days",
                "the priors of {count} studies could not be fetched in the last 7 days",
                count=count,
            ),
            "Check the PACS of pacs.query; the node's log says why (priors.not_fetched).",
        )


def workers(settings: Settings) -> Iterator[CheckResult]:
    """Say how many processes read, and how many stopped without a word."""
    found = ask(settings, observe)
    if isinstance(found, CheckResult):
        yield found
        return
    if found.workers_dead:
        yield warning(
            "{workers_alive} alive, {workers_dead} dead; the others took over the work",
            "Check the logs of the dead workers, and restart them.",
            workers_alive=found.workers_alive,
            workers_dead=found.workers_dead,
        )
    elif found.queue and not found.workers_alive:
        yield problem(
            Message(
                "{count} image is waiting and no worker is running",
                "{count} images are waiting and no worker is running",
                count=sum(found.queue.values()),
            ),
            "Run hilum up, or hilum worker.",
        )
    else:
        yield ok("{workers_alive} alive", workers_alive=found.workers_alive)


def audit_repository(settings: Settings) -> Iterator[CheckResult]:
    """Say whether the audit record repository takes the trail, and how much waits for it."""
    repository = repository_of(settings)
    if repository is None:
        yield ok("off (telemetry.audit_repository)")
        return
    waiting = ask(settings, lambda connection, *_: audit_position.waiting(connection))
    repository.deliver(())
    lines = 0 if isinstance(waiting, CheckResult) else waiting
    since = (
        None
        if not lines
        else ask(settings, lambda connection, *_: audit_position.oldest(connection))
    )
    if isinstance(since, datetime) and datetime.now(UTC) - since > LAGS:
        yield warning(
            Message(
                "{count} line has been waiting for more than {minutes:.0f} minutes",
                "{count} lines have been waiting for more than {minutes:.0f} minutes",
                count=lines,
                minutes=LAGS.total_seconds() / 60,
            ),
            "Check the node's log for audit.waits. If there is none, restart the node.",
        )
        return
    yield ok(
        "{repository} accepts it; {lines} lines are waiting",
        repository=settings.telemetry.audit_repository,
        lines=lines,
    )


def second_factors(settings: Settings) -> Iterator[CheckResult]:
    """Say whether codes of authenticator apps can be checked: their key is a file of its own."""
    keyed = ask(settings, lambda connection, *_: second_factor.sealed_secrets(connection))
    count = 0 if isinstance(keyed, CheckResult) else keyed
    file = factor_key(settings).file
    if not count:
        yield ok("no authenticator app is in use")
    elif file.is_file():
        yield ok("the key of the authenticator apps is in {file}", file=file)
    else:
        yield problem(
            Message(
                "{count} user has an authenticator app, but its key {file} is missing",
                "{count} users have an authenticator app, but the key {file} is missing",
                count=count,
                file=file,
            ),
            "Restore the file from a backup; otherwise run hilum users reset NAME for each.",
        )


def _soundness(found: DatabaseState) -> Iterator[CheckResult]:
    if found.damage:
        yield problem("the file is damaged: {damage}", RESTORE, damage=found.damage[0])
    if found.journal != "wal":
        yield warning(
            "its journal is {journal}: readers and writers wait for each other",
            "Restart the node, which sets it, and keep the file on a local disk.",
            journal=found.journal,
        )
    schema = found.schema
    if schema.unreleased:
        yield problem(
            "it has tables of a development version of hilum, which cannot be upgraded", START_ANEW
        )
    elif schema.unknown:
        yield problem(
            "it was written by a newer hilum ({unknown})", INSTALL_NEWER, unknown=schema.unknown[-1]
        )
    elif schema.missing:
        yield warning(
            Message(
                "its tables are those of an older hilum ({count} step behind)",
                "its tables are those of an older hilum ({count} steps behind)",
                count=len(schema.missing),
            ),
            "Restart the node, which upgrades them.",
        )


def ask(settings: Settings, question: Callable[..., Answer]) -> Answer | CheckResult:
    """Return the answer of the records, or what there is to say instead of it."""
    file = database_file(settings)
    if file is not None and not file.exists():
        return ok("none so far")
    try:
        with examining(settings) as connection:
            if not database_state(connection).has_images:
                return ok("none so far")
            return question(connection, archive_name(settings), datetime.now(UTC))
    except (DatabaseUnavailable, SettingInvalid):
        return warning("not known: the database cannot be used", "See the check of the database.")
