"""A PACS that is away, hangs, lies or says no: the node waits, asks again, or says why."""

import threading
import time
from collections.abc import Iterator

import pytest

from faults.afterwards import check_afterwards, image_rows, wait_until_settled
from faults.kills import STEPS
from faults.proxy import Fault, Rule
from faults.world import SEED, World, new_world, until
from hilum.records.states import State

pytestmark = [pytest.mark.orthanc, pytest.mark.timeout(180)]

ASKED = ("follow", "arrive", "begin", "read", "store", "verify")
"""Steps that ask the PACS something."""

SR = b"1.2.840.10008.5.1.4.1.1.88.34"
"""SOP Class UID of the coded report, which is stored last."""

PASSING = [fault for fault in Fault if fault is not Fault.REFUSED]
"""Faults that are over when the same is asked again; a no is an answer."""

AWAY_S = 20.0


@pytest.fixture(scope="module")
def world(models, tmp_path_factory) -> Iterator[World]:
    """Return a world with a running node; at the end everything in it is checked."""
    folder = tmp_path_factory.mktemp("pacs") / "world"
    with new_world(folder, models, f"pacs {SEED}", HILUM_PACS__TIMEOUT_S="1") as made:
        made.proxy.hang_s = 2.0
        node = made.node()
        node.start()
        node.wait_until_ready()
        yield made
        check_afterwards(made)


@pytest.mark.parametrize("fault", PASSING, ids=lambda fault: fault.name.lower())
def test_fault_at_every_step_costs_no_image(world, fault):
    """Whatever goes wrong twice with each kind of request, every image is read."""
    rules = [Rule(STEPS[name].method, STEPS[name].path, fault, times=2) for name in ASKED]
    with world.proxy.ruled(*rules):
        world.send(2)
        world.send(1, refused=0)  # nothing would be stored for three lateral views
        wait_until_settled(world)

        assert [2] * len(rules) == [rule.hits for rule in rules]


def test_object_that_is_refused_for_good_fails_its_image_alone(world):
    """While the PACS takes no report of an image, it has failed, with the reason; others go on."""
    bad = world.send_later(refused=0)
    rule = Rule("POST", "/instances", Fault.REFUSED, about=bad.uid.encode())
    world.expected[bad.uid] = {State.FAILED}
    with world.proxy.ruled(rule):
        bad.send()
        world.send(2, refused=0)
        wait_until_settled(world)
        state, _, _, reasons, _ = image_rows(world)[bad.uid]

    assert (State.FAILED, True) == (state, "pacs" in reasons)
    world.expected[bad.uid] = {State.STORED}
    assert 0 == world.run("jobs", "retry", bad.uid).returncode
    until(lambda: image_rows(world)[bad.uid][0] == State.STORED, "the end of the retry")


def test_lost_file_holds_up_nobody(build):
    """An image whose file the PACS lost has failed; those that come after it are read."""
    world = build()
    bad = world.send_later(refused=0)
    world.expected[bad.uid] = {State.FAILED}
    bad.send()
    world.send(2)
    for file in (world.orthanc.server.folder / "storage").glob("??/??/*"):
        if bad.uid.encode() in file.read_bytes():
            file.unlink()
    world.orthanc.kill()  # it keeps some files in memory
    world.orthanc.start()
    node = world.node()
    node.start()
    world.send(2)
    wait_until_settled(world)
    state, _, _, reasons, _ = image_rows(world)[bad.uid]

    assert (State.FAILED, True) == (state, "pacs" in reasons)
    assert "instance.unreadable" in node.said()


def test_partial_store_heals(world):
    """A report that the PACS does not take twice, after its pictures, is there in the end."""
    rule = Rule("POST", "/instances", Fault.UNAVAILABLE, about=SR, times=2)
    with world.proxy.ruled(rule):
        world.send(1, refused=0)
        wait_until_settled(world)

    assert 2 == rule.hits


def test_results_deleted_between_store_and_verify_are_stored_again(world):
    """What the PACS took but does not show is stored again."""

    def delete_results() -> None:
        with world.direct() as orthanc:
            for report in orthanc.find("Instance", {"StudyInstanceUID": study, "Modality": "SR"}):
                orthanc.request("DELETE", f"/instances/{report}")

    image = world.send_later(refused=0)
    study = image.study
    rule = Rule("POST", "/tools/bulk-content", before=delete_results, times=1)
    with world.proxy.ruled(rule):
        image.send()
        wait_until_settled(world)

    assert 1 == rule.hits


@pytest.mark.parametrize("step", ["read", "store"])
def test_image_deleted_in_work_is_gone(world, step):
    """Results never bring a study back that was deleted meanwhile."""
    image = world.send_later(refused=0)
    world.expected[image.uid] = {State.GONE}

    def delete() -> None:
        with world.direct() as orthanc:
            for found in orthanc.find_objects(image.uid):
                orthanc.delete(found)

    path = f"/instances/{image.reference}" + ("/file" if step == "read" else "")
    rule = Rule("GET", path, after=delete, times=1)
    rule.skip = 0 if step == "read" else 1  # described on arrival, and to store
    with world.proxy.ruled(rule):
        image.send()
        wait_until_settled(world)
    with world.direct() as orthanc:
        left = orthanc.find("Instance", {"StudyInstanceUID": image.study})

    assert ([], State.GONE) == (left, image_rows(world)[image.uid][0])


def test_away_for_twenty_seconds(world):
    """A PACS that is away for a while costs nobody anything: images wait, and are read."""
    world.send(2)
    world.proxy.down.set()
    over = time.monotonic() + AWAY_S
    while time.monotonic() < over:
        world.send(1)  # past the way that is cut
        time.sleep(1)
    world.proxy.down.clear()
    wait_until_settled(world)


def test_same_image_fifty_times_at_once_is_read_once(world):
    """Fifty senders of one image make one job."""
    image = world.send_later(refused=0)
    senders = [threading.Thread(target=image.send) for _ in range(50)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    wait_until_settled(world)

    assert 1 == image_rows(world)[image.uid][1]


def test_study_of_sixty_images(world):
    """Each image of a large study has results of its own."""
    study = world.send_later(refused=0).study
    world.send(60, refused=0, StudyInstanceUID=study)
    wait_until_settled(world)
