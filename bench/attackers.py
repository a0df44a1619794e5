"""Attackers that strike again and again, in a process of their own, as from other machines.

Each strike is bounded in connections, bytes and time; what became of it is counted. They compute
with what nobody else wants of the processor (SCHED_IDLE, a session of nice 19: sched(7)), as on
machines of their own. What they make the node, Orthanc and HAProxy do is the node's.
"""

import json
import os
import random
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final, Self

import httpx

from bench.load_images import Image
from bench.load_senders import sending
from dicom_front import HALF, association_request, connections
from hilum.files import dicom
from hostile_files import HOSTILE
from web_context import csrf_in
from zip_files import lying, zipped

HOLD_S: Final = 12.0
"""Longer than the page and the front wait for anybody."""

NICE: Final = 19

PATIENCE_S: Final = 30.0
BURST: Final = 24
"""Pictures that are asked for at once."""

WHISPERS: Final = (
    b"",
    b"GET /log",
    b"GET /login HTTP/1.1\r\nHost: localhost\r\n",
    b"\x16\x03\x01\x02",
)
SILENCES: Final = (b"", HALF[:1], HALF, b"\x16\x03\x01\x02\x00\x01", b"GET / HTTP/1.1\r\n\r\n")

OVERRIDES: Final[tuple[tuple[str, str, dict[str, str]], ...]] = (
    ("GET", "/dicom-web/studies?_method=DELETE", {}),
    ("GET", "/dicom-web/studies?limit=1", {"x-http-method-override": "DELETE"}),
    ("POST", "/dicom-web/studies?_method=GET", {}),
    ("DELETE", "/dicom-web/studies/1.2.3", {}),
    ("GET", "/dicom-web/../patients", {}),
    ("GET", "/dicom-web/studies/1.2/../../../tools/reset", {}),
)

JSONS: Final = (
    b"[" * 200_000,
    b'{"a":' * 50_000,
    b'{"sop_instance_uids": ' + b"9" * 100_000 + b"}",
    b'{"sop_instance_uids": [' + b"1e999," * 10_000 + b"1]}",
    b'{"sop_instance_uids": ["\\ud800"]}',
    b"\xff\xfe{\x00}\x00",
    json.dumps({"sop_instance_uids": ["1.2"] * 50_000}).encode(),
)


@dataclass(frozen=True, slots=True)
class Target:
    """What is attacked.

    Attributes
    ----------
    page, dicom
        Ports on this machine.
    cookies
        Of an operator's session: an attacker may be one.
    token
        Of an operator, for the API.
    pictures
        Addresses of large images.
    """

    page: int
    dicom: int
    cookies: Mapping[str, str]
    token: str
    pictures: tuple[str, ...]

    def browser(self, address: str = "127.0.0.90", **more: Any) -> httpx.Client:
        """Return the browser of somebody at another address."""
        transport = httpx.HTTPTransport(local_address=address)
        url = f"http://127.0.0.1:{self.page}"
        return httpx.Client(base_url=url, transport=transport, timeout=PATIENCE_S, **more)


