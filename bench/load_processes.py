"""What processes cost: seconds of the processor and memory, as the kernel counts them."""

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from faults.servers import children
from faults.world import children_of

TICKS: Final = os.sysconf("SC_CLK_TCK")
UTIME, STIME, CUTIME, CSTIME = 11, 12, 13, 14
"""Fields of /proc/PID/stat after the name in brackets (proc(5)), from 0."""

MIB: Final = 1024


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one group of processes.

    Attributes
    ----------
    cpu_s
        Seconds of the processor since they began.
    memory_mib
        What they hold now; what several share is divided among them (PSS, proc(5)).
    """

    cpu_s: float = 0.0
    memory_mib: float = 0.0


def name(pid: int) -> str:
    """Return the name of a process; empty when it ended."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip()
    return ""


def family(pid: int) -> Mapping[str, list[int]]:
    """Return the processes of `hilum up` or `hilum worker` by what they do."""
    direct = set(children_of(pid))
    found: dict[str, list[int]] = defaultdict(list)
    found["node"].append(pid)
    for child in children(pid):
        if name(child) == "Orthanc":
            found["Orthanc"].append(child)
        elif child in direct:
            found["fork server"].append(child)
        else:
            found["inference"].append(child)
    return found


def cost(pids: Iterable[int], *, with_ended: bool = False) -> Cost:
    """Return what processes cost so far; `with_ended` adds the children that they outlived."""
    cpu = memory = 0.0
    for pid in pids:
        with suppress(OSError):
            text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
            fields = text.rpartition(")")[2].split()
            which = (UTIME, STIME, CUTIME, CSTIME) if with_ended else (UTIME, STIME)
            cpu += sum(int(fields[each]) for each in which) / TICKS
            memory += _held_mib(pid)
    return Cost(cpu, memory)


def costs(groups: Mapping[str, Iterable[int]]) -> dict[str, Cost]:
    """Return what each group cost so far."""
    return {group: cost(pids) for group, pids in groups.items()}


def _held_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / MIB
    return 0.0
