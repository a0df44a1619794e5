"""One event a line, readable for people and programs, without a word from a data set."""

import json
import logging
import os
import re
import subprocess
import sys
from enum import StrEnum
from multiprocessing import Pipe
from pathlib import Path

import pytest
from pydicom import Dataset
from pydicom.valuerep import PersonName

from hilum.settings import LogFormat
from hilum.telemetry.library_messages import words_of
from hilum.telemetry.logs import IDENTIFYING, Log, OneLine, StandardError, get_log

PATIENT = "Somebody^Special"
"""Invented; wherever it turns up, a patient's name would."""


class Collect(logging.Handler):
    """Keeps lines as they would be written."""

    def __init__(self, log_format: LogFormat) -> None:
        super().__init__()
        self.setFormatter(OneLine(log_format))
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture(params=LogFormat)
def both_formats(request):
    """Return the lines that a logger of hilum and a library's write, in either format."""
    yield from collected(request.param)


@pytest.fixture
def lines():
    """Return the lines that a logger of hilum writes, as they are written."""
    yield from collected(LogFormat.TEXT)


@pytest.fixture
def json_lines():
    """Return the same as JSON."""
    yield from collected(LogFormat.JSON)


def collected(log_format: LogFormat):
    handler = Collect(log_format)
    loggers = [logging.getLogger(name) for name in ("hilum.tested", "library.tested")]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
    yield handler.lines
    for logger in loggers:
        logger.removeHandler(handler)


@pytest.fixture
def log() -> Log:
    return get_log("hilum.tested")


def test_event_is_time_level_name_and_values(log, lines):
    """A line has everything in a fixed order."""
    log.info("instance.settled", state="stored", attempt=2, seconds=0.41234)

    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z info instance\.settled "
        r"state=stored attempt=2 seconds=0\.412",
        lines[0],
    )


def test_json_line_is_one_object_with_the_same_facts(log, json_lines):
    """A collector gets numbers as numbers, and the same names."""
    log.warning("node.waiting", why='two "words"', again_in_s=0.5, attempt=2, model=None)
    said = json.loads(json_lines[0])

    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", said.pop("time"))
    assert {
        "level": "warning",
        "event": "node.waiting",
        "why": 'two "words"',
        "again_in_s": 0.5,
        "attempt": 2,
        "model": None,
    } == said


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("plain", "plain"),
        ("two words", '"two words"'),
        ('a"b', '"a\\"b"'),
        ("a=b", '"a=b"'),
        ("", '""'),
        ("new\nline", '"new\\nline"'),
        ("São", "São"),
        (StrEnum("State", ["STORED"]).STORED, "stored"),
        (Path("/data"), "/data"),
        (True, "True"),
    ],
)
def test_value_is_quoted_where_it_would_mislead(log, lines, value, written):
    """Blanks, quotes and line ends cannot break a line or fake another value."""
    log.warning("event", value=value)

    assert lines[0].endswith(f" value={written}")
    assert 1 == len(lines[0].splitlines())


def dataset() -> Dataset:
    """Return a data set with a patient's name."""
    made = Dataset()
    made.PatientName = PATIENT
    return made


@pytest.mark.parametrize(
    "value",
    [
        dataset(),
        PersonName(PATIENT),
        [PATIENT],
        {"name": PATIENT},
        ValueError(PATIENT),
        PATIENT.encode(),
        "x" * 5000 + PATIENT,
    ],
    ids=lambda value: type(value).__name__,
)
def test_only_short_scalars_are_written(log, both_formats, value):
    """A data set, a name of DICOM, an error, a list: of these only their kind is said."""
    log.info("event", value=value)

    assert "event" in both_formats[0]
    assert "Special" not in both_formats[0]
    assert len(both_formats[0]) < 1000


@pytest.mark.parametrize("name", sorted(IDENTIFYING))
def test_fact_that_is_named_like_an_identity_is_withheld(log, both_formats, name):
    """Whoever passes a patient's name as a fact writes nothing of it."""
    log.info("event", **{name: PATIENT})

    assert "withheld" in both_formats[0]
    assert "Special" not in both_formats[0]


def test_bug_tells_kind_and_place_only(log, lines):
    """The text of a foreign error may quote the data set, so it is left out."""
    try:
        int(PATIENT)
    except ValueError as exc:
        log.bug("instance.bug", exc, instance="abc")

    assert "error instance.bug instance=abc error=ValueError at=" in lines[0]
    assert "test_logs.py:" in lines[0]
    assert "Special" not in lines[0]
    assert 1 == len(lines[0].splitlines())


def test_bug_in_a_library_names_the_line_of_ours_that_led_there(log, lines):
    """The innermost place alone would be somebody else's code."""
    try:
        words_of(object(), 1)  # type: ignore[arg-type]
    except Exception as exc:  # noqa: BLE001  whatever linecache makes of it
        log.bug("bug", exc)

    assert re.search(r" via=\S+/hilum/telemetry/library_messages\.py:\d+$", lines[0])


def test_library_says_the_words_of_its_source_without_values(both_formats):
    """The template of a message is known, what was put into it is not written."""
    library = logging.getLogger("library.tested")
    library.warning("cannot write %s to %d places", PATIENT, 3)
    library.warning(f"cannot find {PATIENT} anywhere")
    library.error("cannot " + "keep {}".format(PATIENT))  # noqa: G003, UP032, RUF100
    try:
        raise ValueError(PATIENT)  # noqa: TRY301
    except ValueError as exc:
        library.exception(exc)
        library.error(
            "went wrong",
            exc_info=True,
        )

    assert "cannot write … to … places" in both_formats[0]
    assert "cannot find … anywhere" in both_formats[1]
    assert "cannot keep" in both_formats[2]
    assert "ValueError" in both_formats[3]
    assert "went wrong" in both_formats[4]
    assert all("library.said" in line and "library.tested" in line for line in both_formats)
    assert "Special" not in "".join(both_formats)


