"""The audit trail, sent line by line to an audit record repository over TLS.

Syslog has no answer: that a message arrived is known only when the other side, after all of
them, ends the connection in order. So each batch has a connection of its own, and the
position in the trail moves on after its end. What is in doubt is sent again: every line
arrives at least once, and in order.

Sources
-------
RFC 5424 (message), RFC 5425 (TLS: 4.3 octet counting, 4.4 closure); IHE ITI TF-2, 3.20.
"""

import os
import socket
import ssl
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC
from typing import Final

from hilum import PRODUCT
from hilum.errors import AuditRepositoryUnavailable, DatabaseUnavailable
from hilum.language import Message
from hilum.records import Connection, Database, audit_position, worklist
from hilum.records.audit import AuditEntry, StoredAuditEntry
from hilum.runtime.waits import BackOff
from hilum.telemetry.audit_messages import PatientIdentity, audit_message
from hilum.telemetry.logs import get_log

PRIORITY: Final = 85
"""Facility 10 (security and authorization), severity 5 (notice)."""

MESSAGE_ID: Final = "IHE+RFC-3881"

BOM: Final = b"\xef\xbb\xbf"
"""Says that the message is UTF-8 (RFC 5424, 6.4)."""

AT_ONCE: Final = 200
"""Lines in one connection."""

WAIT_S: Final = 10.0
"""Seconds that the repository gets for each step: to connect, to take, to end."""

TICKET_S: Final = 0.05
TICKETS: Final = 40
"""Seconds, and how often, that a session ticket is waited for."""

LOOK_S: Final = 2.0
"""Seconds between two looks for new lines."""

WHILE_AWAY: Final = BackOff(2.0, 300.0)
"""Between two tries; a repository may be away for days."""

log = get_log(__name__)


@dataclass(frozen=True, slots=True)
class AuditRepository:
    """Where the trail is sent."""

    host: str
    port: int
    tls: ssl.SSLContext
    """Whom we believe, and who we are."""

    def deliver(self, messages: Iterable[bytes]) -> None:
        """Send messages of RFC 5424; return once the other side has read all of them.

        Raises
        ------
        AuditRepositoryUnavailable
            It is not known that they arrived.
        """
        try:
            with (
                socket.create_connection((self.host, self.port), timeout=WAIT_S) as plain,
                self.tls.wrap_socket(plain, server_hostname=self.host) as secured,
            ):
                _require_accepted(secured)
                for message in messages:
                    secured.sendall(b"%d %s" % (len(message), message))
                _end(secured)
        except ssl.SSLCertVerificationError as exc:
            why = exc.verify_message
            raise _unavailable(self, Message("its certificate: {why}", why=why)) from exc
        except (OSError, ValueError) as exc:
            said = getattr(exc, "reason", None) or getattr(exc, "strerror", None) or exc
            raise _unavailable(self, str(said)) from exc


def _unavailable(repository: AuditRepository, why: str) -> AuditRepositoryUnavailable:
    return AuditRepositoryUnavailable(
        "The audit record repository {host}:{port} does not accept the trail ({why}).",
        "Start it, or correct telemetry.audit_repository and the certificates of pacs; nothing is "
        "lost meanwhile.",
        host=repository.host,
        port=repository.port,
        why=why,
    )


def _require_accepted(secured: ssl.SSLSocket) -> None:
    """Wait until the other side has accepted our certificate, or raise what it says.

    By TLS 1.3 we are connected before it has looked at it. Its session ticket comes after that;
    of one that gives none only the end of the connection tells.
    """
    secured.settimeout(TICKET_S)
    for _ in range(TICKETS):
        if secured.session is None or secured.session.has_ticket:
            break
        with suppress(TimeoutError):
            if not secured.recv(1):
                break
    secured.settimeout(WAIT_S)


def _end(secured: ssl.SSLSocket) -> None:
    """Say that nothing more comes, and wait until the other side ends in order, too.

    Not all say so by TLS. One that has not read everything resets the connection.
    """
    with suppress(ssl.SSLZeroReturnError, ssl.SSLEOFError, TimeoutError):
        secured.unwrap()
    secured.shutdown(socket.SHUT_WR)
    while secured.recv(1 << 12):
        pass


def syslog_message(found: StoredAuditEntry, patient: PatientIdentity, source: str) -> bytes:
    """Return a line of the trail as a message of RFC 5424."""
    at = found.line.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    head = f"<{PRIORITY}>1 {at} {source} {PRODUCT} {os.getpid()} {MESSAGE_ID} - "
    return head.encode("ascii") + BOM + audit_message(found.line, patient, source)


def host_name() -> str:
    """Return this machine's name as syslog writes it: at most 255 printable letters of ASCII."""
    said = socket.gethostname().encode("ascii", "replace").decode()
    return "".join(each if each.isalnum() or each in ".-_" else "-" for each in said)[:255] or "-"


class AuditSender:
    """Sends the trail for as long as the node runs; for one thread of its own."""

    def __init__(self, database: Database, repository: AuditRepository) -> None:
        self._database = database
        self._repository = repository
        self._source = host_name()

    def run(self, stop: threading.Event) -> None:
        """Send what is there and what comes, until `stop` is set."""
        failed = 0
        while not stop.is_set():
            try:
                sent = self.send_some()
            except (AuditRepositoryUnavailable, DatabaseUnavailable) as exc:
                failed += 1
                log.warning("audit.waits", why=str(exc), remedy=str(exc.remedy))
                stop.wait(WHILE_AWAY.after(failed))
                continue
            failed = 0
            if sent < AT_ONCE:
                stop.wait(LOOK_S)

    def send_some(self) -> int:
        """Send the next lines and move the position on; return how many there were.

        Raises
        ------
        AuditRepositoryUnavailable, DatabaseUnavailable
            Either is away; the position stays.
        """
        with self._database.look() as connection:
            lines = audit_position.following(connection, AT_ONCE)
            messages = [
                syslog_message(each, _patient(connection, each.line), self._source)
                for each in lines
            ]
        if messages:
            self._repository.deliver(messages)
            with self._database.transaction() as connection:
                audit_position.move(connection, lines[-1].number)
        return len(lines)


def _patient(connection: Connection, line: AuditEntry) -> PatientIdentity:
    """Return whose study a line is about, as far as the study is known now."""
    study = None
    if line.study_instance_uid:
        study = worklist.row(connection, line.archive, line.study_instance_uid)
    if study is None:
        return PatientIdentity()
    issuer = f"^^^{study.issuer}" if study.issuer else ""
    return PatientIdentity(f"{study.patient_id}{issuer}", study.whole_name or study.patient_name)
