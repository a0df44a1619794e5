"""The self-test and drift on the operations page: what is shown, and what to do about it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from disagreeing import disagreed
from drifting import LABELS, MODEL, drifted, was_tested
from hilum.records import drift
from hilum.records.accounts import Role
from hilum.records.constancy import SelfTestEnd, SelfTestMode, SelfTestState
from hilum.records.drift import DriftSample
from hilum.settings import Settings
from hilum.web.context import WebContext
from web_context import ARCHIVE, Page, open_web_context

ALARM = SelfTestEnd(
    SelfTestState.ALARM, "stand-in 2", ("Mass: raw 0.3, was 0.2: changed by +0.1",), 0.1
)
OK = SelfTestEnd(SelfTestState.OK, "stand-in 2", (), 0.0)


@pytest.fixture
def every_hours() -> float:
    """Return how often the node does a self-test."""
    return 0.0


@pytest.fixture
def web(tmp_path: Path, every_hours: float) -> Iterator[WebContext]:
    """Return a web that says something of 50 images."""
    settings = Settings(data_folder=tmp_path).changed(
        "constancy",
        every_hours=every_hours,
        drift_least_images=50,
        drift_reference_images=100,
        agreement_accepted=(0.8, 1.0),
    )
    with open_web_context(tmp_path, settings=settings) as made:
        yield made


def shown(page: Page, language: str = "en") -> str:
    """Return the operations page."""
    return page.signed_in(Role.VIEWER, language=language).get("/operations").text


def test_a_new_node_is_told_how_to_begin(page: Page):
    """Nothing was tested, nothing is scheduled, nothing was counted."""
    text = shown(page)

    assert "None so far. Run hilum selftest." in text
    assert "set constancy.every_hours" in text
    assert "No data for this month or the last." in text
    assert "raised an alarm" not in text
    assert "readers agree in" not in text


def test_an_alarm_is_told_above_all_with_what_moved(page: Page, web: WebContext):
    """Its model, its lines, and what to do."""
    with web.database.transaction() as connection:
        was_tested(connection, ARCHIVE, ALARM, datetime.now(UTC))
    text = shown(page)

    assert text.index("raised an alarm") < text.index("Images waiting")
    assert "Mass: raw 0.3, was 0.2: changed by +0.1" in text
    assert "stand-in 2" in text
    assert "hilum selftest --record" in text
    assert "autoteste gerou um alarme" in shown(page, "pt-BR")


def test_the_next_self_test_that_is_well_ends_the_alarm(page: Page, web: WebContext):
    """The last one counts, and through what it went is said."""
    now = datetime.now(UTC)
    with web.database.transaction() as connection:
        was_tested(connection, ARCHIVE, ALARM, now - timedelta(hours=1))
        was_tested(connection, ARCHIVE, OK, now, SelfTestMode.OFFLINE)
    text = shown(page)

    assert "raised an alarm" not in text
    assert "as the reference" in text
    assert "offline, without PACS" in text


@pytest.mark.parametrize("every_hours", [24.0])
@pytest.mark.parametrize(("ago", "overdue"), [(47, False), (49, True)])
def test_a_self_test_that_did_not_take_place_is_told(
    page: Page, web: WebContext, ago: int, overdue: bool
):
    """When twice the time has passed."""
    with web.database.transaction() as connection:
        was_tested(connection, ARCHIVE, OK, datetime.now(UTC) - timedelta(hours=ago))
    text = shown(page)

    assert overdue is ("Overdue: one is due every 24 h." in text)
    assert "None is scheduled" not in text


def test_what_shifted_is_named_in_words_with_its_index(page: Page, web: WebContext):
    """Above all how many, below each with its medians."""
    with web.database.transaction() as connection:
        drifted(connection, ARCHIVE, moved=2.5, now=datetime.now(UTC))
    text = shown(page)

    assert text.index("9 distributions have shifted.") < text.index("Images waiting")
    assert 9 == text.count("PSI ")
    assert all(f"<strong>{label}</strong>" in text for label in LABELS[:9])
    assert "median raw value 0." in text
    assert "Find out what changed" in text
    assert "10 distributions as before" in text
    assert "valor bruto mediano 0," in shown(page, "pt-BR")


def test_readers_who_disagree_are_told_of(page: Page, web: WebContext):
    """On the operations page, and by a mark on the page of reviews."""
    with web.database.transaction() as connection:
        disagreed(connection, ARCHIVE, datetime.now(UTC))
    reader, text = page.signed_in(Role.READER), shown(page)

    assert "Pleural effusion" in text
    assert "readers agree in 0 of 8 answers (95 % interval 0–32 %)" in text
    assert 1 == reader.get("/reviews").text.count('class="caution"')


def test_a_month_like_its_reference_is_told_in_a_line(page: Page, web: WebContext):
    """Nothing shifted: no subject is named."""
    with web.database.transaction() as connection:
        drifted(connection, ARCHIVE, moved=0.0, now=datetime.now(UTC))
    text = shown(page)

    assert "19 distributions as before" in text
    assert "PSI " not in text
    assert "shifted" not in text


def test_too_few_images_are_told_as_such(page: Page, web: WebContext):
    """With how many it takes."""
    with web.database.transaction() as connection:
        one = DriftSample(MODEL, datetime.now(UTC), {"Mass": 0.3})
        drift.count(connection, ARCHIVE, one, reference_images=100)

    assert "Too few images: needs 50 images per period." in shown(page)
