"""A node whose archive is reached over DICOMweb alone: away, cut off, lying; and killed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from faults.afterwards import check_afterwards, image_rows, wait_until_settled
from faults.proxy import Fault, Rule
from faults.world import SEED, World, new_world
from hilum.records.states import State
from orthanc_server import PLUGIN_FOLDERS

pytestmark = [pytest.mark.orthanc, pytest.mark.timeout(600)]

WEB = "/dicom-web/studies"
ONE = r"[^/?]+"
STEPS = {
    "sweep": ("GET", rf"{WEB}\?StudyDate=.*"),
    "series": ("GET", rf"{WEB}/{ONE}/series\?.*"),
    "instances": ("GET", rf"{WEB}/{ONE}/series/{ONE}/instances\?limit.*"),
    "present": ("GET", rf"{WEB}/{ONE}/series/{ONE}/instances\?SOPInstanceUID.*"),
    "file": ("GET", rf"{WEB}/{ONE}/series/{ONE}/instances/{ONE}"),
    "store": ("POST", WEB),
}
"""What a node asks a DICOMweb archive → method and path."""

SLOW_S = 180.0
"""A search waits for its time-out, and longer each time while the archive seems to be away."""

PASSING = [fault for fault in Fault if fault is not Fault.REFUSED]


def over_dicomweb(folder: Path, models: Path, name: str) -> Iterator[World]:
    """Yield a world in which the node knows nothing of Orthanc's own API."""
    plugins = [
        str(found / "libOrthancDicomWeb.so")
        for found in PLUGIN_FOLDERS
        if (found / "libOrthancDicomWeb.so").exists()
    ]
    settings = {
        "HILUM_PACS__KIND": "dicomweb",
        "HILUM_PACS__TIMEOUT_S": "6",
        "HILUM_DICOMWEB__SWEEP_S": "0.2",
        "HILUM_DICOMWEB__SWEEP_DAYS": "3650",
        "HILUM_DICOMWEB__WIDE_SWEEP_DAYS": "3650",
    }
    options = {"Plugins": plugins, "DicomWeb": {"Enable": True}}
    with new_world(folder, models, name, orthanc_options=options, **settings) as made:
        made.settings["HILUM_PACS__URL"] = f"{made.proxy.url}/dicom-web"
        made.proxy.hang_s = 8.0
        yield made


@pytest.fixture(scope="module")
def world(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Return a world with a running node; at the end everything in it is checked."""
    folder = tmp_path_factory.mktemp("dicomweb") / "world"
    for made in over_dicomweb(folder, models, f"dicomweb {SEED}"):
        node = made.node()
        node.start()
        node.wait_until_ready()
        yield made
        check_afterwards(made, seconds=SLOW_S)


@pytest.mark.parametrize("fault", PASSING, ids=lambda fault: fault.name.lower())
def test_fault_at_every_step_costs_no_image(world: World, fault: Fault):
    """Whatever goes wrong twice with each kind of request, every image is read."""
    times = 1 if fault is Fault.HANG else 2  # each takes the whole time-out
    rules = [Rule(method, path, fault, times=times) for method, path in STEPS.values()]
    with world.proxy.ruled(*rules):
        world.send(3, refused=0)
        wait_until_settled(world, SLOW_S)

    assert [times] * len(rules) == [rule.hits for rule in rules]


def test_object_that_is_refused_for_good_fails_its_image_alone(world: World):
    """Others go on; once it is taken, a retry ends well."""
    bad = world.send_later(refused=0)
    rule = Rule("POST", WEB, Fault.REFUSED, about=bad.uid.encode())
    world.expected[bad.uid] = {State.FAILED}
    with world.proxy.ruled(rule):
        bad.send()
        world.send(2, refused=0)
        wait_until_settled(world, SLOW_S)
        state, _, _, reasons, _ = image_rows(world)[bad.uid]

    assert (State.FAILED, True) == (state, "pacs" in reasons)
    world.expected[bad.uid] = {State.STORED}
    assert 0 == world.run("jobs", "retry", bad.uid).returncode
    wait_until_settled(world, SLOW_S)


def test_late_series_of_a_study_that_is_done_is_read(world: World):
    """However often its count was the same before."""
    study = world.send_later(refused=0).study
    for _ in range(4):
        world.send(1, refused=0, StudyInstanceUID=study)
        wait_until_settled(world, SLOW_S)


@pytest.mark.parametrize(
    ("step", "when"), [*((step, "after") for step in STEPS), ("store", "before")]
)
def test_killed_at_every_step_there_is_one_set_of_results(world: World, step: str, when: str):
    """Kill -9 as the archive is asked, and as it has answered."""
    (node,) = (each for each in world.programs if each.name == "node")
    method, path = STEPS[step]
    rule = Rule(method, path, times=1, skip=world.random.randrange(2))  # each file comes once
    setattr(rule, when, node.kill)
    with world.proxy.ruled(rule):
        world.send(2, refused=0)
        assert rule.fired.wait(60), "the step never came"
    node.start()
    wait_until_settled(world, SLOW_S)


def test_paths_of_this_test_are_all_that_is_asked(world: World):
    """Nothing of Orthanc's own API was used."""
    rule = Rule(".*", r"(?!/dicom-web/).*")
    with world.proxy.ruled(rule):
        world.send(2, refused=0)
        wait_until_settled(world, SLOW_S)

    assert 0 == rule.hits
