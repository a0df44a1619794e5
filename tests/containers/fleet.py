"""What can happen to containers, and to the networks, disks and clocks that they have."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from containers.product import PROJECT, Product
from faults.clock import build_clock

INSIDE: Final = f"{PROJECT}_inside"
"""The network on which the services speak with each other."""

CONTAINERS: Final = ("hilum-1", "worker-1", "worker-2", "orthanc-1", "dicom-1", "database-1")

TALK: Final = (
    ("hilum-1", "orthanc-1"),
    ("hilum-1", "database-1"),
    ("worker-1", "orthanc-1"),
    ("worker-2", "database-1"),
    ("dicom-1", "orthanc-1"),
)
"""Who speaks with whom."""

DISKS: Final = {"node": 10001, "archive": 999, "database": 999}
"""Volumes that are small here, and whose they are."""

DISK_BYTES: Final = 1_500_000_000
"""More than `node.min_free_bytes`, below which the node pauses."""

CLOCKED: Final = ("hilum", "worker", "orthanc", "database")
"""Services with a clock that can be moved."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that happens.

    Attributes
    ----------
    kind
        Name of a method of `Fleet`.
    target
        Container, pair of containers joined by a plus, volume or service.
    seconds
        How long it lasts.
    number
        Which process, or by how many seconds a clock moves.
    """

    kind: str
    target: str
    seconds: float
    number: int = 0

    def __str__(self) -> str:
        return f"{self.kind} {self.target} for {self.seconds:.0f} s ({self.number})"


def faults_of(chance: random.Random) -> list[Fault]:
    """Return every kind of fault on everything it can happen to, in random order."""

    def short() -> float:
        return chance.uniform(2, 9)

    found = [
        Fault("kill_process", name, 0, number)
        for name, most in zip(CONTAINERS, (8, 4, 2, 2, 2, 6), strict=True)
        for number in range(most)
    ]
    for kind in ("kill_processes", "docker_kill", "pause", "disconnect"):
        found += [Fault(kind, name, short()) for name in CONTAINERS]
    found += [Fault("cut", "+".join(pair), short()) for pair in TALK]
    found += [Fault("fill", name, short()) for name in DISKS]
    found += [
        Fault("clock", name, short(), chance.choice([-86400, -600, -5, 5, 600, 86400]))
        for name in CLOCKED
    ]
    found += [Fault("swap", pair, short()) for pair in ("orthanc-1+database-1", "hilum-1+dicom-1")]
    found += [Fault("restart", name, 0) for name in ("database-1", "orthanc-1")]
    found += [Fault("restart", "worker-1+worker-2", 0)] * 2
    chance.shuffle(found)
    for kind, seconds in (("cut", 60), ("disconnect", 40), ("pause", 30)):  # one of each is long
        at = next(n for n, each in enumerate(found) if each.kind == kind)
        found[at] = Fault(kind, found[at].target, seconds)
    return found


@dataclass(frozen=True, slots=True)
class Fleet:
    """The containers of a product, whose disks and clocks the test holds."""

    product: Product
    folder: Path

    def happen(self, fault: Fault) -> None:
        """Let it happen, and be over."""
        act: Callable[[Fault], None] = getattr(self, fault.kind)
        act(fault)

    def docker(self, *arguments: str, fails: bool = False) -> str:
        """Run a command of docker."""
        return self.product.engine.run(*arguments, fails=fails)

    def kill_process(self, fault: Fault) -> None:
        """Kill one of its processes, with signal 9."""
        there = self._processes(fault.target)
        if there:
            with suppress(ProcessLookupError):
                os.kill(there[fault.number % len(there)], signal.SIGKILL)

    def kill_processes(self, fault: Fault) -> None:
        """Kill all of its processes at once; it comes back by itself."""
        for pid in self._processes(fault.target):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(fault.seconds)

    def docker_kill(self, fault: Fault) -> None:
        """Kill it by the engine, which leaves it alone until somebody starts it."""
        self.docker("kill", full(fault.target), fails=True)
        time.sleep(fault.seconds)
        self.docker("start", full(fault.target))

    def pause(self, fault: Fault) -> None:
        """Freeze all of its processes."""
        self.docker("pause", full(fault.target), fails=True)
        time.sleep(fault.seconds)
        self.docker("unpause", full(fault.target), fails=True)

    def disconnect(self, fault: Fault) -> None:
        """Take it off the network; it comes back, perhaps with another address."""
        name = full(fault.target)
        service = fault.target.rpartition("-")[0]
        self.docker("network", "disconnect", INSIDE, name, fails=True)
        time.sleep(fault.seconds)
        self.docker("network", "connect", "--alias", service, INSIDE, name, fails=True)

    def cut(self, fault: Fault) -> None:
        """Drop every packet between two of them, in silence."""
        one, other = fault.target.split("+")
        pid, address = self._state(one)["Pid"], self._address(other)
        if not pid or not address:  # one of them is not there anyway
            return
        within = ["nsenter", "--target", str(pid), "--net", "iptables"]
        rules = (["INPUT", "--source"], ["OUTPUT", "--destination"])
        for chain, side in rules:
            subprocess.run([*within, "-I", chain, side, address, "-j", "DROP"], check=False)
        time.sleep(fault.seconds)
        for chain, side in rules:
            ended = [*within, "-D", chain, side, address, "-j", "DROP"]
            subprocess.run(ended, check=False, capture_output=True)

    def fill(self, fault: Fault) -> None:
        """Leave no byte on a disk."""
        path = self.folder / fault.target / "filler"
        with path.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(2**22))  # the last time in part
        time.sleep(fault.seconds)
        path.unlink()

    def clock(self, fault: Fault) -> None:
        """Move a service's clock, and back."""
        self._set_clock(fault.target, fault.number)
        time.sleep(fault.seconds)
        self._set_clock(fault.target, 0)

    def swap(self, fault: Fault) -> None:
        """Stop two and start them in another order, so that they change addresses."""
        one, other = map(full, fault.target.split("+"))
        self.docker("stop", "--time", "30", one, other)
        time.sleep(fault.seconds)
        for name in (other, one):
            self.docker("start", name)

    def restart(self, fault: Fault) -> None:
        """Restart them in an orderly way, one after the other."""
        for name in fault.target.split("+"):
            self.docker("restart", "--time", "60", full(name))

    def _processes(self, container: str) -> list[int]:
        said = self.docker("top", full(container), "-eo", "pid", fails=True)
        return [int(line) for line in said.split()[1:]]

    def _state(self, container: str) -> dict[str, Any]:
        state: dict[str, Any] = self.product.engine.inspect(full(container))["State"]
        return state

    def _address(self, container: str) -> str:
        networks = self.product.engine.inspect(full(container))["NetworkSettings"]["Networks"]
        return str(networks.get(INSIDE, {}).get("IPAddress", ""))

    def _set_clock(self, service: str, seconds: int) -> None:
        (self.folder / "clocks" / service).write_text(f"{seconds}\n")


def full(container: str) -> str:
    """Return what the engine calls a container."""
    return f"{PROJECT}-{container}"


@contextmanager
def small_disks(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield changes for Compose: small disks, and clocks that can be moved, in a folder."""
    mounted: list[Path] = []
    clocks = folder / "clocks"
    clocks.mkdir(parents=True)
    library = build_clock(clocks)
    try:
        for name, owner in DISKS.items():
            disk = folder / name
            disk.mkdir()
            size = f"size={DISK_BYTES},mode=0700,uid={owner},gid={owner}"
            subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", disk], check=True)
            mounted.append(disk)
        services = {}
        for service in CLOCKED:
            (clocks / service).write_text("0\n")
            services[service] = {
                "environment": {
                    "LD_PRELOAD": f"/clocks/{library.name}",
                    "CLOCK_OFFSET_FILE": f"/clocks/{service}",
                },
                "volumes": [f"{clocks}:/clocks:ro"],
            }
        volumes = {
            disk.name: {"driver_opts": {"type": "none", "o": "bind", "device": str(disk)}}
            for disk in mounted
        }
        yield {"services": services, "volumes": volumes}
    finally:
        for disk in mounted:
            subprocess.run(["umount", disk], check=True)
