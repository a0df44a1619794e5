"""What the node says of itself, asked of a real PACS and a real database."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from drifting import MODEL as DRIFTED
from drifting import drifted
from hilum.errors import DatabaseUnavailable, WeightsMissing
from hilum.jobs.pause import Pause
from hilum.jobs.queue import Queue
from hilum.node.disk import DiskWatch
from hilum.node.health import HEARTBEAT, NodeHealth
from hilum.node.model_watch import ModelWatch
from hilum.node.service import HEARTBEAT as TOUCHED
from hilum.node.steps import NodeContext
from hilum.pacs import credentials
from hilum.reading import ModelIdentity
from hilum.records import feed, images
from hilum.records.database import open_database
from hilum.records.drift import DriftLevel
from hilum.records.images import Arrived
from hilum.records.states import Urgency
from hilum.settings import Settings
from hilum.telemetry import metrics
from hilum.telemetry.metrics import MetricsSnapshot
from image_names import image_uids
from orthanc_server import OrthancServer

pytestmark = pytest.mark.orthanc

MODEL = ModelIdentity(
    name="densenet",
    version="1.0",
    sha256="0" * 64,
    verified=True,
    demonstration=False,
    input_size=224,
    operating_points="default",
)


@pytest.fixture
def condition(tmp_path: Path, orthanc: OrthancServer) -> Iterator[NodeHealth]:
    """Return the condition of a node that is well."""
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    settings = Settings.load(data_folder=data).changed(
        "pacs", url=orthanc.url, username=orthanc.username, password=orthanc.password
    )
    address = credentials.load(settings)
    watch = ModelWatch(lambda: MODEL)
    watch()
    with address.orthanc() as client, open_database(settings) as database:
        context = NodeContext(
            database=database,
            queue=Queue(database),
            archive=orthanc.url,
            pacs=client,
            read=lambda *_: pytest.fail("nothing is to be read"),
            settings=settings,
            disk=DiskWatch(data, 0),
            pause=Pause(),
            actor="node@test",
        )
        yield NodeHealth(address, context, watch)
    metrics.watch(MetricsSnapshot)


def bad(condition: NodeHealth) -> dict[str, str]:
    """Return the names of the checks that fail, with what to do."""
    return {check.name: check.remedy for check in condition.checks() if not check.ok}


def samples() -> dict[str, float]:
    families = text_string_to_metric_families(metrics.exposition().decode())
    return {s.name: s.value for family in families for s in family.samples if not s.labels}


def test_node_that_is_well_is_ready(condition):
    """Each check says in words what it found."""
    texts = {check.name: check.text for check in condition.checks()}

    assert {} == bad(condition)
    assert "densenet 1.0" == texts["model"]
    assert texts["PACS"].startswith("Orthanc 1.")
    assert texts["database"].endswith("can be written")
    assert texts["disk"].endswith("GB free")


def test_heartbeat_is_that_of_the_node(condition):
    """None before the first; then its age."""
    before = condition.beat_age_s()
    (condition.context.settings.data_folder / TOUCHED).touch()
    after = condition.beat_age_s()

    assert (None, TOUCHED) == (before, HEARTBEAT)
    assert after is not None
    assert after >= 0


def test_missing_model_is_told_with_its_remedy(condition):
    """As the log says it."""

    def missing() -> ModelIdentity:
        raise WeightsMissing("They are not here.", "Run hilum models pull.")

    watch = ModelWatch(missing)
    watch()

    assert {"model": "They are not here. Run hilum models pull."} == bad(
        replace(condition, watch=watch)
    )


def test_pacs_that_is_away_is_told(condition):
    """With its address and what to check."""
    away = replace(condition.address, url="http://127.0.0.1:9")

    assert {"PACS"} == bad(replace(condition, address=away)).keys()


def test_low_disk_is_told(condition, tmp_path):
    """Images wait until there is room."""
    least = shutil.disk_usage(tmp_path).total * 2
    context = replace(condition.context, disk=DiskWatch(tmp_path, least))

    assert {"disk"} == bad(replace(condition, context=context)).keys()


def test_database_that_cannot_be_written_is_told(condition, monkeypatch):
    """The words are those of the error."""

    def away(_: object) -> None:
        raise DatabaseUnavailable("The database is away.", "Start it.")

    monkeypatch.setattr(type(condition.context.database), "transaction", away)

    assert {"database": "Start it."} == bad(condition)


def test_scrape_asks_database_disk_and_pacs(condition, orthanc, radiograph_file):
    """The queue, its age, and how far the feed is behind."""
    vitals = condition.vitals()
    with orthanc.client() as client:
        client.store(radiograph_file.read_bytes())
        newest = int(client.newest().partition(" ")[0])
    long_ago = datetime.now(UTC) - timedelta(minutes=10)
    with condition.context.database.transaction() as connection:
        feed.advance(connection, orthanc.url, None, f"{newest - 1} x")
        new = Arrived(orthanc.url, image_uids("1.2.3"), "x", None, Urgency.ROUTINE, long_ago)
        images.arrived(connection, new)
    found = samples()

    assert b"hilum_model_info" in vitals.metrics()
    assert 600 <= found["hilum_queue_oldest_seconds"]
    assert 1 <= found["hilum_feed_lag_changes"]
    assert 0 == found["hilum_low_disk_pause"]
    assert 0 < found["hilum_disk_free_bytes"]


def test_worker_tells_of_no_feed(condition):
    """It follows none."""
    assert None is replace(condition, follows=False).snapshot().behind


def test_scrape_goes_on_while_the_pacs_is_away(condition):
    """All but the feed's lag is told."""
    away = replace(condition.address, url="http://127.0.0.1:9")
    found = replace(condition, address=away).snapshot()

    assert None is found.behind
    assert None is not found.observed


def test_scrape_asks_for_drift_of_this_archive(condition):
    """With the limits of the settings; all 18 labels and a decision are compared."""
    context = condition.context
    settings = context.settings.changed(
        "constancy", drift_least_images=50, drift_reference_images=100
    )
    with context.database.transaction() as connection:
        drifted(connection, context.archive, moved=2.5, now=context.now())
    (found,) = replace(condition, context=replace(context, settings=settings)).snapshot().drift
    (few,) = condition.snapshot().drift

    assert (DRIFTED, 9, 19) == (found.model, found.count(DriftLevel.SHIFTED), len(found.shifts))
    assert 19 == few.count(DriftLevel.TOO_FEW)
