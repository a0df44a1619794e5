"""Webhooks and FHIR servers: what is posted, what counts as taken, and where nothing goes."""

import base64
import hashlib
import hmac
import json
import socket
import ssl
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from certificates import Authority
from delivery_receivers import web_server
from hilum.deliveries.web import FhirSender, send_event
from hilum.encode.messages.cloud_event import message
from hilum.errors import DeliveryRefused, ReceiverUnavailable, SettingInvalid
from hilum.settings.deliveries import DeliverySettings, FhirReceiver, WebhookReceiver
from orthanc_server import free_ports
from told import ID, analyzed

NOW = datetime(2026, 11, 22, 13, 30, tzinfo=UTC)
KEY = b"k" * 32
SECRET = f"whsec_{base64.b64encode(KEY).decode()}"
BODY = b'{"a": "\xc3\xbc"}'


def own_thread(work: Callable[[], Any]) -> Any:
    """Do something in a thread without a loop, as the job engine does."""
    with ThreadPoolExecutor(1) as own:
        return own.submit(work).result()


def hook(url: str, **more: Any) -> WebhookReceiver:
    return WebhookReceiver(name="HOOK", url=url, **{"timeout_s": 20, **more})


def post(url: str, **more: Any) -> None:
    """Post an event."""
    own_thread(lambda: send_event(hook(url, **more), BODY, str(ID), NOW))


def test_event_is_signed_with_its_name_and_time():
    """As Standard Webhooks say: HMAC-SHA256 of id, time and body; as a CloudEvent."""
    with web_server((204, b"")) as site:
        post(f"{site.url}/in?a=1", secret=SECRET)

    (got,) = site.got
    assert ("/in?a=1", BODY) == (got.path, got.body)
    assert str(ID) == got.headers["webhook-id"]
    stamp = got.headers["webhook-timestamp"]
    signed = hmac.new(KEY, f"{ID}.{stamp}.".encode() + BODY, hashlib.sha256).digest()
    assert f"v1,{base64.b64encode(signed).decode()}" == got.headers["webhook-signature"]
    assert int(NOW.timestamp()) == int(stamp)
    assert got.headers["content-type"].startswith("application/cloudevents+json")


def test_event_without_a_secret_is_not_signed():
    """No header claims a signature."""
    with web_server((200, b"")) as site:
        post(site.url)
    assert not [each for each in site.got[0].headers if each.startswith("webhook-")]


@pytest.mark.parametrize("status", [400, 409, 410, 413, 422])
def test_no_that_is_final_is_final(status):
    """The same event would get the same answer."""
    with web_server((status, b"Doe^Jane")) as site, pytest.raises(DeliveryRefused) as found:
        post(site.url)
    assert f"It answered {status}." == found.value.problem


@pytest.mark.parametrize("status", [301, 307, 401, 403, 404, 408, 429, 500, 503])
def test_everything_else_is_tried_again(status):
    """The receiver, or its credentials, may be mended; a redirect is not followed."""
    with web_server((200, b"")) as other:
        with (
            web_server((status, b""), location=other.url) as site,
            pytest.raises(ReceiverUnavailable, match=str(status)),
        ):
            post(site.url)
        assert [] == other.got


@contextmanager
def server_that(does: Callable[[socket.socket], object]):
    """Listen, read a request, and do something with the connection."""

    def take() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listening.accept()
                with connection, suppress(OSError):
                    connection.settimeout(20)
                    connection.recv(1 << 16)
                    does(connection)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(30)


def trickle(connection: socket.socket) -> None:
    """Answer a letter at a time, without an end."""
    while True:
        connection.sendall(b"H")
        connection.recv(1 << 16)
        threading.Event().wait(0.02)


