"""Several processes at one archive: by mistake, or asleep for longer than the others wait."""

import os
import shutil
import signal
import time

import pytest

from faults.afterwards import check_afterwards, rows_of, wait_until_settled
from faults.kills import STEPS
from faults.proxy import Rule
from faults.servers import children
from faults.world import Program, until

LINES_OF_AN_OUTAGE = 40
"""Of the job engine's library, which complains many times a second."""

pytestmark = [pytest.mark.orthanc, pytest.mark.timeout(200)]


def freeze(program: Program, number: int) -> None:
    """Stop a program and its readers, or let them go on."""
    for pid in (program.pid, *children(program.pid)):
        os.kill(pid, number)


def test_two_nodes_on_one_archive_by_mistake(build):
    """Two data folders and one PACS: each image still has one set of results."""
    world = build()
    folder = world.folder / "other"
    folder.mkdir()
    (folder / "models").symlink_to(world.data / "models")
    other = world.node("other", data=folder)
    for program in (world.node(), other):
        program.start()
        program.wait_until_ready()
    world.send(10)
    wait_until_settled(world)
    until(lambda: other.said().count("instance.settled") >= len(world.expected), "the other one")

    check_afterwards(world)


def test_two_nodes_on_one_database(build):
    """Two nodes that share archive and database by mistake share the work."""
    world = build(postgresql=True)
    for name in ("node", "other"):
        folder = world.folder / "data" if name == "node" else world.folder / "other"
        if name != "node":
            shutil.copytree(world.data / "models", folder / "models")
        program = world.node(name, data=folder)
        program.start()
        program.wait_until_ready()
    world.send(12)

    check_afterwards(world)


def test_restarted_postgresql_costs_nothing(build):
    """Connections that are cut, and a server that is away for a while, lose no image."""
    world = build(postgresql=True)
    node = world.node()
    node.start()
    node.wait_until_ready()
    for _ in range(3):
        world.send(4)
        world.postgresql.server.cut_connections()
    world.send(2)
    world.postgresql.kill()
    time.sleep(5)  # how long it lasts is the fault itself
    world.postgresql.start()
    world.send(2)

    check_afterwards(world)
    assert node.said().count("library.said") <= LINES_OF_AN_OUTAGE


def test_sleeping_worker_is_replaced_and_wakes_to_no_harm(build):
    """A worker that stops for longer than its beat may be away loses its work to the others."""
    world = build(postgresql=True)
    node = world.node()
    node.start()
    node.wait_until_ready()
    worker = world.worker("worker")
    worker.start()
    until(lambda: len(rows_of(world, "SELECT 1 FROM worker")) == 2, "the worker's first beat")
    step = STEPS["store"]
    rule = Rule(step.method, step.path, whose=lambda: worker.pid, times=1)
    rule.before = lambda: freeze(worker, signal.SIGSTOP)
    world.proxy.add(rule)
    while not rule.fired.is_set():
        world.send(2, refused=0)
        rule.fired.wait(1.0)
    wait_until_settled(world, 90)
    freeze(worker, signal.SIGCONT)
    world.send(4)

    check_afterwards(world)


def test_dead_worker_is_replaced_without_its_return(build):
    """What a killed worker had in hand is read by the others."""
    world = build(postgresql=True)
    node = world.node()
    node.start()
    node.wait_until_ready()
    worker = world.worker("worker")
    worker.start()
    step = STEPS["read"]
    rule = Rule(step.method, step.path, whose=lambda: worker.pid, times=1, after=worker.kill)
    world.proxy.add(rule)
    while not rule.fired.is_set():
        world.send(2, refused=0)
        rule.fired.wait(1.0)
    wait_until_settled(world, 60)

    check_afterwards(world)
