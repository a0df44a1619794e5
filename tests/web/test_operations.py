"""The operations page: what waits, what went wrong, and the buttons to mend it."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hilum.eligibility import Reason
from hilum.records import forwards, images, throughput, workers
from hilum.records.accounts import Role
from hilum.records.forwards import ForwardState
from hilum.records.images import Arrived, Settlement
from hilum.records.job import Job
from hilum.records.states import State, Urgency
from hilum.records.workers import Worker
from hilum.web.context import InstalledModel, NodeCheck, WebContext
from image_names import image_uids
from web_context import ARCHIVE, Page, csrf_in, open_web_context, trail

REFUSED = Reason("not_frontal", "not a frontal view: View Position is LL")
FAILED = Reason("pacs", "The PACS answered HTTP 503.")


@pytest.fixture
def web(tmp_path: Path, retry: Callable[[Sequence[str]], int]) -> Iterator[WebContext]:
    """Return a web of a node that is not well."""
    with open_web_context(
        tmp_path,
        retry=retry,
        health=lambda: (NodeCheck("Disk", ok=False, text="1 % free", remedy="Free space."),),
        models=lambda: (InstalledModel("mine", "2", "ab", True, True, False, False, "of Rio"),),
    ) as made:
        yield made


def settle(web: WebContext, uid: str, end: Settlement, ago: timedelta, took_s: float = 1.0) -> None:
    """Write down an image and its end."""
    at = datetime.now(UTC) - ago
    new = Arrived(ARCHIVE, image_uids(uid, "1.2"), f"id{uid}", None, Urgency.ROUTINE, at)
    with web.database.transaction() as connection:
        job = images.arrived(connection, new)
        assert job is not None
        images.begin(connection, job, at)
        images.settle(connection, job, end, at + timedelta(seconds=took_s))


def test_an_empty_node_is_shown_as_such(page: Page):
    """No division by nothing."""
    shown = page.signed_in(Role.VIEWER).get("/operations")

    assert 200 == shown.status_code
    assert "Nothing has failed." in shown.text
    assert "All images were analyzed." in shown.text
    assert "The PACS does not answer" in shown.text


def test_everything_that_went_wrong_is_shown_with_its_reason(page: Page, web: WebContext):
    """Failures, refusals, bad health, an unverified model, processes."""
    settle(web, "1", Settlement(State.FAILED, (FAILED,)), timedelta(minutes=5))
    settle(web, "2", Settlement(State.REFUSED, (REFUSED,)), timedelta(minutes=5))
    with web.database.transaction() as connection:
        workers.beat(connection, Worker("a", "reading-1", "node", "mine", "9"))

    shown = page.signed_in(Role.VIEWER).get("/operations").text

    assert FAILED.text in shown
    assert REFUSED.text in shown
    assert "Free space." in shown
    assert "unverified" in shown
    assert "reading-1" in shown


def test_the_part_that_renews_itself_is_the_part_that_was_shown(page: Page):
    """And asks nobody to sign in within it."""
    client = page.signed_in(Role.VIEWER)
    part = client.get("/operations/live").text

    assert "<html" not in part
    assert part.strip()[:40] in client.get("/operations").text


def test_an_operator_retries_one_and_all(page: Page, web: WebContext, asked: list[str]):
    """It is said how many will be read, and written down who asked."""
    for uid in ("1.1", "1.2"):
        settle(web, uid, Settlement(State.FAILED, (FAILED,)), timedelta(minutes=5))
    client = page.signed_in(Role.OPERATOR)
    csrf = csrf_in(client.get("/operations").text)

    one = client.post("/operations/retry", data={"csrf": csrf, "uid": "1.1"})
    every = client.post("/operations/retry", data={"csrf": csrf, "state": "failed"})

    assert "1 image will be read again." in client.get(one.headers["location"]).text
    assert "2 images will be read again." in client.get(every.headers["location"]).text
    assert ["1.1", "1.1", "1.2"] == sorted(asked)
    assert [("some.operator", "image.retried")] * 2 == trail(web)


def test_an_operator_sends_what_failed_again(page: Page, web: WebContext):
    """The panel names target and reason; who asked is written down."""
    job = Job(web.archive, image_uids("1.1"), "id", 1)
    with web.database.transaction() as connection:
        sent = forwards.add(connection, job, "hl7:RIS", datetime.now(UTC))
        why = "It answered AE."
        forwards.change(connection, sent, ForwardState.FAILED, why, datetime.now(UTC))
    client = page.signed_in(Role.OPERATOR)
    shown = client.get("/operations").text

    assert "hl7:RIS" in shown
    assert why in shown
    answer = client.post("/operations/deliveries/retry", data={"csrf": csrf_in(shown)})
    assert "/operations#deliveries" == answer.headers["location"]
    assert [("some.operator", "delivery.retried")] == trail(web)
    viewer = page.signed_in(Role.VIEWER)
    csrf = csrf_in(viewer.get("/operations").text)
    refused = viewer.post("/operations/deliveries/retry", data={"csrf": csrf})
    assert 403 == refused.status_code


def test_a_viewer_sees_no_button_that_works(page: Page, web: WebContext):
    """They are there, disabled: what is possible is no secret."""
    settle(web, "1", Settlement(State.FAILED, (FAILED,)), timedelta(minutes=5))
    shown = page.signed_in(Role.VIEWER).get("/operations").text

    assert 2 == shown.count('<button class="button" disabled')


def test_hours_are_counted_by_their_end_and_the_old_are_left_out(web: WebContext):
    """The last hour is the one that is not over."""
    now = datetime(2026, 11, 22, 15, 30, tzinfo=UTC)
    since = datetime.now(UTC) - now
    settle(web, "1", Settlement(State.STORED, (), ("9",)), since + timedelta(minutes=20))
    settle(web, "2", Settlement(State.REFUSED, (REFUSED,)), since + timedelta(minutes=40))
    settle(web, "3", Settlement(State.STORED, (), ("9",)), since + timedelta(hours=3, minutes=40))
    with web.database.look() as connection:
        hours = throughput.per_hour(connection, ARCHIVE, hours=3, now=now)

    assert [13, 14, 15] == [hour.begins.hour for hour in hours]
    assert [{}, {State.REFUSED: 1}, {State.STORED: 1}] == [hour.ended for hour in hours]


def test_images_that_wait_for_a_model_are_counted_once(page: Page, web: WebContext):
    """They are not in the queue."""
    for n, state in enumerate((State.HELD, State.QUEUED, State.QUEUED)):
        uids, at = image_uids(f"1.{n}", "1.2"), datetime.now(UTC)
        with web.database.transaction() as connection:
            new = Arrived(ARCHIVE, uids, f"{n}", None, Urgency.ROUTINE, at)
            images.arrived(connection, new, held=state is State.HELD)
    text = " ".join(page.signed_in(Role.VIEWER).get("/operations").text.split())

    assert "<dt>Images waiting</dt> <dd>2</dd>" in text
    assert "<dt>Waiting for a model</dt> <dd>1</dd>" in text


def test_refusals_that_read_differently_are_counted_apart(web: WebContext):
    """Also where their code is the same."""
    for uid, modality in (("1", "CT"), ("2", "CT"), ("3", "MR")):
        reason = Reason("modality", f"Modality {modality} is not supported")
        settle(web, uid, Settlement(State.REFUSED, (reason,)), timedelta(hours=1))
    with web.database.look() as connection:
        since = datetime.now(UTC) - timedelta(days=7)
        found = throughput.refusals(connection, ARCHIVE, since=since)

    assert [("Modality CT is not supported", 2), ("Modality MR is not supported", 1)] == [
        (each.text, each.images) for each in found
    ]


def test_refused_image_is_retried_from_its_study(page: Page, web: WebContext, asked: list[str]):
    """The way leads back to the study; only operators may."""
    settle(web, "1", Settlement(State.REFUSED, (REFUSED,)), timedelta(minutes=5))
    operator, path = page.signed_in(Role.OPERATOR), "/studies/1.2/images/1/retry"
    form = {"csrf": csrf_in(operator.get("/operations").text)}
    answer = operator.post(path, data=form)
    reader = page.signed_in(Role.READER)
    form = {"csrf": csrf_in(reader.get("/operations").text)}

    assert (303, ["1"]) == (answer.status_code, asked)
    assert answer.headers["location"].startswith("/studies/1.2?image=1")
    assert 403 == reader.post(path, data=form).status_code
    assert ("some.operator", "image.retried") in trail(web)


def test_refusals_are_counted_by_reason(web: WebContext):
    """An image with two reasons counts for both; old ones do not count."""
    other = Reason("too_small", "too small: 100 × 100")
    settle(web, "1", Settlement(State.REFUSED, (REFUSED, other)), timedelta(hours=1))
    settle(web, "2", Settlement(State.REFUSED, (REFUSED,)), timedelta(hours=2))
    settle(web, "3", Settlement(State.REFUSED, (other,)), timedelta(days=9))
    with web.database.look() as connection:
        since = datetime.now(UTC) - timedelta(days=7)
        found = throughput.refusals(connection, ARCHIVE, since=since)

    assert [("not_frontal", 2), ("too_small", 1)] == [(each.code, each.images) for each in found]
    assert REFUSED.text == found[0].text
