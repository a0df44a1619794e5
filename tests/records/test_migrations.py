"""The steps that make and change the tables: frozen, equal to `tables`, equal by every way."""

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner
from sqlalchemy import JSON, Connection, MetaData, create_engine, text
from sqlalchemy.exc import DBAPIError

from hilum.cli import main
from hilum.errors import SettingInvalid
from hilum.radiograph import ImageUIDs
from hilum.records import Database, feed, migrations, quality_tables, reviews
from hilum.records.database import sqlite_url
from hilum.records.migrations import MIGRATION, MIGRATIONS

m001_initial: Final = MIGRATIONS[0]

RELEASED: Final = {"the first schema": "m001_initial"}
"""Release → the last step that it had. Each release adds its line."""

FROZEN: Final = {
    "0001_initial.postgresql": "523446693b32271d592bb46034dcfedd1e90f8c1b0246fd4726b2df025a36d1a",
    "0001_initial.sqlite": "6280dcca0c56f1a68c632d94bb2269ca203e9fe1d71208d4501487dbe90ffc21",
    "0002_warnings": "91226ceb2313a242e05134322726086681918af5279b1f1147754efcd33b4f20",
    "0003_references": "c099bd266b0e51d9753e6100cca483182558e662c86f244f66ac9644d6e1dffa",
    "0004_sign_in.postgresql": "887cf079e6998ba99c38a6a98d13cbfa0999120c85564f9f84bf7be15024e952",
    "0004_sign_in.sqlite": "8840cedb620bb44d1fcec8e16d6955c25c8e074b8972814f1607129cd2fb5829",
    "0005_not_analyzed": "d9491383e6180968fb5162c2328b2e73be2b3bc22558395c558e8fd17160780a",
    "0006_answers.postgresql": "db536fa8a4aa6abc2b1a54d8ffeecc5ad80a79e137d4e800b3e868d97052dee5",
    "0006_answers.sqlite": "3dc46526a1cae09a35a119b418317dfb784ed510cbacaff801cb76b3feff46e8",
    "0007_passkeys.postgresql": "b48307f31c7a2e168c81f1beb810b70134fd9bd87dcb8b7317874d00b3ec6ad9",
    "0007_passkeys.sqlite": "9996202cf43bc15eda857e6ea608a9bc253892db8abd4af19f01e03cee2468b1",
    "0008_claims.postgresql": "ba2d470ebc00afc56c9e03060a6209b76bbf9a6f325ef44e1bf93cfbbcccc3e1",
    "0008_claims.sqlite": "9b7fed8ae9eb62f196e7c80a7658f87497be13f779a0af90f29df0e2c63a6aab",
    "0009_alerts.postgresql": "c2cbe8d95d0546309dd1390da2c41be6d0f901ada4a2137e02c7b827edc17817",
    "0009_alerts.sqlite": "1e142a06ef2e48e7ff91f5763b266756c6aeef1fe7cb92177795e1d1a1f30a98",
    "0010_limits": "a576ee23a6df8d06e10cc7214d27581c9afb0bf7f94fb53ec0c7e69187a02a67",
    "0011_audit_sent": "0ab2df89f9d7459751fb26df3038107db312332b1cb63d7924d54a637a81803e",
    "0012_delivery.postgresql": "306cf4189f493b80a7890318d6f6cf7730586f204dd9337675f5bd16cd313886",
    "0012_delivery.sqlite": "1b5413fed28e590e8cd1885f834769a6e076193b6b90e08d528dad28e7a34df4",
    "0013_page_values": "1632e9890bf281bc2892b8345e8b3e1e9474c13eb62bc5d4d59a0a11d77df0f9",
    "0014_self_test_lines": "f7e5cf20680b323f93f3a3d7b6bec7edc0de23e74126d0d443c290032612f8ce",
    "0015_retrievals.postgresql": (
        "24758a6595c46ac793bbdcad788c9854328c2403a874faba88374f8a6e70b42f"
    ),
    "0015_retrievals.sqlite": "886ed5f73e61db73619df2f317dd354dcf4fc67033c68d8d41607b16b9cb3df6",
    "0016_releases.postgresql": "5f0877a539ce89036c741659e9a16d79ffc72b7ac152f164c70460e0a69788b6",
    "0016_releases.sqlite": "bbdeb39a2b8ee3603d0082381013791edd724d874bd9cf8829e373bd601f5691",
    "0017_anatomy.postgresql": "a4c5f7ace6b875f80bec22aa578b5d740af6032bfaacaeab674b482752f6c864",
    "0017_anatomy.sqlite": "e7df672552ac3445d93be4f030759f0b4d6ff582eb618380f473ab37fee530aa",
    "0018_features.postgresql": "d2607343d18addd0aa259df671fcdbc048e75e9f44f8410c5caad902b1576da7",
    "0018_features.sqlite": "47133eeac7d261b2f712f83658196151442318273ed26754ceeedc2a0831deee",
    "0019_modes": "236ee498694ed33f577b9b0d4e67e60d60d1c080401a28f8a9d99d27dcd3c1ae",
    "0020_points_used.postgresql": (
        "f36acb8e98d0f98d82567b1d77e7b3126eff7ce8c5379f4f6f1db87421f50b5e"
    ),
    "0020_points_used.sqlite": "7540618c85027131e727219fdca5c03266454e5def07d522f079ff7888a5dbdc",
    "0021_in_order.postgresql": "806af99173208b48741dd85ec0813722833f32eee2cd2cf0c2d2cfb7be94367b",
    "0021_in_order.sqlite": "8989b7bc4335c8a6d99b19684c21ae7629e6d856c36e507d1d3756bee44a45a4",
}
"""File of `schema/` → its SHA-256: a database that ran it never runs it again."""

