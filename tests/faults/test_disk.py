"""A full disk: the node says so, loses nothing, and goes on by itself when there is room."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from faults.afterwards import check_afterwards, image_rows, wait_until_settled
from faults.world import World, until

pytestmark = [pytest.mark.orthanc, pytest.mark.timeout(120)]

DISK_MIB = 48
FULL_FOR_S = 6.0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a folder on a small file system of its own."""
    folder = tmp_path / "world" / "data"
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "hilum-faults", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False).returncode != 0:
        pytest.skip("a small file system can only be mounted by root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def filled(folder: Path, *, leave: int = 0) -> Iterator[None]:
    """Fill a file system but for some bytes; make room again at the end."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:  # full
            file.truncate(max(0, file.tell() - leave))
    try:
        yield
    finally:
        ballast.unlink()


def fill_and_send(world: World, disk: Path, *, leave: int) -> None:
    """Send before, while the disk is full, and after."""
    node = world.node()
    node.start()
    node.wait_until_ready()
    world.send(3)
    wait_until_settled(world)
    with filled(disk, leave=leave):
        world.send(4)
        time.sleep(FULL_FOR_S)  # how long it lasts is the fault itself
        assert node.runs, node.said()[-3000:]
    world.send(2)


def test_full_disk_loses_nothing(build, small_disk):
    """With no room, or next to none, writes fail; with room again all images are read."""
    world = build()
    fill_and_send(world, small_disk, leave=world.random.choice((0, 20_000)))

    check_afterwards(world)


def test_node_dies_on_a_full_disk(build, small_disk):
    """Killed while nothing can be written, the node starts again and reads everything."""
    world = build()
    node = world.node()
    node.start()
    node.wait_until_ready()
    with filled(small_disk):
        world.send(4)
        until(lambda: "database.away" in node.said() or "node.waiting" in node.said(), "the fault")
        node.kill()
    node.start()

    check_afterwards(world)


def test_low_disk_pauses_before_anything_breaks(build, small_disk):
    """Below node.min_free_bytes nothing is taken up; it is said once, and it ends by itself."""
    world = build(HILUM_NODE__MIN_FREE_BYTES=str(8 * 2**20))
    node = world.node()
    node.start()
    node.wait_until_ready()
    with filled(small_disk, leave=4 * 2**20):
        until(lambda: "disk.low" in node.said(), "the warning")
        world.send(3)
        time.sleep(FULL_FOR_S / 2)
        assert image_rows(world) == {}
    wait_until_settled(world)

    assert 1 == node.said().count("disk.low")
    check_afterwards(world)
