"""The database: every table, and the queries on them.

Knows SQLAlchemy and the nouns; nothing of DICOM, HTTP or the job engine. Every function
takes the caller's connection, so that what belongs together is one transaction.

What is asked for each image is a statement with named values that is put together once:
that takes SQLAlchemy longer than to ask it.
"""

from sqlalchemy import Connection

from hilum.records.database import Database

__all__ = ["Connection", "Database"]
