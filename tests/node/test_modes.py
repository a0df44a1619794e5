"""Silent and audit mode on a real Orthanc: all is recorded, and nothing reaches anybody else."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from hilum.constancy import pixels_digest
from hilum.node.backfill import Backfill, BackfillQuery
from hilum.records import alerts, audit, constancy, forwards, images, readings, rollout
from hilum.records.constancy import SelfTestMode, SelfTestStart
from hilum.records.images import ImageRecord
from hilum.records.states import State
from hilum.records.tables import STUDY
from hilum.settings import AlertSettings, NodeMode
from hilum.settings.sources import write_page_values
from node_tools import Bench, Killed, Recorder, send
from radiographs import dicom_file, make_radiograph

pytestmark = pytest.mark.orthanc

SILENT, AUDIT, LIVE = NodeMode
BOTH = pytest.mark.parametrize("mode", [SILENT, AUDIT])
EVERYTHING = BackfillQuery(None, None, ("CR", "DX"))


@pytest.fixture
def node(bench: Callable[..., Bench]) -> Bench:
    """Return a node that would forward what it finds."""
    return bench(forward_to=("modality:ELSEWHERE",))


def turn(node: Bench, mode: NodeMode) -> None:
    """Let an operator set the mode on the page."""
    write_page_values(node.context.settings.data_folder, {"node": {"mode": mode}})


def in_pacs(node: Bench) -> int:
    """Return how many objects the PACS holds."""
    return int(node.pacs.request("GET", "/statistics").json()["CountInstances"])


def backfilled(node: Bench, **wanted: Any) -> int:
    """Queue what is in the PACS and do it; return how many images that were."""
    queued = sum(Backfill(node.context, replace(EVERYTHING, **wanted)).run())
    node.work()
    return queued


def rank_of(node: Bench, image: ImageRecord) -> int:
    """Return where its study is in the worklist."""
    with node.database.look() as connection:
        of = STUDY.c.study_instance_uid == image.study_instance_uid
        found = connection.execute(STUDY.select().where(of)).one()
    return int(found.rank)


def killed(*_: Any, **__: Any) -> Any:
    """Die while an image is read."""
    raise Killed


@BOTH
def test_no_byte_reaches_the_pacs_or_anybody_else(pacs, bench, faults, settled_reader, mode):
    """The reading and its line are kept, nothing is sent, and the trail says in which mode."""

    def read(file: bytes, earlier: Any, when: Any, **_: Any) -> Any:
        return settled_reader(file, earlier, when)

    node = bench(read, mode=mode, forward_to=("modality:ELSEWHERE",))
    uid = send(pacs)
    asked: list[str] = []

    def watched(request: httpx.Request) -> None:
        if request.method != "GET" and not request.url.path.startswith("/tools/"):
            asked.append(f"{request.method} {request.url.path}")

    faults.fault = watched
    node.work()
    entry = node.entry(uid)

    assert ([], 1) == (asked, in_pacs(node))
    assert (State.STORED, mode, ()) == (entry.state, entry.mode, entry.results)
    with node.database.look() as connection:
        kept = readings.get(connection, "own", entry.uids)
        assert kept is not None
        assert [] == kept.document["readings"][0]["outputs"]
        assert [] == forwards.entries(connection, "own")
        (line,) = [each.line for each in audit.lines(connection)]
        report = rollout.report(connection, "own", mode)
    assert (mode, 0) == (line.detail["mode"], line.detail["results"])
    assert ({State.STORED: 1}, 10) == (report.ended, len(report.findings))


@pytest.mark.parametrize(("mode", "told"), [(SILENT, 0), (AUDIT, 0), (LIVE, 1)])
def test_a_failure_in_a_quiet_mode_wakes_nobody(node, faults, mode, told):
    """It is listed and counted as ever."""
    alerting = AlertSettings(urls=(SecretStr("json://127.0.0.1:9/"),))
    settings = node.context.settings.model_copy(update={"alerts": alerting})
    node.context = replace(node.context, settings=settings)
    node = node.restarted()
    turn(node, mode)
    uid = send(node.pacs)
    node.follow()
    faults.fault = lambda request: (
        httpx.Response(403, request=request) if request.url.path.endswith("/file") else None
    )
    for job in node.jobs():
        node.do(job)

    assert State.FAILED is node.entry(uid).state
    with node.database.look() as connection:
        assert told == len(alerts.newest(connection, limit=9))


@pytest.mark.parametrize(("began", "later"), [(SILENT, LIVE), (LIVE, SILENT), (AUDIT, LIVE)])
def test_killed_across_a_change_an_image_keeps_the_mode_in_which_it_began(
    pacs, bench, began, later
):
    """Whatever the node's mode is when another process takes the job up."""
    node = bench()
    dying = bench(killed)
    turn(node, began)
    uid = send(pacs)
    node.follow()
    (job,) = node.jobs()
    with pytest.raises(Killed):
        dying.do(job)
    turn(node, later)
    node.do(job)

    entry = node.entry(uid)
    assert (State.STORED, began) == (entry.state, entry.mode)
    assert (began is LIVE) is bool(entry.results)
    assert 1 + len(entry.results) == in_pacs(node)


