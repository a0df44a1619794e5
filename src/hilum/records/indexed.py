"""Which index SQLite reads a table by, named where its planner guesses wrong.

Every index begins with the archive, and mostly there is one. Without statistics SQLite supposes
that an archive has ten lines, and reads all of them in some order; with statistics it supposes
that any state has its share of the images, and reads all of them for the few that wait. A
question that names its index is answered alike, whether or not somebody ran ANALYZE. PostgreSQL
gathers statistics by itself, and knows how frequent each value is.

Sources
-------
SQLite, "The INDEXED BY Clause": a question whose index is not there fails, so that tests see it.
SQLite, "The Next-Generation Query Planner", 5: what is supposed without ANALYZE.
"""

from typing import Any, TypeVar

from sqlalchemy import Engine, FromClause, Select, Table
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler

Question = TypeVar("Question", bound=Select[Any])


class Compiler(SQLiteCompiler):
    """Writes questions as SQLAlchemy does for SQLite, which leaves hints out."""

    def get_from_hint_text(self, table: FromClause, text: str | None) -> str | None:  # noqa: ARG002
        """Return what follows the name of a table."""
        return text


def obey(engine: Engine) -> None:
    """Let an engine of SQLite write the indexes that questions name."""
    engine.dialect.statement_compiler = Compiler


def by(question: Question, table: FromClause, index: str) -> Question:
    """Return a question that finds the lines of a table by this index."""
    return question.with_hint(table, f"INDEXED BY {index}", "sqlite")


def by_key(question: Question, table: Table) -> Question:
    """Return a question that finds the lines of a table by its primary key."""
    return by(question, table, key(table))


def key(table: Table) -> str:
    """Return SQLite's name for the index of a table's primary key."""
    return f"sqlite_autoindex_{table.name}_1"
