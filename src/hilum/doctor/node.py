"""The node: whether one runs on this data folder, lives, and has its ports, viewer and traces."""

import socket
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from hilum.doctor.check import CheckResult, ok, problem, warning
from hilum.errors import PortTaken
from hilum.language import Message
from hilum.pacs.credentials import LOOPBACK
from hilum.pacs.orthanc.ports import require_free
from hilum.settings import Settings
from hilum.web import ohif_files

LOCK: Final = "hilum.lock"
HEARTBEAT: Final = "heartbeat"
"""Files of the data folder: held while a node runs, touched on every turn of its loop."""

BEAT_WITHIN_S: Final = 60.0
"""Seconds since the last heartbeat after which a node counts as hung."""

LOCKS: Final = Path("/proc/locks")
"""Which process locks which file; reading it disturbs no node that is just starting."""

CONNECT_S: Final = 2.0


def running(settings: Settings) -> int | None:
    """Return the process of the node that holds the data folder, None when none does.

    Sources
    -------
    proc_locks(5): the sixth column ends with the inode of the locked file.
    """
    file = settings.data_folder / LOCK
    try:
        inode = str(file.stat().st_ino)
        held = [line.split() for line in LOCKS.read_text(encoding="ascii").splitlines()]
        process = int(file.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    locks = [line for line in held if "FLOCK" in line and "->" not in line]
    return process if any(inode == line[5].rpartition(":")[2] for line in locks) else None


def heartbeat(settings: Settings) -> Iterator[CheckResult]:
    """Say whether a node runs here and lives."""
    process = running(settings)
    if process is None:
        yield warning(
            "no node runs on {data_folder}", "Run hilum up.", data_folder=settings.data_folder
        )
        return
    try:
        age = time.time() - (settings.data_folder / HEARTBEAT).stat().st_mtime
    except OSError:
        yield warning(
            "process {process} has sent no heartbeat yet",
            "Check again in a minute.",
            process=process,
        )
        return
    if age > BEAT_WITHIN_S:
        yield problem(
            "process {process} sent its last heartbeat {age:.0f} s ago",
            "Check its log; then stop it with kill {process} and restart it.",
            process=process,
            age=age,
        )
    else:
        yield ok(
            "process {process} is alive; last heartbeat {age:.0f} s ago",
            process=process,
            age=max(0, age),
        )


def ports(settings: Settings) -> Iterator[CheckResult]:
    """Say for each port that a node listens on whether it is free, or held by ours."""
    wanted = []
    if settings.pacs.url is None:
        wanted += [
            ("pacs.http_port", LOOPBACK, settings.pacs.http_port),
            ("pacs.dicom_port", LOOPBACK, settings.pacs.dicom_port),
        ]
    if settings.page.enabled and settings.page.port:
        wanted.append(("page.port", settings.page.host, settings.page.port))
    if not wanted:
        yield ok("none is needed")
    process = running(settings)
    for name, host, port in wanted:
        if process is not None:
            yield _held(name, host, port, process)
            continue
        try:
            require_free(name, port)
        except PortTaken as exc:
            yield problem(Message.clause(exc.problem), exc.remedy)
        else:
            yield ok("{port} ({name}) is free", port=port, name=name)


def _held(name: str, host: str, port: int, process: int) -> CheckResult:
    try:
        with socket.create_connection((host, port), CONNECT_S):
            return ok(
                "{port} ({name}) is used by the running node (process {process})",
                port=port,
                name=name,
                process=process,
            )
    except OSError:
        return problem(
            "nothing answers on port {port} ({name}), although a node is running (process "
            "{process})",
            "Check its log. If the setting was changed since it started, restart it.",
            port=port,
            name=name,
            process=process,
        )


def ohif(settings: Settings) -> Iterator[CheckResult]:
    """Say whether the page can show images."""
    found = ohif_files.folder(settings)
    if not settings.page.enabled:
        yield ok("the page is off (page.enabled)")
    elif found is not None:
        yield ok("OHIF is in {found}", found=found)
    elif settings.page.ohif_folder is None:
        yield warning("OHIF is not installed", ohif_files.HOW_TO_GET_IT)
    else:
        yield problem(
            "page.ohif_folder is {ohif_folder}, which contains no build of OHIF",
            ohif_files.HOW_TO_GET_IT,
            ohif_folder=settings.page.ohif_folder,
        )


def traces(settings: Settings) -> Iterator[CheckResult]:
    """Say whether traces can be sent where the settings want them."""
    if settings.telemetry.otlp_endpoint is None:
        yield ok("off (telemetry.otlp_endpoint)")
    elif find_spec("opentelemetry") is None or find_spec("opentelemetry.sdk") is None:
        yield problem(
            "telemetry.otlp_endpoint is set, but OpenTelemetry is not installed",
            "Run pip install hilum[tracing], or unset it.",
        )
    else:
        yield ok("on")
