"""The picture stage in a browser: units, windows, lengths, turns, two studies side by side."""

import base64
import re
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from pydicom import Dataset

from browser.page.conftest import Tabs
from browser.people import Look
from hilum import pixels
from hilum.errors import RadiographRefused
from hilum.records.accounts import Role
from hilum.settings import PixelSettings
from hilum.web.context import WebContext
from hilum.web.displayed import packed
from page_studies import Shown, add_read, chest
from pixel_cases import CASES

pytestmark = pytest.mark.browser

LARGEST_SIGMOID_ERROR = 1
"""Of 255 shades: two ways of rounding."""

NEXT_FRAME = """() => new Promise(
  (done) => requestAnimationFrame(() => requestAnimationFrame(done)),
)"""

SHADES = """async ([module, packed]) => {
  const { shades, unpack } = await import(module);
  const { facts, pixels } = unpack(Uint8Array.from(atob(packed), (each) => each.charCodeAt(0)));
  const table = shades(facts, facts.presets[0], facts.inverted);
  return [...pixels].map((code) => table[code]);
}"""


def ready(tab: Page, count: int = 1) -> Page:
    """Return a tab whose radiographs and maps are drawn."""
    expect(tab.locator('[data-stage][data-ready="yes"]')).to_have_count(count)
    return tab


def centre(tab: Page, number: int = 0) -> tuple[float, float]:
    """Return the middle of a stage on the screen."""
    box = tab.locator("[data-stage]").nth(number).bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def drag(tab: Page, right: float, down: float, button: str = "left", number: int = 0) -> None:
    """Drag on a stage from its middle."""
    x, y = centre(tab, number)
    tab.mouse.move(x, y)
    tab.mouse.down(button=button)  # type: ignore[arg-type]
    tab.mouse.move(x + right, y + down, steps=4)
    tab.mouse.up(button=button)  # type: ignore[arg-type]


def said(tab: Page, name: str, number: int = 0) -> str:
    """Return what one of the corners says."""
    return tab.locator(f"[data-{name}]").nth(number).inner_text()


def letters(tab: Page) -> dict[str, str]:
    """Return the directions at the edges."""
    found = {}
    for side in ("top", "right", "bottom", "left"):
        found[side] = tab.locator(f'[data-side="{side}"]').first.inner_text()
    return found


def of_one_person(*dates: str) -> list[Dataset]:
    """Return studies of one patient on these dates, each of another size."""
    made = [chest(3, ("effusion",)) for _ in dates]
    for number, (image, day) in enumerate(zip(made, dates, strict=True), 1):
        image.StudyDate = day
        image.StudyInstanceUID = f"1.2.40.{number}"
        image.SeriesInstanceUID, image.SOPInstanceUID = f"1.2.40.{number}.1", f"1.2.40.{number}.2"
        image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
        image.ImagerPixelSpacing = [0.9 * number, 0.9 * number]
    return made


@pytest.fixture
def shown(web: WebContext) -> Shown:
    """Return a phantom with an effusion that was read."""
    return add_read(web, chest())


def test_script_shows_every_kind_of_image_as_the_model_is_shown_it(
    tabs: Tabs, shown: Shown
) -> None:
    """Windows, tables, MONOCHROME1, padding, 8 and 32 bits: each row of docs/pixels.md."""
    tab = ready(tabs.open(Role.VIEWER, shown.path))
    module = tab.locator('link[rel="modulepreload"][href*="stage.js"]').get_attribute("href")
    assert module is not None
    different = []
    for name, case in CASES.items():
        try:
            made = pixels.viewer_image(case.make(), PixelSettings())
        except RadiographRefused:
            continue
        sent = zlib.decompress(packed(made.codes, made.facts))
        address = module.replace("stage.js", "window.js")
        drawn = tab.evaluate(SHADES, [address, base64.b64encode(sent).decode()])
        if np.abs(np.array(drawn) - made.shown.ravel().astype(int)).max() > LARGEST_SIGMOID_ERROR:
            different.append(name)

    assert [] == different


def test_window_is_in_the_units_of_the_image(web: WebContext, tabs: Tabs) -> None:
    """At first that of the image, by its own name; then by hand, and back by a key."""
    image = chest()
    image.RescaleSlope, image.RescaleIntercept, image.RescaleType = 2, -1000, "OD"
    image.WindowCenter, image.WindowWidth = [1000, 900], [2000, 1000]
    image.WindowCenterWidthExplanation = ["STANDARD", "SOFT"]
    tab = ready(tabs.open(Role.VIEWER, add_read(web, image).path))
    assert "W 2000 L 1000 OD · STANDARD" == said(tab, "window")
    drag(tab, 60, 0, button="right")
    assert re.fullmatch(r"W 2\d\d\d L 1000 OD", said(tab, "window"))
    tab.keyboard.press("l")
    assert said(tab, "window").endswith("Lung")
    tab.keyboard.press("w")
    assert "W 2000 L 1000 OD · STANDARD" == said(tab, "window")
    tab.select_option("[data-others]", label="SOFT")

    assert "W 1000 L 900 OD · SOFT" == said(tab, "window")