LIBRARY_FAULTS = {
    "dbos": """
        import dbos, os
        from dbos import DBOS
        DBOS(config={"name": "hilum", "system_database_url": f"sqlite:///{folder}/x.sqlite",
                     "enable_otlp": False})
        @DBOS.step(retries_allowed=True, max_attempts=2, interval_seconds=0.01)
        def fails(): raise ValueError(PATIENT)
        @DBOS.workflow()
        def flow(): fails()
        DBOS.launch()
        try: flow()
        except Exception: pass
        DBOS.destroy()
    """,
    "sqlalchemy": """
        import logging, sqlalchemy
        from sqlalchemy import create_engine, text
        engine = create_engine("sqlite://")
        with engine.connect() as connection:
            try: connection.execute(text("SELECT * FROM missing WHERE n = :n"), {"n": PATIENT})
            except sqlalchemy.exc.OperationalError as exc:
                logging.getLogger("sqlalchemy.pool").error("gone: %s", exc, exc_info=exc)
    """,
    "uvicorn": """
        import threading, time, httpx, socket, uvicorn
        async def page(scope, receive, send): raise ValueError(PATIENT)
        listening = socket.socket(); listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(page, log_config=None, lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listening],)); thread.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/{PATIENT}"
        assert httpx.get(url, timeout=30).status_code == 500
        server.should_exit = True; thread.join()
    """,
    "pynetdicom": """
        from pynetdicom import AE, evt
        from pynetdicom.sop_class import Verification
        def fails(event): raise ValueError(PATIENT)
        entity = AE(); entity.add_supported_context(Verification)
        entity.add_requested_context(Verification)
        server = entity.start_server(("127.0.0.1", 0), block=False,
                                     evt_handlers=[(evt.EVT_C_ECHO, fails)])
        line = entity.associate("127.0.0.1", server.socket.getsockname()[1])
        line.send_c_echo(); line.release(); server.shutdown()
    """,
    "httpx": """
        import httpx, logging
        def fails(request): raise httpx.ReadError(PATIENT)
        try: httpx.Client(transport=httpx.MockTransport(fails)).get(f"http://x/{PATIENT}")
        except httpx.ReadError as exc:
            logging.getLogger("httpx").error(f"no {exc}", exc_info=exc)
    """,
    "pydicom": """
        import pydicom, warnings
        from pydicom import Dataset, config
        warnings.simplefilter("always")
        config.settings.writing_validation_mode = config.WARN
        Dataset().PatientID = PATIENT * 10
    """,
    "thread": """
        import threading
        def fails(): raise ValueError(PATIENT)
        thread = threading.Thread(target=fails); thread.start(); thread.join()
    """,
    "finaliser": """
        class Fails:
            def __del__(self): raise ValueError(PATIENT)
        Fails()
    """,
    "logging": """
        import logging
        class Bad:
            def __str__(self): raise ValueError(PATIENT)
        logging.getLogger("library").error(Bad(), PATIENT)
    """,
    "main thread": "raise ValueError(PATIENT)",
}
"""Part of the program → a fault of it whose text holds a patient's name."""


@pytest.mark.parametrize("log_format", LogFormat)
@pytest.mark.parametrize("fault", LIBRARY_FAULTS)
def test_no_library_writes_a_patients_name(fault, log_format, tmp_path):
    """A name in an error of each kind of library is nowhere in what a process writes."""
    body = "\n".join(
        line[8:] if line[:1] == " " else line for line in LIBRARY_FAULTS[fault].split("\n")
    )
    program = tmp_path / "program.py"
    program.write_text(
        f"from hilum.telemetry import logs\nfrom hilum.settings import LogFormat\n"
        f"PATIENT, folder = {PATIENT!r}, {str(tmp_path)!r}\n"
        f"logs.write_to_standard_error(LogFormat({log_format.value!r}))\n{body}\n"
    )
    done = subprocess.run(
        [sys.executable, str(program)], capture_output=True, text=True, check=False, timeout=60
    )
    said = [line for line in done.stderr.splitlines() if line]

    assert "Special" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert said, "the fault was not heard of at all"
    if log_format is LogFormat.JSON and fault != "logging":
        assert all({"time", "level", "event"} <= json.loads(line).keys() for line in said)


def test_words_are_found_over_several_lines(tmp_path):
    """A call that is spread over lines is read whole; what is not there has no words."""
    path = tmp_path / "source.py"
    path.write_text(
        'def f():\n    log.warning(\n        f"no {x} for {y}"\n        " at all", z\n    )\n'
    )

    assert "no … for … at all" == words_of(str(path), 2)
    assert "" == words_of(str(tmp_path / "missing.py"), 1)


def test_a_node_that_takes_no_lines_holds_up_nobody(capsys):
    """A full pipe, or one that nobody reads: standard error has the lines all the same."""
    reader, writer = Pipe(duplex=False)
    os.set_blocking(writer.fileno(), False)
    handler = StandardError(LogFormat.TEXT, writer)
    record = logging.LogRecord("library", logging.WARNING, __file__, 1, "words", None, None)
    for _ in range(2000):
        handler.handle(record)
    whole = reader.recv_bytes()
    reader.close()
    handler.handle(record)

    assert whole.endswith(f"process={os.getpid()}".encode())
    assert 2001 == len(capsys.readouterr().err.splitlines())
