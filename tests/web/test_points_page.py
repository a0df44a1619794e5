"""The page of operating points: what can be put to use, and a click that does it."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hilum.node.points import PointsDesk
from hilum.records.accounts import Role
from hilum.settings import Settings
from hilum.web.context import WebContext
from points_files import calibrated_points, site_points
from web_context import csrf_in, open_page, open_web_context


@pytest.fixture
def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WebContext]:
    """Return a web with a model."""
    monkeypatch.setenv("HILUM_SETTINGS", os.devnull)
    settings = Settings(data_folder=tmp_path).changed("model", name="demonstration")
    with open_web_context(tmp_path, settings=settings) as made:
        desk = PointsDesk(settings, made.database)
        yield replace(
            made,
            use_points=desk.use,
            card_points=lambda: tuple(desk.card.operating_points),
            named_points=lambda: desk.named_file,
        )


def test_calibrated_probabilities_are_shown_with_how_they_did(web, page, tmp_path):
    """Before and after, on how many images; why not where there is none; going back takes both."""
    assert web.use_points is not None
    web.use_points(str(calibrated_points().write(tmp_path)), "olga")
    client = page.signed_in(Role.OPERATOR)
    text = client.get("/points").text

    assert "0.210 → 0.120, 0.98" in text
    assert "n=200" in text
    assert "Too few images." in text
    assert (
        303 == client.post("/points", data={"csrf": csrf_in(text), "name": "default"}).status_code
    )
    assert "default" == web.settings.current().model.points_name


def test_a_click_puts_to_use_and_another_goes_back(web, page, tmp_path):
    """Operators only; the page says who, when, and on how many images they were chosen."""
    assert web.use_points is not None
    name = web.use_points(str(site_points().write(tmp_path)), "olga")
    client = page.signed_in(Role.OPERATOR)
    text = client.get("/points").text
    assert "chosen on 200 images of 120 patients" in text
    assert "Go back to these" in text
    form = {"csrf": csrf_in(text)}
    assert 303 == client.post("/points", data={**form, "name": "default"}).status_code
    assert "default" == web.settings.current().model.points_name
    assert 303 == client.post("/points", data={**form, "name": name}).status_code
    assert name == web.settings.current().model.points_name

    assert 409 == client.post("/points", data={**form, "name": "/etc/passwd"}).status_code
    assert 403 == page.signed_in(Role.READER).get("/points").status_code


def test_a_file_that_only_a_setting_names_is_shown_with_its_figures(web, tmp_path):
    """Under the name that results give it."""
    points = calibrated_points()
    path = str(points.write(tmp_path))
    settings = web.settings.changed("model", operating_points=path)
    desk = PointsDesk(settings, web.database)
    named = replace(web, settings=settings, named_points=lambda: desk.named_file)
    with open_page(named) as page:
        text = page.signed_in(Role.OPERATOR).get("/points").text

    assert f"In use: {points.name}" in text
    assert "The setting model.operating_points names this file." in text
    assert "chosen on 200 images of 120 patients" in text
    assert "0.210 → 0.120, 0.98" in text
