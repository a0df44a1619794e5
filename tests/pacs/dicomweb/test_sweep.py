"""Sweeps find each image at least once, whatever happens between two of them."""

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

import httpx
import pytest

from hilum.errors import PacsUnavailable
from hilum.pacs.dicomweb.archive import DicomWebArchive
from hilum.pacs.dicomweb.client import ObjectPath
from hilum.pacs.dicomweb.sweep import SURE, SweepPlan
from scripted_dicomweb import ScriptedDicomWeb

TODAY = date(2024, 1, 5)


@dataclass
class Site:
    """An archive, and somebody who follows it."""

    server: ScriptedDicomWeb
    plan: dict = field(default_factory=dict)
    today: date = TODAY
    now: float = 0.0
    position: str = ""
    found: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Forget all but the position."""
        plan = SweepPlan(today=lambda: self.today, clock=lambda: self.now, **self.plan)
        self.archive = DicomWebArchive("http://pacs/web", transport=self.server, plan=plan)

    def step(self, limit: int = 3, *, kept: bool = True) -> list[str]:
        """Take the next page; return what is new in it."""
        page = self.archive.arrivals(self.position, limit)
        assert len(page.references) <= limit
        if kept:
            self.position = page.position
            self.found += page.references
        self.more = page.more
        return list(page.references)

    def sweep(self) -> list[str]:
        """Follow until the end of a sweep."""
        found = self.step()
        while self.more:
            found += self.step()
        return found

    def put(self, **attributes: str) -> str:
        return str(ObjectPath(*self.server.put(**attributes)))


@pytest.fixture(
    params=[{}, {"counts": False}, {"turns": False}, {"empty": 204}, {"most": 11}], ids=str
)
def site(request: pytest.FixtureRequest) -> Site:
    """Return each kind of server."""
    return Site(ScriptedDicomWeb(**request.param))


def test_each_image_is_found_once(site: Site):
    """Over restarts too."""
    images = {site.put() for _ in range(8)}
    assert images == set(site.sweep())
    assert [] == site.sweep()
    site.restart()
    images.add(site.put())
    site.sweep()

    assert sorted(images) == sorted(site.found)


def test_page_that_was_not_kept_is_found_again(site: Site):
    """The database was away, or another one followed."""
    images = {site.put() for _ in range(8)}
    for _ in range(4):
        site.step(kept=False)
        site.step()
    site.step(kept=False)
    for _ in range(SURE + 1):
        site.sweep()

    assert images == set(site.found)


def test_late_images_and_series_are_found(site: Site):
    """However often nothing was new in their study before."""
    first = site.put(StudyInstanceUID="1.2.3", SeriesInstanceUID="1.2.3.1")
    for _ in range(SURE + 2):
        site.sweep()
    late = {
        site.put(StudyInstanceUID="1.2.3", SeriesInstanceUID="1.2.3.1"),
        site.put(StudyInstanceUID="1.2.3"),
    }

    assert [first] == site.found
    assert late == set(site.sweep())


def test_images_are_found_while_others_are_stored():
    """Each time in another order, with pages that move below the reader."""
    for seed in range(15):
        random = Random(seed)
        site = Site(ScriptedDicomWeb(most=random.randint(10, 20), counts=random.random() < 0.5))
        images: set[str] = set()
        for _ in range(12):
            for _ in range(random.randint(0, 4)):
                study = f"1.2.{random.randint(0, 9)}"
                images.add(site.put(StudyInstanceUID=study))
            kept = list(site.server.kept.items())
            random.shuffle(kept)
            site.server.kept = dict(kept)
            site.step(random.randint(1, 4), kept=random.random() < 0.8)
            if random.random() < 0.1:
                site.restart()
        for _ in range(SURE + 2):
            site.sweep()

        assert images == set(site.found), f"seed {seed}"
        assert len(images) == len(site.found), f"seed {seed}"


def test_index_that_lags_behind_its_count_hides_nothing():
    """The count is of all images before all are listed."""
    site = Site(ScriptedDicomWeb())
    first = site.put(StudyInstanceUID="1.2.3")
    site.sweep()
    second = site.put(StudyInstanceUID="1.2.3")
    site.server.indexed = lambda uids: f"{ObjectPath(*uids)}" != second
    real = site.server._search

    def counted(params: dict, path: list) -> httpx.Response:
        if path != ["studies"]:
            return real(params, path)
        site.server.indexed, lagging = (lambda _: True), site.server.indexed
        answer = real(params, path)
        site.server.indexed = lagging
        return answer

    site.server._search = counted
    for _ in range(SURE - 1):
        site.sweep()
    site.server.indexed = lambda _: True
    site.sweep()

    assert [first, second] == site.found


def test_study_that_did_not_change_is_not_asked_about():
    """Where the server counts, but for once a day."""
    site = Site(ScriptedDicomWeb())
    for _ in range(5):
        site.put()
    for _ in range(SURE + 2):
        site.sweep()
    site.server.asked.clear()
    site.sweep()
    assert ["GET studies"] == site.server.asked
    site.today += timedelta(days=1)
    site.sweep()

    assert len(site.server.asked) > 5


def test_sweep_breaks_off_and_begins_anew_with_a_server_that_is_away(site: Site):
    """Nothing is lost, wherever it happened."""
    images = {site.put() for _ in range(6)}
    for at in range(20):
        left = [at]

        def fault(_: httpx.Request, left: list[int] = left) -> httpx.Response | None:
            left[0] -= 1
            return httpx.Response(503) if left[0] == 0 else None

        site.server.fault = fault
        with suppress(PacsUnavailable):
            site.sweep()
        images.add(site.put())
    site.server.fault = lambda _: None
    site.sweep()
    site.sweep()

    assert images == set(site.found)


def test_study_that_cannot_be_searched_holds_up_no_other():
    """It is asked for again in each sweep, and nothing is forgotten because of it."""
    site = Site(ScriptedDicomWeb())
    bad = site.put(StudyInstanceUID="1.2.3", StudyDate="20231225")
    good = {site.put() for _ in range(5)}

    def fault(request: httpx.Request) -> httpx.Response | None:
        return httpx.Response(500) if "/studies/1.2.3/" in request.url.path else None

    site.server.fault = fault
    for _ in range(20):
        with suppress(PacsUnavailable):
            site.step()
        if len(good) < 10:
            good.add(site.put())
    assert good == set(site.found)
    site.server.fault = lambda _: None
    site.sweep()
    site.sweep()

    assert {*good, bad} == set(site.found)


@pytest.mark.parametrize(
    ("days_ago", "found"), [(-1, 1), (0, 1), (3, 1), (14, 1), (15, 0), (-2, 0), (400, 0)]
)
def test_studies_of_the_days_of_the_settings_are_found(days_ago: int, found: int):
    """Fourteen days back at the start, and one ahead: elsewhere it is tomorrow."""
    site = Site(ScriptedDicomWeb())
    site.put(StudyDate=f"{TODAY - timedelta(days=days_ago):%Y%m%d}")

    assert found == len(site.sweep())


def test_older_studies_are_looked_for_once_a_day():
    """What comes late for a study of a week ago is found the next day."""
    site = Site(ScriptedDicomWeb())
    site.sweep()
    old = site.put(StudyDate="20231230")
    assert [] == site.sweep()
    site.today += timedelta(days=1)

    assert [old] == site.sweep()


def test_what_is_too_old_is_forgotten():
    """A position does not grow for ever."""
    site = Site(ScriptedDicomWeb())
    for _ in range(20):
        site.put()
    site.sweep()
    full = len(site.position)
    site.today += timedelta(days=100)
    site.sweep()

    assert full > 20 * 8
    assert "" == site.position
    assert [] == site.sweep()


def test_only_series_of_wanted_modalities_are_taken_up():
    """A CT of a thousand slices is not fetched; what says no modality is."""
    site = Site(ScriptedDicomWeb(), {"modalities": frozenset({"DX", "SR"})})
    wanted = {site.put(), site.put(Modality="SR"), site.put(Modality="")}
    site.put(Modality="CT")

    assert wanted == set(site.sweep())


def test_searches_are_so_far_apart_as_the_settings_say():
    """From the end of one to the begin of the next."""
    site = Site(ScriptedDicomWeb(), {"every_s": 5.0})
    site.sweep()
    image = site.put()
    site.now = 4.9
    assert [] == site.sweep()
    site.now = 5.0

    assert [image] == site.sweep()


def test_what_is_there_at_the_start_may_be_left_alone():
    """What comes later is found; the position says nothing of a patient."""
    site = Site(ScriptedDicomWeb())
    for _ in range(70):
        site.put()
    site.position = site.archive.newest()
    later = site.put()

    assert [later] == site.sweep()
    assert "1.2" not in site.position
