"""Faults that are rare, and that somebody meets all the same."""

import os
import signal
import time
from functools import partial

import pytest

from faults.afterwards import check_afterwards, image_rows, wait_until_settled
from faults.kills import STEPS
from faults.proxy import Fault, Rule
from faults.world import Program, World, until
from hilum.records.database import FILE
from hilum.records.states import State

pytestmark = [pytest.mark.orthanc, pytest.mark.timeout(120)]

DRAIN_LIMIT_S = 40.0
"""A node that was asked to stop is gone by then, whatever the PACS does."""

AT_ONCE_S = 5.0


def test_killed_backfill_goes_on_where_it_was(build):
    """What a backfill had not taken up when it was killed is taken up by the next one."""
    world = build(HILUM_NODE__START_AT="now")
    world.send(30)
    node = world.node()
    node.start()
    node.wait_until_ready()
    until(lambda: "feed.begins" in node.said(), "the node's first look")
    backfill = world.program("backfill", "backfill")
    for least in (1, 10):
        backfill.start()
        until(partial(some_of_it, world, backfill, least), "some of the backfill")
        backfill.kill()
    done = world.run("backfill")

    assert (0, 30) == (done.returncode, len(image_rows(world))), done.stdout + done.stderr
    check_afterwards(world)


def some_of_it(world: World, backfill: Program, least: int) -> bool:
    """Return whether so many images were taken up, or nothing more is."""
    return len(image_rows(world)) >= least or not backfill.runs


def test_killed_in_its_first_start(build):
    """A node that died anywhere in its first start, its tables half made, starts again."""
    world = build()
    world.send(2)
    node = world.node()
    for _ in range(4):
        node.start()
        until(lambda: (world.data / FILE).exists() or "Ctrl-C" in node.said(), "its database")
        time.sleep(world.random.uniform(0, 0.6))  # where in the start is the seed's choice
        node.kill()
    node.start()

    check_afterwards(world)


def test_truncated_journal_loses_no_image(build):
    """What the disk lost of SQLite's journal is taken up from the PACS again."""
    world = build()
    node = world.node()
    node.start()
    world.send(4)
    wait_until_settled(world)
    world.send(8)
    until(lambda: len(image_rows(world)) > 4, "work")
    node.kill()
    journal = world.data / f"{FILE}-wal"
    os.truncate(journal, journal.stat().st_size // 2)
    node.start()

    check_afterwards(world)


def test_archive_that_lost_everything_is_followed_from_its_start(build):
    """A new database behind the same address is noticed, and what is sent to it is read."""
    world = build()
    node = world.node()
    node.start()
    node.wait_until_ready()
    again = world.send_later(refused=0)
    again.send()
    world.send(3)
    wait_until_settled(world)
    world.orthanc.kill()
    world.orthanc.forget_everything()
    lost = set(world.expected) - {again.uid}
    world.orthanc.start()
    again.send()
    new = world.send(2, refused=0)
    until(lambda: {image_rows(world).get(uid, [""])[0] for uid in new} == {State.STORED}, "the new")
    until(lambda: image_rows(world)[again.uid][1] > 1, "the other life of the first image")
    wait_until_settled(world)
    with world.direct() as orthanc:
        held = len(orthanc.request("GET", "/instances").json())

    assert 4 * 3 == held
    assert 3 == len(lost)


def test_other_settings_after_a_kill_lead_to_one_set_of_results(build):
    """Killed before it stored, and started with settings under which results are others."""
    world = build()
    node = world.node()
    node.start()
    node.wait_until_ready()
    rule = Rule("POST", "/instances", Fault.RESET, before=node.kill, times=1)
    with world.proxy.ruled(rule):
        world.send(1, refused=0)
        until(rule.fired.is_set, "the kill")
    world.settings["HILUM_PIXELS__PIPELINE"] = "torchxrayvision"
    again = world.node()
    again.start()

    check_afterwards(world)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_in_time_while_the_pacs_hangs(build, number):
    """A PACS that never answers does not keep the node from stopping; the work waits."""
    world = build()
    node, rule = hanging(world)
    status = node.end(number, DRAIN_LIMIT_S)
    world.proxy.remove(rule)

    assert 0 == status, node.said()
    until(lambda: not world.processes(), "the end of all processes", 10)
    node.start()
    check_afterwards(world)


def test_second_ctrl_c_ends_it_at_once(build):
    """Whoever presses Ctrl-C twice does not want to wait; nothing is lost by it."""
    world = build(HILUM_PACS__TIMEOUT_S="60")
    world.proxy.hang_s = 60
    node, rule = hanging(world)
    os.kill(node.pid, signal.SIGINT)
    until(lambda: "node.stopping" in node.said(), "that it was heard")
    assert node.runs
    node.end(signal.SIGINT, AT_ONCE_S)
    world.proxy.remove(rule)
    until(lambda: not world.processes(), "the end of all processes", 10)
    node.start()

    check_afterwards(world)


def hanging(world: World) -> tuple[Program, Rule]:
    """Start a node, and let the PACS hang when the first results are stored."""
    node = world.node()
    node.start()
    node.wait_until_ready()
    step = STEPS["store"]
    rule = Rule(step.method, step.path, Fault.HANG)
    world.proxy.add(rule)
    world.send(2, refused=0)
    until(lambda: rule.hits, "the PACS that hangs")
    return node, rule
