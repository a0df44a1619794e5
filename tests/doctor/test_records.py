"""The database as the doctor finds it, with each fault made real, on both kinds."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import Mock

import pytest
from sqlalchemy import Connection, text, update

from doctor_tools import look, worst
from hilum.doctor import records
from hilum.doctor.check import Level
from hilum.doctor.records import LATELY
from hilum.eligibility import Reason
from hilum.errors import DatabaseUnavailable, HilumError
from hilum.language import Message
from hilum.node.retrying_archive import archive_name
from hilum.records import (
    Database,
    accounts,
    audit,
    audit_position,
    images,
    migrations,
    retrievals,
    workers,
)
from hilum.records.accounts import Role
from hilum.records.counts import ALIVE_S, STUCK_AFTER
from hilum.records.database import open_database
from hilum.records.images import Arrived, Settlement
from hilum.records.states import State, Urgency
from hilum.records.tables import WORKER
from hilum.records.workers import Worker
from hilum.settings import Settings
from image_names import image_uids
from orthanc_server import free_ports

LONG = STUCK_AFTER + timedelta(minutes=1)
FAILED = Settlement(State.FAILED, (Reason("pacs", "the archive said no"),))


def in_settings(address: str) -> dict[str, str]:
    """Return what the settings of a node say of a database: nothing of its own SQLite."""
    kind, _, place = address.partition("://")
    return {} if kind == "sqlite" else {"database": f"postgresql://{place}"}


@pytest.fixture
def settings(database_address: str, make) -> Settings:
    """Return settings with a database of either kind, which was used before."""
    made = make(node=in_settings(database_address))
    open_database(made).close()
    return made


@pytest.fixture
def file(make) -> Path:
    """Return the SQLite file of a node that ran before."""
    open_database(make()).close()
    return make().data_folder / "hilum.sqlite"


def write(settings: Settings, *statements: str) -> None:
    """Do what somebody else does to the database."""
    with open_database(settings) as database, database.transaction() as connection:
        for statement in statements:
            connection.execute(text(statement))


def m999_future(_connection: Connection) -> None:
    """Stand for a step that is not written yet."""


def arrive(
    database: Database, number: int, archive: str = "own", *, ago: timedelta, held: bool = False
):
    """Write down an image that arrived a while ago; return its job."""
    uid, at = f"1.2.{number}", datetime.now(UTC) - ago
    with database.transaction() as connection:
        return images.arrived(
            connection,
            Arrived(archive, image_uids(uid, "1.2"), uid, None, Urgency.ROUTINE, at),
            held=held,
        )


def test_sound_database_is_fine(settings):
    """Its kind, version and journal are said."""
    findings = look(records.database, settings)

    assert {Level.OK} == {finding.level for finding in findings}
    assert "SQLite 3." in findings[0].what or "PostgreSQL 1" in findings[0].what
    assert "journal wal" in findings[0].what


def test_looking_makes_no_database(make, folder):
    """Before the first start there is none, and afterwards there still is none."""
    for check in (records.database, records.images, records.workers):
        assert Level.OK is look(check, make())[0].level

    assert [] == list(folder.iterdir())


def test_file_that_is_no_database_says_so(make, folder):
    """Somebody put something else there."""
    (folder / "hilum.sqlite").write_bytes(b"this is a text, and a long one at that" * 100)

    with pytest.raises(DatabaseUnavailable, match="not a database"):
        look(records.database, make())


def test_damaged_file_is_a_problem(make, file):
    """SQLite's own check finds pages that were overwritten."""
    with Database(f"sqlite:///{file}") as database:
        for number in range(200):
            arrive(database, number, ago=timedelta(0))
        with database.transaction() as connection:
            connection.execute(text("CREATE INDEX extra ON image (study_instance_uid, arrived)"))
            (root,) = connection.execute(
                text("SELECT rootpage FROM sqlite_master WHERE name = 'extra'")
            ).one()
    with file.open("r+b") as opened:
        opened.seek((root - 1) * 4096)
        opened.write(b"\x0d" + b"\xff" * 2000)
    findings = look_until_error(make())

    assert any(f.level is Level.PROBLEM and "is damaged" in f.what for f in findings)


def look_until_error(settings: Settings):
    """Return what is found before a damaged file can't be asked any more."""
    found = []
    try:
        found.extend(records.database(settings))
    except DatabaseUnavailable:
        for finding in records.database(settings):
            found.append(finding)
            if "is damaged" in finding.what:
                break
    return found


