"""Sends the audit trail to the repository of the settings while the node runs."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from hilum.errors import DatabaseUnavailable
from hilum.node.steps import NodeContext
from hilum.pacs.tls import TlsFiles
from hilum.records import audit, audit_position
from hilum.records.audit import AuditEntry
from hilum.settings import Settings
from hilum.telemetry.audit_syslog import AuditRepository, AuditSender

STOP_S: Final = 2.0
"""Seconds that a batch gets at the stop of the node; what is in doubt is sent at the next start."""


def repository_of(settings: Settings) -> AuditRepository | None:
    """Return where the trail is sent, None for nowhere.

    Raises
    ------
    SettingInvalid
        A certificate cannot be used.
    """
    if settings.telemetry.audit_repository is None:
        return None
    host, _, port = settings.telemetry.audit_repository.rpartition(":")
    pacs = settings.pacs
    tls = TlsFiles(pacs.ca_file, pacs.certificate_file, pacs.key_file).context()
    return AuditRepository(host.strip("[]"), int(port), tls)


@contextmanager
def audit_sent(context: NodeContext) -> Iterator[None]:
    """Send the trail from a thread of its own, and write into it when the node starts and stops.

    Raises
    ------
    SettingInvalid
        As by `repository_of`.
    """
    repository = repository_of(context.settings)
    if repository is None:
        yield
        return
    with context.database.transaction() as connection:
        audit_position.begin(connection)
    _note(context, "node.started")
    stop = threading.Event()
    sender = AuditSender(context.database, repository)
    sending = threading.Thread(target=sender.run, args=(stop,), name="audit", daemon=True)
    sending.start()
    try:
        yield
    finally:
        with suppress(DatabaseUnavailable):
            _note(context, "node.stopped")
        stop.set()
        sending.join(STOP_S)


def _note(context: NodeContext, action: str) -> None:
    with context.database.transaction() as connection:
        audit.write(connection, AuditEntry(context.now(), context.actor, action))
