"""Prometheus metrics. The node's steps call the functions; a scrape calls `exposition`.

No label has more values than the code has: states, urgencies, stages, reason codes; and no
more than a few models. None tells of any patient, study or image.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client import generate_latest as _generate
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from hilum import __version__
from hilum.errors import HilumError
from hilum.records.constancy import SelfTestRun, SelfTestState
from hilum.records.counts import RecordCounts
from hilum.records.drift_watch import LOUD, DriftComparison
from hilum.records.states import SETTLED, WAITED_FOR, State, Urgency

CONTENT_TYPE: Final[str] = CONTENT_TYPE_PLAIN_0_0_4
"""Of what `exposition` returns."""

BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Seconds, from one quick stage to an image that waits behind others."""

CODE: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
"""What a reason's code or a stage looks like; anything else is counted as `OTHER`."""

MOST_CODES: Final = 200
"""Different codes that are counted by themselves."""

MOST_MODELS: Final = 8
"""Models whose drift is reported: those used last."""

OTHER: Final = "other"

disable_created_metrics()  # type: ignore[no-untyped-call]  # they would double the series

REGISTRY: Final = CollectorRegistry()

IMAGES_ARRIVED: Final = Counter(
    "hilum_images_arrived", "Images taken up.", ["urgency"], registry=REGISTRY
)
IMAGES_SETTLED: Final = Counter(
    "hilum_images_settled", "Images whose work ended.", ["state"], registry=REGISTRY
)
REFUSALS: Final = Counter(
    "hilum_refusals", "Reasons why images were refused.", ["reason"], registry=REGISTRY
)
FAILURES: Final = Counter(
    "hilum_failures", "Reasons why images failed.", ["reason"], registry=REGISTRY
)
RESULTS_STORED: Final = Counter(
    "hilum_results_stored", "DICOM objects that the PACS shows.", registry=REGISTRY
)
OWN_RESULTS_SKIPPED: Final = Counter(
    "hilum_own_results_skipped", "Results of hilum met in the feed.", registry=REGISTRY
)
FORWARDS: Final = Counter(
    "hilum_forwards", "Results sent on to another PACS.", ["state"], registry=REGISTRY
)
IMAGE_SECONDS: Final = Histogram(
    "hilum_image_seconds",
    "Seconds from an image's arrival to its end.",
    ["urgency"],
    buckets=BUCKETS,
    registry=REGISTRY,
)
STAGE_SECONDS: Final = Histogram(
    "hilum_stage_seconds",
    "Seconds of one image in one stage of the pipeline.",
    ["stage"],
    buckets=BUCKETS,
    registry=REGISTRY,
)


@dataclass(frozen=True, slots=True)
class MetricsSnapshot:
    """What is asked for at each scrape."""

    observed: RecordCounts | None = None
    """What the database says; None when it can't be asked."""
    free_bytes: int | None = None
    """Free space on the disk of the data folder, None when unknown."""
    paused: bool = False
    """Whether the node pauses because the disk is nearly full."""
    behind: int | None = None
    """Changes in the PACS that were not looked at yet; None when it can't say, or for a worker."""
    model: tuple[str, str] | None = None
    """Name and version of the model that reads; None when there is none."""
    drift: Sequence[DriftComparison] = ()
    """What the models that read lately say, against their references."""


Look = Callable[[], MetricsSnapshot]
"""Asks the database, the disk and the PACS; may raise `HilumError`."""


class Gauges(Collector):
    """Turns a snapshot into gauges, at each scrape anew."""

    def __init__(self) -> None:
        self.look: Look = MetricsSnapshot

    def collect(self) -> Iterator[Metric]:
        """Yield the gauges; those whose source gives no answer are left out."""
        try:
            now = self.look()
        except HilumError:
            now = MetricsSnapshot()
        yield _gauge("hilum_build_info", "Which hilum this is.", 1, {"version": __version__})
        yield _gauge("hilum_database_up", "Whether the database answers.", now.observed is not None)
        yield _gauge(
            "hilum_low_disk_pause", "Whether the node pauses because disk space is low.", now.paused
        )
        if now.model is not None:
            name, version = now.model
            yield _gauge(
                "hilum_model_info", "The model that reads.", 1, {"name": name, "version": version}
            )
        if now.free_bytes is not None:
            yield _gauge(
                "hilum_disk_free_bytes", "Free space on the data folder's disk.", now.free_bytes
            )
        if now.observed is not None:
            yield from _of_database(now.observed, now.behind)
        if now.drift:
            yield _of_drift(now.drift)

    def describe(self) -> Iterator[Metric]:
        """Name nothing beforehand: registering must not ask the database."""
        return iter(())


