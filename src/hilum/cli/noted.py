"""What commands write into the audit trail."""

import getpass
from datetime import UTC, datetime
from typing import Any

from hilum.records import Database, audit


def actor() -> str:
    """Return what the audit trail calls the account of this machine that gives a command."""
    return f"{getpass.getuser()}@command line"


def note(
    database: Database,
    action: str,
    *,
    archive: str = "",
    study: str = "",
    image: str = "",
    **detail: Any,
) -> None:
    """Write into the audit trail which account of this machine did what."""
    line = audit.AuditEntry(datetime.now(UTC), actor(), action, archive, study, image, detail)
    with database.transaction() as connection:
        audit.write(connection, line)
