"""A study in a browser: the radiograph, heatmaps over it, and the reader's review."""

import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from anatomy_masks import found
from browser.page.conftest import LOOKS, Tabs
from browser.people import Look
from hilum.eligibility import Reason
from hilum.encode import anatomy_document
from hilum.pacs.orthanc.archive import OrthancArchive
from hilum.records import anatomies, readings, reviews
from hilum.records.accounts import Role
from hilum.records.states import State
from hilum.web.context import WebContext
from hilum.wording import anatomy_statements
from page_studies import Shown, add_read, arrive, chest, settle

pytestmark = pytest.mark.browser

COLOURED = """([x, y]) => {
  const canvas = document.querySelector("[data-canvas]");
  const ratio = canvas.width / canvas.clientWidth;
  const group = document.querySelector("[data-outlines] g").getCTM();
  const at = new DOMPoint(x, y).matrixTransform(group);
  const pixel = canvas.getContext("2d").getImageData(at.x * ratio, at.y * ratio, 1, 1).data;
  const colours = pixel.slice(0, 3);
  return Math.max(...colours) - Math.min(...colours);
}"""
"""How far from grey the canvas is at a place of the source image."""


@pytest.fixture
def shown(web: WebContext) -> Shown:
    """Return a phantom with an effusion that was read."""
    return add_read(web, chest())


def ready(tab: Page) -> Page:
    """Return a tab whose radiograph and maps are drawn."""
    expect(tab.locator("[data-stage]")).to_have_attribute("data-ready", "yes")
    return tab


def peak(web: WebContext, shown: Shown, label: str) -> tuple[float, float]:
    """Return where on the source image a map is strongest: column and row."""
    with web.database.look() as connection:
        reading = readings.get(connection, web.archive, shown.job.uids)
    assert reading is not None
    labels = [each["label"] for each in reading.document["readings"][0]["findings"]]
    activation = reading.maps[labels.index(label)]
    row, column = divmod(int(activation.argmax()), activation.shape[1])
    field = reading.field_of_view
    return (
        field.left + (column + 0.5) * field.width / activation.shape[1],
        field.top + (row + 0.5) * field.height / activation.shape[0],
    )


def test_every_download_can_be_clicked(tabs: Tabs, shown: Shown) -> None:
    """The menu lies over the findings, not under the one that is chosen."""
    tab = ready(tabs.open(Role.VIEWER, shown.path))
    tab.click("details.save summary")
    lines = tab.locator(".save .menu-line")
    for number in range(lines.count()):
        lines.nth(number).click(trial=True, timeout=2000)


def test_the_text_of_the_report_is_copied_in_the_visitors_language(
    tabs: Tabs, shown: Shown
) -> None:
    """With the statement; whoever cannot see the button change is told."""
    tab = ready(tabs.open(Role.VIEWER, shown.path, Look(locale="pt-BR")))
    tab.context.grant_permissions(["clipboard-read", "clipboard-write"])
    tab.click("details.save summary")
    tab.click("[data-copy]")
    expect(tab.locator("[data-copied]")).to_have_text("Texto do relatório copiado")
    text = tab.evaluate("navigator.clipboard.readText()")

    assert "Somente para pesquisa. Não é um dispositivo médico." in text
    assert "Derrame pleural" in text
    assert tab.locator(".pick .score").first.inner_text() in text


