"""The trail on its way to a repository: rsyslog over TLS, and others that misbehave."""

import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from audit_receiver import receiving
from certificates import Authority, Signed
from hilum.errors import AuditRepositoryUnavailable
from hilum.records import Database, audit, audit_position
from hilum.records.audit import AuditEntry
from hilum.runtime.waits import wait_until
from hilum.telemetry.audit_messages import PatientIdentity
from hilum.telemetry.audit_syslog import (
    AuditRepository,
    AuditSender,
    host_name,
    syslog_message,
)
from orthanc_server import free_ports, require

AT = datetime(2026, 3, 2, 12, 30, 15, 250, UTC)
BOM = b"\xef\xbb\xbf"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Return who signs here."""
    return Authority(tmp_path, "authority")


def client_of(authority: Authority, port: int, own: Signed | None = None) -> AuditRepository:
    """Return a repository at a port of this machine."""
    tls = ssl.create_default_context(cafile=authority.file)
    if own is not None:
        tls.load_cert_chain(own.certificate, own.key)
    return AuditRepository("127.0.0.1", port, tls)


def note(database: Database, *actions: str) -> None:
    """Write lines into the trail."""
    for action in actions:
        with database.transaction() as connection:
            audit.write(connection, AuditEntry(AT, "ana", action, "own", "1.2", "1.2.3"))


def waiting(database: Database) -> int:
    """Return how many lines wait."""
    with database.look() as connection:
        return audit_position.waiting(connection)


@pytest.fixture
def begun(sqlite: Database) -> Database:
    """Return a database whose trail is sent from now on; one line was there before."""
    note(sqlite, "user.added")
    with sqlite.transaction() as connection:
        audit_position.begin(connection)
    return sqlite


@contextmanager
def running_rsyslog(folder: Path, authority: Authority, own: Signed) -> Iterator[tuple[int, Path]]:
    """Run rsyslog as a repository that wants certificates; yield its port and its file."""
    (port,) = free_ports(1)
    received, settings = folder / "received", folder / "rsyslog.conf"
    settings.write_text(
        f"""
        global(workDirectory="{folder}" maxMessageSize="64k"
               defaultNetstreamDriver="ossl" defaultNetstreamDriverCAFile="{authority.file}"
               defaultNetstreamDriverCertFile="{own.certificate}"
               defaultNetstreamDriverKeyFile="{own.key}")
        module(load="imtcp" streamDriver.name="ossl" streamDriver.mode="1"
               streamDriver.authMode="x509/certvalid")
        template(name="raw" type="string" string="%rawmsg%\\n")
        input(type="imtcp" port="{port}")
        action(type="omfile" file="{received}" template="raw")
        """
    )
    command = [require("rsyslogd"), "-n", "-f", str(settings), "-i", str(folder / "pid")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield port, received
        finally:
            process.terminate()


def test_rsyslog_receives_every_line_in_order(
    tmp_path: Path, authority: Authority, begun: Database
):
    """Framed, as RFC 5424 and with the patient's name, over TLS with both certificates."""
    note(begun, *(["study.viewed", "user.signed_in"] * 150))
    server, own = authority.sign("server"), authority.sign("client")
    with running_rsyslog(tmp_path, authority, server) as (port, received):
        sender = AuditSender(begun, client_of(authority, port, own))

        def sent() -> bool:
            with suppress(AuditRepositoryUnavailable):  # not up yet
                sender.send_some()
            return not waiting(begun)

        assert wait_until(sent, timeout_s=60, every_s=0.2)
        lines = wait_until(
            lambda: received.read_bytes().splitlines(),
            lambda found: len(found) >= 300,
            timeout_s=30,
            every_s=0.2,
        )

    assert 300 == len(lines)
    head, bom, xml = lines[0].partition(BOM)
    assert (
        f"<85>1 2026-03-02T12:30:15.000250Z {host_name()} hilum ".encode()
        == head[: head.rindex(b"hilum ") + 6]
    )
    assert head.endswith(b" IHE+RFC-3881 - ")
    assert bom
    assert xml.startswith(b'<?xml version="1.0" encoding="UTF-8"?><AuditMessage>')
    assert [b"110103", b"110114"] * 150 == [line.partition(b'csd-code="')[2][:6] for line in lines]


def test_the_position_moves_on_after_an_orderly_end_only(authority: Authority, begun: Database):
    """What is in doubt is sent again; nothing is lost, and nothing that arrived waits."""
    note(begun, "study.viewed", "study.viewed")
    with receiving(authority, own=authority.sign("server")) as receiver:
        sender = AuditSender(begun, client_of(authority, receiver.port))
        receiver.reads, receiver.ends = False, abort
        with pytest.raises(AuditRepositoryUnavailable):
            sender.send_some()
        assert 2 == waiting(begun)

        receiver.reads, receiver.ends = True, ssl.SSLSocket.unwrap
        assert 2 == sender.send_some()
        assert (0, 0, 2) == (waiting(begun), sender.send_some(), len(receiver.frames))