def half(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 20")


def garbage(connection: socket.socket) -> None:
    connection.sendall(b"\x00\xff" * 50)


@pytest.mark.parametrize("does", [lambda c: c.recv(1), half, garbage])
def test_receiver_that_answers_nothing_of_use_is_tried_again(does):
    """Silence, half an answer, something that is no HTTP."""
    with server_that(does) as url, pytest.raises(ReceiverUnavailable):
        post(url, timeout_s=0.5)


def test_answer_that_never_ends_is_left():
    """Each letter comes in time, the whole does not."""
    endless = lambda c: [c.sendall(b"HTTP/1.1 200 OK\r\nX: "), trickle(c)]  # noqa: E731
    with server_that(endless) as url, pytest.raises(ReceiverUnavailable, match="time"):
        post(url, timeout_s=0.5)


def test_body_without_an_end_is_not_waited_for():
    """What comes after the status does not matter."""

    def flood(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65536)

    with server_that(flood) as url:
        post(url)


def test_nobody_listens():
    """A closed port is said, without the address."""
    (nobody,) = free_ports(1)
    with pytest.raises(ReceiverUnavailable, match="Connection refused") as found:
        post(f"http://127.0.0.1:{nobody}/secret-path")
    assert "secret" not in str(found.value)


@pytest.mark.parametrize(("host", "days", "well"), [
    ("127.0.0.1", 1, True), ("127.0.0.1", -1, False), ("192.0.2.1", 1, False),
])  # fmt: skip
def test_certificate_is_checked(tmp_path, host, days, well):
    """One that ended, or is another host's, gets nothing."""
    authority = Authority(tmp_path, "site")
    shown = authority.sign("hook", host=host, days=days)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(shown.certificate, shown.key)
    with web_server((200, b""), tls=tls) as site:
        if well:
            post(site.url, ca_file=authority.file)
        else:
            with pytest.raises(ReceiverUnavailable, match="certificate"):
                post(site.url, ca_file=authority.file)
    assert well == bool(site.got)


@pytest.mark.parametrize("named", [False, True])
def test_event_names_the_patient_only_where_the_site_says_so(named):
    """Otherwise the image is named by its UIDs."""
    outcome = analyzed(PatientName="Doe^Jane", PatientID="P-77", AccessionNumber="ACC-1")
    text = message(outcome, hook("https://x.example", patient_data=named)).decode()
    event = json.loads(text)

    assert [named] * 4 == [each in text for each in ("Doe", "Jane", "P-77", "ACC-1")]
    assert ("1.0", str(ID)) == (event["specversion"], event["id"])
    assert event["subject"] == event["data"]["study_instance_uid"]
    assert 18 == len(event["data"]["findings"])


CLIENT = "s"
TOKEN = (200, b'{"access_token": "T1", "expires_in": 3600}')


def fhir(url: str, **more: Any) -> FhirSender:
    return FhirSender(FhirReceiver(name="FHIR", url=url, timeout_s=20, **more))


def test_fhir_server_at_which_another_creates_the_same_is_asked_again():
    """A conflict of two transactions is over a moment later; one in the bundle is not."""
    with web_server((409, b""), (201, b""), (412, b"")) as site:
        sender = fhir(site.url)
        with pytest.raises(ReceiverUnavailable, match="409"):
            own_thread(lambda: sender.send(BODY))
        own_thread(lambda: sender.send(BODY))
        with pytest.raises(DeliveryRefused):
            own_thread(lambda: sender.send(BODY))


def test_token_is_asked_for_once():
    """By client credentials, in the header of RFC 6749; then it is used until it ends."""
    with web_server(TOKEN) as login, web_server((200, b"{}")) as site:
        sender = fhir(site.url, token_url=login.url, client_id="h", client_secret=CLIENT)
        own_thread(lambda: [sender.send(BODY), sender.send(BODY)])

    assert ["Bearer T1"] * 2 == [each.headers["authorization"] for each in site.got]
    (asked,) = login.got
    assert f"Basic {base64.b64encode(b'h:s').decode()}" == asked.headers["authorization"]
    assert asked.body.startswith(b"grant_type=client_credentials&scope=")


def test_token_that_is_refused_is_asked_for_anew():
    """It may have been taken back before its time; the message goes with the new one at once."""
    again = (200, b'{"access_token": "T2"}')
    with web_server(TOKEN, again) as login, web_server((401, b""), (200, b"")) as site:
        own_thread(lambda: fhir(site.url, token_url=login.url).send(BODY))
    assert ["Bearer T1", "Bearer T2"] == [each.headers["authorization"] for each in site.got]
    assert [BODY, BODY] == [each.body for each in site.got]


@pytest.mark.parametrize("answer", [(400, b""), (200, b"{}"), (200, b"<html>"), (200, b"[]")])
def test_without_a_token_nothing_is_sent(answer):
    """The delivery waits: the fault is in the settings or at the server, not in the message."""
    with web_server(answer) as login, web_server((200, b"")) as site:
        with pytest.raises(ReceiverUnavailable, match="token"):
            own_thread(lambda: fhir(site.url, token_url=login.url).send(BODY))
        assert [] == site.got


def test_token_of_a_file_is_read_each_time(tmp_path):
    """It may be replaced while the node runs; one that cannot be read is named."""
    file = tmp_path / "token"
    with web_server((200, b"")) as site:
        sender = fhir(site.url, token_file=file)
        with pytest.raises(SettingInvalid, match="token"):
            own_thread(lambda: sender.send(BODY))
        file.write_text("A\n")
        own_thread(lambda: sender.send(BODY))
    assert "Bearer A" == site.got[0].headers["authorization"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"webhook": [{"name": "a", "url": "ftp://x"}]},
        {"webhook": [{"name": "a", "url": "file:///etc/passwd"}]},
        {"webhook": [{"name": "a", "url": "https://user:pw@x/"}]},
        {"webhook": [{"name": "a", "url": "https://x:99999/"}]},
        {"webhook": [{"name": "a", "url": "http://[x/"}]},
        {"webhook": [{"name": "a b", "url": "https://x/"}]},
        {"webhook": [{"name": "a", "url": "https://x/", "secret": "short"}]},
        {"webhook": [{"name": "a", "url": "https://x/"}, {"name": "a", "url": "https://y/"}]},
        {"hl7": [{"name": "a", "host": "x", "port": 0}]},
    ],
)
def test_setting_with_a_mistake_is_refused(wrong):
    """Other schemes, passwords in addresses, weak secrets, two receivers of one name."""
    with pytest.raises(ValidationError):
        DeliverySettings(**wrong)


def test_secrets_may_stand_in_files(tmp_path):
    """As those of Docker and Kubernetes do; one that is none is named by its setting."""
    secret, client = tmp_path / "secret", tmp_path / "client"
    client.write_text("s\n")
    with web_server(TOKEN) as login, web_server((200, b"")) as site:
        secret.write_text(f"{SECRET}\n")
        post(site.url, secret_file=secret)
        secret.write_text("short")
        with pytest.raises(SettingInvalid, match=r"webhook:HOOK\.secret_file"):
            post(site.url, secret_file=secret)
        sender = fhir(site.url, token_url=login.url, client_id="h", client_secret_file=client)
        own_thread(lambda: sender.send(BODY))

    assert site.got[0].headers["webhook-signature"].startswith("v1,")
    assert f"Basic {base64.b64encode(b'h:s').decode()}" == login.got[0].headers["authorization"]
