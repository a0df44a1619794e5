"""``python -m bench dataset --kill``: phantoms read by Dask on two hosts, with everything killed.

The hosts are network namespaces of this machine (root only) with data folders of their own;
without root two groups of processes. Workers are killed at random, one host is lost and comes
back, the driver is killed twice. At the end every image has to have its one row, and no part
may be cut off. Exit status 0 says so.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from time import monotonic, sleep
from typing import NamedTuple

from hilum import phantom
from hilum.dataset.parts import LEFT_ASIDE, parts_in, read_part, read_results
from hilum.runtime.memory import keep_freed_memory

DISTINCT = 250
"""Phantoms that are made; the others are the same under other names."""

SIDE = 256
NETWORK = "10.77"
PORT = 8793
DRIVER_KILLED_AT = (0.35, 0.7)
"""Of the images."""


@dataclass(slots=True)
class Host:
    """One host with its workers."""

    name: str
    number: int
    folder: Path
    workers: int
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    namespace: bool = False

    @property
    def scheduler(self) -> str:
        """Where this host sees the scheduler."""
        near = f"{NETWORK}.{self.number}.1" if self.namespace else "127.0.0.1"
        return f"tcp://{near}:{PORT}"

    def connect(self) -> None:
        """Make it a namespace with a cable to this machine."""
        cable = f"hilum{self.number}"
        subnet = f"{NETWORK}.{self.number}"
        for command in (
            f"ip netns add {self.name}",
            f"ip link add {cable} type veth peer name eth0 netns {self.name}",
            f"ip addr add {subnet}.1/24 dev {cable}",
            f"ip link set {cable} up",
            f"ip -n {self.name} addr add {subnet}.2/24 dev eth0",
            f"ip -n {self.name} link set eth0 up",
            f"ip -n {self.name} link set lo up",
        ):
            subprocess.run(command.split(), check=True)
        self.namespace = True

    def begin(self) -> None:
        """Start its workers."""
        inside = ["ip", "netns", "exec", self.name] if self.namespace else []
        command = [*inside, sys.executable, "-m", "distributed.cli.dask_worker", self.scheduler]
        options = ["--nworkers", str(self.workers), "--nthreads", "1", "--no-dashboard"]
        options += ["--local-directory", str(self.folder)]
        environment = {**os.environ, "HILUM_DATA_FOLDER": str(self.folder)}
        self.processes.append(
            subprocess.Popen(
                [*command, *options],
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        )

    @property
    def gave_up(self) -> bool:
        """Whether its workers have ended for good: what starts them has to do it again."""
        return all(process.poll() is not None for process in self.processes)

    def lose(self) -> None:
        """Kill all that runs on it, and pull the cable."""
        if self.namespace:
            subprocess.run(["ip", "-n", self.name, "link", "set", "eth0", "down"], check=True)
        for process in self.processes:
            for pid in reversed(descendants(process.pid)):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            process.wait()
        self.processes.clear()

    def come_back(self) -> None:
        """Plug the cable in, and start the workers again."""
        if self.namespace:
            subprocess.run(["ip", "-n", self.name, "link", "set", "eth0", "up"], check=True)
        self.begin()

    def remove(self) -> None:
        """End it."""
        self.lose()
        if self.namespace:
            subprocess.run(["ip", "netns", "del", self.name], check=True)

    def reading(self) -> list[int]:
        """Return the processes that read: those below Dask's nannies."""
        below = [pid for process in self.processes for pid in descendants(process.pid)[1:]]
        return [pid for pid in below if b"spawn_main" in command_line(pid)]


def descendants(pid: int) -> list[int]:
    """Return a process and all below it."""
    found = [pid]
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in task.read_text(encoding="ascii").split():
                found += descendants(int(child))
    return found


