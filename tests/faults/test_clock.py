"""Clocks that jump, forwards and back: nothing is read twice, none waiting for tomorrow."""

from pathlib import Path

import pytest

from faults.afterwards import check_afterwards, wait_until_settled
from faults.clock import build_clock
from faults.world import World

pytestmark = [pytest.mark.orthanc, pytest.mark.timeout(120)]


DAY_S = 86_400


def moved(world: World) -> tuple[dict[str, str], Path]:
    """Return variables that give a command a clock of its own, and the file that moves it."""
    offset = world.folder / "clock"
    offset.write_text("0\n")
    return {"LD_PRELOAD": str(build_clock(world.folder)), "CLOCK_OFFSET_FILE": str(offset)}, offset


def test_jumping_clock_loses_nothing_on_sqlite(build):
    """A day forwards, two days back, and right again, with work in hand each time."""
    world = build()
    variables, offset = moved(world)
    node = world.node(**variables)
    node.start()
    node.wait_until_ready()
    for jump in (0, DAY_S, -DAY_S, 0):
        world.send(2)
        offset.write_text(f"{jump}\n")
        world.send(3)
        if jump == -DAY_S:  # and a restart at the wrong time
            node.kill()
            node.start()
        node.wait_until_ready()
        wait_until_settled(world)

    check_afterwards(world)


def test_worker_with_a_wrong_clock_harms_nobody(build):
    """A worker whose clock is a day behind, then ahead, shares the work all the same."""
    world = build(postgresql=True)
    variables, offset = moved(world)
    node = world.node()
    node.start()
    node.wait_until_ready()
    worker = world.worker("worker", **variables)
    offset.write_text(f"{-DAY_S}\n")
    worker.start()
    world.send(8)
    wait_until_settled(world)
    offset.write_text(f"{DAY_S}\n")
    world.send(8)
    wait_until_settled(world)

    check_afterwards(world)
