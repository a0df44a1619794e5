"""Steps that bring the tables up to date, in order; what ran is written beside the data."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Column, Connection, MetaData, String, Table, inspect, select, text

from hilum.records import quality_tables, tables

MIGRATION: Final = Table(
    "migration",
    MetaData(),
    Column("name", String, primary_key=True),
    Column("ran", tables.Instant, nullable=False),
)

ONE_AT_A_TIME: Final = 0x68696C756D
"""Key of the PostgreSQL advisory lock under which tables are changed ("hilum")."""


def m001_images_and_studies(connection: Connection) -> None:
    """Make the feed, images, readings, worklist, workers, forwards, backfills, audit trail."""
    tables.METADATA.create_all(
        connection,
        tables=[
            tables.FEED,
            tables.IMAGE,
            tables.READING,
            tables.FORWARD,
            tables.WORKER,
            tables.BACKFILL,
            tables.AUDIT,
            tables.STUDY,
            tables.STUDY_FINDING,
        ],
    )


def m002_audit_is_only_added_to(connection: Connection) -> None:
    """Let the database turn away whoever changes or deletes a line of the audit trail.

    SQLite's REPLACE deletes without asking the trigger, hence the third one.
    """
    abort = "BEGIN SELECT RAISE(ABORT, 'the audit trail is only added to'); END"
    there = "EXISTS (SELECT 1 FROM audit WHERE number = NEW.number)"
    raises = "BEGIN RAISE EXCEPTION 'the audit trail is only added to'; END"
    function = "audit_is_only_added_to()"
    change = "BEFORE UPDATE OR DELETE OR TRUNCATE ON audit FOR EACH STATEMENT"
    statements = {
        "sqlite": (
            f"CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit {abort}",
            f"CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit {abort}",
            f"CREATE TRIGGER audit_no_replace BEFORE INSERT ON audit WHEN {there} {abort}",
        ),
        "postgresql": (
            f"CREATE FUNCTION {function} RETURNS trigger LANGUAGE plpgsql AS $${raises}$$",
            f"CREATE TRIGGER audit_no_change {change} EXECUTE FUNCTION {function}",
        ),
    }
    for statement in statements[connection.dialect.name]:
        connection.exec_driver_sql(statement)


def m003_search_thumbnails_and_reviews(connection: Connection) -> None:
    """Make what the page adds: words to search by, small pictures, reviews of readers."""
    tables.METADATA.create_all(
        connection,
        tables=[
            tables.STUDY_WORD,
            tables.THUMBNAIL,
            tables.REVIEW,
            tables.REVIEW_FINDING,
        ],
    )


def m004_users_and_sessions(connection: Connection) -> None:
    """Make the tables of those who may sign in, or use the API."""
    tables.METADATA.create_all(
        connection, tables=[tables.USER, tables.SESSION, tables.TOKEN, tables.LOGIN_ATTEMPT]
    )


def m005_constancy_and_drift(connection: Connection) -> None:
    """Make the tables of the self-tests and of the counts of what models said."""
    tables.METADATA.create_all(
        connection,
        tables=[
            quality_tables.DRIFT_COUNT,
            quality_tables.CONSTANCY_REFERENCE,
            quality_tables.CONSTANCY_RUN,
        ],
    )


def m006_images_of_a_study_in_order(connection: Connection) -> None:
    """Let the images of a study be found in order: else SQLite reads those of all studies."""
    _index_anew(connection, tables.IMAGE, "image_by_study")


def m007_results_by_name(connection: Connection) -> None:
    """Keep what Orthanc calls each result: its search by UID grows with what it holds.

    Results that were stored before have no such name: the page searches for them.
    """
    if "result_instances" not in _columns(connection, "image"):  # else the first step made it
        connection.exec_driver_sql("ALTER TABLE image ADD COLUMN result_instances JSON")


def m008_findings_and_words_of_a_study(connection: Connection) -> None:
    """Let a study's lines be found by the study: else those of all studies are read.

    SQLite counts on ten lines of one archive, and takes the key that begins with it rather
    than an index that lacks the word.
    """
    _index_anew(connection, tables.STUDY_WORD, "study_word_by_study")
    _index_anew(connection, tables.STUDY_FINDING, "study_finding_by_study")


def m009_images_by_state_and_end(connection: Connection) -> None:
    """Let what is asked on a schedule read what is open or ended lately, not all there is."""
    _index_anew(connection, tables.IMAGE, "image_by_state")
    _index_anew(connection, tables.IMAGE, "image_by_end")
    _index_anew(connection, tables.FORWARD, "forward_by_state")


def m010_age_at_the_image(connection: Connection) -> None:
    """Keep how old the patient was at the image, by the rule that the gate has."""
    if "age_years" not in _columns(connection, "study"):  # else the first step made it
        connection.exec_driver_sql("ALTER TABLE study ADD COLUMN age_years DOUBLE PRECISION")


def m011_images_as_they_lie_in_the_archive(connection: Connection) -> None:
    """Name an image by its study and series too: one SOP Instance UID may be in two studies.

    The series of what came before is not known, and stays empty.
    """
    if "series_instance_uid" in _columns(connection, "image"):
        return  # the first step made the tables of today
    for name in ("reading", "thumbnail", "forward", "image"):  # last what the others ask
        _keyed_anew(connection, name)
    for table in (tables.IMAGE, tables.FORWARD):
        for index in table.indexes:
            index.create(connection, checkfirst=True)
    for name, column in (("review", "series_instance_uid"), ("study", "cover_series")):
        added = f"ALTER TABLE {name} ADD COLUMN {column} VARCHAR DEFAULT '' NOT NULL"
        connection.exec_driver_sql(added)
    connection.exec_driver_sql("DROP INDEX review_by_image")


def m012_who_the_patient_is(connection: Connection) -> None:
    """Keep what else tells persons apart than the Patient ID."""
    for column in {"issuer", "whole_name"} - _columns(connection, "study"):
        added = f"ALTER TABLE study ADD COLUMN {column} VARCHAR DEFAULT '' NOT NULL"
        connection.exec_driver_sql(added)


def _columns(connection: Connection, table: str) -> set[str]:
    """Return the names of the columns that a table has."""
    return {column["name"] for column in inspect(connection).get_columns(table)}


def _keyed_anew(connection: Connection, name: str) -> None:
    """Make a table of images anew with another key: SQLite cannot change that of one it has.

    It has the columns that it had, the study that the table of images says, and no series.
    """
    key = ("archive", "study_instance_uid", "series_instance_uid", "sop_instance_uid", "target")
    there = {column.name: column for column in Table(name, MetaData(), autoload_with=connection).c}
    rest = [column for column in there.values() if column.name not in key]
    named = [each for each in key if each != "target" or each in there]
    new = Table(
        f"{name}_anew",
        MetaData(),
        *(Column(each, String, primary_key=True) for each in named),
        *(Column(column.name, column.type, nullable=column.nullable) for column in rest),
    )
    new.create(connection)
    said = {"study_instance_uid": "image.study_instance_uid", "series_instance_uid": "''"}
    values = ", ".join(said.get(column.name, f"old.{column.name}") for column in new.c)
    connection.exec_driver_sql(
        f"INSERT INTO {new.name} SELECT {values} FROM {name} AS old"  # noqa: S608  of constants
        " JOIN image ON image.archive = old.archive"
        " AND image.sop_instance_uid = old.sop_instance_uid"
    )
    connection.exec_driver_sql(f"DROP TABLE {name}")
    connection.exec_driver_sql(f"ALTER TABLE {new.name} RENAME TO {name}")


def _index_anew(connection: Connection, table: Table, name: str) -> None:
    """Make an index as the table has it today, whatever was there under its name."""
    (index,) = (each for each in table.indexes if each.name == name)
    index.drop(connection, checkfirst=True)
    index.create(connection)


MIGRATIONS: Final[tuple[Callable[[Connection], None], ...]] = (
    m001_images_and_studies,
    m002_audit_is_only_added_to,
    m003_search_thumbnails_and_reviews,
    m004_users_and_sessions,
    m005_constancy_and_drift,
    m006_images_of_a_study_in_order,
    m007_results_by_name,
    m008_findings_and_words_of_a_study,
    m009_images_by_state_and_end,
    m010_age_at_the_image,
    m011_images_as_they_lie_in_the_archive,
    m012_who_the_patient_is,
)
"""In the order in which they run; a released one is never changed."""


def migrate(connection: Connection) -> None:
    """Bring the tables up to date, in the caller's transaction."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ONE_AT_A_TIME})
    MIGRATION.create(connection, checkfirst=True)
    ran = set(connection.scalars(select(MIGRATION.c.name)))
    for step in MIGRATIONS:
        if step.__name__ not in ran:
            step(connection)
            connection.execute(MIGRATION.insert().values(name=step.__name__, ran=datetime.now(UTC)))
