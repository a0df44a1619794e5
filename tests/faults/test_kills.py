"""Kill -9 of everybody at every step of the path: nothing is lost, twice or stuck."""

import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from itertools import chain, repeat

import pytest

from faults.afterwards import check_afterwards, rows_of, wait_until_settled
from faults.kills import OF_A_JOB, KillPoint, kill_points, rule_of
from faults.servers import KillableOrthanc
from faults.world import Program, World, say, until

pytestmark = [pytest.mark.orthanc, pytest.mark.timeout(280)]

HIT_S = 90.0
"""How long the path may take to come to a kill point: a dead process's work is taken over first."""


def campaign(world: World, points: Sequence[KillPoint], programs: Mapping[str, Program]) -> None:
    """Send, kill at the point, bring back; until all points were hit."""
    for number, point in enumerate(points, 1):
        kill, revive, whose = victim_of(world, point, programs)
        rule, done = rule_of(point, kill, whose)
        world.proxy.add(rule)
        sender = threading.Thread(target=keep_busy, args=(world, done))
        sender.start()  # by itself: it waits for a PACS that was killed
        hit = done.wait(HIT_S)
        world.proxy.remove(rule)
        done.set()
        if hit:
            revive()
        sender.join()
        say(f"{number:3} {point}")
        assert hit, f"the path never came to {point}"


def keep_busy(world: World, done: threading.Event) -> None:
    """Send until it is done: each second, and less often while a dead process is waited for."""
    world.send(world.random.randint(1, 3), refused=0.1)
    for pace_s in chain(repeat(1.0, 5), repeat(4.0)):
        if done.wait(pace_s):
            return
        world.send(1, refused=0)


Action = Callable[[], object]


def victim_of(
    world: World, point: KillPoint, programs: Mapping[str, Program]
) -> tuple[Action, Action, Callable[[], int] | None]:
    """Return how to kill, how to bring back, and whose request has to be waited for."""
    program = programs.get(point.victim)
    if program is not None:
        return program.kill, program.start, lambda: program.pid
    match point.victim:
        case "orthanc":
            return world.orthanc.kill, world.orthanc.start, None
        case "postgresql":
            assert world.postgresql is not None
            return world.postgresql.kill, world.postgresql.start, None
    node = programs["node"]
    wait_until_settled(world)  # a worker that dies twice at one image fails it
    until(node.inference_workers, "an inference worker")
    return lambda: kill_readers(node), bool, None


def kill_readers(program: Program) -> None:
    """Kill -9 of a node's inference workers."""
    for pid in program.inference_workers():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def test_node_killed_at_every_step(build):
    """The node dies at each step; every image has its one set of results."""
    world = build()
    node = world.node()
    node.start()
    points = kill_points(world.random, ("node",), 8)
    campaign(world, points, {"node": node})

    say(str(check_afterwards(world)))


def test_pacs_and_readers_killed_at_every_step(build):
    """The PACS dies at each step, and inference workers at their work; the node goes on."""
    world = build()
    node = world.node()
    node.start()
    points = [
        *kill_points(world.random, ("orthanc",), 8),
        *kill_points(world.random, ("reader",), 3, steps=("read",)),
    ]
    world.random.shuffle(points)
    campaign(world, points, {"node": node})

    say(str(check_afterwards(world)))


def test_database_killed_at_every_step(build):
    """PostgreSQL dies at each step; node and worker wait for it and go on."""
    world = build(postgresql=True)
    node, worker = node_and_worker(world)
    points = [
        *kill_points(world.random, ("postgresql",), 8),
        *kill_points(world.random, ("orthanc",), 4, steps=OF_A_JOB),
    ]
    world.random.shuffle(points)
    campaign(world, points, {"node": node, "worker": worker})

    say(str(check_afterwards(world)))


def test_node_and_worker_killed_at_every_step(build):
    """Whoever has the work in hand dies; the other one, or its next life, ends it."""
    world = build(postgresql=True)
    node, worker = node_and_worker(world)
    points = [
        *kill_points(world.random, ("node",), 4, steps=("arrive", *OF_A_JOB)),
        *kill_points(world.random, ("worker",), 5, steps=OF_A_JOB),
    ]
    world.random.shuffle(points)
    campaign(world, points, {"node": node, "worker": worker})

    say(str(check_afterwards(world, seconds=90)))


def node_and_worker(world: World) -> tuple[Program, Program]:
    """Start both; the worker where the node has made the tables."""
    node, worker = world.node(), world.worker("worker")
    node.start()
    node.wait_until_ready()
    worker.start()
    return node, worker


def test_killed_while_results_are_sent_on(build, tmp_path):
    """A node that dies while it forwards sends everything on all the same, once."""
    with KillableOrthanc(tmp_path / "target") as target:
        address = ["TARGET", "127.0.0.1", target.server.dicom_port]
        world = build(
            orthanc_options={"DicomModalities": {"target": address}},
            HILUM_NODE__FORWARD_TO='["modality:target"]',
        )
        node = world.node()
        node.start()
        points = kill_points(world.random, ("node",), 2, steps=("forward",))
        campaign(world, points, {"node": node})
        wait_until_settled(world)
        until(lambda: rows_of(world, "SELECT 1 FROM forward WHERE state <> 'sent'") == [], "sent")
        with world.direct() as here, target.server.client() as there:
            ours = here.find("Instance", {"ManufacturerModelName": "hilum"})
            arrived = there.request("GET", "/instances").json()

        assert set(arrived) == set(ours)
        say(str(check_afterwards(world)))


def test_image_in_work_at_five_kills_in_a_row_is_read(build):
    """A node that is killed again and again at the same image reads it in the end."""
    world = build()
    node = world.node()
    node.start()
    points = [KillPoint("node", "read", early=False, skip=0, delay_ms=20) for _ in range(5)]
    world.send(1, refused=0)
    for point in points:
        rule, done = rule_of(point, node.kill)
        world.proxy.add(rule)
        until(done.is_set, "the kill")
        world.proxy.remove(rule)
        node.start()

    say(str(check_afterwards(world)))


def test_everybody_killed_at_once(build):
    """After a power cut nothing is lost: node, inference workers and Orthanc die in one moment."""
    world = build()
    node = world.node()
    node.start()
    node.wait_until_ready()
    counts: Counter[int] = Counter()
    for _ in range(2):
        world.send(6)
        until(lambda: len(rows_of(world, "SELECT 1 FROM image")) > counts[0], "work")
        for pid in world.processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        world.orthanc.kill()
        node.kill()
        counts[0] = len(rows_of(world, "SELECT 1 FROM image"))
        world.orthanc.start()
        node.start()

    say(str(check_afterwards(world)))
