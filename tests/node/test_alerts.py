"""Alerts: one for each event, by real mail and HTTP servers, also when the process dies."""

import json
import os
import signal
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from click.testing import CliRunner
from pydantic import ValidationError

from disagreeing import disagreed
from hilum.cli.main import main
from hilum.eligibility import Reason
from hilum.errors import SettingInvalid
from hilum.language import LANGUAGES, Message
from hilum.node.alert_events import of_outcome
from hilum.node.alerting import TITLES, Alerts
from hilum.node.steps import NodeContext
from hilum.records import Database, alerts, studies
from hilum.records.alerts import AlertEvent, AlertState
from hilum.records.database import sqlite_url
from hilum.records.images import ImageRecord, Settlement
from hilum.records.states import State, Urgency
from hilum.settings import AlertKind, AlertSettings, Settings
from hilum.telemetry.alerts import targets
from image_names import image_uids

NOW = datetime(2026, 11, 26, 12, 30, tzinfo=UTC)
EVENT = AlertEvent(AlertKind.CRITICAL, "own|1.9", Message("Pneumothorax"), "1.9")


@contextmanager
def hook(*, status: int = 200, hold: threading.Event | None = None) -> Iterator[Any]:
    """Serve a webhook; yields its port and what it was sent."""
    got: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            got.append(self.rfile.read(length).decode())
            if hold is not None:
                hold.wait(60)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield SimpleNamespace(port=server.server_port, got=got)
        if hold is not None:
            hold.set()
        server.shutdown()


