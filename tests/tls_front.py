"""What stands before a PACS and encrypts: hands on each byte of a checked connection.

The Orthanc 1.10.1 of Debian 12 ends itself at the first HTTPS request, so the tests put
what sites put before it, too.
"""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from certificates import Signed


@contextmanager
def tls_front(port: int, *, shows: Signed, trusts: Path) -> Iterator[int]:
    """Listen for clients with a certificate of `trusts`; yield our port on 127.0.0.1.

    Parameters
    ----------
    port
        Where the plain server listens on this machine.
    shows
        Our own certificate.
    trusts
        The authority of the clients.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=trusts)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(shows.certificate, shows.key)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        taking = threading.Thread(target=_take, args=(listening, context, port), daemon=True)
        taking.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
        taking.join(30)


def _take(listening: socket.socket, context: ssl.SSLContext, port: int) -> None:
    clients: list[threading.Thread] = []
    with suppress(OSError):  # it was shut down
        while True:
            plain, _ = listening.accept()
            clients.append(threading.Thread(target=_serve, args=(plain, context, port)))
            clients[-1].start()
    for client in clients:
        client.join(30)


def _serve(plain: socket.socket, context: ssl.SSLContext, port: int) -> None:
    """Hand one request on, and its answer back, until either side ends."""
    with plain, suppress(OSError):
        plain.settimeout(20)
        with (
            context.wrap_socket(plain, server_side=True) as client,
            socket.create_connection(("127.0.0.1", port), timeout=20) as server,
        ):
            back = threading.Thread(target=_pump, args=(server, client))
            back.start()
            _pump(client, server)
            back.join(20)


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)