ROW: Final = {str: "", int: 1, float: 0.0, bool: False, bytes: b""}
"""Type → what a row may hold in a column."""

Step = Callable[[Connection], None]


@contextmanager
def plain(address: str) -> Iterator[Connection]:
    """Open a database as it is, in one transaction."""
    engine = create_engine(address)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


@pytest.fixture
def another_address(database_address: str, request, tmp_path: Path) -> Iterator[str]:
    """Return the address of a second empty database, of the same kind as the first."""
    if database_address.startswith("sqlite"):
        yield sqlite_url(tmp_path / "another" / "hilum.sqlite")
        return
    server = request.getfixturevalue("postgresql_server")
    address = server.new_database()
    yield address
    server.drop_database(address)


@pytest.fixture
def steps(monkeypatch) -> Callable[..., None]:
    """Return what puts other steps in the place of hilum's."""
    return lambda *given: monkeypatch.setattr(migrations, "MIGRATIONS", given)


def of_sqlite(connection: Connection) -> Iterator[tuple[object, ...]]:
    """Yield what SQLite says of each column and index; those of a constraint have no own name."""
    for name, sql in connection.execute(
        text("SELECT name, sql FROM sqlite_master WHERE type = 'table'")
    ):
        for pair in re.findall(r'"?(\w+)"? [^,(]*COLLATE "?(\w+)"?', sql):
            yield (name, "collation", *pair)
        for _, *column in connection.exec_driver_sql(f"PRAGMA table_xinfo({name})"):
            yield (name, "column", *column)
        for _, index, unique, origin, partial in connection.exec_driver_sql(
            f"PRAGMA index_list({name})"
        ):
            keys = tuple(
                (column, descends, collation)
                for _, _, column, descends, collation, key in connection.exec_driver_sql(
                    f"PRAGMA index_xinfo({index})"
                )
                if key
            )
            yield (name, "index", index if origin == "c" else origin, unique, partial, keys)


def of_postgresql(connection: Connection) -> Iterator[tuple[object, ...]]:
    """Yield what PostgreSQL says of each column, index and constraint."""
    questions = (
        """SELECT table_name, column_name, data_type, is_nullable, column_default, collation_name
        FROM information_schema.columns WHERE table_schema = 'public'""",
        "SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'public'",
        """SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace AND contype IN ('p', 'u', 'c', 'f')""",
    )
    for question in questions:
        yield from (tuple(row) for row in connection.execute(text(question)))