def abort(secured: ssl.SSLSocket) -> None:
    """End a connection with what was sent unread, which resets it."""
    secured.close()


def test_a_receiver_that_only_closes_has_received(authority: Authority, begun: Database):
    """Not all say at the end of TLS that they end; the order of the connection tells enough."""
    note(begun, "study.viewed")
    with receiving(authority, own=authority.sign("server")) as receiver:
        receiver.ends = lambda secured: secured.shutdown(socket.SHUT_RDWR)
        assert 1 == AuditSender(begun, client_of(authority, receiver.port)).send_some()

    assert 0 == waiting(begun)


def test_an_untrusted_or_ended_certificate_is_said(
    tmp_path: Path, authority: Authority, begun: Database
):
    """In plain words, and nothing is sent to whoever shows it."""
    note(begun, "study.viewed")
    (tmp_path / "other").mkdir()
    stranger = Authority(tmp_path / "other", "stranger")
    for own, said in (
        (stranger.sign("server"), "unable to get local issuer certificate"),
        (authority.sign("ended", days=-1), "certificate has expired"),
        (authority.sign("elsewhere", host="127.0.0.9"), "127.0.0.1"),
    ):
        with receiving(authority, own=own) as receiver:
            sender = AuditSender(begun, client_of(authority, receiver.port))
            with pytest.raises(AuditRepositoryUnavailable, match=said):
                sender.send_some()
            assert [] == receiver.frames


def test_a_repository_that_does_not_know_us_is_said(authority: Authority, begun: Database):
    """With TLS 1.3 its refusal comes after our messages."""
    note(begun, "study.viewed")
    said = "(?i)certificate.required"
    with (
        receiving(authority, own=authority.sign("server"), clients=True) as receiver,
        pytest.raises(AuditRepositoryUnavailable, match=said),
    ):
        AuditSender(begun, client_of(authority, receiver.port)).send_some()

    assert 1 == waiting(begun)


def test_the_sender_goes_on_once_the_repository_is_back(
    authority: Authority, begun: Database, monkeypatch: pytest.MonkeyPatch
):
    """Over and over, with longer waits; whoever writes the trail never waits for it."""
    monkeypatch.setattr("hilum.telemetry.audit_syslog.LOOK_S", 0.01)
    monkeypatch.setattr("hilum.runtime.waits.BackOff.after", lambda *_: 0.01)
    note(begun, "study.viewed")
    stop = threading.Event()
    with receiving(authority, own=authority.sign("server")) as receiver:
        receiver.ends, receiver.reads = abort, False
        sender = AuditSender(begun, client_of(authority, receiver.port))
        thread = threading.Thread(target=sender.run, args=(stop,))
        thread.start()
        note(begun, "user.signed_in")
        receiver.reads, receiver.ends = True, ssl.SSLSocket.unwrap
        assert wait_until(lambda: not waiting(begun), timeout_s=30, every_s=0.05)
        stop.set()
        thread.join(30)

    assert [b"110103", b"110114"] == [
        each.partition(b'csd-code="')[2][:6] for each in receiver.frames[-2:]
    ]


def test_another_address_goes_on_where_the_one_before_stopped(begun: Database):
    """To begin again changes nothing."""
    note(begun, "study.viewed")
    with begun.transaction() as connection:
        audit_position.begin(connection)

    assert 1 == waiting(begun)


def test_no_log_line_names_the_patient(
    authority: Authority, begun: Database, capsys: pytest.CaptureFixture[str]
):
    """They are in the message alone, which is not logged, whatever goes wrong with it."""
    (port,) = free_ports(1)
    stop = threading.Event()
    sender = AuditSender(begun, client_of(authority, port))
    note(begun, "study.viewed")
    monkey = threading.Timer(0.5, stop.set)
    monkey.start()
    sender.run(stop)

    assert "1.2" not in capsys.readouterr().err


def test_the_head_is_of_ascii_alone():
    """Whatever the machine is called."""
    found = audit.StoredAuditEntry(1, AuditEntry(AT, "é", "study.viewed", "own", "1.2"), "")
    message = syslog_message(found, PatientIdentity("1", "Müller^É"), host_name())
    head, _, xml = message.partition(BOM)

    assert head.isascii()
    assert "Müller^É" in xml.decode()
