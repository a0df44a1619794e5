"""The ledger: one line for each image, and a position that never runs ahead of them."""

import multiprocessing
import sqlite3
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hilum.errors import LedgerUnavailable, SettingInvalid
from hilum.jobs.ledger import Ledger, Mark, Settlement, ledger_file
from hilum.jobs.states import SETTLED, State
from hilum.verdict import Reason

NOW = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
STORED = Settlement(State.STORED, "1.2.3", results=("2.25.1", "2.25.2"))
FAILED = Settlement(State.FAILED, "1.2.3", (Reason("pacs", "the PACS said no"),))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return ledger_file(tmp_path / "data")


@pytest.fixture
def ledger(path: Path):
    with Ledger(path, "own") as opened:
        yield opened


def test_new_ledger_is_at_the_start(ledger):
    """A feed that was never followed stands before its first change."""
    assert Mark(0, "") == ledger.position()
    assert {} == ledger.counts()


def test_position_survives_closing(path):
    """The next process goes on where the last one stopped."""
    with Ledger(path, "own") as ledger:
        ledger.advance(Mark(7, "abc"))
    with Ledger(path, "own") as ledger:
        assert Mark(7, "abc") == ledger.position()


def test_each_pacs_has_its_own_position_and_lines(path):
    """Another PACS in the settings starts at its own beginning."""
    with Ledger(path, "own") as ledger:
        ledger.begin("abc", 1, now=NOW)
        ledger.settle("abc", STORED, now=NOW, mark=Mark(7, "abc"))
    with Ledger(path, "http://other") as other:
        assert Mark(0, "") == other.position()
        assert None is other.entry("abc")


def test_outcome_and_position_are_written_together(ledger):
    """Settling with a mark moves the feed in the same transaction."""
    ledger.begin("abc", 7, now=NOW)
    ledger.settle("abc", STORED, now=NOW, mark=Mark(7, "abc"))

    assert Mark(7, "abc") == ledger.position()
    assert State.STORED is ledger.entry("abc").state


def test_entry_keeps_all_that_is_said(ledger):
    """Reasons, results, attempts and times come back as they went in."""
    ledger.begin("abc", 7, now=NOW)
    ledger.begin("abc", 7, now=NOW)
    ledger.settle("abc", FAILED, now=NOW)
    entry = ledger.entry("1.2.3")

    assert ("abc", "1.2.3", State.FAILED) == (
        entry.instance_id,
        entry.sop_instance_uid,
        entry.state,
    )
    assert FAILED.reasons == entry.reasons
    assert (7, 2, NOW, NOW) == (entry.sequence, entry.attempts, entry.first_seen, entry.settled)


def test_attempts_count_anew_when_an_instance_arrives_again(ledger):
    """Attempts at an earlier arrival of the same instance do not make a later one fail."""
    assert [1, 2, 1] == [
        ledger.begin("abc", 7, now=NOW),
        ledger.begin("abc", 7, now=NOW),
        ledger.begin("abc", 9, now=NOW),
    ]


def test_released_attempt_does_not_count(ledger):
    """An attempt that the PACS broke off is taken back, and the instance waits."""
    ledger.begin("abc", 7, now=NOW)
    ledger.release("abc")

    assert (State.WAITING, 0) == (ledger.entry("abc").state, ledger.entry("abc").attempts)
    assert 1 == ledger.begin("abc", 7, now=NOW)


def test_killed_work_is_found_again(path):
    """What was in work when the process was killed is still there, in work."""
    with Ledger(path, "own") as ledger:
        ledger.begin("abc", 7, now=NOW)
    with Ledger(path, "own") as ledger:
        assert ["abc"] == [entry.instance_id for entry in ledger.entries((State.READING,))]


def test_asking_again_is_for_what_ended_without_results(ledger):
    """Failed, refused and gone instances can be tried again; stored and own ones cannot."""
    ends = {state: f"id-{state}" for state in SETTLED}
    for state, instance in ends.items():
        reasons = (Reason("x", "y"),)
        ledger.begin(instance, 1, now=NOW)
        ledger.settle(instance, Settlement(state, reasons=reasons), now=NOW)

    assert 3 == ledger.ask_again(list(ends.values()))
    waiting = {entry.instance_id for entry in ledger.entries((State.WAITING,))}
    assert {"id-failed", "id-refused", "id-gone"} == waiting


def test_new_database_forgets_the_feeds_numbers_only(ledger):
    """After a restart of the feed, lines stay and no number of theirs can be mistaken."""
    ledger.begin("abc", 7, now=NOW)
    ledger.settle("abc", STORED, now=NOW, mark=Mark(7, "abc"))
    ledger.restart()

    assert Mark(0, "") == ledger.position()
    assert (State.STORED, 0) == (ledger.entry("abc").state, ledger.entry("abc").sequence)


def test_list_is_newest_first_and_limited(ledger):
    """The newest lines come first, at most as many as were asked for."""
    for number in range(3):
        ledger.begin(f"id-{number}", number, now=NOW.replace(second=number))
        ledger.settle(f"id-{number}", FAILED, now=NOW)

    assert ["id-2", "id-1"] == [e.instance_id for e in ledger.entries((State.FAILED,), limit=2)]
    assert {State.FAILED: 3} == ledger.counts()


@pytest.mark.parametrize("state", [State.READING, State.WAITING])
def test_unsettled_state_is_no_end(state):
    """Work can't end in a state in which it goes on."""
    with pytest.raises(ValueError, match="not the end"):
        Settlement(state)


@pytest.mark.parametrize("state", [State.REFUSED, State.FAILED])
def test_refusal_and_failure_need_a_reason(state):
    """Nothing is refused or fails without a word."""
    with pytest.raises(ValueError, match="needs a reason"):
        Settlement(state)


def test_ledger_is_for_the_owner_alone(path, ledger):
    """Nobody but the owner reads what arrived."""
    ledger.advance(Mark(1, "a"))

    assert {0o600} == {each.stat().st_mode & 0o777 for each in path.parent.iterdir()}


def test_file_that_is_no_ledger_is_named(path):
    """Something else under that name is one clear line, and stays untouched."""
    path.parent.mkdir()
    path.write_text("not a database, but long enough to be taken for one " * 10)

    with pytest.raises(SettingInvalid, match="cannot be used"):
        Ledger(path, "own")


def hold(path: Path, ready, done) -> None:
    """Hold the right to write until told otherwise, as a process of its own."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    ready.set()
    done.wait()
    db.execute("ROLLBACK")
    db.close()


def test_ledger_that_is_held_for_long_is_an_error_to_wait_for(path, ledger):
    """When another process holds the file, the error says that waiting may help."""
    ledger._db.execute("PRAGMA busy_timeout = 10")
    context = multiprocessing.get_context("spawn")
    ready, done = context.Event(), context.Event()
    process = context.Process(target=hold, args=(path, ready, done))
    process.start()
    try:
        assert ready.wait(30)
        with pytest.raises(LedgerUnavailable) as caught:
            ledger.advance(Mark(1, "a"))
        assert caught.value.retryable
    finally:
        done.set()
        process.join()
    ledger.advance(Mark(1, "a"))
    assert Mark(1, "a") == ledger.position()


def test_failed_transaction_leaves_nothing(ledger):
    """An error within a transaction takes everything back that it had written."""
    with suppress(ZeroDivisionError), ledger._transaction() as db:
        db.execute("INSERT INTO feed VALUES ('own', 9, 'x')")
        _ = 1 / 0

    assert Mark(0, "") == ledger.position()
