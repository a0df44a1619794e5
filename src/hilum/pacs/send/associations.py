"""One association with a DICOM peer: how it is opened, and why it is not.

Sources
-------
PS3.8 7.1 (A-ASSOCIATE), 9.3.4 (A-ASSOCIATE-RJ).
"""

import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from time import sleep
from typing import Any, Final, NamedTuple

from pydicom.uid import UID
from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.presentation import build_context, build_role

from hilum.errors import PacsRefused, PacsUnavailable
from hilum.language import Message
from hilum.language.system import system_error
from hilum.pacs.send.target import DicomTarget
from hilum.runtime.waits import BackOff

MAX_PDU_BYTES: Final = 128 << 10
"""What we take in one PDU; the peer says what it takes."""


PAUSES_S: Final = tuple(islice(BackOff(0.1, 1.0, factor=3), 3))
"""Pauses before a peer is asked again that says that it has no room now."""


class PeerBusy(PacsUnavailable):
    """The peer rejects the association, and says that it may not a little later."""


class Pair(NamedTuple):
    """What one presentation context is about, as UIDs."""

    sop_class: str
    transfer_syntax: str

    def __str__(self) -> str:
        return f"{UID(self.sop_class).name} in {UID(self.transfer_syntax).name}"


@dataclass(frozen=True, slots=True)
class OpenAssociation:
    """One association and what was agreed on it."""

    association: Association
    """Established when it was made."""
    proposed: frozenset[Pair]
    accepted: frozenset[Pair]
    """The pairs that we asked for, and those that the peer takes."""


@dataclass(frozen=True, slots=True)
class Opener:
    """Opens associations with one peer."""

    target: DicomTarget
    calling_aet: str
    timeout_s: float
    context: ssl.SSLContext | None
    received: Callable[[Any], int] | None = None
    """Takes the files that the peer sends on the association (C-GET), returns a status of C-STORE;
    None: it is to send none."""
    receives: frozenset[str] = frozenset()
    """SOP classes of those files."""

    def open(
        self, proposed: frozenset[Pair], *, patience_s: float | None = None
    ) -> OpenAssociation:
        """Open an association.

        Parameters
        ----------
        proposed
            What it is to carry, at most `MAX_CONTEXTS`.
        patience_s
            Seconds to wait for it; None: as long as for everything else.

        Raises
        ------
        PacsUnavailable
            No connection, no answer, or a rejection that is said to be transient.
        PacsRefused
            The peer rejects or aborts the association for good.
        """
        for pause in () if patience_s else PAUSES_S:
            try:
                return self._open(proposed, self.timeout_s)
            except PeerBusy:
                sleep(pause)
        return self._open(proposed, patience_s or self.timeout_s)

    def _open(self, proposed: frozenset[Pair], patience_s: float) -> OpenAssociation:
        entity = AE(ae_title=self.calling_aet)
        entity.connection_timeout = patience_s
        entity.acse_timeout = patience_s
        entity.dimse_timeout = self.timeout_s
        entity.network_timeout = self.timeout_s
        met = AssociationAttempt()
        handlers: list[Any] = [
            (evt.EVT_CONN_OPEN, met.connected),
            (evt.EVT_PDU_RECV, met.received),
        ]
        if self.received is not None:
            handlers.append((evt.EVT_C_STORE, self.received))
        try:
            association = entity.associate(
                self.target.host,
                self.target.port,
                contexts=[build_context(*pair) for pair in sorted(proposed)],
                ae_title=self.target.aet,
                max_pdu=MAX_PDU_BYTES,
                tls_args=None if self.context is None else (self.context, self.target.host),
                ext_neg=[build_role(each, scp_role=True) for each in sorted(self.receives)],
                evt_handlers=handlers,
            )
        except socket.gaierror as exc:
            raise PacsUnavailable(
                "The host {host} is not known ({strerror}).",
                "Check its name, or give its address.",
                host=self.target.host,
                strerror=system_error(exc),
            ) from exc
        accepted = frozenset(
            Pair(str(context.abstract_syntax), str(context.transfer_syntax[0]))
            for context in association.accepted_contexts
        )
        if association.is_established or met.agreed_to_nothing(association):
            return OpenAssociation(association, proposed, accepted)
        met.close()
        raise self._not_established(met)

    def _not_established(self, met: "AssociationAttempt") -> PacsRefused | PacsUnavailable:
        """Return the error that says why there is no association."""
        if met.connection is None:
            secured = self.context is not None
            return PacsUnavailable(
                "Nothing answers at {host}:{port}{tls}.",
                "Check that the PACS is running and that host and port are right{also}.",
                host=self.target.host,
                port=self.target.port,
                tls=Message(" over TLS that we trust") if secured else "",
                also=Message(", and both certificates") if secured else "",
            )
        if met.rejection is None:
            return PacsUnavailable(
                "{target} closed the connection before an association was established.",
                "Check that this is the DICOM port, not the HTTP port, and give --tls if it speaks "
                "DICOM over TLS only.",
                target=self.target,
            )
        why = Message(
            "{target} rejected the association: {reason}.",
            target=self.target,
            reason=met.rejection.reason_str,
        )
        if met.rejection.result == TRANSIENT:
            return PeerBusy(why, "Try again later.")
        return PacsRefused(
            why,
            "Check both AE titles; ours is {calling_aet}, as that PACS must know it.",
            calling_aet=self.calling_aet,
        )


TRANSIENT: Final = 0x02
"""Result "rejected-transient" of A-ASSOCIATE-RJ (PS3.8 9.3.4)."""


@dataclass(slots=True)
class AssociationAttempt:
    """What happened on the way to an association."""

    connection: socket.socket | None = None
    """The TCP connection; None when it was not made."""
    answers: list[str] = field(default_factory=list)
    """PDUs that the peer sent."""
    rejection: Any = None
    """What it said when it rejected the association: pynetdicom forgets that when the connection is
    closed before it looked."""

    def connected(self, event: Any) -> None:
        """Note the connection, and let nothing wait for more to send with it.

        A request is two small packets before the pixels; each would wait for the peer's
        delayed acknowledgement (40 ms) of the one before. pynetdicom has no option for that and
        no public name of the connection (3.0.4); tests/pacs/test_library_surface.py holds this one.
        """
        self.connection = event.assoc.dul.socket.socket
        if self.connection is not None:
            self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

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