def test_value_under_the_pointer_is_that_of_the_file(web: WebContext, tabs: Tabs) -> None:
    """In the units after the rescale, with column and row."""
    image = chest()
    image.RescaleSlope, image.RescaleIntercept = 2, -1000
    tab = ready(tabs.open(Role.VIEWER, add_read(web, image).path))
    tab.mouse.move(*centre(tab))
    found = re.fullmatch(r"x (\d+) y (\d+): (-?\d+)", said(tab, "probe"))

    assert found is not None
    column, row, value = map(int, found.groups())
    assert 2 * int(image.pixel_array[row, column]) - 1000 == value


def test_lengths_are_in_mm_where_the_image_has_a_spacing(web: WebContext, tabs: Tabs) -> None:
    """They say that they hold at the detector; a click takes the last one away."""
    image = chest()
    image.ImagerPixelSpacing = [2, 2]
    tab = ready(tabs.open(Role.VIEWER, add_read(web, image).path))
    tab.keyboard.press("m")
    expect(tab.locator("[data-caveat]")).to_contain_text("at the detector")
    expect(tab.locator("[data-caveat]")).to_contain_text("not saved")
    tab.keyboard.press("1")
    drag(tab, 100, 0)
    line = tab.locator("[data-measures] text")
    expect(line).to_have_text("200.0 mm at the detector")
    tab.mouse.click(*centre(tab))

    expect(line).to_have_count(0)


def test_lengths_are_in_pixels_where_it_has_none(web: WebContext, tabs: Tabs) -> None:
    """And that is said."""
    image = chest()
    image.ImagerPixelSpacing, image.PixelSpacing = [0, 0], [0, 0]
    tab = ready(tabs.open(Role.VIEWER, add_read(web, image).path))
    tab.keyboard.press("m")
    tab.keyboard.press("1")
    drag(tab, 0, 80)

    expect(tab.locator("[data-measures] text")).to_have_text("80.0 px")
    expect(tab.locator("[data-caveat]")).to_contain_text("no pixel spacing")


def test_letters_follow_the_turns(tabs: Tabs, shown: Shown) -> None:
    """A quarter to the right, a mirror image; then the measurement's line turns too."""
    tab = ready(tabs.open(Role.VIEWER, shown.path))
    assert {"top": "H", "right": "L", "bottom": "F", "left": "R"} == letters(tab)
    tab.keyboard.press("q")
    assert {"top": "R", "right": "H", "bottom": "L", "left": "F"} == letters(tab)
    tab.keyboard.press("x")

    assert {"top": "R", "right": "F", "bottom": "L", "left": "H"} == letters(tab)


def test_image_that_lies_on_its_side_is_shown_upright(web: WebContext, tabs: Tabs) -> None:
    """As Patient Orientation says; the canvas then shows what the small JPEG did."""
    image = chest()
    image.PixelData = np.rot90(image.pixel_array).tobytes()
    image.Rows, image.Columns = image.Columns, image.Rows
    image.PatientOrientation = ["F", "R"]
    tab = ready(tabs.open(Role.VIEWER, add_read(web, image).path))

    assert {"top": "H", "right": "L", "bottom": "F", "left": "R"} == letters(tab)


def test_no_key_has_two_meanings(web: WebContext, tabs: Tabs) -> None:
    """Those of the picture, of the answers and of the form are one table."""
    shown = [add_read(web, each) for each in of_one_person("20250101", "20260101")][-1]
    tab = ready(tabs.open(Role.READER, shown.path))
    named = tab.locator("[data-key]").evaluate_all("all => all.map(each => each.dataset.key)")
    keys = [key for name in named for key in name.split()]
    keys += tab.locator("kbd[data-does]").all_text_contents()

    assert sorted(set(keys)) == sorted(keys)


def test_frame_of_what_the_model_saw(tabs: Tabs, shown: Shown) -> None:
    """It is drawn when it is asked for."""
    tab = ready(tabs.open(Role.VIEWER, shown.path))
    frame = tab.locator("[data-outlines] .field")
    expect(frame).to_have_count(0)
    tab.keyboard.press("t")

    expect(frame).to_have_attribute("height", "384")


