"""Prometheus metrics. The node's steps call the functions; a scrape calls `exposition`.

No label has more values than the code has: states, urgencies, stages, reason codes; and no
more than a few models. None tells of any patient, study or image.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
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
from hilum.records.constancy import SelfTestState
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

LOOK_S: Final = 3.0
"""Seconds that the gauges are waited for; Prometheus itself waits for 10."""

disable_created_metrics()  # type: ignore[no-untyped-call]  # they would double the series

REGISTRY: Final = CollectorRegistry()

_counter = partial(Counter, registry=REGISTRY)
_histogram = partial(Histogram, buckets=BUCKETS, registry=REGISTRY)

IMAGES_ARRIVED: Final = _counter("hilum_images_arrived", "Images taken up.", ["urgency"])
IMAGES_SETTLED: Final = _counter("hilum_images_settled", "Images whose work ended.", ["state"])
REFUSALS: Final = _counter("hilum_refusals", "Reasons why images were refused.", ["reason"])
FAILURES: Final = _counter("hilum_failures", "Reasons why images failed.", ["reason"])
RESULTS_STORED: Final = _counter("hilum_results_stored", "DICOM objects that the PACS shows.")
OWN_RESULTS_SKIPPED: Final = _counter(
    "hilum_own_results_skipped", "Results of hilum met in the feed."
)
FORWARDS: Final = _counter("hilum_forwards", "Results sent on to another PACS.", ["state"])
IMAGE_SECONDS: Final = _histogram(
    "hilum_image_seconds", "Seconds from an image's arrival to its end.", ["urgency"]
)
STAGE_SECONDS: Final = _histogram(
    "hilum_stage_seconds", "Seconds of one image in one stage of the pipeline.", ["stage"]
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
        self._pool = ThreadPoolExecutor(1, "metrics")

    def collect(self) -> Iterator[Metric]:
        """Yield the gauges; those whose source gives no answer are left out."""
        looking = self._pool.submit(self.look)
        try:
            now = looking.result(LOOK_S)
        except (HilumError, TimeoutError):  # a name server that is away takes 10 s to say so
            now = MetricsSnapshot()
            looking.cancel()
        seen = now.observed
        yield from _gauge(
            "hilum_build_info", "Which hilum this is.", {(__version__,): 1}, "version"
        )
        yield from _gauge("hilum_database_up", "Whether the database answers.", seen is not None)
        yield from _gauge(
            "hilum_low_disk_pause", "Whether the node pauses because disk space is low.", now.paused
        )
        if now.model is not None:
            yield from _gauge(
                "hilum_model_info", "The model that reads.", {now.model: 1}, "name", "version"
            )
        yield from _gauge(
            "hilum_disk_free_bytes", "Free space on the data folder's disk.", now.free_bytes
        )
        if seen is not None:
            yield from _of_database(seen, now.behind)
        newest = sorted(now.drift, key=lambda each: each.month, reverse=True)[:MOST_MODELS]
        yield from _gauge(
            "hilum_drift_subjects",
            "Scores, refusals and pixel decisions that moved away from a model's reference.",
            {(each.model, level): each.count(level) for each in newest for level in LOUD} or None,
            "model",
            "level",
        )

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


def _of_database(seen: RecordCounts, behind: int | None) -> Iterator[Metric]:
    yield from _gauge(
        "hilum_queue_images",
        "Images that are not settled.",
        {
            (urgency, state): seen.queue.get((urgency, state), 0)
            for urgency in Urgency
            for state in State
            if state in WAITED_FOR
        },
        "urgency",
        "state",
    )
    oldest = "Age of the image that waits longest; 0 when none waits."
    yield from _gauge("hilum_queue_oldest_seconds", oldest, seen.oldest_s)
    yield from _gauge("hilum_workers_alive", "Workers that are alive.", seen.workers_alive)
    dead = "Processes that stopped without signing off."
    yield from _gauge("hilum_workers_dead", dead, seen.workers_dead)
    last = seen.self_test
    if last is not None and last.at is not None:
        well, ended = (
            "Whether the last self-test raised no alarm.",
            "When the last self-test ended.",
        )
        yield from _gauge("hilum_selftest_ok", well, last.ended.state is not SelfTestState.ALARM)
        yield from _gauge("hilum_selftest_ended_timestamp_seconds", ended, last.at.timestamp())
        shift = "Largest shift of a raw value in the last self-test."
        yield from _gauge("hilum_selftest_shift", shift, last.ended.worst)
    lag = "Changes in the PACS that were not looked at yet."
    yield from _gauge("hilum_feed_lag_changes", lag, behind)


def _begin_at_zero() -> None:
    """Make every series whose labels are known: only one that begins at 0 shows its first step."""
    for urgency in Urgency:
        IMAGES_ARRIVED.labels(urgency)
        IMAGE_SECONDS.labels(urgency)
    for state in sorted(SETTLED):
        IMAGES_SETTLED.labels(state)


def _gauge(
    name: str, meaning: str, value: float | Mapping[tuple[str, ...], float] | None, *labels: str
) -> Iterator[Metric]:
    """Yield a gauge, whose labels may have several values; none where nothing is known."""
    if value is not None:
        family = GaugeMetricFamily(name, meaning, labels=labels)
        for said, number in (value if isinstance(value, Mapping) else {(): value}).items():
            family.add_metric(said, float(number))
        yield family


_begin_at_zero()
