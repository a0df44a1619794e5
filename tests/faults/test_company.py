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
    """Stop a program and its workers, or let them go on."""
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


def test_workers_that_sleep_or_die_are_replaced(build):
    """One stops for longer than the others wait and wakes up again, one is gone for good."""
    world = build(postgresql=True)
    node = world.node()
    node.start()
    node.wait_until_ready()
    sleeper, mortal = world.worker("sleeper"), world.worker("mortal")
    sleeper.start()
    mortal.start()
    until(lambda: len(rows_of(world, "SELECT 1 FROM worker")) == 3, "the workers' first beats")
    store, read = STEPS["store"], STEPS["read"]
    asleep = Rule(store.method, store.path, whose=lambda: sleeper.pid, times=1)
    asleep.before = lambda: freeze(sleeper, signal.SIGSTOP)
    dead = Rule(read.method, read.path, whose=lambda: mortal.pid, times=1, after=mortal.kill)
    with world.proxy.ruled(asleep, dead):
        while not (asleep.fired.is_set() and dead.fired.is_set()):
            world.send(3, refused=0)
            asleep.fired.wait(1.0)
    wait_until_settled(world, 90)
    freeze(sleeper, signal.SIGCONT)
    world.send(4)

    check_afterwards(world)
