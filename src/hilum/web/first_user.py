"""The first user: an operator with a generated password, so that somebody can sign in."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from hilum.files.private import write_file
from hilum.records import Database, accounts
from hilum.records.accounts import Role

NAME: Final = "admin"

FILE: Final = "admin-password"
"""File of the data folder that holds the generated password, readable by its owner alone."""


def password_file(data_folder: Path) -> Path:
    """Return the file that holds the generated password."""
    return data_folder / FILE


def is_first_time(database: Database, data_folder: Path) -> bool:
    """Return whether nobody has signed in with the generated password yet."""
    if not password_file(data_folder).exists():
        return False
    with database.look() as connection:
        found = accounts.find(connection, NAME)
    return found is not None and found.signed_in is None


def ensure_user(database: Database, data_folder: Path) -> Path | None:
    """Make an operator with a generated password where there is no user at all.

    Returns
    -------
    Path or None
        The file with the password, while it is there: who has changed the password may
        delete it.

    Raises
    ------
    SettingInvalid
        The data folder can't be written to.
    """
    path = password_file(data_folder)
    with database.look() as connection:
        if accounts.count(connection):
            return path if path.exists() else None
    password = accounts.new_secret()
    kept = accounts.hashed(password)
    write_file(path, f"{password}\n")
    with database.transaction() as connection:
        if not accounts.count(connection):
            accounts.add(connection, NAME, Role.OPERATOR, password_hash=kept, now=datetime.now(UTC))
    return path
