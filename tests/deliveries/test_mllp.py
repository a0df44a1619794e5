"""MLLP: a message has arrived once it is acknowledged, whatever the receiver does."""

import ssl

import pytest

from certificates import Authority
from delivery_receivers import (
    ack,
    closing,
    control_id,
    endless,
    hl7_server,
    hl7apy_server,
    in_pieces,
    late,
    parsed,
    scripted,
    silent,
    with_line_feeds,
)
from hilum.deliveries import mllp
from hilum.encode.messages.hl7 import message, message_id
from hilum.errors import DeliveryRefused, ReceiverUnavailable, SettingInvalid
from hilum.settings.deliveries import Hl7Receiver
from orthanc_server import free_ports
from told import analyzed

NAME = "Müller|^~&\\=山田^太郎"


def send(port: int, timeout_s: float = 20, **more: object) -> None:
    """Send a message about an image to a receiver of this machine."""
    receiver = Hl7Receiver(name="RIS", host="127.0.0.1", port=port, timeout_s=timeout_s, **more)
    outcome = analyzed(PatientName=NAME, SpecificCharacterSet="ISO_IR 192")
    mllp.send(receiver, message(outcome, receiver), message_id(outcome))


@pytest.mark.parametrize("server", [hl7_server, hl7apy_server])
def test_servers_of_others_take_it(server):
    """Each acknowledges it, and has the letters and numbers that were sent."""
    with server() as receiver:
        send(receiver.port)

    (got,) = receiver.got
    assert "山田" in got
    found = parsed(got.replace("\n", "\r"))
    assert "0.95" in [str(each[5]) for each in found.segments("OBX")]
    assert "UNICODE UTF-8" == str(found.segment("MSH")[18])


@pytest.mark.parametrize("answer", [ack("AA"), ack("CA"), late, in_pieces, with_line_feeds])
def test_acknowledged_is_delivered(answer):
    """In either mode, in pieces, and also after the late answer to another message."""
    with scripted(answer) as receiver:
        send(receiver.port)
    assert 1 == len(receiver.got)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (ack("AE"), "AE"),
        (ack("CE"), "CE"),
        (ack("ZZ"), "ZZ"),
        (ack(""), "no code"),
        (ack("AA", about="OTHER"), "without an acknowledgment"),
        (ack("AA", about=""), "without an acknowledgment"),
        (closing, "without an acknowledgment"),
        (endless, "no end"),
    ],
)
def test_everything_else_is_tried_again(answer, said):
    """An error, the wrong message, half an answer, one without an end."""
    with scripted(answer) as receiver, pytest.raises(ReceiverUnavailable, match=said):
        send(receiver.port)


def test_receiver_that_never_answers_is_left():
    """It took the message and is silent: after its time it is tried again."""
    with scripted(silent) as receiver, pytest.raises(ReceiverUnavailable, match="in time"):
        send(receiver.port, timeout_s=0.2)
    assert 1 == len(receiver.got)


def test_rejected_message_is_not_tried_again():
    """AR is final; what is kept of its error is code and place, never its text."""
    more = "ERR||PID^1^3|204^Unknown key|E||||Unknown patient DOE^JANE\r"
    with (
        scripted(ack("AR", more=more)) as receiver,
        pytest.raises(DeliveryRefused, match=r"AR 204 PID\^1\^3") as found,
    ):
        send(receiver.port)
    assert "DOE" not in str(found.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "no.such.host.invalid", "a" * 300, "x..y"])
def test_nobody_listens(host):
    """A closed port, a name that there is not, and none at all are said."""
    (nobody,) = free_ports(1)
    receiver = Hl7Receiver(name="RIS", host=host, port=nobody, timeout_s=5)
    with pytest.raises(ReceiverUnavailable, match="reached"):
        mllp.send(receiver, b"MSH|", "1")


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path, "site")


def front(shown) -> ssl.SSLContext:
    """Return the TLS of a receiver with a certificate."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(shown.certificate, shown.key)
    return tls


def test_receiver_is_checked_by_its_certificate(authority):
    """With TLS the message goes only to whom the site's authority vouches for."""
    tls = front(authority.sign("ris"))
    with scripted(ack(), tls=tls) as receiver:
        send(receiver.port, tls=True, ca_file=authority.file)
        with pytest.raises(ReceiverUnavailable, match="certificate"):
            send(receiver.port, tls=True)
    assert 1 == len(receiver.got)


@pytest.mark.parametrize(("host", "days"), [("127.0.0.1", -1), ("192.0.2.1", 1)])
def test_certificate_that_ended_or_is_another_hosts_gets_nothing(authority, host, days):
    """It is said, tried again, and no byte of the message is sent."""
    tls = front(authority.sign("ris", host=host, days=days))
    with scripted(ack(), tls=tls) as receiver, pytest.raises(ReceiverUnavailable, match="certif"):
        send(receiver.port, tls=True, ca_file=authority.file)
    assert [] == receiver.got


def test_file_of_certificates_that_is_none_is_named(tmp_path):
    """By the receiver that it belongs to."""
    file = tmp_path / "ca.pem"
    file.write_text("nothing")
    with scripted(ack()) as receiver, pytest.raises(SettingInvalid, match=r"hl7:RIS\.ca_file"):
        send(receiver.port, tls=True, ca_file=file)


def test_same_message_has_the_same_name():
    """However often it is sent."""
    with scripted(ack("AE"), ack()) as receiver:
        with pytest.raises(ReceiverUnavailable):
            send(receiver.port)
        send(receiver.port)
    first, second = receiver.got
    assert control_id(first) == control_id(second)
