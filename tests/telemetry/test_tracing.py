"""One trace an image, as a collector gets it; nothing at all without the setting."""

import builtins
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from hilum import __version__
from hilum.errors import SettingInvalid
from hilum.telemetry.tracing import (
    ImageTrace,
    TraceSpan,
    open_tracing,
    parts_of,
    settled,
    traces_address,
    tracing,
)

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def after(seconds: float) -> datetime:
    return START + seconds * SECOND


IMAGE = ImageTrace(
    archive="http://user:secret@pacs:8042",
    state="stored",
    model="densenet 1.0",
    arrived=START,
    settled=after(2),
    parts=[
        TraceSpan("read", after(0.5), after(1), [TraceSpan("predict", after(0.6), after(0.75))]),
        TraceSpan("store", after(1), after(1.5)),
    ],
)


class Collector:
    """A real receiver of OTLP over HTTP."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, ExportTraceServiceRequest]] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.requests.append((self.path, ExportTraceServiceRequest.FromString(body)))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Be silent."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    @property
    def spans(self) -> list[Span]:
        return [
            span
            for _, request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


def named(spans: list[Span]) -> dict[str, Span]:
    assert len(spans) == len({span.name for span in spans})
    return {span.name: span for span in spans}


def nanoseconds(when: datetime) -> int:
    return int(when.timestamp() * 1_000_000_000)


def test_collector_gets_one_trace_of_steps_and_rooms(collector):
    """The root is the image; each step is below it, each stage below its step."""
    with open_tracing(collector.url) as record:
        identifier = record(IMAGE)
    spans = named(collector.spans)

    assert {"image", "read", "predict", "store"} == spans.keys()
    assert {identifier} == {span.trace_id.hex() for span in spans.values()}
    assert b"" == spans["image"].parent_span_id
    assert spans["image"].span_id == spans["read"].parent_span_id == spans["store"].parent_span_id
    assert spans["read"].span_id == spans["predict"].parent_span_id
    assert {"/v1/traces"} == {path for path, _ in collector.requests}


def test_spans_have_the_times_that_were_measured(collector):
    """They are recorded when all is over, with the times of when it was done."""
    with open_tracing(collector.url) as record:
        record(IMAGE)
    spans = named(collector.spans)

    assert (nanoseconds(START), nanoseconds(after(2))) == (
        spans["image"].start_time_unix_nano,
        spans["image"].end_time_unix_nano,
    )
    assert (nanoseconds(after(0.6)), nanoseconds(after(0.75))) == (
        spans["predict"].start_time_unix_nano,
        spans["predict"].end_time_unix_nano,
    )


def test_attributes_are_archive_state_and_model_alone(collector):
    """No UID, no identity, no password of an address."""
    with open_tracing(collector.url) as record:
        record(IMAGE)
    attributes = {
        (span.name, each.key): each.value.string_value
        for span in collector.spans
        for each in span.attributes
    }
    (request,) = (request for _, request in collector.requests)
    about = {a.key: a.value.string_value for a in request.resource_spans[0].resource.attributes}

    assert {
        ("image", "hilum.archive"): "http://pacs:8042",
        ("image", "hilum.state"): "stored",
        ("image", "hilum.model"): "densenet 1.0",
    } == attributes
    assert {"service.name": "hilum", "service.version": __version__} == about


def test_each_image_is_a_trace_of_its_own(collector):
    """Two images, two identifiers."""
    with open_tracing(collector.url) as record:
        identifiers = {record(IMAGE), record(IMAGE)}

    assert identifiers == {span.trace_id.hex() for span in collector.spans}
    assert 2 == len(identifiers)


def test_without_the_setting_nothing_is_recorded_or_imported():
    """A node that nobody traces does not even load OpenTelemetry."""
    code = (
        "import sys\nfrom hilum.telemetry.tracing import open_tracing\n"
        "with open_tracing(None) as record: assert record(None) is None\n"
        "assert not [name for name in sys.modules if name.startswith('opentelemetry')]"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (0, "") == (done.returncode, done.stderr)


def test_setting_without_the_extra_is_one_clear_line(monkeypatch):
    """It names what to install."""
    real = builtins.__import__

    def without(name: str, *rest: object) -> object:
        if name.startswith("opentelemetry"):
            raise ModuleNotFoundError(name)
        return real(name, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without)

    with (
        pytest.raises(SettingInvalid, match=r"pip install hilum\[tracing\]"),
        open_tracing("http://127.0.0.1:4318"),
    ):
        pytest.fail("opened")


@pytest.mark.parametrize(
    ("endpoint", "address"),
    [
        ("http://collector:4318", "http://collector:4318/v1/traces"),
        ("http://collector:4318/", "http://collector:4318/v1/traces"),
        ("https://c/otlp/v1/traces", "https://c/otlp/v1/traces"),
    ],
)
def test_base_address_gets_the_path_of_the_standard(endpoint, address):
    """A full address is taken as it is."""
    assert address == traces_address(endpoint)


def test_collector_that_is_away_disturbs_nobody(caplog):
    """Traces are dropped; recording and closing go on, and the library's log says it."""
    with open_tracing("http://127.0.0.1:9") as record:
        assert record(IMAGE)

    assert any(entry.name.startswith("opentelemetry") for entry in caplog.records)


def test_the_process_hands_over_while_it_traces(collector):
    """Before and afterwards there is nowhere to hand anything."""
    before = settled(IMAGE)
    with tracing(collector.url):
        during = settled(IMAGE)

    assert (None, None) == (before, settled(IMAGE))
    assert {during} == {span.trace_id.hex() for span in collector.spans}


def test_rooms_lie_end_to_end_from_the_beginning_of_the_work():
    """Only their durations are kept; the wait before is a part of its own."""
    wait, work = parts_of(START, after(1), {"gate": 0.25, "predict": 0.5})

    assert TraceSpan("wait", START, after(1)) == wait
    assert ("work", after(1), after(1.75)) == (work.name, work.started, work.ended)
    assert [
        TraceSpan("gate", after(1), after(1.25)),
        TraceSpan("predict", after(1.25), after(1.75)),
    ] == list(work.parts)
    assert () == parts_of(START, None, {})
