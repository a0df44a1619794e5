"""Sending over the DICOM network: C-STORE as a service class user.

Each association proposes exactly the pairs of SOP class and transfer syntax that the files
need, one transfer syntax in each presentation context, so that the peer answers for each
pair and nothing is converted. Files go from disk as they are.

Sources
-------
PS3.7 9.1.1 (C-STORE), PS3.8 9.3.2 (at most 128 presentation contexts: odd numbers of one
byte), PS3.8 9.3.4 (A-ASSOCIATE-RJ).
"""

import socket
import ssl
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from pydicom import Dataset
from pydicom.uid import UID
from pynetdicom import AE, _config, evt
from pynetdicom.association import Association
from pynetdicom.presentation import build_context
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]  # made at import

from hilum.errors import PacsRefused, PacsUnavailable
from hilum.store.outcome import Outcome, Sent
from hilum.store.outgoing import MAX_UID_CHARACTERS, Outgoing
from hilum.store.status import meaning
from hilum.store.target import DicomTarget

CALLING_AET: Final = "HILUM"
"""AE title that we call ourselves when none is given."""

MAX_CONTEXTS: Final = 128
"""Presentation contexts of one association (PS3.8 9.3.2.2)."""

MAX_PDU_BYTES: Final = 128 << 10
"""What we take in one PDU; the peer says what it takes."""

ATTEMPTS: Final = 2
"""An association that was idle may be gone: a second one is tried before we give up."""


class Pair(NamedTuple):
    """What one presentation context is about, as UIDs."""

    sop_class: str
    transfer_syntax: str

    def __str__(self) -> str:
        return f"{UID(self.sop_class).name} in {UID(self.transfer_syntax).name}"


@dataclass(frozen=True, slots=True)
class Line:
    """One association and what was agreed on it.

    Attributes
    ----------
    association
        Established when it was made.
    proposed, accepted
        The pairs that we asked for, and those that the peer takes.
    """

    association: Association
    proposed: frozenset[Pair]
    accepted: frozenset[Pair]