def tables_in(address: str) -> set[tuple[object, ...]]:
    """Return all that a database says of its tables, but for the record of steps."""
    with plain(address) as connection:
        say = {"sqlite": of_sqlite, "postgresql": of_postgresql}[connection.dialect.name]
        return {row for row in say(connection) if row[0] != MIGRATION.name}


def triggers_in(address: str) -> set[tuple[object, ...]]:
    """Return the triggers of a database, and the functions that they call."""
    questions = {
        "sqlite": ("SELECT sql FROM sqlite_master WHERE type = 'trigger'",),
        "postgresql": (
            "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
            """SELECT pg_get_functiondef(oid) FROM pg_proc
             WHERE pronamespace = 'public'::regnamespace""",
        ),
    }
    with plain(address) as connection:
        asked = questions[connection.dialect.name]
        return {tuple(row) for each in asked for row in connection.execute(text(each))}


def fill(address: str) -> None:
    """Put a row into each table as it is there: a step that works on empty ones is not enough."""
    there = MetaData()
    with plain(address) as connection:
        there.reflect(connection)
        for table in there.tables.values():
            if table.name != MIGRATION.name:
                row = {
                    column.name: []
                    if isinstance(column.type, JSON)
                    else ROW[column.type.python_type]
                    for column in table.columns
                }
                connection.execute(table.insert(), row)


def upgrade(address: str, *, before: tuple[Step, ...], after: tuple[Step, ...], steps) -> None:
    """Make a database by some steps, fill it, and bring it up to date by others."""
    steps(*before)
    Database(address).close()
    fill(address)
    steps(*after)
    Database(address).close()


def adds(column: str) -> Step:
    """Return a step that adds a column to the workers' table."""

    def m002_planted(connection: Connection) -> None:
        connection.exec_driver_sql(f"ALTER TABLE worker ADD COLUMN {column}")

    return m002_planted


def changed(connection: Connection) -> None:
    """Do the first step as somebody who changed it afterwards."""
    m001_initial(connection)
    connection.exec_driver_sql("ALTER TABLE worker ADD COLUMN site VARCHAR")


changed.__name__ = m001_initial.__name__


def test_steps_make_the_tables_that_the_code_knows(database_address, another_address):
    """Columns, types, nullability, defaults, keys, constraints, indexes and collations."""
    Database(database_address).close()
    with plain(another_address) as connection:
        quality_tables.METADATA.create_all(connection)

    assert tables_in(another_address) == tables_in(database_address)


def test_column_that_the_code_does_not_know_is_noticed(database_address, another_address, steps):
    """The comparison bites: a planted second step makes a column that `tables` lacks."""
    steps(*migrations.MIGRATIONS, adds("site VARCHAR"))
    Database(database_address).close()
    with plain(another_address) as connection:
        quality_tables.METADATA.create_all(connection)
    (found,) = tables_in(database_address) ^ tables_in(another_address)

    assert {"worker", "site", "VARCHAR"} <= {
        str(part).replace("character varying", "VARCHAR") for part in found
    }


@pytest.mark.parametrize("last", RELEASED.values(), ids=list(RELEASED))
def test_upgrade_from_each_release_equals_a_fresh_database(
    database_address, another_address, steps, last
):
    """Whoever came by the steps has what everybody else has, triggers too."""
    names = [step.__name__ for step in migrations.MIGRATIONS]
    then, now = migrations.MIGRATIONS[: names.index(last) + 1], migrations.MIGRATIONS
    upgrade(database_address, before=then, after=now, steps=steps)
    Database(another_address).close()

    assert tables_in(another_address) == tables_in(database_address)
    assert triggers_in(another_address) == triggers_in(database_address) != set()


