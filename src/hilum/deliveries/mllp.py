"""HL7 v2 messages over MLLP, with or without TLS; a message has arrived once it is acknowledged.

Each message has a connection of its own, so that no late answer is taken for that of another.

Sources
-------
HL7 "Transport Specification: MLLP, Release 1"; HL7 v2.5.1 2.9 (acknowledgments), 2.15.5 (ERR),
2.15.8 (MSA), table 0008.
"""

import re
import socket
from collections.abc import Iterator
from time import monotonic
from typing import Final

from hilum.deliveries.trust import connected
from hilum.errors import DeliveryRefused, ReceiverUnavailable
from hilum.settings.deliveries import Hl7Receiver

BEGIN: Final = b"\x0b"
END: Final = b"\x1c\r"
MOST_ANSWERED: Final = 1 << 16
"""Bytes of answers that are read at most."""

ACCEPTED: Final = {"AA", "CA"}
REJECTED: Final = {"AR", "CR"}

PLACE: Final = re.compile(r"[A-Z][A-Z\d]{2}(\^\d{1,2}){0,5}|\d{1,5}")
"""A location or code of ERR that quotes nothing of the message."""


def send(receiver: Hl7Receiver, message: bytes, control_id: str) -> None:
    """Hand over one message; return once the receiver acknowledged it.

    Parameters
    ----------
    control_id
        MSH-10, which the acknowledgment names.

    Raises
    ------
    ReceiverUnavailable
        It did not, or not now; the message may be there all the same.
    DeliveryRefused
        It rejected the message for good.
    SettingInvalid
        A file for TLS cannot be used.
    """
    with connected(receiver, receiver.host, receiver.port, tls=receiver.tls) as connection:
        connection.sendall(BEGIN + message + END)
        for answer in _answers(connection, receiver.timeout_s):
            if _settled(answer, control_id):
                return
    raise ReceiverUnavailable("It closed the connection without an acknowledgment.")


def _answers(connection: socket.socket, timeout_s: float) -> Iterator[str]:
    """Yield what comes back, frame by frame, until the connection ends or the time is over."""
    deadline, read = monotonic() + timeout_s, b""
    while len(read) <= MOST_ANSWERED:
        whole, end, rest = read.partition(END[:1])
        if end:
            read = rest
            yield whole.rpartition(BEGIN)[2].decode("utf-8", "replace")
            continue
        connection.settimeout(max(deadline - monotonic(), 0.001))
        piece = connection.recv(1 << 12)
        if not piece or monotonic() > deadline:
            if piece:
                raise TimeoutError
            return
        read += piece
    raise ReceiverUnavailable("Its answer has no end.")


def _settled(answer: str, control_id: str) -> bool:
    """Return whether an answer accepts the message; False where it is about another one."""
    segments = re.split(r"[\r\n]+", answer)
    separator = answer[3:4] or "|"
    fields = {each[:3]: each.split(separator) for each in reversed(segments)}
    code, about = [*fields.get("MSA", []), "", "", ""][1:3]
    if about != control_id:
        return False
    if code in ACCEPTED:
        return True
    error = [*fields.get("ERR", []), *[""] * 4]
    where = [each for each in (error[3].partition("^")[0], error[2]) if PLACE.fullmatch(each)]
    why = " ".join([code[:2] or "no code", *where])
    if code in REJECTED:
        raise DeliveryRefused("It rejected the message ({why}).", why=why)
    raise ReceiverUnavailable("It answered {why}.", why=why)
