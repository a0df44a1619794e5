"""Receivers of deliveries: MLLP servers that nobody here wrote, and ones that misbehave."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import hl7
from hl7.mllp import start_hl7_server
from hl7apy.core import Message
from hl7apy.mllp import AbstractHandler, MLLPServer
from hl7apy.parser import parse_message

END = b"\x1c\r"

Answer = Callable[[socket.socket, bytes], object]
"""Answers a message of its connection."""


@dataclass
class Receiver:
    """A receiver that runs: its port, and what came."""

    port: int = 0
    got: list[str] = field(default_factory=list)


def control_id(message: bytes | str) -> str:
    """Return MSH-10."""
    text = message.decode() if isinstance(message, bytes) else message
    return text.split("|")[9]


def ack(code: str = "AA", *, about: str | None = None, more: str = "") -> Answer:
    """Return what acknowledges a message, or another one, by a code."""

    def answer(connection: socket.socket, message: bytes) -> None:
        named = control_id(message) if about is None else about
        text = f"MSH|^~\\&|RIS||hilum||20260101||ACK|1|P|2.5.1\rMSA|{code}|{named}\r{more}"
        connection.sendall(b"\x0b" + text.encode() + END)

    return answer


@contextmanager
def scripted(*answers: Answer, tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """Listen; the first message gets the first answer, the last one all that follow."""
    receiver, script = Receiver(), list(answers)
    over = threading.Event()

    def serve(plain: socket.socket) -> None:
        with plain, suppress(OSError):
            connection = plain if tls is None else tls.wrap_socket(plain, server_side=True)
            with connection:
                read = b""
                while not read.endswith(END):
                    piece = connection.recv(1 << 16)
                    if not piece:
                        return
                    read += piece
                receiver.got.append(read[1:-2].decode())
                answer = script.pop(0) if len(script) > 1 else script[0]
                answer(connection, read[1:-2])
                if answer is silent:
                    over.wait(60)

    def take() -> None:
        with suppress(OSError):
            while True:
                plain, _ = listening.accept()
                threading.Thread(target=serve, args=(plain,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        receiver.port = listening.getsockname()[1]
        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        yield receiver
        over.set()
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(30)


def in_pieces(connection: socket.socket, message: bytes) -> None:
    """Acknowledge letter by letter, and end without a carriage return."""
    text = f"MSH|^~\\&|RIS\rMSA|AA|{control_id(message)}\r"
    for letter in b"\x0b" + text.encode() + b"\x1c":
        connection.sendall(bytes([letter]))


def with_line_feeds(connection: socket.socket, message: bytes) -> None:
    """Acknowledge with line feeds between segments, and another separator."""
    text = f"MSH#^~\\&#RIS\r\nMSA#AA#{control_id(message)}#Doe\r\n"
    connection.sendall(b"\x0b" + text.encode() + END)


def silent(_connection: socket.socket, _message: bytes) -> None:
    """Take the message and never answer."""


def closing(connection: socket.socket, _message: bytes) -> None:
    """Close in the middle of the answer."""
    connection.sendall(b"\x0bMSH|^~\\&|RIS")


def endless(connection: socket.socket, _message: bytes) -> None:
    """Answer without an end."""
    with suppress(OSError):
        while True:
            connection.sendall(b"MSA|" * 4096)


def late(connection: socket.socket, message: bytes) -> None:
    """First acknowledge, and refuse, a message that was sent earlier."""
    ack("AR", about="EARLIER")(connection, message)
    ack("AA")(connection, message)


@contextmanager
def hl7_server() -> Iterator[Receiver]:
    """Run the MLLP server of the package hl7, which acknowledges what it can parse."""
    receiver, loop = Receiver(), asyncio.new_event_loop()
    ready = threading.Event()

    async def answer(reader: Any, writer: Any) -> None:
        with suppress(asyncio.IncompleteReadError):
            message = await reader.readmessage()
            receiver.got.append(str(message))
            writer.writemessage(message.create_ack("AA"))
            await writer.drain()
        writer.close()

    async def run() -> None:
        server = await start_hl7_server(answer, "127.0.0.1", 0, encoding="utf-8")
        receiver.port = server.sockets[0].getsockname()[1]
        ready.set()
        with suppress(asyncio.CancelledError):
            await server.serve_forever()

    task = loop.create_task(run())
    thread = threading.Thread(target=loop.run_until_complete, args=(task,), daemon=True)
    thread.start()
    assert ready.wait(30)
    yield receiver
    loop.call_soon_threadsafe(task.cancel)
    thread.join(30)
    loop.close()


@contextmanager
def hl7apy_server() -> Iterator[Receiver]:
    """Run the MLLP server of the package hl7apy, which acknowledges what it finds valid."""
    receiver = Receiver()

    class Handler(AbstractHandler):
        def reply(self) -> str:
            receiver.got.append(self.incoming_message)
            found = parse_message(self.incoming_message, find_groups=True)
            found.validate()
            made = Message("ACK", version="2.5.1")
            made.msa.msa_1, made.msa.msa_2 = "AA", found.msh.msh_10.to_er7()
            return made.to_mllp()

    server = MLLPServer("127.0.0.1", 0, {"ORU^R01^ORU_R01": (Handler,)}, timeout=30)
    receiver.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield receiver
    server.shutdown()
    server.server_close()
    thread.join(30)


@dataclass
class Request:
    """One request that came."""

    path: str
    headers: dict[str, str]
    body: bytes


@contextmanager
def web_server(
    *answers: tuple[int, bytes], tls: ssl.SSLContext | None = None, location: str = ""
) -> Iterator[Any]:
    """Listen for posts; the first gets the first answer, the last one all that follow."""
    got: list[Request] = []
    script = list(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            said = {name.lower(): value for name, value in self.headers.items()}
            got.append(Request(self.path, said, body))
            status, content = script.pop(0) if len(script) > 1 else script[0]
            self.send_response(status)
            if location:
                self.send_header("Location", location)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        scheme = "http" if tls is None else "https"
        yield Site(f"{scheme}://127.0.0.1:{server.server_port}", got)
        server.shutdown()
        thread.join(30)


@dataclass
class Site:
    """A web server that runs."""

    url: str
    got: list[Request]


def parsed(message: str) -> hl7.Message:
    """Return a message as the package hl7 reads it."""
    return hl7.parse(message)
