"""What Prometheus is told: counted rightly, bounded, and without any identity."""

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from hilum import __version__
from hilum.errors import DatabaseUnavailable
from hilum.records.constancy import (
    SelfTestEnd,
    SelfTestMode,
    SelfTestRun,
    SelfTestStart,
    SelfTestState,
)
from hilum.records.counts import RecordCounts
from hilum.records.drift_watch import DriftComparison
from hilum.records.states import State, Urgency
from hilum.telemetry import metrics
from hilum.telemetry.metrics import MetricsSnapshot

ROOT = Path(__file__).parents[2]
Sample = tuple[str, tuple[tuple[str, str], ...]]


def scrape() -> dict[Sample, float]:
    """Return every sample as Prometheus' own parser reads it."""
    families = text_string_to_metric_families(metrics.exposition().decode())
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def grown(before: dict[Sample, float]) -> dict[Sample, float]:
    """Return what grew since, without what the process itself uses."""
    now = scrape()
    return {
        key: value - before.get(key, 0.0)
        for key, value in now.items()
        if value != before.get(key, 0.0)
        and key[0].startswith("hilum_")
        and "_created" not in key[0]
    }


@pytest.fixture(autouse=True)
def nobody_watches() -> Iterator[None]:
    """Leave the gauges as they were."""
    yield
    metrics.watch(MetricsSnapshot)


def test_an_image_is_counted_from_arrival_to_end():
    """State, reasons, latency and stages each have their series."""
    before = scrape()
    metrics.arrived(Urgency.URGENT)
    metrics.settled(State.STORED, urgency=Urgency.URGENT, seconds=0.3, reasons=["no_view"])
    metrics.stage_seconds({"predict": 0.04, "encode": 0.02})
    metrics.results_stored(3)
    metrics.own_result_skipped()
    metrics.forwarded("sent")
    found = grown(before)

    assert 1 == found["hilum_images_arrived_total", (("urgency", "urgent"),)]
    assert 1 == found["hilum_images_settled_total", (("state", "stored"),)]
    assert 3 == found["hilum_results_stored_total", ()]
    assert 1 == found["hilum_own_results_skipped_total", ()]
    assert 1 == found["hilum_forwards_total", (("state", "sent"),)]
    assert 0.04 == pytest.approx(found["hilum_stage_seconds_sum", (("stage", "predict"),)])
    assert 1 == found["hilum_image_seconds_bucket", (("le", "0.5"), ("urgency", "urgent"))]
    assert ("hilum_image_seconds_bucket", (("le", "0.25"), ("urgency", "urgent"))) not in found
    assert not any(name in {"hilum_refusals_total", "hilum_failures_total"} for name, _ in found)


@pytest.mark.parametrize(
    ("state", "series"),
    [(State.REFUSED, "hilum_refusals_total"), (State.FAILED, "hilum_failures_total")],
)
def test_every_reason_of_a_refusal_or_failure_is_counted(state, series):
    """By its code, in the series of its kind alone."""
    before = scrape()
    metrics.settled(state, urgency=Urgency.ROUTINE, seconds=1, reasons=["not_frontal", "too_small"])
    found = {key: value for key, value in grown(before).items() if "_image" not in key[0]}

    assert {
        (series, (("reason", "not_frontal"),)): 1,
        (series, (("reason", "too_small"),)): 1,
    } == found


def test_labels_are_bounded_and_hold_no_words(monkeypatch):
    """Text, identities and ever new codes are all counted as one."""
    monkeypatch.setattr(metrics, "_codes", {f"code_{i}" for i in range(metrics.MOST_CODES)})
    before = scrape()
    strange = ["Somebody^Special", "1.2.840.1", "", "two words", "x" * 60, "one_too_many", "code_7"]
    metrics.settled(State.FAILED, urgency=Urgency.ROUTINE, seconds=1, reasons=strange)
    found = {key[1]: v for key, v in grown(before).items() if key[0] == "hilum_failures_total"}

    assert {(("reason", "other"),): 6, (("reason", "code_7"),): 1} == found