def test_prior_is_beside_the_current_one_at_the_same_scale(
    web: WebContext, tabs: Tabs, violations: Callable[[Page], list[str]]
) -> None:
    """In mm, whatever the pixels are; zoom and window of one are those of both."""
    prior, current = (add_read(web, each) for each in of_one_person("20250101", "20260101"))
    tab = ready(tabs.open(Role.VIEWER, current.path))
    tab.keyboard.press("s")
    ready(tab, 2)

    def scales() -> list[float]:
        groups = tab.locator("[data-outlines] g")
        return [groups.nth(n).evaluate("g => g.getCTM().a") for n in (0, 1)]

    current_scale, prior_scale = scales()
    assert current_scale / 1.8 == pytest.approx(prior_scale / 0.9)
    assert [current.study, prior.study] == [
        each.get_attribute("data-pixels", timeout=1000).split("/")[2]  # type: ignore[union-attr]
        for each in tab.locator("[data-stage]").all()
    ]
    tab.keyboard.press("+")
    place(tab, "a")
    assert scales() == pytest.approx([current_scale * 1.25, prior_scale * 1.25])
    drag(tab, 50, 20, button="right", number=1)
    assert said(tab, "window", 0) == said(tab, "window", 1) != ""
    assert [] == violations(tab)
    tab.keyboard.press("s")

    ready(tab)


def test_nobody_elses_study_is_beside_it(web: WebContext, tabs: Tabs) -> None:
    """Neither another person's with the same ID, nor one that the address names."""
    other, current = of_one_person("20250101", "20260101")
    other.PatientBirthDate, other.PatientName = "19310101", "SOMEBODY^ELSE"
    stranger, shown = add_read(web, other), add_read(web, current)
    tab = ready(tabs.open(Role.VIEWER, f"{shown.path}?compare={stranger.study}"))

    expect(tab.locator("[data-stage]")).to_have_count(1)
    expect(tab.locator(".compare")).to_have_count(0)


def test_course_has_its_dates_and_the_operating_point(web: WebContext, tabs: Tabs) -> None:
    """Where there are two points; one alone is no course."""
    images = of_one_person("20250101", "20260101")
    first = add_read(web, images[0])
    tab = ready(tabs.open(Role.VIEWER, first.path))
    expect(tab.locator(".course")).to_have_count(0)
    tab = ready(tabs.open(Role.VIEWER, add_read(web, images[1]).path))
    course = tab.locator(".course").first

    for text in ("0.00", "0.50", "1.00", "Jan 1, 2025", "Jan 1, 2026"):
        expect(course.locator("text", has_text=text)).to_have_count(1)


PHONE = Look((390, 760))


class Fingers:
    """Touches a screen."""

    def __init__(self, tab: Page) -> None:
        self.tab = tab
        self.session = tab.context.new_cdp_session(tab)
        self.session.send("Emulation.setTouchEmulationEnabled", {"enabled": True})

    def touch(self, kind: str, *places: tuple[float, float]) -> None:
        """Put fingers down (Start), move them, or lift them (End)."""
        points = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(places)]
        self.session.send(
            "Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": points}
        )

    def drag(self, x: float, y: float, down: int) -> None:
        """Move one finger up or down the screen."""
        self.touch("Start", (x, y))
        for step in range(0, down, 10 if down > 0 else -10):
            self.touch("Move", (x, y + step))
        self.touch("End")


def place(tab: Page, name: str) -> float:
    """Return one of the numbers that place the radiograph on the screen."""
    drawn = tab.locator("[data-outlines] g").first
    tab.evaluate(
        "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )
    return float(drawn.evaluate(f"g => g.getCTM().{name}"))


def test_a_swipe_on_the_radiograph_scrolls_the_page(tabs: Tabs, shown: Shown) -> None:
    """And leaves the radiograph where it is."""
    tab = ready(tabs.open(Role.VIEWER, shown.path, PHONE))
    before = place(tab, "f")
    Fingers(tab).drag(*centre(tab), -250)

    tab.wait_for_function("() => scrollY > 100")
    assert before == place(tab, "f")


def test_two_fingers_zoom_the_radiograph(tabs: Tabs, shown: Shown) -> None:
    """Not the page; then one finger moves it."""
    tab = ready(tabs.open(Role.VIEWER, shown.path, PHONE))
    fingers, (x, y), before = Fingers(tab), centre(tab), place(tab, "a")
    fingers.touch("Start", (x - 20, y))
    fingers.touch("Start", (x - 20, y), (x + 20, y))
    for far in (30, 45, 60):
        fingers.touch("Move", (x - far, y), (x + far, y))
    fingers.touch("End")
    assert place(tab, "a") == pytest.approx(3 * before, rel=0.05)
    assert (0, 1) == (tab.evaluate("scrollY"), tab.evaluate("visualViewport.scale"))
    down = place(tab, "f")
    fingers.drag(x, y, 50)

    assert place(tab, "f") == pytest.approx(down + 40, abs=3)
    assert 0 == tab.evaluate("scrollY")
