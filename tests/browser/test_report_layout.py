"""The report on a phone and on paper, in a real browser."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from playwright.sync_api import Browser, Page

from hilum.cli.main import main
from label_look_alikes import simulated, written

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def report(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """Return the report of an evaluation with misses, in a browser."""
    folder = tmp_path_factory.mktemp("report")
    readings, labels = written(folder, *simulated(400, 5, findings=("Effusion", "Mass")))
    given = ["evaluate", readings, "--labels", labels, "--out", folder]
    done = CliRunner().invoke(main, [str(each) for each in given])
    assert 0 == done.exit_code, done.output
    page = chromium.new_page()
    page.goto(Path(folder, "report.html").as_uri())
    yield page
    page.close()


@pytest.mark.parametrize("width", [320, 360, 768, 1280])
def test_nothing_is_wider_than_the_screen(report: Page, width: int):
    """Wide tables and pictures scroll by themselves."""
    report.set_viewport_size({"width": width, "height": 800})

    assert width == report.evaluate("document.documentElement.scrollWidth")


def test_paper_has_every_figure_and_colour(report: Page):
    """Nobody can open a fold on paper, and squares mean nothing without their colour."""
    figures = report.get_by_text("negative predictive value").first
    assert not figures.is_visible()
    report.emulate_media(media="print")
    try:
        assert figures.is_visible()
        assert "exact" == report.evaluate("getComputedStyle(document.body).printColorAdjust")
    finally:
        report.emulate_media(media="screen")
