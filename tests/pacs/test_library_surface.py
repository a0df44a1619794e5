"""What sending touches of its library though it is not public; fails when that changes.

Each line that does so says why. When a test fails after an update, look whether the library has a
public way by now, then at that line.
"""

import inspect
import socket
from collections.abc import Iterator

import pytest
from pydicom.uid import ImplicitVRLittleEndian
from pynetdicom import AE, _config
from pynetdicom.association import Association
from pynetdicom.sop_class import Verification

from hilum.pacs.send import DicomTarget
from hilum.pacs.send.associations import AssociationAttempt, Opener, Pair


@pytest.fixture
def peer() -> Iterator[DicomTarget]:
    """Return a peer that answers C-ECHO."""
    entity = AE()
    entity.add_supported_context(Verification)
    server = entity.start_server(("127.0.0.1", 0), block=False)
    yield DicomTarget("PEER", *server.server_address)
    server.shutdown()


def test_connection_of_an_association_is_found(peer, monkeypatch):
    """The one that was made, with nothing waiting for more to be sent with it."""
    met: list[socket.socket] = []
    noted = AssociationAttempt.connected

    def note(attempt, event) -> None:
        noted(attempt, event)
        met.append(attempt.connection)

    monkeypatch.setattr(AssociationAttempt, "connected", note)
    opener = Opener(peer, calling_aet="HILUM", timeout_s=10, context=None)
    line = opener.open(frozenset({Pair(Verification, ImplicitVRLittleEndian)}))
    (connection,) = met

    assert peer.port == connection.getpeername()[1]
    assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    line.association.release()


def test_files_are_sent_by_their_path():
    """With the switch that the sender sets; without it they would be decoded."""
    assert isinstance(_config.STORE_SEND_CHUNKED_DATASET, bool)
    assert "_config.STORE_SEND_CHUNKED_DATASET" in inspect.getsource(Association.send_c_store)
    assert "Path" in str(inspect.signature(Association.send_c_store).parameters["dataset"])
