"""TLS on the page and on DICOM: handshakes that stop, old versions, odd certificates."""

import ssl
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from socket import create_connection

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from certificates import Authority, Signed
from dicom_front import connections, is_ended
from orthanc_server import require
from own_orthanc import AttackedNode, attacked

pytestmark = [pytest.mark.orthanc, pytest.mark.timeout(180)]

PATIENCE_S = 25
"""Longer than whoever stops in a handshake is waited for."""

SENDERS_S = "10"


@dataclass(frozen=True, slots=True)
class Secured:
    """A node with TLS everywhere, and who may talk to it."""

    node: AttackedNode
    hospital: Authority
    modality: Signed
    ports: dict[str, int]

    def client(self, *, shows: bool = True) -> ssl.SSLContext:
        """Return what a client of the hospital needs."""
        context = ssl.create_default_context(cafile=self.hospital.file)
        if shows:
            context.load_cert_chain(self.modality.certificate, self.modality.key)
        return context

    def page(self) -> int:
        """Return how the page answers."""
        url = f"https://127.0.0.1:{self.ports['page']}/login"
        return httpx.get(url, verify=self.client(), timeout=PATIENCE_S).status_code

    def echo(self, signed: Signed) -> int:
        """Return how DCMTK's echoscu ends within a sender's patience."""
        files = ["+tls", str(signed.key), str(signed.certificate), "+cf", str(self.hospital.file)]
        patience = ["-to", SENDERS_S, "-ta", SENDERS_S]
        command = [require("echoscu"), *patience, *files, "127.0.0.1", str(self.ports["dicom"])]
        return subprocess.run(command, check=False, capture_output=True).returncode


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """Return a node with certificates; each test leaves it as it was."""
    require("Orthanc")
    folder = tmp_path_factory.mktemp("secured")
    hospital = Authority(folder, "hospital")
    own = hospital.sign("node", key=rsa.generate_private_key(65537, 2048))
    settings = {
        "HILUM_PAGE__CERTIFICATE": str(own.certificate),
        "HILUM_PAGE__CERTIFICATE_KEY": str(own.key),
        "HILUM_PACS__DICOM_TLS": "true",
        "HILUM_PACS__CA_FILE": str(hospital.file),
        "HILUM_PACS__CERTIFICATE_FILE": str(own.certificate),
        "HILUM_PACS__KEY_FILE": str(own.key),
    }
    with attacked(folder, **settings) as node:
        page = int(node.url.rpartition(":")[2])
        ports = {"page": page, "dicom": node.up.dicom_port}
        yield Secured(node, hospital, hospital.sign("modality"), ports)


def hello() -> bytes:
    """Return a whole ClientHello."""
    received, sent = ssl.MemoryBIO(), ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        ssl.create_default_context().wrap_bio(
            received, sent, server_hostname="localhost"
        ).do_handshake()
    return sent.read()


BEGUN = {
    "nothing": b"",
    "half a hello": hello()[:50],
    "a hello": hello(),
    "plain": b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "garbage": b"\xff" * 64,
}


@pytest.mark.parametrize("said", BEGUN.values(), ids=BEGUN)
def test_handshakes_that_stop_keep_nobody_out(secured: Secured, said: bytes):
    """Of the page however many they are, and few of them of DICOM."""
    with (
        connections(secured.ports["page"], 150, said),
        connections(secured.ports["dicom"], 2, said),
    ):
        assert 0 == secured.echo(secured.modality)
        assert 200 == secured.page()


@pytest.mark.parametrize("port", ["page", "dicom"])
def test_a_handshake_that_stops_is_ended(secured: Secured, port: str):
    """By the node, and not by whoever stopped."""
    with ExitStack() as stack:
        opened = [
            stack.enter_context(
                create_connection(("127.0.0.1", secured.ports[port]), timeout=PATIENCE_S)
            )
            for _ in BEGUN
        ]
        for made, said in zip(opened, BEGUN.values(), strict=True):
            made.sendall(said)

        assert [True] * len(BEGUN) == [is_ended(made) for made in opened]


@pytest.mark.parametrize("port", ["page", "dicom"])
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1")
def test_old_versions_are_not_spoken(secured: Secured, port: str):
    """TLS 1.2 is, 1.1 and 1.0 are not."""
    spoken = {}
    for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2):
        context = secured.client()
        context.minimum_version = context.maximum_version = version
        context.set_ciphers("ALL:@SECLEVEL=0")
        with create_connection(("127.0.0.1", secured.ports[port]), timeout=PATIENCE_S) as made:
            try:
                with context.wrap_socket(made, server_hostname="127.0.0.1"):
                    spoken[version.name] = True
            except OSError:
                spoken[version.name] = False

    assert {"TLSv1": False, "TLSv1_1": False, "TLSv1_2": True} == spoken


@pytest.mark.parametrize("port", ["page", "dicom"])
def test_nothing_is_negotiated_again(secured: Secured, port: str):
    """A client that asks for it, as OpenSSL's does for an R, is told no."""
    shows = ("-cert", secured.modality.certificate, "-key", secured.modality.key)
    where = ("-connect", f"127.0.0.1:{secured.ports[port]}", "-CAfile", secured.hospital.file)
    done = subprocess.run(
        [require("openssl"), "s_client", "-tls1_2", *map(str, (*where, *shows))],
        input=b"R\n",
        capture_output=True,
        check=False,
        timeout=PATIENCE_S,
    )

    assert b"Verification: OK" in done.stdout
    assert b"RENEGOTIATING" in done.stderr
    assert b"no renegotiation" in done.stderr


def test_an_expired_certificate_lets_nobody_in(secured: Secured):
    """Of the same authority, of the same name."""
    assert 0 == secured.echo(secured.modality)
    assert 0 != secured.echo(secured.hospital.sign("expired", days=-1))
