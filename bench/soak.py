"""A node under load for half an hour while it and its PACS are killed at random.

``python -m bench soak --minutes 30 --seed 7`` sends small radiographs all the time, kills
the node, its inference workers, its PACS or, with ``--postgresql``, a worker and the database every
few seconds, and lets the PACS stumble now and then. At the end every image has to have its
one set of results, and ``hilum doctor`` has to find nothing to mend. Exit status 0 says so.
With ``--attackers`` nobody is killed: see `bench.soak_attacked`.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

TESTS = Path(__file__).parents[1] / "tests"
sys.path.insert(0, str(TESTS))  # what breaks things lies beside the tests of faults

from faults.afterwards import check_afterwards  # noqa: E402
from faults.kills import STEPS  # noqa: E402
from faults.proxy import Fault, Rule  # noqa: E402
from faults.servers import children  # noqa: E402
from faults.world import Program, World, install_model, new_world  # noqa: E402

REPORT_S: Final = 60.0
SETTLE_S: Final = 300.0
"""How long the node may need at the end for all that is left."""

STUMBLES: Final = (Fault.UNAVAILABLE, Fault.RESET, Fault.RESET_AFTER, Fault.CUT_OFF, Fault.HANG)


@dataclass
class Load:
    """Sends images at a rate until it is told to stop."""

    world: World
    per_s: float
    over: threading.Event = field(default_factory=threading.Event)
    sent: int = 0

    def run(self) -> None:
        """Send; a PACS that is away only delays it."""
        while not self.over.wait(1 / self.per_s):
            self.sent += len(self.world.send(1, refused=0.1))


@dataclass
class Havoc:
    """Kills and disturbs, at random."""

    world: World
    node: Program
    worker: Program | None
    done: Counter[str] = field(default_factory=Counter)
    read_at: float = 0.0

    def strike(self) -> str:
        """Do one thing; return what."""
        choices = [
            self.kill_node,
            self.kill_node,
            self.kill_orthanc,
            self.stumble,
            self.stumble,
        ]
        if time.monotonic() > self.read_at:  # twice at one image fails it, rightly
            choices.append(self.kill_readers)
        if self.worker is not None:
            choices += [self.kill_worker, self.kill_postgresql, self.freeze_worker]
        name = self.world.random.choice(choices)()
        self.done[name] += 1
        return name

    def away(self) -> None:
        """Let what was killed be away for a moment."""
        time.sleep(self.world.random.uniform(0, 5))

    def kill_node(self) -> str:
        """Kill the node; return who died."""
        self.node.kill()
        self.away()
        self.node.start()
        return "node"

    def kill_worker(self) -> str:
        """Kill the worker."""
        assert self.worker is not None
        self.worker.kill()
        self.away()
        self.worker.start()
        return "worker"

    def freeze_worker(self) -> str:
        """Stop the worker for longer than the others wait for its beat."""
        assert self.worker is not None
        family = (self.worker.pid, *children(self.worker.pid))
        for number, seconds in ((signal.SIGSTOP, 40.0), (signal.SIGCONT, 0.0)):
            for pid in family:
                with suppress(ProcessLookupError):
                    os.kill(pid, number)
            time.sleep(seconds)
        return "worker asleep"

    def kill_orthanc(self) -> str:
        """Kill the PACS."""
        self.world.orthanc.kill()
        self.away()
        self.world.orthanc.start()
        return "orthanc"

    def kill_postgresql(self) -> str:
        """Kill the database."""
        assert self.world.postgresql is not None
        self.world.postgresql.kill()
        self.away()
        self.world.postgresql.start()
        return "postgresql"

    def kill_readers(self) -> str:
        """Kill the inference workers of the node."""
        for pid in self.node.inference_workers():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.read_at = time.monotonic() + 30
        return "inference"

    def stumble(self) -> str:
        """Let the PACS stumble over one kind of request."""
        step = STEPS[self.world.random.choice(("follow", "arrive", "read", "store", "verify"))]
        fault = self.world.random.choice(STUMBLES)
        rule = Rule(step.method, step.path, fault, times=self.world.random.randint(1, 3))
        with self.world.proxy.ruled(rule):
            time.sleep(2)
        return f"PACS: {fault.name.lower()}"


def soak(world: World, minutes: float, per_s: float, *, with_worker: bool) -> None:
    """Load and kill for so long, then check."""
    node = world.node()
    node.start()
    node.wait_until_ready()
    worker = world.worker("worker") if with_worker else None
    if worker is not None:
        worker.start()
    load = Load(world, per_s)
    sender = threading.Thread(target=load.run)
    sender.start()
    havoc = Havoc(world, node, worker)
    start = reported = time.monotonic()
    try:
        while time.monotonic() - start < minutes * 60:
            time.sleep(world.random.uniform(2, 20))
            havoc.strike()
            if time.monotonic() - reported > REPORT_S:
                reported = time.monotonic()
                spent = (reported - start) / 60
                print(f"  {spent:5.1f} min: {load.sent} sent, {dict(havoc.done)}", flush=True)
    finally:
        load.over.set()
        sender.join()
    if not node.runs:
        raise AssertionError(node.said()[-4000:])
    print(f"  over: {load.sent} images, {sum(havoc.done.values())} faults", flush=True)
    begin = time.monotonic()
    summary = check_afterwards(world, seconds=SETTLE_S)
    print(f"  everything settled and checked after {time.monotonic() - begin:.0f} s: {summary}")
    print("  hilum doctor: nothing to mend")


def attacked(chosen: argparse.Namespace) -> int:
    """Run the soak with attackers; the status is 0 when every promise held."""
    from bench import soak_attacked  # noqa: PLC0415  it needs far more than the other soak

    kept = soak_attacked.soak(
        60 * chosen.calm_minutes,
        60 * chosen.minutes,
        chosen.per_second,
        chosen.seed,
        front=not chosen.no_front,
    )
    return 0 if kept else 1


def main(arguments: list[str]) -> int:
    """Run the soak; the status is 0 when every promise held."""
    parser = argparse.ArgumentParser(prog="python -m bench soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--per-second", type=float, default=2.0, help="images sent a second")
    parser.add_argument(
        "--postgresql", action="store_true", help="with PostgreSQL and a worker beside the node"
    )
    parser.add_argument("--attackers", action="store_true", help="attackers instead of kills")
    parser.add_argument("--calm-minutes", type=float, default=4, help="before the attackers")
    parser.add_argument("--no-front", action="store_true", help="attackers reach Orthanc itself")
    chosen = parser.parse_args(arguments)
    print(f"soak: {chosen.minutes:g} minutes, seed {chosen.seed}", flush=True)
    if chosen.attackers:
        return attacked(chosen)
    with tempfile.TemporaryDirectory(prefix="hilum-soak-") as folder:
        models = Path(folder, "models")
        install_model(models)
        name = f"soak {chosen.seed}"
        with new_world(Path(folder, "world"), models, name, postgresql=chosen.postgresql) as world:
            world.random.seed(chosen.seed)
            try:
                soak(world, chosen.minutes, chosen.per_second, with_worker=chosen.postgresql)
            except AssertionError as exc:
                print(f"FAILED: {exc}", flush=True)
                return 1
    return 0
