"""Print the SQL that makes all tables: ``python scripts/first_schema.py postgresql``.

It wrote ``src/hilum/records/schema/0001_initial.*.sql``, which are frozen since. It still shows how
a new column or table is written for SQLite and PostgreSQL, for the step that adds it.
"""

import sys
from collections.abc import Iterator

from sqlalchemy import Dialect
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateIndex, CreateTable, DDLElement, SetTableComment

from hilum.records import quality_tables

DIALECTS: dict[str, Dialect] = {"sqlite": sqlite.dialect(), "postgresql": postgresql.dialect()}

AUDIT = {
    "sqlite": """\
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit trail is only added to'); END;

CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit trail is only added to'); END;

-- REPLACE deletes without asking the trigger above
CREATE TRIGGER audit_no_replace BEFORE INSERT ON audit
WHEN EXISTS (SELECT 1 FROM audit WHERE number = NEW.number)
BEGIN SELECT RAISE(ABORT, 'the audit trail is only added to'); END;
""",
    "postgresql": """\
CREATE FUNCTION audit_is_only_added_to() RETURNS trigger LANGUAGE plpgsql AS
$$BEGIN RAISE EXCEPTION 'the audit trail is only added to'; END$$;

CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
FOR EACH STATEMENT EXECUTE FUNCTION audit_is_only_added_to();
""",
}
"""What the tables cannot say: the database turns away changes of the audit trail."""


def elements(dialect: Dialect) -> Iterator[DDLElement]:
    """Yield what makes each table, in one order."""
    for table in quality_tables.METADATA.tables.values():
        yield CreateTable(table)
        if dialect.supports_comments:
            yield SetTableComment(table)
        for index in sorted(table.indexes, key=lambda each: str(each.name)):
            yield CreateIndex(index)


def schema(name: str) -> str:
    """Return the whole file: a blank line ends each statement."""
    dialect = DIALECTS[name]
    parts = []
    for element in elements(dialect):
        lines = str(element.compile(dialect=dialect)).expandtabs(4).splitlines()
        parts.append("\n".join(line.rstrip() for line in lines if line.strip()))
    return "".join(f"{each};\n\n" for each in parts) + AUDIT[name]


if __name__ == "__main__":
    print(schema(sys.argv[1]), end="")