def test_step_that_follows_makes_an_upgrade_equal(database_address, another_address, steps):
    """A planted second step, on tables with rows in them."""
    now = (m001_initial, adds("site VARCHAR DEFAULT '' NOT NULL"))
    upgrade(database_address, before=(m001_initial,), after=now, steps=steps)
    Database(another_address).close()

    assert tables_in(another_address) == tables_in(database_address)


def test_step_that_was_changed_afterwards_is_noticed(database_address, another_address, steps):
    """The comparison bites: who ran it before never gets what was added to it."""
    upgrade(database_address, before=(m001_initial,), after=(changed,), steps=steps)
    Database(another_address).close()

    assert tables_in(another_address) != tables_in(database_address)


def test_step_that_needs_empty_tables_is_noticed(database_address, steps):
    """A column without a default cannot be added to rows."""
    now = (m001_initial, adds("site VARCHAR NOT NULL"))

    with pytest.raises((DBAPIError, SettingInvalid)):
        upgrade(database_address, before=(m001_initial,), after=now, steps=steps)


def test_place_in_the_feed_is_carried_over(database_address, steps):
    """A node that is upgraded goes on where it was; one that had seen nothing begins."""
    now = migrations.MIGRATIONS
    steps(*now[:2])
    Database(database_address).close()
    with plain(database_address) as connection:
        connection.exec_driver_sql(
            "INSERT INTO feed (archive, sequence, anchor)"
            " VALUES ('own', 17, 'abc 20261126T170607'), ('new', 0, '')"
        )
    steps(*now)
    with Database(database_address) as database, database.look() as connection:
        found = {archive: feed.position(connection, archive) for archive in ("own", "new")}

    assert {"own": "17 abc 20261126T170607", "new": ""} == found


def test_reviews_that_contradict_themselves_become_unsure(database_address, steps):
    """Agreed to be absent and missed; what was said once is carried over, and counted once."""
    now = migrations.MIGRATIONS
    steps(*now[:4])
    Database(database_address).close()
    with plain(database_address) as connection:
        connection.exec_driver_sql(
            "INSERT INTO review (number, archive, study_instance_uid, series_instance_uid,"
            " sop_instance_uid, at, month, reader, model, model_sha256, demonstration, missing,"
            " comment, report) VALUES (1, 'own', '1', '2', '3', 0, '1970-01', 'ana', 'm 1', '',"
            """ false, '["Edema", "Mass", "rib notching"]', '', '2.25.1')"""
        )
        for label, opinion, positive in (
            ("Edema", "agree", False),
            ("Mass", "disagree", False),
            ("Nodule", "unsure", False),
            ("Effusion", "agree", True),
            ("Hernia", "disagree", True),
            ("Fracture", "agree", False),
        ):
            connection.execute(
                text("INSERT INTO review_finding VALUES (1, :l, :o, :p, 0.5, 0.5, 0.5)"),
                {"l": label, "o": opinion, "p": positive},
            )
    steps(*now)
    with Database(database_address) as database, database.look() as connection:
        (review,) = reviews.on_image(connection, "own", ImageUIDs("1", "2", "3"))

    assert ("rib notching",) == review.missing
    assert not review.unaided
    assert {
        "Edema": "unsure",
        "Mass": "present",
        "Nodule": "unsure",
        "Effusion": "present",
        "Hernia": "absent",
        "Fracture": "absent",
    } == {each.label: each.answer for each in review.findings}


def test_what_has_run_is_frozen():
    """A new column is a new step: see CONTRIBUTING.md."""
    folder = resources.files("hilum.records") / "schema"
    files = {each.name.removesuffix(".sql"): each.read_bytes() for each in folder.iterdir()}

    assert FROZEN == {name: hashlib.sha256(files[name]).hexdigest() for name in FROZEN}
    assert [] == [name for name, sql in files.items() if b"%" in sql]  # psycopg's own sign


def test_steps_run_once(database_address):
    """A second start finds their record."""
    Database(database_address).close()
    with Database(database_address) as database, database.look() as connection:
        ran = list(connection.scalars(text("SELECT name FROM migration")))

    assert [step.__name__ for step in migrations.MIGRATIONS] == ran