def test_database_that_somebody_holds_cannot_be_written(make, file, monkeypatch):
    """A backup that holds it for long, for instance."""
    monkeypatch.setattr("hilum.records.database_state.ANSWER_S", 0.1)
    with (
        Database(f"sqlite:///{file}") as database,
        database.transaction(),
        pytest.raises(DatabaseUnavailable, match="cannot be written: database is locked"),
    ):
        look(records.database, make())


def test_slow_journal_is_a_warning(make, file):
    """Somebody switched it, or the file lies on a network disk."""
    with Database(f"sqlite:///{file}") as database, database.look() as connection:
        connection.exec_driver_sql("PRAGMA journal_mode = DELETE")
    found = worst(look(records.database, make()))

    assert (Level.WARNING, True) == (found.level, "its journal is delete" in found.what)


def test_file_that_others_read_is_a_problem(make, file):
    """Names of patients are in it."""
    file.chmod(0o644)

    assert f"Run chmod 600 {file}." == worst(look(records.database, make())).remedy


def test_tables_of_an_older_hilum_are_a_warning(settings, monkeypatch):
    """The next start brings them up to date; the doctor does not."""
    monkeypatch.setattr(migrations, "MIGRATIONS", (*migrations.MIGRATIONS, m999_future))
    found = worst(look(records.database, settings))

    assert Level.WARNING is found.level
    assert "older hilum (1 step behind)" in found.what
    assert found == worst(look(records.database, settings))


def test_tables_of_a_development_version_are_a_problem(settings):
    """No step leads from them to those of a release, and the doctor says what does."""
    write(settings, "DELETE FROM migration WHERE name = 'm001_initial'")
    found = worst(look(records.database, settings))

    assert (Level.PROBLEM, migrations.START_ANEW) == (found.level, found.remedy)


def test_tables_of_a_newer_hilum_are_a_problem(settings):
    """An older program must not write into them."""
    write(settings, "INSERT INTO migration (name, ran) VALUES ('m999_future', 0)")

    assert "newer hilum (m999_future)" in worst(look(records.database, settings)).what


def test_postgresql_that_is_away_says_so_without_its_password(make):
    """Neither in the problem nor in the remedy."""
    port = free_ports(1)[0]
    settings = make(node={"database": f"postgresql://hilum:secret@127.0.0.1:{port}/hilum"})

    with pytest.raises(DatabaseUnavailable, match="cannot be used") as caught:
        look(records.database, settings)

    assert "secret" not in str(caught.value)


def test_address_of_something_else_says_so(make):
    """Of a database of which hilum knows nothing."""
    with pytest.raises(DatabaseUnavailable):
        look(records.database, make(node={"database": "postgresql://"}))


def test_database_clock_that_differs_is_a_problem(settings, monkeypatch):
    """Beats of workers go by it."""
    now = time.time()
    monkeypatch.setattr("hilum.doctor.records.time.time", lambda: now + 3600)
    found = worst(look(records.database, settings))

    assert Level.PROBLEM is found.level
    assert "the database differ by 36" in found.what


def test_empty_postgresql_is_fine(make, postgresql):
    """A database that no hilum has used yet."""
    settings = make(node=in_settings(postgresql))

    assert Level.WARNING is worst(look(records.database, settings)).level
    assert Level.OK is worst(look(records.images, settings)).level
    assert Level.OK is worst(look(records.workers, settings)).level


def test_images_are_counted_by_state(settings):
    """What failed and what is held are worth a warning, with what to do."""
    with open_database(settings) as database:
        job = arrive(database, 1, archive_name(settings), ago=timedelta(0))
        with database.transaction() as connection:
            images.settle(connection, job, FAILED, datetime.now(UTC))
        arrive(database, 2, archive_name(settings), ago=LONG, held=True)
        arrive(database, 3, archive_name(settings), ago=timedelta(0))
    findings = look(records.images, settings)

    assert [
        (Level.OK, "Waiting for a model: 1, Waiting: 1, Failed: 1"),
        (Level.WARNING, "1 failed"),
        (Level.WARNING, "1 waiting for a model that can analyze it"),
    ] == [(finding.level, finding.what) for finding in findings]
    assert "hilum jobs retry --all-failed" in findings[1].remedy