@contextmanager
def mail_server() -> Iterator[Any]:
    """Serve SMTP, as much of it as a client needs; yields its port and the mails."""
    got: list[str] = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 hello\r\n")
            while line := self.rfile.readline().decode().strip():
                if line.upper() == "DATA":
                    self.wfile.write(b"354 go\r\n")
                    lines = iter(lambda: self.rfile.readline().decode().rstrip(), ".")
                    got.append("\n".join(lines))
                self.wfile.write(b"221 bye\r\n" if line.upper() == "QUIT" else b"250 ok\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield SimpleNamespace(port=server.server_address[1], got=got)
        server.shutdown()


@contextmanager
def node(folder: Path, low_disk: bool = False, **values: Any) -> Iterator[NodeContext]:
    """Open what alerts need of a node."""
    page = {"public_url": "https://hilum.example.org"}
    settings = Settings(data_folder=folder, alerts=values, page=page)
    with Database(sqlite_url(folder / "hilum.sqlite")) as database:
        disk = SimpleNamespace(low=low_disk, free_bytes=2**29)
        made = SimpleNamespace(
            database=database, archive="own", settings=settings, disk=disk, now=lambda: NOW
        )
        yield cast("NodeContext", made)


def tended(context: NodeContext) -> Alerts:
    """Let alerts do what there is to do, and wait for it."""
    alerting = Alerts(context)
    alerting.tend()
    alerting.close()
    return alerting


def raise_one(context: NodeContext, event: AlertEvent = EVENT) -> None:
    """Raise an alert as the step that settles an image does."""
    with context.database.transaction() as connection:
        alerts.raise_alert(connection, event, context.settings.alerts, NOW)


def states(context: NodeContext) -> list[AlertState]:
    """Return how far each alert is."""
    with context.database.look() as connection:
        return [each.state for each in alerts.newest(connection, limit=9)]


def test_a_finding_is_told_once_however_often_it_is_raised(tmp_path: Path):
    """By a webhook, a push service and a mail server, each once."""
    with hook() as web, hook() as push, mail_server() as mail:
        urls = [
            f"json://127.0.0.1:{web.port}",
            f"ntfy://127.0.0.1:{push.port}/topic",
            f"mailto://127.0.0.1:{mail.port}?from=hilum@example.org&to=pacs@example.org",
        ]
        with node(tmp_path, urls=urls) as context:
            for _ in range(3):
                raise_one(context)
                tended(context)

            assert [AlertState.SENT] * 3 == states(context)
    assert (1, 1, 1) == (len(web.got), len(push.got), len(mail.got))
    assert "Pneumothorax" in json.loads(web.got[0])["message"]
    assert "Subject: hilum: critical finding" in mail.got[0]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("named", [False, True])
def test_a_patient_is_named_only_where_the_site_says_so(tmp_path: Path, language, named: bool):
    """In the language of the settings, with the statement and a link."""
    with (
        hook() as web,
        node(
            tmp_path,
            urls=[f"json://127.0.0.1:{web.port}"],
            language=language,
            patient_data=named,
        ) as context,
    ):
        facts = studies.StudyFacts(
            "1.9", patient_name="Doe^Jane", patient_id="P-77", accession_number="ACC-1"
        )
        with context.database.transaction() as connection:
            studies.arrived(connection, "own", facts, urgency=Urgency.ROUTINE, now=NOW)
        raise_one(context)
        tended(context)
    said = json.loads(web.got[0])

    assert language.say(TITLES[AlertKind.CRITICAL]) == said["title"]
    assert (
        language.say("Research use only. Not a medical device. Not for diagnosis.")
        in (said["message"])
    )
    assert "https://hilum.example.org" in said["message"]
    assert named == all(each in said["message"] for each in ("Doe, Jane", "P-77", "ACC-1", "1.9"))
    assert named == any(each in said["message"] for each in ("Doe", "P-77", "ACC-1", "1.9"))


PROGRAM = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from node.test_alerts import node, tended
with node(Path(sys.argv[2]), urls=[sys.argv[3]]) as context:
    tended(context)
"""


def test_a_process_that_dies_while_it_sends_sends_nothing_twice(tmp_path: Path):
    """Killed in the middle: the alert may have arrived, so nobody sends it again."""
    hold = threading.Event()
    with hook(hold=hold) as web:
        url = f"json://127.0.0.1:{web.port}"
        with node(tmp_path, urls=[url]) as context:
            raise_one(context)
        tests = Path(__file__).parents[1]
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(tests), str(tmp_path), url],
            env={**os.environ, "PYTHONPATH": f"{os.environ.get('PYTHONPATH', '')}:{tests}"},
        )
        while not web.got and process.poll() is None:
            threading.Event().wait(0.05)
        process.send_signal(signal.SIGKILL)
        process.wait()
        hold.set()
        with node(tmp_path, urls=[url]) as context:
            raise_one(context)
            tended(context)

            assert [AlertState.SENDING] == states(context)
        assert 1 == len(web.got)


def test_what_a_service_does_not_take_is_tried_again(tmp_path: Path):
    """Later, and not for ever."""
    with hook(status=500) as web, node(tmp_path, urls=[f"json://127.0.0.1:{web.port}"]) as context:
        raise_one(context)
        tended(context)
        tended(context)  # it is not due yet

        assert [AlertState.WAITING] == states(context)
        assert 1 == len(web.got)
        for hours in range(1, 20):
            object.__setattr__(context, "now", lambda hours=hours: NOW + timedelta(hours=2 * hours))
            tended(context)
        assert [AlertState.FAILED] == states(context)
        assert 6 == len(web.got)


def test_a_full_disk_is_told_once_a_day(tmp_path: Path):
    """Whatever happens on that day."""
    with (
        hook() as web,
        node(tmp_path, low_disk=True, urls=[f"json://127.0.0.1:{web.port}"]) as context,
    ):
        tended(context)
        tended(context)
    assert ["hilum: disk space is low"] == [json.loads(each)["title"] for each in web.got]


def test_agreement_that_is_not_accepted_is_told_once_a_month(tmp_path: Path):
    """By finding and figures; what readers named in their own words is not told."""
    with hook() as web, node(tmp_path, urls=[f"json://127.0.0.1:{web.port}"]) as context:
        with context.database.transaction() as connection:
            disagreed(connection, "own", NOW)
        tended(context)
        assert [] == web.got
        strict = context.settings.changed("constancy", agreement_accepted=(0.8, 1.0))
        accepting = cast("NodeContext", SimpleNamespace(**{**vars(context), "settings": strict}))
        tended(accepting)
        tended(accepting)

    (told,) = [json.loads(each) for each in web.got]
    assert "hilum: readers and AI disagree" == told["title"]
    assert "Pleural effusion, 2026-11: readers agree in 0 of 8 answers" in told["message"]
    assert "rib notching" not in told["message"]


def test_kinds_that_are_not_wanted_are_not_raised(tmp_path: Path):
    """By the settings."""
    with node(tmp_path, urls=["json://127.0.0.1:9"], kinds=["drift"]) as context:
        raise_one(context)

        assert [] == states(context)


@pytest.mark.parametrize(
    ("hours", "at", "due"),
    [
        ("22:00-06:30", "21:59", "21:59"),
        ("22:00-06:30", "22:00", "06:30+1"),
        ("22:00-06:30", "02:00", "06:30"),
        ("22:00-06:30", "06:30", "06:30"),
        ("12:00-13:00", "12:30", "13:00"),
        ("12:00-12:00", "12:00", "12:00"),
    ],
)
def test_quiet_hours_hold_back_all_but_what_is_critical(hours: str, at: str, due: str):
    """Until their end, on this machine's clock."""
    settings = AlertSettings(quiet_hours=hours)
    now = datetime.fromisoformat(f"2026-11-26T{at}").astimezone()
    clock, _, days = due.partition("+")
    end = datetime.fromisoformat(f"2026-11-26T{clock}").astimezone()
    end += timedelta(days=int(days or 0))

    assert end == settings.due(AlertKind.DRIFT, now)
    assert now == settings.due(AlertKind.CRITICAL, now)


@pytest.mark.parametrize("hours", ["22-6", "24:00-06:00", "22:00", "22:00-06:60", ""])
def test_quiet_hours_that_are_none_are_refused(hours: str):
    """With the form that they have."""
    with pytest.raises(ValidationError):
        AlertSettings(quiet_hours=hours)


@pytest.mark.parametrize("url", ["", "nonsense", "nosuch://x", "json://", "mailto://"])
def test_an_address_that_nobody_knows_stops_the_start(tmp_path: Path, url: str):
    """And its password is not in what is said."""
    with node(tmp_path, urls=[url]) as context, pytest.raises(SettingInvalid, match="address 1"):
        Alerts(context)


def record(urgency: Urgency = Urgency.ROUTINE) -> ImageRecord:
    """Return the line of an image."""
    return cast(
        "ImageRecord",
        SimpleNamespace(archive="own", uids=image_uids("1.2", "1.9"), urgency=urgency),
    )


def document(label: str, *, positive: bool = True, demonstration: bool = False) -> dict[str, Any]:
    """Return a reading with one finding."""
    finding = {"label": label, "positive": positive}
    model = {"name": "net", "demonstration": demonstration}
    return {"model": model, "readings": [{"findings": [finding]}]}


READ = Settlement(State.STORED)


@pytest.mark.parametrize(
    ("read", "image", "told"),
    [
        (document("Pneumothorax"), record(), True),
        (document("Mass"), record(), False),
        (document("Pneumothorax", positive=False), record(), False),
        (document("Pneumothorax", demonstration=True), record(), False),
        (document("Pneumothorax"), record(Urgency.BACKFILL), False),
        (None, record(), False),
    ],
    ids=["critical", "not critical", "negative", "demonstration", "old", "refused"],
)
def test_only_critical_findings_of_new_images_are_told(read, image, told: bool):
    """And those of the demonstration model never."""
    event = of_outcome(image, READ, read, AlertSettings(), NOW)

    assert told == (event is not None)


def test_a_storm_of_failures_is_one_alert_an_hour():
    """With the reason of the first."""
    end = replace(READ, state=State.FAILED, reasons=(Reason("pacs", Message("It is away.")),))
    events = [
        of_outcome(record(), end, None, AlertSettings(), NOW + timedelta(minutes=each))
        for each in (0, 10, 40)
    ]

    assert [True, True, False] == [each.event == events[0].event for each in events if each]
    assert "Images failed. The first: It is away. See Operations." == events[0].text


def test_the_test_command_says_which_service_took_it(tmp_path: Path):
    """And fails when one did not; no address is printed."""
    with hook() as good, hook(status=500) as bad:
        urls = [f"json://user:secret@127.0.0.1:{each.port}" for each in (good, bad)]
        variables = {"HILUM_ALERTS__URLS": json.dumps(urls), "HILUM_DATA_FOLDER": str(tmp_path)}
        done = CliRunner().invoke(main, ["alerts", "test"], env=variables)

    assert 1 == done.exit_code
    assert "1 (json): sent\n2 (json): not accepted" in done.output
    assert "secret" not in done.output
    assert "test alert" in good.got[0]


def test_targets_have_names_without_addresses():
    """In the log and in the database."""
    (target,) = targets(AlertSettings(urls=["json://user:secret@127.0.0.1:1"]))

    assert "secret" not in target.name + target.digest + repr(target)