def test_what_waits_becomes_quieter_with_the_node_and_never_louder(node):
    """Who turns it silent need not fear the queue; who turns it live gets no old results."""
    waiting = send(node.pacs)
    node.follow()
    turn(node, SILENT)
    arrived_silent = send(node.pacs)
    node.follow()
    first, second = node.jobs()
    node.do(first)
    turn(node, LIVE)
    node.do(second)

    assert [SILENT, SILENT] == [node.entry(uid).mode for uid in (waiting, arrived_silent)]
    assert 2 == in_pacs(node)
    assert [7, 7] == [rank_of(node, node.entry(uid)) for uid in (waiting, arrived_silent)]


def test_live_stores_nothing_in_hindsight_unless_a_backfill_is_asked(node):
    """Not when the image comes again either."""
    turn(node, SILENT)
    image = make_radiograph()
    node.pacs.store(dicom_file(image))
    node.work()
    turn(node, LIVE)
    node.pacs.store(dicom_file(image))
    node.work()
    uid = str(image.SOPInstanceUID)
    assert (SILENT, 1) == (node.entry(uid).mode, in_pacs(node))
    assert 1 == backfilled(node)

    assert (LIVE, 2) == (node.entry(uid).mode, in_pacs(node))
    assert rank_of(node, node.entry(uid)) < 3
    assert 0 == backfilled(node)


def test_a_silent_backfill_is_silent_in_a_live_node(node):
    """What has results in the PACS is left alone, also with --again."""
    live = send(node.pacs)
    node.work()
    turn(node, SILENT)
    quiet = send(node.pacs)
    node.work()
    turn(node, LIVE)
    before = in_pacs(node)
    assert 0 == backfilled(node, silent=True)
    assert 1 == backfilled(node, silent=True, again=True)

    assert [LIVE, SILENT] == [node.entry(uid).mode for uid in (live, quiet)]
    assert [1, 2] == [node.entry(uid).run for uid in (live, quiet)]
    assert before == in_pacs(node)


def test_an_attempt_that_is_asked_for_stays_as_quiet(node):
    """A click on "Analyze again" is no backfill."""
    turn(node, SILENT)
    uid = send(node.pacs)
    node.follow()
    (job,) = node.jobs()
    done = {"end": "failed", "reasons": [["bug", "x", ""]], "results": []}
    node.states[job.id] = {**done}
    with node.database.transaction() as connection:
        images.begin(connection, job, datetime.now(UTC))
    node.do(job)
    turn(node, LIVE)
    with node.database.transaction() as connection:
        node.context.queue.retry(connection, "own", [job.uids], datetime.now(UTC))
    node.work()

    assert (State.STORED, SILENT, 2) == (
        node.entry(uid).state,
        node.entry(uid).mode,
        node.entry(uid).run,
    )


def test_phantom_of_a_self_test_goes_all_the_way(bench):
    """It is nobody's, and its results are what the test looks at."""
    node = bench(lambda file, earlier, when, **_: Recorder()(file, earlier, when))
    turn(node, SILENT)
    image, now = make_radiograph(), datetime.now(UTC)
    phantom = SelfTestStart(
        "own",
        SelfTestMode.LIVE,
        now,
        now + timedelta(minutes=5),
        str(image.StudyInstanceUID),
        str(image.SOPInstanceUID),
        pixels_digest(image),
    )
    with node.database.transaction() as connection:
        constancy.begin(connection, phantom)
    node.pacs.store(dicom_file(image))
    node.work()

    assert 2 == in_pacs(node)
