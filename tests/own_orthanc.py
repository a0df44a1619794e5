"""A real node with an Orthanc of its own, and people who are signed in to its page."""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from signal import SIGTERM

import httpx

from faults.servers import children
from faults.world import until
from hilum.pacs.orthanc.archive import OrthancArchive
from hilum.records import Database, access, accounts, images
from hilum.records.accounts import Role
from hilum.records.database import sqlite_url
from hilum.records.states import UNSETTLED
from hilum.settings import PageSettings
from hilum.web.sessions import SESSION_COOKIE, cookie_name
from hilum_up import Running, Up
from orthanc_server import free_ports

MEBIBYTE = 1024 * 1024
ARCHIVE = "own"


@dataclass
class AttackedNode:
    """A node that runs."""

    up: Up
    running: Running
    url: str
    orthanc: OrthancArchive
    opened: ExitStack

    @property
    def alive(self) -> bool:
        return self.running.process.poll() is None

    def signed_in(self, role: Role = Role.VIEWER, name: str = "mallory") -> httpx.Client:
        """Return the browser of somebody who has that role."""
        with self.database() as database:
            cookies = session_of(database, name, role)
        return self.opened.enter_context(
            httpx.Client(base_url=self.url, timeout=120, cookies=cookies)
        )

    def store(self, *files: bytes) -> None:
        """Store files and wait until each is settled."""
        for file in files:
            self.orthanc.store(file)
        until(lambda: self.settled(len(files)), "the end of all images")

    def settled(self, count: int) -> bool:
        with self.database() as database, database.look() as connection:
            known = len(images.entries(connection, ARCHIVE))
            return known >= count and not images.entries(connection, ARCHIVE, UNSETTLED)

    def database(self) -> Database:
        """Return the node's own records."""
        return Database(sqlite_url(self.up.data / "hilum.sqlite"))

    def peak_bytes(self) -> int:
        """Return the most memory that the node's own process ever had."""
        return peak_of(self.running.process.pid)

    def processes(self) -> list[int]:
        return [self.running.process.pid, *children(self.running.process.pid)]


def session_of(database: Database, name: str, role: Role) -> dict[str, str]:
    """Return the cookies of somebody who has that role, and who is made if need be."""
    now = datetime.now(UTC)
    with database.transaction() as connection:
        if accounts.find(connection, name) is None:
            accounts.add(connection, name, role, password_hash="", now=now)
        return {
            cookie_name(SESSION_COOKIE, PageSettings()): access.begin_session(
                connection, name, now=now
            )
        }


def peak_of(pid: int) -> int:
    """Return the peak resident memory of a process, in bytes; 0 of one that ended."""
    with suppress(OSError, AttributeError):
        said = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
        found = re.search(r"VmHWM:\s+(\d+) kB", said)
        return int(found[1]) * 1024 if found else 0
    return 0


@contextmanager
def attacked(folder: Path, **settings: str) -> Iterator[AttackedNode]:
    """Start a node with a page, and end it."""
    http_port, dicom_port, page_port = free_ports(3)
    extra = {
        "HILUM_PAGE__ENABLED": "true",
        "HILUM_PAGE__PORT": str(page_port),
        "HILUM_NODE__INFERENCE_WORKERS": "1",
        **settings,
    }
    up = Up(folder, http_port, dicom_port, extra=extra)
    up.install_model()
    running = Running(up)
    try:
        with ExitStack() as opened:
            orthanc = opened.enter_context(up.client())
            yield AttackedNode(up, running, f"http://127.0.0.1:{page_port}", orthanc, opened)
    finally:
        running.end(SIGTERM)