@dataclass
class Attacker:
    """Strikes at a target until it is over.

    Attributes
    ----------
    target
        Who is attacked.
    random
        Decides with what.
    over
        When to stop.
    """

    target: Target
    random: random.Random
    over: threading.Event

    def slow_page(self) -> str:
        """Hold connections to the page that say little."""
        return self._hold(self.target.page, 60, WHISPERS, 10)

    def slow_dicom(self) -> str:
        """Hold connections to the DICOM port that say little."""
        return self._hold(self.target.dicom, 16, SILENCES, 20)

    def _hold(self, port: int, count: int, said: tuple[bytes, ...], first: int) -> str:
        with ExitStack() as stack:
            for each in range(4):
                address, begun = f"127.0.0.{first + each}", self.random.choice(said)
                stack.enter_context(connections(port, count, begun, address))
            self.over.wait(HOLD_S)
        return f"{4 * count} held"

    def malformed(self) -> str:
        """Say something over DICOM that is wrong somewhere."""
        where, own = ("127.0.0.1", self.target.dicom), ("127.0.0.30", 0)
        with socket.create_connection(where, timeout=8, source_address=own) as made:
            made.sendall(self._pdus())
            with suppress(ConnectionError):
                return "answered" if made.recv(4096) else "closed"
        return "closed"

    def _pdus(self) -> bytes:
        whole = bytearray(association_request())
        match self.random.randrange(5):
            case 0:
                return self.random.randbytes(self.random.randrange(1, 4096))
            case 1:
                return struct.pack(">BxI", 1, self.random.choice((0, 1, 0x7FFFFFFF, 0xFFFFFFFF)))
            case 2:
                for _ in range(self.random.randrange(1, 8)):
                    whole[self.random.randrange(6, len(whole))] = self.random.randrange(256)
                return bytes(whole)
            case 3:
                value = self.random.randbytes(self.random.randrange(1, 512))
                length = self.random.choice((0, 1, len(value) + 2, 0xFFFFFFF0))
                data = struct.pack(">IBB", length, 1, self.random.randrange(4)) + value
                return bytes(whole) + struct.pack(">BxI", 4, len(data)) + data
            case _:
                return bytes(whole) + struct.pack(">BxI", self.random.randrange(4, 9), 1 << 30)

    def bombs(self) -> str:
        """Store a file that was made to harm."""
        name = self.random.choice(list(HOSTILE))
        file = HOSTILE[name]()
        syntax = dicom.split(file, name=name).meta.TransferSyntaxUID
        with sending(self.target.dicom, aet="STORESCU", syntax=syntax) as send:
            send(Image(0, (file, memoryview(b""))))
        return f"{name} stored"

    def passwords(self) -> str:
        """Sign in with a wrong password."""
        with self.target.browser(f"127.0.0.{self.random.randrange(40, 50)}") as browser:
            form = {"csrf": csrf_in(browser.get("/login").text), "name": "admin", "password": "x"}
            return str(browser.post("/login", data=form).status_code)

    def decoding(self) -> str:
        """Ask for many large pictures at once."""
        with (
            self.target.browser(cookies=dict(self.target.cookies)) as browser,
            ThreadPoolExecutor(BURST) as threads,
        ):

            def ask(number: int) -> int:
                kind = ("pixels", "quick.jpg")[number % 2]
                with suppress(httpx.TimeoutException):
                    picture = self.random.choice(self.target.pictures)
                    return browser.get(f"{picture}/{kind}").status_code
                return 0

            return "/".join(map(str, sorted(set(threads.map(ask, range(BURST))))))

    def overrides(self) -> str:
        """Slip another method or path to the PACS."""
        method, path, headers = self.random.choice(OVERRIDES)
        with self.target.browser(cookies=dict(self.target.cookies)) as browser:
            return str(browser.request(method, path, headers=headers).status_code)

    def hostile_json(self) -> str:
        """Send JSON that is hard to read."""
        headers = {"authorization": f"Bearer {self.target.token}"}
        headers["content-type"] = "application/json"
        with self.target.browser("127.0.0.91", headers=headers) as browser:
            content = self.random.choice(JSONS)
            return str(browser.post("/api/v1/jobs/retry", content=content).status_code)

    def archives(self) -> str:
        """Send ZIP archives that are larger than they say or seem, and files to be tried."""
        kind = self.random.randrange(3)
        content = (
            zipped(a=bytes(50_000_000)),
            lying(100_000_000, 1000),
            HOSTILE[self.random.choice(("codestream", "crumbs", "items"))](),
        )[kind]
        with self.target.browser("127.0.0.92", cookies=dict(self.target.cookies)) as browser:
            headers = {"x-csrf-token": csrf_in(browser.get("/files").text)}
            path = ("/files/send", "/files/send", "/files/try")[kind]
            return str(
                browser.post(path, files={"file": ("a", content)}, headers=headers).status_code
            )


EVERY_S: Final[Mapping[Callable[[Attacker], str], float]] = {
    Attacker.slow_page: 1,
    Attacker.slow_dicom: 1,
    Attacker.malformed: 0.5,
    Attacker.bombs: 10,
    Attacker.passwords: 1,
    Attacker.decoding: 5,
    Attacker.overrides: 1,
    Attacker.hostile_json: 1,
    Attacker.archives: 10,
}
"""What they do, and the seconds between two strikes."""


def name_of(strike: Callable[[Attacker], str]) -> str:
    """Return what an attack is called."""
    return strike.__name__.replace("_", " ")


@dataclass
class Attackers:
    """All attackers, in a process of their own, for so many seconds."""

    target: Target
    seed: int
    seconds: float
    strikes: Counter[str] = field(default_factory=Counter)
    cpu_s: float = 0.0

    def __enter__(self) -> Self:
        context = get_context("spawn")
        self._told = context.SimpleQueue()
        self._process = context.Process(
            target=_attack, args=(self.target, self.seed, self.seconds, self._told)
        )
        self._process.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.join()

    def end(self) -> None:
        """Let them end what they are at, and tell what they did."""
        self.strikes, self.cpu_s = self._told.get()


def _attack(target: Target, seed: int, seconds: float, told: Any) -> None:
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    os.setsid()
    with suppress(OSError):  # where the kernel shares by session (sched(7), autogroup)
        Path("/proc/self/autogroup").write_text(str(NICE), encoding="ascii")
    over = threading.Event()
    strikes: Counter[str] = Counter()
    lock = threading.Lock()

    def again_and_again(strike: Callable[[Attacker], str], every_s: float) -> None:
        attacker = Attacker(target, random.Random(f"{seed} {strike.__name__}"), over)
        while not over.wait(every_s * attacker.random.uniform(0.5, 1.5)):
            try:
                said = strike(attacker)
            except Exception as exc:  # noqa: BLE001  whatever the node did to it is counted
                said = str(exc)[:60] or type(exc).__name__
            with lock:
                strikes[f"{name_of(strike)}: {said}"] += 1

    threads = [
        threading.Thread(target=again_and_again, args=each, daemon=True) for each in EVERY_S.items()
    ]
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    over.set()
    until = time.monotonic() + 2 * PATIENCE_S
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    with lock:
        told.put((strikes, sum(os.times()[:2])))
