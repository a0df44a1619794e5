"""Draw the pictures of the page for docs/page.md, over a real PACS and real readings.

    PYTHONPATH=tests .venv/bin/python scripts/page_pictures.py [FOLDER]

Needs Orthanc and Chromium, and writes docs/images/page-*. The studies are generated
phantoms and the real radiograph of the package pydicom-data, read by the demonstration model.
"""

import sys
import tempfile
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Final

import data_store
from PIL import Image
from playwright.sync_api import Page, sync_playwright
from pydicom import dcmread

from browser.people import DESKTOP, Look, signed_in
from browser.viewer import launch
from hilum import phantom
from hilum.node.anatomy_file import measured
from hilum.records import anatomies
from hilum.records.accounts import Role
from hilum.records.states import Urgency
from hilum.web.context import WebContext
from orthanc_server import running_orthanc
from page_studies import arrive, chest, open_demonstration, read
from radiographs import dicom_file, upside_down
from web_context import open_page

ROOT: Final = Path(__file__).resolve().parents[1]
DARK: Final = Look(DESKTOP, "dark", "en-US", Role.READER)
LIGHT: Final = Look(DESKTOP, "light", "pt-BR", Role.READER)
PHONE: Final = Look((390, 800), "dark", "en-US", Role.READER)
SIZE: Final = (1200, 750)
"""Of a picture of a web's screen."""

LIMIT: Final = 200_000
"""Bytes of one picture at most."""

COLOURS: Final = 192
"""Of pages without a large radiograph."""

SEEN: Final = """() => [...document.images].every(
  (one) => one.complete || one.getBoundingClientRect().top > innerHeight)"""

KINDS: Final = (
    ("effusion",),
    ("pneumothorax",),
    (),
    ("cardiomegaly",),
    ("nodule",),
    None,
    ("mass",),
)


MEASURED: Final = 21
"""Seed of the phantom whose anatomy is shown."""

TURNED: Final = 500_009
"""Seed of the one that stands on its head."""


def fill(web: WebContext) -> str:
    """Let studies arrive and be read; return the address of the page of RG1's study."""
    now = datetime.now(UTC)
    for n, kinds in enumerate(KINDS):
        image = chest(n + 3, kinds)
        urgency = Urgency.URGENT if n == 1 else Urgency.ROUTINE
        read(web, image, arrive(web, image, urgency=urgency, at=now - timedelta(minutes=9 * n + 4)))
    for year, kinds in ((2023, ()), (2024, ("effusion",)), (2026, ("effusion", "cardiomegaly"))):
        image = chest(50, kinds)
        image.StudyDate = f"{year}0512"
        image.StudyInstanceUID = image.SOPInstanceUID = f"2.25.{year}0512"
        image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
        read(web, image, arrive(web, image, at=now - timedelta(minutes=2026 - year + 20)))
    lateral = chest(60, ())
    lateral.ViewPosition, lateral.ViewCodeSequence = "LL", []
    read(web, lateral, arrive(web, lateral, at=now - timedelta(minutes=30)))
    (path,) = Path(data_store.__file__).parent.rglob("RG1_UNCR.dcm")
    chest_of_pydicom = dcmread(path)
    return read(web, chest_of_pydicom, arrive(web, chest_of_pydicom)).path


def measure(web: WebContext) -> str:
    """Let the demonstration's network measure a phantom; return the address of its study."""
    image = chest(MEASURED, ("cardiomegaly",))
    shown = read(web, image, arrive(web, image))
    now = datetime.now(UTC)
    settings = web.settings.changed("anatomy", mode="on_click", model="demonstration-anatomy")
    with web.database.transaction() as connection:
        anatomies.ask(connection, shown.job, now)
        made = measured(dicom_file(image), settings, now, None, in_demonstration=True)
        anatomies.measured(connection, shown.job, made.document, made.said, [])
    return shown.path


def ready(tab: Page) -> None:
    """Wait until a radiograph and its maps are drawn."""
    tab.wait_for_selector('[data-ready="yes"]', timeout=60_000)


def judge(tab: Page) -> None:
    """Give a review."""
    tab.locator('[name="answer.Cardiomegaly"][value="absent"]').check(force=True)
    tab.click("[data-rest]")
    tab.keyboard.press("c")  # opens the words
    tab.fill("[name=comment]", "The heart is at the upper limit.")
    tab.click("form[data-review] [type=submit]")
    tab.wait_for_selector("#reviews")
    ready(tab)


def keep(tab: Page, path: Path) -> None:
    """Keep what the tab shows, small."""
    tab.wait_for_function(SEEN)
    picture = Image.open(BytesIO(tab.screenshot())).convert("RGB")
    if picture.width > SIZE[0]:
        picture = picture.resize(SIZE, Image.Resampling.LANCZOS)
    if path.suffix == ".jpg":  # a radiograph in colours: few are left of a palette
        picture.save(path, quality=86, subsampling=0, optimize=True)
    else:
        picture.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    if path.stat().st_size > LIMIT:
        raise SystemExit(f"{path} has more than {LIMIT} bytes")
    print(path, path.stat().st_size)


def main() -> None:
    """Draw all of them."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "images"
    with (
        tempfile.TemporaryDirectory() as place,
        running_orthanc(Path(place) / "orthanc") as pacs,
        open_demonstration(Path(place), pacs) as web,
        open_page(web) as page,
        sync_playwright() as playwright,
    ):
        real, heart = fill(web), measure(web)
        turned = upside_down(phantom.make(TURNED, findings=(), size=512).dataset)
        over = read(web, turned, arrive(web, turned)).path
        chromium = launch(playwright)
        course = "/studies/2.25.20260512"
        for name, look, path in (
            ("worklist.png", DARK, "/"),
            ("worklist-light.png", LIGHT, "/"),
            ("worklist-phone.png", PHONE, "/"),
            ("study.jpg", DARK, real),
            ("course.jpg", LIGHT, course),
            ("study-phone.jpg", PHONE, course),
            ("anatomy.jpg", DARK, heart),
            ("upside-down.jpg", DARK, over),
        ):
            tab = signed_in(chromium, web, page.url, look, "ana").new_page()
            tab.goto(f"{page.url}{path}")
            if path != "/":
                ready(tab)
            else:
                tab.wait_for_selector(".live:not([hidden])")
            keep(tab, folder / f"page-{name}")
            tab.context.close()
        tab = signed_in(chromium, web, page.url, DARK, "ana").new_page()
        tab.goto(f"{page.url}{course}")
        ready(tab)
        judge(tab)
        keep(tab, folder / "page-review.jpg")
        tab.goto(f"{page.url}/reviews")
        keep(tab, folder / "page-agreement.png")
        chromium.close()


if __name__ == "__main__":
    main()
