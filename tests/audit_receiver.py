"""A small audit record repository: takes syslog over TLS, and can misbehave."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from certificates import Authority, Signed


class Receiver:
    """A repository of the test's own, which can end a connection in several ways."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self.tls = tls
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.frames: list[bytes] = []
        self.ends: Callable[[ssl.SSLSocket], object] = ssl.SSLSocket.unwrap
        self.reads = True

    def run(self) -> None:
        with suppress(OSError):  # it was shut down
            while True:
                plain, _ = self.listening.accept()
                with plain, suppress(OSError):
                    plain.settimeout(10)
                    self.serve(self.tls.wrap_socket(plain, server_side=True))

    def serve(self, secured: ssl.SSLSocket) -> None:
        with secured:
            read = b""
            while self.reads and (piece := secured.recv(1 << 16)):
                read += piece
            while read:
                size, _, rest = read.partition(b" ")
                self.frames.append(rest[: int(size)])
                read = rest[int(size) :]
            self.ends(secured)


@contextmanager
def receiving(authority: Authority, *, own: Signed, clients: bool = False) -> Iterator[Receiver]:
    """Run a receiver that shows a certificate, and wants one where it is said."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=authority.file)
    tls.load_cert_chain(own.certificate, own.key)
    tls.verify_mode = ssl.CERT_REQUIRED if clients else ssl.CERT_NONE
    receiver = Receiver(tls)
    thread = threading.Thread(target=receiver.run, daemon=True)
    thread.start()
    yield receiver
    receiver.listening.shutdown(socket.SHUT_RDWR)
    receiver.listening.close()
    thread.join(30)