def command_line(pid: int) -> bytes:
    """Return how a process was started, empty when it has ended."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def make_phantoms(folder: Path, count: int) -> None:
    """Write phantoms; the more than `DISTINCT` are links."""
    keep_freed_memory()
    folder.mkdir()
    for number in range(min(count, DISTINCT)):
        file = folder / f"{number:05}.dcm"
        phantom.make(number, size=SIDE).dataset.save_as(file, enforce_file_format=True)
    for number in range(DISTINCT, count):
        (folder / f"{number:05}.dcm").symlink_to(folder / f"{number % DISTINCT:05}.dcm")


def main(options: list[str]) -> int:
    """Run; the status says whether every image has its one row."""
    parser = argparse.ArgumentParser(prog="python -m bench dataset", description=__doc__)
    parser.add_argument("--kill", action="store_true", required=True)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1, help="workers a host")
    parser.add_argument(
        "--kill-every", type=float, default=8.0, help="seconds; longer than a shard takes"
    )
    chosen = parser.parse_args(options)
    os.environ["HILUM_MODEL__NAME"] = "demonstration"
    with tempfile.TemporaryDirectory(prefix="hilum-dataset-") as scratch, ExitStack() as stack:
        images, out = Path(scratch, "images"), Path(scratch, "out")
        make_phantoms(images, chosen.images)
        os.environ["HILUM_DATA_FOLDER"] = str(Path(scratch, "driver"))
        command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--no-dashboard"]
        scheduler = subprocess.Popen(
            [*command, "--port", str(PORT)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        stack.callback(scheduler.kill)
        hosts = [
            Host(f"hilum-{name}", number, Path(scratch, name), chosen.workers)
            for number, name in enumerate(("a", "b"), 1)
        ]
        for host in hosts:
            if os.geteuid() == 0 and shutil.which("ip"):
                host.connect()
            stack.callback(host.remove)
            host.begin()
        plan = Havoc(random.Random(chosen.seed), chosen.images, chosen.kill_every)
        told = havoc(hosts, images, out, plan)
        print(f"{chosen.images} phantoms, 2 hosts, {chosen.workers} worker(s) each: {told}")
        return check(images, out)


class Havoc(NamedTuple):
    """What is killed when."""

    chance: random.Random
    images: int
    every_s: float
    """Seconds between two workers of the first host."""


def havoc(hosts: list[Host], images: Path, out: Path, plan: Havoc) -> str:
    """Let the driver run until it is done, and kill meanwhile; return what was killed."""
    done: Counter[str] = Counter()
    last_kill = start = monotonic()
    driver = drive(images, out, hosts[0].scheduler)
    while driver.poll() is None or driver.returncode != 0:
        if driver.poll() is not None:
            if driver.returncode != -signal.SIGKILL:
                done["DRIVER GAVE UP"] += 1
            driver = drive(images, out, hosts[0].scheduler)
        sleep(0.5)
        share = rows_in(out) / plan.images
        if share > 0.2 and not done["host lost"]:
            hosts[1].lose()
            done["host lost"] += 1
        if any(share > each for each in DRIVER_KILLED_AT[done["driver killed"] :][:1]):
            driver.kill()
            done["driver killed"] += 1
        if share > 0.5 and not done["host back"]:
            hosts[1].come_back()
            done["host back"] += 1
        if hosts[0].gave_up:
            hosts[0].begin()
            done["workers started anew"] += 1
        if monotonic() - last_kill > plan.every_s and (alive := hosts[0].reading()):
            with suppress(ProcessLookupError):
                os.kill(plan.chance.choice(alive), signal.SIGKILL)
            done["worker killed"] += 1
            last_kill = monotonic()
    named = ", ".join(f"{name} {times}×" for name, times in done.items())
    return f"{named}; {monotonic() - start:.0f} s"


def drive(images: Path, out: Path, scheduler: str) -> subprocess.Popen[bytes]:
    """Start the driver."""
    command = [sys.executable, "-m", "hilum", "dataset", "run", str(images), "--out", str(out)]
    return subprocess.Popen([*command, "--scheduler", scheduler])


@cache
def rows_of(part: Path) -> int:
    """Return how many rows a part has: it does not change once it has its name."""
    return int(read_part(part, ["path"]).table.num_rows)


def rows_in(out: Path) -> int:
    """Return how many rows there are so far."""
    return sum(map(rows_of, parts_in(out)))


def check(images: Path, out: Path) -> int:
    """Say whether every image has its one row."""
    paths = Counter(read_results(out, ["path"])["path"])
    wanted = {str(path) for path in images.iterdir()}
    twice = [path for path, times in paths.items() if times > 1]
    lost = wanted - paths.keys()
    aside = list(out.glob(LEFT_ASIDE))
    print(
        f"{len(paths)} images in {len(parts_in(out))} parts: {len(lost)} lost, {len(twice)} twice, "
        f"{len(aside)} left aside; no part cut off"
    )
    return int(bool(lost or twice or aside))