def test_step_that_fails_leaves_nothing_behind(database_address, steps):
    """All steps of a start are one transaction, tables included."""
    steps(m001_initial, adds("site NO SUCH TYPE("))
    with pytest.raises(SettingInvalid):
        Database(database_address)

    assert set() == tables_in(database_address) == triggers_in(database_address)


def test_processes_that_start_at_once_make_the_tables_once(database_address):
    """Node and workers may find an empty database in the same moment."""
    with ThreadPoolExecutor(4) as threads:
        for opened in threads.map(Database, [database_address] * 4):
            opened.close()
    with plain(database_address) as connection:
        ran = list(connection.scalars(text("SELECT name FROM migration")))

    assert [step.__name__ for step in migrations.MIGRATIONS] == ran


def test_database_that_does_not_answer_is_said_in_its_own_words():
    """Without the promise of what a node does once it runs."""
    with pytest.raises(SettingInvalid, match=r"cannot be used: connection failed.*refused\. C"):
        Database("postgresql+psycopg://nobody@127.0.0.1:1/none")


def test_record_of_another_program_is_said(database_address):
    """Its table may have the name of ours."""
    with plain(database_address) as connection:
        connection.exec_driver_sql("CREATE TABLE migration (version INTEGER)")

    with pytest.raises(SettingInvalid, match=r"cannot be used: .*name"):
        Database(database_address)


@pytest.mark.parametrize(
    "statements",
    [
        ("UPDATE migration SET name = 'm001_images_and_studies' WHERE name = 'm001_initial'",),
        ("DELETE FROM migration",),
        ("DROP TABLE migration",),
        ("DROP TABLE migration", "DROP TABLE study", "DROP TABLE image"),
    ],
    ids=["the old record", "an empty record", "no record", "some tables of it"],
)
def test_database_of_a_development_version_says_what_to_do(database_address, statements):
    """Nothing is tried on it, and nothing in it is changed."""
    Database(database_address).close()
    with plain(database_address) as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    before = tables_in(database_address)

    with pytest.raises(SettingInvalid, match=r"cannot be upgraded\..*hilum backfill") as caught:
        Database(database_address)

    assert "\n" not in str(caught.value)
    assert database_address.rpartition("/")[2] in str(caught.value)
    assert before == tables_in(database_address)


def test_database_of_a_newer_hilum_is_not_opened(database_address):
    """Versions are not mixed on one database: an older one would write what nobody expects."""
    Database(database_address).close()
    with plain(database_address) as connection:
        connection.exec_driver_sql("INSERT INTO migration (name, ran) VALUES ('m999_future', 0)")

    with pytest.raises(SettingInvalid, match=r"a newer hilum \(m999_future\)"):
        Database(database_address)


def test_tables_of_somebody_else_are_no_hindrance(database_address):
    """The jobs' tables lie beside ours, and may be there first."""
    with plain(database_address) as connection:
        connection.exec_driver_sql("CREATE TABLE workflow_status (x INTEGER)")
    Database(database_address).close()

    assert "worker" in {row[0] for row in tables_in(database_address)}


@pytest.mark.parametrize("arguments", [("audit",), ("jobs", "list"), ("users", "list")])
def test_command_says_it_in_two_lines(arguments, sqlite_address, monkeypatch):
    """What is wrong and what to do, where a person sees it; never a traceback."""
    folder = Path(sqlite_address.removeprefix("sqlite:///")).parent
    monkeypatch.setenv("HILUM_DATA_FOLDER", str(folder))
    monkeypatch.setenv("HILUM_SETTINGS", os.devnull)
    with plain(sqlite_address) as connection:
        connection.exec_driver_sql("CREATE TABLE image (archive VARCHAR)")
    done = CliRunner().invoke(main, arguments)

    assert done.exit_code != 0
    assert isinstance(done.exception, SystemExit)
    problem = "has tables of a development version of hilum, which cannot be upgraded."
    assert f"{folder}/hilum.sqlite {problem}" in done.stderr.replace("\n", " ")
    assert migrations.START_ANEW in done.stderr.replace("\n", " ")