def test_the_pdf_is_in_the_visitors_language(tabs: Tabs, shown: Shown, tmp_path: Path) -> None:
    """As a download, with the scores of the page."""
    tab = ready(tabs.open(Role.VIEWER, shown.path, Look(locale="pt-BR")))
    tab.click("details.save summary")
    with tab.expect_download() as begun:
        tab.click("text=PDF")
    begun.value.save_as(tmp_path / "a.pdf")
    command = ["pdftotext", "-layout", tmp_path / "a.pdf", "-"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert "Somente para pesquisa. Não é um dispositivo médico." in said
    for score in tab.locator(".pick .score").all_inner_texts():
        assert score in said


def test_heat_lies_on_the_peak_of_the_finding(web: WebContext, tabs: Tabs, shown: Shown) -> None:
    """And leaves the radiograph grey when it is switched off or the threshold is above it."""
    place = peak(web, shown, "Effusion")
    tab = ready(tabs.open(Role.VIEWER, shown.path))
    tab.click("text=Heatmap settings")
    tab.wait_for_function(f"(place) => ({COLOURED})(place) > 40", arg=place)
    for off, on in (("h", "h"), ("threshold", "threshold"), ("opacity", "opacity")):
        if off == "h":
            tab.keyboard.press("h")
        else:
            tab.fill(f"[data-{off}]", "0" if off == "opacity" else "95")
        if off != "threshold":
            tab.wait_for_function(f"(place) => ({COLOURED})(place) === 0", arg=place)
        else:  # the peak itself stays; what is around it goes
            around = (place[0] + 40, place[1] - 40)
            tab.wait_for_function(f"(place) => ({COLOURED})(place) === 0", arg=around)
        if on == "h":
            tab.keyboard.press("h")
        else:
            tab.fill(f"[data-{on}]", "60" if on == "opacity" else "12")
    tab.wait_for_function(f"(place) => ({COLOURED})(place) > 40", arg=place)


def test_anatomy_appears_when_it_is_measured(web: WebContext, tabs: Tabs, shown: Shown) -> None:
    """The page was open while it was waited for, and is not loaded again."""
    with web.database.transaction() as connection:
        anatomies.ask(connection, shown.job, datetime.now(UTC))
    tab = ready(tabs.open(Role.VIEWER, shown.path))
    expect(tab.locator("#anatomy")).to_contain_text("is being measured")
    made = found(chest())
    with web.database.transaction() as connection:
        document, said = anatomy_document(made), list(anatomy_statements(made))
        anatomies.measured(connection, shown.job, document, said, [])

    expect(tab.locator("#anatomy")).to_contain_text("Cardiothoracic ratio 0.50")
    expect(tab.locator("[data-outlines] .anatomy")).to_have_count(3)
    tab.locator("[data-anatomy]").uncheck()
    expect(tab.locator("[data-outlines] .anatomy")).to_have_count(0)


def test_each_finding_has_its_own_map(tabs: Tabs, shown: Shown) -> None:
    """Keys go through the findings; the numbers of the chosen one are told."""
    tab = ready(tabs.open(Role.VIEWER, shown.path))
    first = tab.locator("[data-finding]").inner_text()
    outline = tab.locator("[data-outlines] .line").first.get_attribute("points")
    tab.keyboard.press("j")

    assert first != tab.locator("[data-finding]").inner_text()
    assert outline != tab.locator("[data-outlines] .line").first.get_attribute("points")
    expect(tab.locator('.pick[aria-pressed="true"] .numbers')).to_contain_text("operating point")


def test_window_zoom_and_invert(tabs: Tabs, shown: Shown) -> None:
    """By hand and by keys; each can be taken back."""
    tab = ready(tabs.open(Role.VIEWER, shown.path))
    tab.uncheck("[data-heat]")
    tab.uncheck("[data-lines]")
    picture = "document.querySelector('[data-canvas]').toDataURL()"
    tab.evaluate("new Promise((d) => requestAnimationFrame(() => requestAnimationFrame(d)))")
    before = tab.evaluate(picture)

    def changes(back: str, do: Callable[[], object]) -> None:
        do()
        tab.wait_for_function(f"(was) => {picture} !== was", arg=before)
        tab.keyboard.press(back)
        tab.wait_for_function(f"(was) => {picture} === was", arg=before)

    changes("i", lambda: tab.keyboard.press("i"))
    changes("0", lambda: tab.keyboard.press("+"))
    stage = tab.locator("[data-stage]").bounding_box()
    assert stage is not None
    x, y = stage["x"] + stage["width"] / 2, stage["y"] + stage["height"] / 2

    def drag(button: str) -> None:
        tab.mouse.move(x, y)
        tab.mouse.down(button=button)  # type: ignore[arg-type]
        tab.mouse.move(x - 60, y + 30, steps=3)
        tab.mouse.up(button=button)  # type: ignore[arg-type]

    changes("0", lambda: drag("left"))
    changes("w", lambda: drag("right"))


def test_review_goes_to_the_pacs_and_comes_back(web: WebContext, tabs: Tabs, shown: Shown) -> None:
    """A reader disagrees, names what is missing, and sees it written down."""
    tab = ready(tabs.open(Role.READER, shown.path))
    tab.locator('[name="answer.Effusion"][value="absent"]').check(force=True)
    tab.click("[data-rest]")
    expect(tab.locator("[data-tally]")).to_contain_text("Disagree: no pleural effusion")
    expect(tab.locator("[data-tally]")).to_contain_text("no mass")
    tab.keyboard.press("c")
    tab.fill("[name=missing]", "calcified granuloma")
    tab.fill("[name=comment]", "Scar, not fluid.")
    tab.click("text=Submit review")
    given = tab.locator("#reviews")
    expect(given).to_contain_text("Scar, not fluid.")
    expect(given).to_contain_text("calcified granuloma")
    expect(given).to_contain_text("no pleural effusion")

    with web.database.look() as connection:
        (review,) = reviews.on_image(connection, web.archive, shown.job.uids)
    assert web.pacs.find_objects(review.report)
    expect(tab.locator("[data-review] :checked")).to_have_count(0)
    tab.goto(f"{tabs.url}/reviews")
    expect(tab.get_by_role("row", name="Pleural effusion")).to_contain_text("0/1")


def test_study_is_reviewed_by_three_keys(web: WebContext, tabs: Tabs, shown: Shown) -> None:
    """Who agrees presses r and e, and n for the next one; the form is in view on a small screen."""
    look = Look((1280, 720), role=Role.READER)
    tab = ready(tabs.open(Role.READER, shown.path, look))
    expect(tab.locator("form[data-review] [type=submit]")).to_be_in_viewport(ratio=1)
    for key in ("r", "e"):
        tab.keyboard.press(key)
    expect(tab.locator("#reviews")).to_contain_text("no mass")
    with web.database.look() as connection:
        (review,) = reviews.on_image(connection, web.archive, shown.job.uids)

    assert {"agree"} == {each.opinion for each in review.findings}
    assert "Pleural effusion" in tab.inner_text('.pick[tabindex="0"]')
    assert 1 == tab.locator(".pick:not([tabindex='-1'])").count()


def test_tools_and_form_are_in_view_below_many_notices(tabs: Tabs, shown: Shown) -> None:
    """At 1280 x 720, however many there are, and without scrolling; all of them can be read."""
    tab = ready(tabs.open(Role.READER, shown.path, Look((1280, 720), role=Role.READER)))
    tab.evaluate(
        """() => {
          const place = document.querySelector("[data-notices]");
          for (let number = 0; number < 6; number += 1) {
            place.append(Object.assign(document.createElement("p"), {
              className: "notice wait", textContent: `Warning ${number}: ${"words ".repeat(60)}`}));
          }
        }"""
    )
    expect(tab.locator(".tools").first).to_be_in_viewport(ratio=1)
    expect(tab.locator("form[data-review] [type=submit]")).to_be_in_viewport(ratio=1)
    tab.get_by_text("Warning 5").scroll_into_view_if_needed()
    expect(tab.get_by_text("Warning 5")).to_be_in_viewport()

    assert "?" not in tab.locator("[data-help]").inner_text()


def test_each_finding_is_answered_by_a_key(tabs: Tabs, shown: Shown) -> None:
    """And the next one is chosen; the same answer again takes it back."""
    tab = ready(tabs.open(Role.READER, shown.path))
    chosen = tab.locator('.pick[aria-pressed="true"] .label')
    first = chosen.inner_text()
    tab.keyboard.press("a")
    assert first != chosen.inner_text()
    tab.keyboard.press("d")
    tally = tab.locator("[data-tally]")
    expect(tally).to_contain_text(f"Disagree: no {first.lower()}")
    expect(tally).to_contain_text("Unsure:")
    for key in ("k", "k", "a"):
        tab.keyboard.press(key)

    expect(tally.locator("[data-group=disagree]")).to_be_hidden()


def test_keys_are_silent_while_one_types(tabs: Tabs, shown: Shown) -> None:
    """In a field, with a modifier, in an input method, and when they are switched off."""
    tab = ready(tabs.open(Role.READER, shown.path))
    answered = tab.locator("[data-review] .opinion :checked")
    tab.keyboard.press("c")
    expect(tab.locator("[name=missing]")).to_be_focused()
    tab.keyboard.type("rape")
    assert "rape" == tab.input_value("[name=missing]")
    tab.locator("[data-stage]").focus()
    for key in ("Control+r", "Alt+r", "Meta+r", "Shift+R"):
        tab.evaluate(
            """([key, modifier]) => document.activeElement.dispatchEvent(new KeyboardEvent(
              "keydown", {key, [modifier]: true, bubbles: true, cancelable: true}))""",
            [key[-1], {"C": "ctrlKey", "A": "altKey", "M": "metaKey", "S": "shiftKey"}[key[0]]],
        )
    tab.evaluate(
        """() => document.activeElement.dispatchEvent(new KeyboardEvent(
          "keydown", {key: "r", isComposing: true, bubbles: true}))"""
    )
    tab.keyboard.press("?")
    tab.keyboard.press("r")
    tab.uncheck("[data-keys-on]")
    tab.keyboard.press("Escape")
    tab.keyboard.press("r")
    expect(answered).to_have_count(0)
    tab.click("[data-help]")
    tab.check("[data-keys-on]")
    tab.keyboard.press("Escape")
    tab.keyboard.press("r")

    expect(answered).not_to_have_count(0)


def test_review_is_kept_while_the_pacs_is_away(
    web: WebContext, any_tabs: Tabs, shown: Shown
) -> None:
    """It says what happened; the form stays as it was and can be sent again."""
    tab = ready(any_tabs.open(Role.READER, shown.path))
    tab.keyboard.press("c")
    tab.fill("[name=comment]", "Once more.")
    away = OrthancArchive("http://127.0.0.1:9")
    there = web.pacs
    object.__setattr__(web, "pacs", away)
    tab.click("text=Submit review")
    expect(tab.locator("[data-problem]")).to_contain_text("did not answer")
    assert "Once more." == tab.input_value("[name=comment]")
    object.__setattr__(web, "pacs", there)
    away.close()
    tab.click("text=Submit review")

    expect(tab.locator("#reviews")).to_contain_text("Once more.")


def test_refused_image_shows_no_finding(web: WebContext, tabs: Tabs) -> None:
    """The radiograph is there, and why nothing was read."""
    shown = arrive(web, chest())
    settle(web, shown, State.REFUSED, reasons=(Reason("not_frontal", "it is a lateral view"),))
    tab = ready(tabs.open(Role.READER, shown.path))

    expect(tab.get_by_text("it is a lateral view")).to_be_visible()
    expect(tab.locator(".pick")).to_have_count(0)


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_everybody_can_use_it(
    tabs: Tabs, shown: Shown, violations: Callable[[Page], list[str]], look: Look
) -> None:
    """axe-core objects to nothing on the study and on the reviews, at any width."""
    tab = ready(tabs.open(look.role, shown.path, look))
    for summary in tab.locator("details.panel > summary").all():
        summary.click()
    assert [] == violations(tab)
    assert look.size[0] >= tab.evaluate("document.documentElement.scrollWidth")
    if look.role is Role.READER:
        tab.click("[data-rest]")
        tab.click("form[data-review] [type=submit]")
        expect(tab.locator("#reviews")).to_be_visible()
        ready(tab).evaluate(
            "scrollTo(0, 0)"
        )  # axe-core counts what is half below the top bar as small
        assert [] == violations(tab)
    tab.goto(f"{tabs.url}/reviews")

    assert [] == violations(tab)