class DimseSender:
    """Keeps the promises of `Sender` with C-STORE.

    Parameters
    ----------
    target
        The peer.
    calling_aet
        Our AE title.
    timeout_s
        Seconds to wait for the connection, and for one answer.
    context
        How a connection is encrypted (`hilum.tls`); None: not at all.
    """

    def __init__(
        self,
        target: DicomTarget,
        *,
        calling_aet: str = CALLING_AET,
        timeout_s: float = 30.0,
        context: ssl.SSLContext | None = None,
    ) -> None:
        # pynetdicom's switch for sending a file's bytes without decoding them
        _config.STORE_SEND_CHUNKED_DATASET = True
        self._target = target
        self._calling_aet = calling_aet
        self._timeout_s = timeout_s
        self._context = context
        self._lock = threading.Lock()
        self._idle: list[Line] = []
        self._pairs: dict[Pair, None] = {}  # in order of use, the latest last

    def check(self) -> None:
        """Make sure that the peer is there and accepts our association: C-ECHO.

        Raises
        ------
        PacsUnavailable
            No answer, or it is too busy.
        PacsRefused
            It rejects the association, e.g. for an AE title that it does not know.
        """
        echo = Pair(str(Verification), "1.2.840.10008.1.2")
        line = self._open(frozenset({echo}))
        try:
            if line.accepted:  # else: it stores, though it cannot be asked
                line.association.send_c_echo()
        finally:
            line.association.release()

    def send(self, file: Outgoing) -> Outcome:
        """Send one file; the outcome says what the peer did with it."""
        pair = Pair(file.sop_class_uid, file.transfer_syntax_uid)
        longest = max(map(len, (*pair, file.sop_instance_uid)))
        if longest > MAX_UID_CHARACTERS:
            return Outcome(
                file.name,
                Sent.REFUSED,
                f"One of its UIDs has {longest} characters, and C-STORE carries "
                f"{MAX_UID_CHARACTERS} at most. Send it over HTTP, or export it again.",
                file.warnings,
            )
        for _ in range(ATTEMPTS):
            try:
                line = self._borrow(pair)
            except PacsRefused as exc:
                return Outcome(file.name, Sent.REFUSED, str(exc), file.warnings)
            except PacsUnavailable as exc:
                return Outcome(file.name, Sent.FAILED, str(exc), file.warnings)
            if pair not in line.accepted:
                self._give_back(line)
                return Outcome(
                    file.name, Sent.REFUSED, f"{self._target} does not take {pair}.", file.warnings
                )
            with on_disk(file) as path:
                answer = store(line.association, path)
            if "Status" not in answer:
                line.association.abort()  # it may not know yet that it is over
            else:
                self._give_back(line)
                sent, detail = meaning(int(answer.Status))
                return Outcome(
                    file.name, sent, "" if sent is Sent.STORED else detail, file.warnings
                )
        return Outcome(
            file.name,
            Sent.FAILED,
            f"{self._target} broke off while the file was sent, or did not answer.",
            file.warnings,
        )

    def close(self) -> None:
        """Release the associations."""
        with self._lock:
            idle, self._idle = self._idle, []
        for line in idle:
            line.association.release()

    def _borrow(self, pair: Pair) -> Line:
        """Return an association on which `pair` was proposed, an idle one or a new one."""
        with self._lock:
            self._pairs.pop(pair, None)
            self._pairs[pair] = None
            proposed = frozenset(list(self._pairs)[-MAX_CONTEXTS:])
            fit = [line for line in self._idle if pair in line.proposed]
            others = [line for line in self._idle if pair not in line.proposed]
            self._idle = [*others, *fit[1:]] if fit else []
        if fit:
            if fit[0].association.is_established:
                return fit[0]
        else:
            for line in others:  # they lack this pair; what replaces them has it
                line.association.release()
        return self._open(proposed)

    def _give_back(self, line: Line) -> None:
        if line.association.is_established:
            with self._lock:
                self._idle.append(line)

    def _open(self, proposed: frozenset[Pair]) -> Line:
        """Open an association.

        Raises
        ------
        PacsUnavailable
            No connection, no answer, or a rejection that is said to be transient.
        PacsRefused
            The peer rejects or aborts the association for good.
        """
        entity = AE(ae_title=self._calling_aet)
        entity.connection_timeout = self._timeout_s
        entity.acse_timeout = self._timeout_s
        entity.dimse_timeout = self._timeout_s
        entity.network_timeout = self._timeout_s
        met = Met()
        try:
            association = entity.associate(
                self._target.host,
                self._target.port,
                contexts=[build_context(*pair) for pair in sorted(proposed)],
                ae_title=self._target.aet,
                max_pdu=MAX_PDU_BYTES,
                tls_args=None if self._context is None else (self._context, self._target.host),
                evt_handlers=[(evt.EVT_CONN_OPEN, met.connected), (evt.EVT_PDU_RECV, met.received)],
            )
        except socket.gaierror as exc:
            raise PacsUnavailable(
                f"The host {self._target.host} is not known ({exc.strerror}).",
                "Check its name, or give its address.",
            ) from exc
        accepted = frozenset(
            Pair(str(context.abstract_syntax), str(context.transfer_syntax[0]))
            for context in association.accepted_contexts
        )
        if association.is_established or met.agreed_to_nothing(association):
            return Line(association, proposed, accepted)
        met.close()
        raise self._not_established(met)

    def _not_established(self, met: "Met") -> PacsRefused | PacsUnavailable:
        """Return the error that says why there is no association."""
        if met.connection is None:
            secured = self._context is not None
            return PacsUnavailable(
                f"Nothing answers at {self._target.host}:{self._target.port}"
                f"{' over TLS that we trust' if secured else ''}.",
                "Check that the PACS is running and that host and port are right"
                f"{', and both certificates' if secured else ''}.",
            )
        if met.rejection is None:
            return PacsUnavailable(
                f"{self._target} broke off before an association was made.",
                "Check that this is the DICOM port, not the HTTP port, and give --tls if it speaks "
                "DICOM over TLS only.",
            )
        why = f"{self._target} rejected the association: {met.rejection.reason_str}."
        if met.rejection.result == TRANSIENT:
            return PacsUnavailable(why, "Try again later.")
        return PacsRefused(
            why, f"Check both AE titles; ours is {self._calling_aet}, as that PACS must know it."
        )


TRANSIENT: Final = 0x02
"""Result "rejected-transient" of A-ASSOCIATE-RJ (PS3.8 9.3.4)."""


@dataclass(slots=True)
class Met:
    """What happened on the way to an association.

    Attributes
    ----------
    connection
        The TCP connection; None when it was not made.
    answers
        PDUs that the peer sent.
    rejection
        What it said when it rejected the association: pynetdicom forgets that when the
        connection is closed before it looked.
    """

    connection: socket.socket | None = None
    answers: list[str] = field(default_factory=list)
    rejection: Any = None

    def connected(self, event: Any) -> None:
        """Note the connection."""
        self.connection = event.assoc.dul.socket.socket

    def close(self) -> None:
        """Close the connection: pynetdicom forgets to when the peer was first."""
        if self.connection is not None:
            self.connection.close()

    def received(self, event: Any) -> None:
        """Note the kind of one PDU."""
        self.answers.append(type(event.pdu).__name__)
        if self.answers[-1] == "A_ASSOCIATE_RJ":
            self.rejection = event.pdu.to_primitive()

    def agreed_to_nothing(self, association: Association) -> bool:
        """Return whether the peer accepted the association, but no context on it."""
        return "A_ASSOCIATE_AC" in self.answers and not association.accepted_contexts


@contextmanager
def on_disk(file: Outgoing) -> Iterator[Path]:
    """Give the path of a file with exactly the bytes to be sent, made for the time if need be."""
    if file.path is not None:
        yield file.path
        return
    with tempfile.NamedTemporaryFile(suffix=".dcm") as copy:
        copy.write(file.content)
        copy.flush()
        yield Path(copy.name)


def store(association: Association, path: Path) -> Dataset:
    """Send one C-STORE request and return its response, empty when there was none."""
    try:
        return association.send_c_store(path)
    except RuntimeError:  # the association ended since it was looked at
        return Dataset()
