"""How many cores there are for this process."""

import math
import os
from contextlib import suppress
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Final

CONTROL_GROUPS: Final = Path("/sys/fs/cgroup")
OWN_GROUPS: Final = Path("/proc/self/cgroup")

LIMITS: Final = (("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us"))
"""Files of a group with quota and period: of version 2, and of version 1."""


def core_count() -> int:
    """Return how many cores this process may use, which may be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):  # Linux
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    return min(cores, quota(CONTROL_GROUPS, OWN_GROUPS) or cores)


def fewer_cores() -> int | None:
    """Return how many cores this process may use where the machine has more, else None."""
    cores = core_count()
    return cores if cores < (os.cpu_count() or 1) else None


@cache
def quota(root: Path, own: Path) -> int | None:
    """Return the cores that a process's control groups allow it, rounded up; None for no limit.

    A group is held to the limits of those around it, too.

    Sources
    -------
    Linux: Documentation/admin-guide/cgroup-v2.rst, scheduler/sched-bwc.rst; cgroups(7).
    """
    said = ""
    with suppress(OSError):
        said = own.read_text(encoding="utf-8")
    least = math.inf
    for _, controllers, path in (
        line.split(":", 2) for line in said.splitlines() if line.count(":") > 1
    ):
        if controllers and "cpu" not in controllers.split(","):
            continue
        parts = [part for part in PurePosixPath(path).parts[1:] if part != ".."]
        for mount in (controllers, "cpu") if controllers else ("", "unified"):
            groups = (root / mount / "/".join(parts[:n]) for n in range(len(parts) + 1))
            least = min(least, *map(_cores, groups))
    return None if least == math.inf else math.ceil(least)


def _cores(group: Path) -> float:
    """Return the cores that one group allows, infinite where it has no limit."""
    for names in LIMITS:
        with suppress(OSError, ValueError, ZeroDivisionError):  # not there, or "max"
            texts = [(group / name).read_text(encoding="ascii") for name in names]
            allowed, period = map(int, " ".join(texts).split())
            if allowed > 0:
                return allowed / period
    return math.inf
