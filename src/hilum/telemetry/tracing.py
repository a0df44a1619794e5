"""One OpenTelemetry trace an image, for whoever set ``telemetry.otlp_endpoint``.

The root span is the image from its arrival to its end; below it are its wait and its work,
and below that each stage. They are recorded together once the image has settled, since its
steps may run in several processes. A span knows archive, state and model: no
UID, no name, no error's text. Without the setting OpenTelemetry is not even imported.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit, urlunsplit

from hilum import PRODUCT, __version__
from hilum.errors import SettingInvalid

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer

TRACES_PATH: Final = "/v1/traces"
"""Where OTLP over HTTP takes traces (OTLP 1.x, "OTLP/HTTP Request")."""

SEND_S: Final = 5.0
"""Seconds to try to hand traces over; then they are dropped. No image waits for it."""

NANOSECONDS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class TraceSpan:
    """One step or stage that an image passed."""

    name: str
    """E.g. ``"read"`` or ``"predict"``."""
    started: datetime
    ended: datetime
    """When, UTC."""
    parts: "Sequence[TraceSpan]" = ()
    """What it is made of."""


@dataclass(frozen=True, slots=True)
class ImageTrace:
    """The trace of one image."""

    archive: str
    """Name of the archive."""
    state: str
    """How it ended."""
    model: str
    """Name and version of the model; empty when none read it."""
    arrived: datetime
    settled: datetime
    """Its beginning and end, UTC."""
    parts: "Sequence[TraceSpan]" = field(default=())
    """Its steps, in order."""


Record = Callable[[ImageTrace], str | None]
"""Hands a trace over; returns its identifier, None where traces are off. Never waits."""


class Tracing:
    """Where this process hands its traces."""

    def __init__(self) -> None:
        self.record: Record = nowhere


def nowhere(_: ImageTrace) -> None:
    """Record nothing: traces are off."""


CURRENT: Final = Tracing()


@contextmanager
def tracing(endpoint: str | None) -> Iterator[None]:
    """Let `settled` hand traces over until the block ends; see `open_tracing`."""
    with open_tracing(endpoint) as record:
        CURRENT.record = record
        try:
            yield
        finally:
            CURRENT.record = nowhere


def settled(trace: ImageTrace) -> str | None:
    """Hand over the trace of an image whose work ended; return its identifier, if any."""
    return CURRENT.record(trace)


def parts_of(
    arrived: datetime, started: datetime | None, seconds: Mapping[str, float]
) -> tuple[TraceSpan, ...]:
    """Return the parts of an image of whose stages only the durations were kept.

    Parameters
    ----------
    arrived
        When it was seen.
    started
        When its work was last begun; None when it never was.
    seconds
        Stage → seconds, in the order of the path.

    Returns
    -------
    tuple[Part, ...]
        The wait, then the work with its stages end to end from its beginning.
    """
    if started is None:
        return ()
    stages, end = [], started
    for stage, spent in seconds.items():
        begun, end = end, end + timedelta(seconds=spent)
        stages.append(TraceSpan(stage, begun, end))
    return TraceSpan("wait", arrived, started), TraceSpan("work", started, end, stages)


@contextmanager
def open_tracing(endpoint: str | None) -> Iterator[Record]:
    """Give what records a trace; what was not sent yet is sent at the end.

    Parameters
    ----------
    endpoint
        ``telemetry.otlp_endpoint``; None: nothing is recorded.

    Raises
    ------
    SettingInvalid
        It is set, and OpenTelemetry is not installed.
    """
    if endpoint is None:
        yield nowhere
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError as exc:
        raise SettingInvalid(
            "telemetry.otlp_endpoint is set, but OpenTelemetry is not installed.",
            "Run pip install hilum[tracing], or unset it.",
        ) from exc
    resource = Resource({"service.name": PRODUCT, "service.version": __version__})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    exporter = OTLPSpanExporter(traces_address(endpoint), timeout=SEND_S)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer(PRODUCT, __version__)
    try:
        yield lambda trace: record(tracer, trace)
    finally:
        provider.shutdown()


def traces_address(endpoint: str) -> str:
    """Return where traces go: a collector's base address gets the path of the standard."""
    parts = urlsplit(endpoint)
    return endpoint if parts.path.strip("/") else urlunsplit(parts._replace(path=TRACES_PATH))


def record(tracer: "Tracer", image: ImageTrace) -> str:
    """Record the spans of one image; return the identifier of their trace."""
    root = tracer.start_span(
        "image",
        start_time=_nanoseconds(image.arrived),
        attributes={
            "hilum.archive": without_login(image.archive),
            "hilum.state": image.state,
            "hilum.model": image.model,
        },
    )
    for part in image.parts:
        _record_part(tracer, root, part)
    root.end(_nanoseconds(image.settled))
    return format(root.get_span_context().trace_id, "032x")


def without_login(archive: str) -> str:
    """Return the name of an archive; of an address without user and password."""
    parts = urlsplit(archive)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _record_part(tracer: "Tracer", above: "Span", part: TraceSpan) -> None:
    from opentelemetry.trace import set_span_in_context  # noqa: PLC0415

    span = tracer.start_span(
        part.name, context=set_span_in_context(above), start_time=_nanoseconds(part.started)
    )
    for smaller in part.parts:
        _record_part(tracer, span, smaller)
    span.end(_nanoseconds(part.ended))


def _nanoseconds(when: datetime) -> int:
    return int(when.timestamp() * NANOSECONDS)