def test_stuck_image_is_a_problem(settings):
    """Nothing has happened to it for more than an hour."""
    with open_database(settings) as database:
        job = arrive(database, 1, archive_name(settings), ago=LONG)
        with database.transaction() as connection:
            images.begin(connection, job, datetime.now(UTC) - LONG)

    assert "1 stuck" in worst(look(records.images, settings)).what


def test_priors_that_could_not_be_fetched_are_a_warning(settings):
    """For a week; then they are no news."""
    now = datetime.now(UTC)
    with open_database(settings) as database, database.transaction() as connection:
        retrievals.want_priors(connection, archive_name(settings), ["1.2.3"], now)
        (search,) = retrievals.due(connection, archive_name(settings), now, 1)
        retrievals.not_fetched(connection, archive_name(settings), search, Message("away"), None)
        retrievals.want_priors(connection, archive_name(settings), ["1.2.4"], now - 2 * LATELY)
        (search,) = retrievals.due(connection, archive_name(settings), now, 1)
        retrievals.not_fetched(connection, archive_name(settings), search, Message("away"), None)

    assert "the priors of 1 study" in worst(look(records.lost_priors, settings)).what


def test_dead_worker_is_a_warning(settings):
    """Its work was taken over; somebody should start it again."""
    with open_database(settings) as database, database.transaction() as connection:
        for name in ("alive", "dead"):
            workers.beat(connection, Worker(name, "host", "worker", "", "1"))
        connection.execute(
            update(WORKER)
            .where(WORKER.c.executor_id == "dead")
            .values(beat=datetime.now(UTC) - timedelta(seconds=ALIVE_S + 5))
        )
    (found,) = look(records.workers, settings)

    assert Level.WARNING is found.level
    assert found.what.startswith("1 alive, 1 dead")


def test_images_that_nobody_reads_are_a_problem(settings):
    """They wait, and no process beats; with one that does, all is well."""
    with open_database(settings) as database:
        arrive(database, 1, archive_name(settings), ago=timedelta(0))
        (alone,) = look(records.workers, settings)
        with database.transaction() as connection:
            workers.beat(connection, Worker("alive", "host", "node", "m", "1"))
    (tended,) = look(records.workers, settings)

    assert (Level.PROBLEM, "1 image is waiting and no worker is running") == (
        alone.level,
        alone.what,
    )
    assert (Level.OK, "1 alive") == (tended.level, tended.what)


def test_a_repository_that_is_away_is_one_line(make):
    """With what to do, and that nothing is lost."""
    (port,) = free_ports(1)
    settings = make(telemetry={"audit_repository": f"127.0.0.1:{port}"})
    with pytest.raises(HilumError, match="does not accept the trail") as raised:
        list(records.audit_repository(settings))

    assert "nothing is lost" in raised.value.remedy
    assert [Level.OK] == [each.level for each in records.audit_repository(make())]


@pytest.mark.usefixtures("file")
def test_an_audit_trail_that_lags_is_a_warning(make, monkeypatch):
    """Such as when the thread that sends it has ended."""
    settings = make()
    monkeypatch.setattr(records, "repository_of", lambda _: Mock())
    with open_database(settings) as database, database.transaction() as connection:
        written = audit.AuditEntry(
            datetime.now(UTC) - timedelta(hours=1), "node@host", "image.read"
        )
        audit_position.begin(connection)
        audit.write(connection, written)
    found = worst(look(records.audit_repository, settings))

    assert Level.WARNING is found.level
    assert "1 line has been waiting" in found.what


@pytest.mark.usefixtures("file")
def test_apps_without_their_key_are_a_problem(make):
    """Nobody who has one could sign in; the file is not in a backup of the database."""
    settings = make()
    assert Level.OK is worst(look(records.second_factors, settings)).level
    with open_database(settings) as database, database.transaction() as connection:
        accounts.add(connection, "reader", Role.READER, password_hash="", now=datetime.now(UTC))
        connection.execute(text("UPDATE user_account SET totp = 'sealed'"))
    found = worst(look(records.second_factors, settings))
    (settings.data_folder / "second-factor-key").write_text("key", encoding="ascii")

    assert Level.PROBLEM is found.level
    assert "1 user has an authenticator app" in found.what
    assert Level.OK is worst(look(records.second_factors, settings)).level


@pytest.mark.usefixtures("file")
def test_states_are_said_in_words(make):
    """As the page says them, not by their names in the code."""
    with open_database(make()) as database:
        arrive(database, 1, ago=timedelta(0))

    assert "Waiting: 1" == look(records.images, make())[0].what
