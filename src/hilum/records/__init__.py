"""The database: every table, and the queries on them.

Knows SQLAlchemy and the nouns; nothing of DICOM, HTTP or the job engine. Every function
takes the caller's connection, so that what belongs together is one transaction.

What is asked for each image is a statement with named values that is put together once:
that takes SQLAlchemy longer than to ask it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from hilum.records.database import Database

__all__ = ["Connection", "Database"]


def __getattr__(name: str) -> Any:
    """Load SQLAlchemy when it is first asked for: an inference worker uses the nouns alone."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module("sqlalchemy" if name == "Connection" else "hilum.records.database")
    return getattr(module, name)