def test_gauges_are_asked_for_at_each_scrape():
    """Two scrapes show two answers."""
    answers = iter(
        [
            MetricsSnapshot(
                RecordCounts({(Urgency.ROUTINE, State.HELD): 7}, 12.5, 2, 1, "100 x"),
                free_bytes=10,
                paused=True,
                behind=4,
                model=("densenet", "1.0"),
            ),
            MetricsSnapshot(),
        ]
    )
    metrics.watch(lambda: next(answers))
    first, second = scrape(), scrape()

    assert 7 == first["hilum_queue_images", (("state", "held"), ("urgency", "routine"))]
    assert 0 == first["hilum_queue_images", (("state", "queued"), ("urgency", "urgent"))]
    assert {
        "hilum_queue_oldest_seconds": 12.5,
        "hilum_workers_alive": 2,
        "hilum_workers_dead": 1,
        "hilum_feed_lag_changes": 4,
        "hilum_disk_free_bytes": 10,
        "hilum_low_disk_pause": 1,
        "hilum_database_up": 1,
    } == {name: v for (name, labels), v in first.items() if name in GAUGES and not labels}
    assert 1 == first["hilum_model_info", (("name", "densenet"), ("version", "1.0"))]
    assert 1 == first["hilum_build_info", (("version", __version__),)]
    assert 0 == second["hilum_database_up", ()]
    assert not any(name in {"hilum_workers_alive", "hilum_model_info"} for name, _ in second)


GAUGES = {
    "hilum_queue_oldest_seconds",
    "hilum_workers_alive",
    "hilum_workers_dead",
    "hilum_feed_lag_changes",
    "hilum_disk_free_bytes",
    "hilum_low_disk_pause",
    "hilum_database_up",
}


def test_database_that_is_away_does_not_break_a_scrape():
    """What is counted here is still shown, and that the database is away."""

    def away() -> MetricsSnapshot:
        raise DatabaseUnavailable("The database is away.", "Start it.")

    metrics.watch(away)
    found = scrape()

    assert 0 == found["hilum_database_up", ()]
    assert ("hilum_results_stored_total", ()) in found


def test_database_that_says_nothing_does_not_hold_up_a_scrape(monkeypatch):
    """As where its name server is away: Prometheus is told in time that it is down."""
    answers = threading.Event()
    monkeypatch.setattr(metrics, "LOOK_S", 0.01)
    metrics.watch(lambda: MetricsSnapshot(paused=answers.wait()))
    try:
        assert scrape()["hilum_database_up", ()] == 0
    finally:
        answers.set()


def test_series_begin_at_zero():
    """In a new process the states and urgencies are there: the first step is seen."""
    code = "from hilum.telemetry import metrics; print(metrics.exposition().decode())"
    text = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout

    assert 'hilum_images_settled_total{state="failed"} 0.0' in text
    assert 'hilum_images_arrived_total{urgency="urgent"} 0.0' in text
    assert "_created" not in text
    assert "process_resident_memory_bytes" in text


def test_threads_count_together():
    """Steps run on many threads; nothing is lost."""
    before = scrape()

    def work() -> None:
        for _ in range(200):
            metrics.results_stored(1)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert 1600 == grown(before)["hilum_results_stored_total", ()]


def series() -> dict[str, set[str]]:
    """Return the series that a full scrape has, each with its labels, as Prometheus names them."""
    now = datetime(2026, 3, 5, tzinfo=UTC)
    begun = SelfTestStart("own", SelfTestMode.LIVE, now, now, "1.2", "1.2.3", "digest")
    tested = SelfTestRun(1, begun, SelfTestEnd(SelfTestState.OK, worst=0.0), now)
    observed = RecordCounts({}, 0, 0, 0, 1, tested)
    drift = [DriftComparison("m 1 0123abcd", "2026-03", 300, "first", 500, ())]
    metrics.watch(lambda: MetricsSnapshot(observed, 1, behind=1, model=("m", "1"), drift=drift))
    for state in (State.REFUSED, State.FAILED):
        metrics.settled(state, urgency=Urgency.ROUTINE, seconds=1, reasons=["bug"])
    metrics.forwarded("sent")
    metrics.stage_seconds({"gate": 0.01})
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(metrics.exposition().decode()):
        if family.name.startswith("hilum_") and not family.name.endswith("_created"):
            name = f"{family.name}_total" if family.type == "counter" else family.name
            labels = {label for sample in family.samples for label in sample.labels}
            found[name] = labels - {"le"}
    return found


def test_table_of_metrics_is_the_code():
    """docs/operations.md names every series with its labels, and no other."""
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(hilum_\w+)` \| (\w+) \| ([^|]*) \|", page, re.MULTILINE)
    said = {name: set(re.findall(r"`(\w+)`", labels)) for name, _, labels in rows}

    assert series() == said


def test_alert_rules_name_only_what_there_is():
    """The ready-made rules would never fire on a misspelt series."""
    rules = ROOT / "deploy" / "prometheus" / "hilum.rules.yml"
    used = set(re.findall(r"\bhilum_[a-z_]+", rules.read_text(encoding="utf-8")))
    known = series().keys()
    kinds = {f"{name}{end}" for name in known for end in ("", "_bucket", "_count", "_sum")}

    assert used
    assert used <= kinds