GAUGES: Final = Gauges()
REGISTRY.register(GAUGES)
ProcessCollector(registry=REGISTRY)


def watch(look: Look) -> None:
    """Ask `look` at each scrape from now on."""
    GAUGES.look = look


def exposition() -> bytes:
    """Return everything in Prometheus' text format 0.0.4."""
    return _generate(REGISTRY)


def arrived(urgency: Urgency, images: int = 1) -> None:
    """Count images that were taken up."""
    IMAGES_ARRIVED.labels(urgency).inc(images)


def settled(state: State, *, urgency: Urgency, seconds: float, reasons: Iterable[str] = ()) -> None:
    """Count the end of the work on one image.

    Parameters
    ----------
    reasons
        Codes of the reasons of a refusal or failure; those of warnings are not counted.
    """
    IMAGES_SETTLED.labels(state).inc()
    IMAGE_SECONDS.labels(urgency).observe(seconds)
    counter = {State.REFUSED: REFUSALS, State.FAILED: FAILURES}.get(state)
    if counter is not None:
        for code in reasons:
            counter.labels(_known(code)).inc()


def stage_seconds(seconds: Mapping[str, float]) -> None:
    """Count the seconds that one image spent in each stage."""
    for stage, spent in seconds.items():
        STAGE_SECONDS.labels(_known(stage)).observe(spent)


def results_stored(objects: int) -> None:
    """Count objects that the PACS, asked again, shows."""
    RESULTS_STORED.inc(objects)


def own_result_skipped() -> None:
    """Count a result of ours that came along in the feed."""
    OWN_RESULTS_SKIPPED.inc()


def forwarded(state: str) -> None:
    """Count the outcome of one result on its way to another PACS."""
    FORWARDS.labels(_known(state)).inc()


_codes: Final[set[str]] = set()


def _known(code: str) -> str:
    """Return a code as a label, `OTHER` for what is none or is one too many."""
    if CODE.fullmatch(code) is None or (code not in _codes and len(_codes) >= MOST_CODES):
        return OTHER
    _codes.add(code)
    return code


def _of_database(observed: RecordCounts, behind: int | None) -> Iterator[Metric]:
    queue = GaugeMetricFamily(
        "hilum_queue_images", "Images that are not settled.", labels=["urgency", "state"]
    )
    for urgency in Urgency:
        for state in (state for state in State if state in WAITED_FOR):
            queue.add_metric([urgency, state], observed.queue.get((urgency, state), 0))
    yield queue
    yield _gauge(
        "hilum_queue_oldest_seconds",
        "Age of the image that waits longest; 0 when none waits.",
        observed.oldest_s,
    )
    yield _gauge("hilum_workers_alive", "Workers that are alive.", observed.workers_alive)
    yield _gauge(
        "hilum_workers_dead", "Processes that stopped without signing off.", observed.workers_dead
    )
    yield from _of_self_test(observed.self_test)
    if behind is not None:
        yield _gauge(
            "hilum_feed_lag_changes", "Changes in the PACS that were not looked at yet.", behind
        )


def _of_self_test(last: SelfTestRun | None) -> Iterator[Metric]:
    if last is None or last.at is None:
        return
    well = last.ended.state is not SelfTestState.ALARM
    yield _gauge("hilum_selftest_ok", "Whether the last self-test raised no alarm.", well)
    yield _gauge(
        "hilum_selftest_ended_timestamp_seconds",
        "When the last self-test ended.",
        last.at.timestamp(),
    )
    if last.ended.worst is not None:
        yield _gauge(
            "hilum_selftest_shift",
            "Largest shift of a raw value in the last self-test.",
            last.ended.worst,
        )


def _of_drift(found: Sequence[DriftComparison]) -> Metric:
    family = GaugeMetricFamily(
        "hilum_drift_subjects",
        "Scores, refusals and pixel decisions that moved away from a model's reference.",
        labels=["model", "level"],
    )
    newest = sorted(found, key=lambda each: each.month, reverse=True)
    for each in newest[:MOST_MODELS]:
        for level in LOUD:
            family.add_metric([each.model, level], each.count(level))
    return family


def _begin_at_zero() -> None:
    """Make every series whose labels are known: only one that begins at 0 shows its first step."""
    for urgency in Urgency:
        IMAGES_ARRIVED.labels(urgency)
        IMAGE_SECONDS.labels(urgency)
    for state in sorted(SETTLED):
        IMAGES_SETTLED.labels(state)


def _gauge(
    name: str, meaning: str, value: float, labels: Mapping[str, str] | None = None
) -> Metric:
    family = GaugeMetricFamily(name, meaning, labels=list(labels or {}))
    family.add_metric(list((labels or {}).values()), float(value))
    return family


_begin_at_zero()
