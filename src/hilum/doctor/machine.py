"""The machine itself: versions, size, clock."""

import os
import platform
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Final

from hilum import __version__
from hilum.doctor.check import CheckResult, ok, problem, warning
from hilum.language import Message
from hilum.runtime.cores import core_count
from hilum.runtime.engine_wheels import WHEELS, engine_wheels
from hilum.settings import Settings

LIBRARIES: Final = (
    *("numpy", "pydicom", "pynetdicom", "imagecodecs", "pillow"),
    *("dbos", "sqlalchemy", "psycopg", "fastapi", "uvicorn", "httpx", "pydantic"),
)
"""Libraries whose versions a helpdesk asks for."""

GIBIBYTE: Final = 1024**3

LEAST_MEMORY: Final = 2 * GIBIBYTE
"""Bytes that Orthanc, the node and one inference worker need."""

MEMORY_LIMITS: Final = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)
"""Files with a container's limit (cgroup 2, cgroup 1)."""

FIRST_YEAR: Final = 2026
"""This hilum did not exist before."""

LAST_YEAR: Final = 2100


def versions(_settings: Settings) -> Iterator[CheckResult]:
    """Say what runs here."""
    engines = engine_wheels()
    said = [f"{name} {version}" for name, version in engines.items()]
    missing = [] if engines else [WHEELS[0]]
    for name in LIBRARIES:
        try:
            said.append(f"{name} {version_of(name)}")
        except PackageNotFoundError:
            missing.append(name)
    system = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    yield ok(
        "hilum {version}, {system}; {said}",
        version=__version__,
        system=system,
        said=", ".join(said),
    )
    if missing:
        yield problem(
            "not installed: {missing}", "Install hilum again with pip.", missing=", ".join(missing)
        )
    if len(engines) > 1:
        yield problem(
            "onnxruntime and onnxruntime-gpu are both installed; each overwrote files of the other",
            "Uninstall both, then install the one that this machine needs: see docs/speed.md on "
            "GPUs.",
        )


def size(_settings: Settings) -> Iterator[CheckResult]:
    """Say how many cores and how much memory this process may use."""
    cores = core_count()
    memory = min(
        os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        *(limit for limit in map(memory_limit, MEMORY_LIMITS) if limit is not None),
        1 << 62,
    )
    said = Message(
        "{cores} cores, {memory:.1f} GiB of memory", cores=cores, memory=memory / GIBIBYTE
    )
    if memory < LEAST_MEMORY:
        yield warning(said, "Give it 2 GiB or more, and set node.inference_workers to 1.")
    else:
        yield ok(said)


def memory_limit(file: Path) -> int | None:
    """Return the limit of a control group in bytes, None when there is none."""
    try:
        return int(file.read_text(encoding="ascii"))
    except (OSError, ValueError):  # not there, or "max"
        return None


def clock(_settings: Settings) -> Iterator[CheckResult]:
    """Say the time and the time zone, in which reports are dated."""
    now = datetime.now(UTC).astimezone()
    said = Message("{now}, time zone {zone}", now=f"{now:%Y-%m-%d %H:%M:%S %z}", zone=zone())
    if not FIRST_YEAR <= now.year < LAST_YEAR:
        yield problem(said, "Set this machine's clock, e.g. with timedatectl set-ntp true.")
    else:
        yield ok(said)


def zone() -> str:
    """Return the name of the time zone, from its file where the system tells it."""
    named = os.environ.get("TZ")
    if named:
        return named.removeprefix(":")
    target = os.path.realpath("/etc/localtime")
    _, found, name = target.partition("/zoneinfo/")
    return name if found else time.tzname[time.localtime().tm_isdst > 0]
