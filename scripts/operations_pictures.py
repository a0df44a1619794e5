"""Draw the pictures of sign-in, operations, files and people for docs/page.md.

    PYTHONPATH=tests .venv/bin/python scripts/operations_pictures.py [FOLDER]

Needs Orthanc and Chromium, and writes docs/images/page-*. What is counted on the
operations page is invented; the file that is tried is a generated phantom, really read.
"""

import random
import sys
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright
from sqlalchemy import Connection

from browser.people import Look, signed_in
from browser.viewer import launch
from drifting import answers, was_tested
from hilum.eligibility import Reason
from hilum.node.process_file import document_of
from hilum.radiograph import ImageUIDs
from hilum.records import drift, images, workers
from hilum.records.accounts import Role
from hilum.records.constancy import SelfTestEnd, SelfTestMode, SelfTestState
from hilum.records.drift import DriftSample
from hilum.records.images import Arrived, Settlement
from hilum.records.states import State, Urgency
from hilum.records.workers import Worker
from hilum.web.context import NodeCheck, WebContext
from hilum.wording import FINDING_NAMES
from orthanc_server import running_orthanc
from page_studies import chest, demonstration, demonstration_pipeline, installed
from radiographs import dicom_file
from web_context import begin_session, open_page, open_web_context

ROOT: Final = Path(__file__).resolve().parents[1]
COLOURS: Final = 128
LIMIT: Final = 150_000
"""Bytes of one picture at most."""

WAITING: Final = 5
"""Images that nobody has begun to read."""

REFUSALS: Final = (
    *(Reason("not_frontal", "not a frontal view: View Position is LL"),) * 5,
    *(Reason("not_chest", "not a chest: Body Part Examined is HAND"),) * 2,
    Reason("too_young", "the patient is 4 years old; the model is for 18 and older"),
)
FAILURES: Final = (
    Reason("pacs", "The PACS answered HTTP 503. Look at its log for this minute."),
    Reason("too_slow", "reading took longer than 120 s twice"),
)
TESTED: Final = SelfTestEnd(SelfTestState.OK, "demonstration 2", (), 0.0)
SHIFTED: Final = ("Effusion", "Edema")
REFERENCE: Final = 500
THIS_MONTH: Final = 240

HEALTH: Final = (
    NodeCheck("model", ok=True, text="demonstration 2"),
    NodeCheck("PACS", ok=True, text="Orthanc 1.10.1"),
    NodeCheck("database", ok=True, text="sqlite can be written"),
    NodeCheck("disk", ok=True, text="70.9 GiB free"),
)


def invent(web: WebContext) -> None:
    """Write down a day's work."""
    rnd, now = random.Random(3), datetime.now(UTC)  # noqa: S311  invented figures
    stored = Settlement(State.STORED, (), ("2.25.1",))
    refused = [Settlement(State.REFUSED, (reason,)) for reason in REFUSALS]
    failed = [Settlement(State.FAILED, (reason,)) for reason in FAILURES]
    ends = rnd.choices([stored, *refused, *failed], [180, *(3 for _ in refused), 2, 2], k=420)
    with web.database.transaction() as connection:
        for n, end in enumerate(ends):
            at = now - timedelta(hours=24 * rnd.random() ** 1.3)
            uids = ImageUIDs(f"1.{n}", f"1.{n}.0", f"1.2.{n}")
            new = Arrived(web.archive, uids, f"{n}", None, Urgency.ROUTINE, at)
            job = images.arrived(connection, new)
            if job is None or n < WAITING:
                continue
            images.begin(connection, job, at)
            images.settle(connection, job, end, at + timedelta(seconds=0.3 + rnd.random()))
        was_tested(connection, web.archive, TESTED, now - timedelta(hours=5), SelfTestMode.OFFLINE)
        invent_drift(connection, web.archive, now)
        workers.beat(connection, Worker("a", "reading-1", "node", "demonstration", "0.1.0"))
        workers.beat(connection, Worker("b", "reading-2", "worker", "demonstration", "0.1.0"))


def invent_drift(connection: Connection, archive: str, now: datetime) -> None:
    """Count a reference, and a month in which the scores of `SHIFTED` moved."""
    rng = np.random.default_rng(4)
    raw = answers(rng, REFERENCE + THIS_MONTH)
    for number, values in enumerate(raw):
        row = dict(zip(FINDING_NAMES, values.tolist(), strict=True))
        old = number < REFERENCE
        if not old:
            row |= {label: row[label] ** 0.5 for label in SHIFTED}
        at = now.replace(day=1) - timedelta(days=1) if old else now
        new = DriftSample("demonstration 2 1be380b6", at, row)
        drift.count(connection, archive, new, reference_images=REFERENCE)


def read_file(file: bytes, name: str) -> Mapping[str, Any]:
    """Read a file as the node does."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(file)
        return document_of(path, name, demonstration_pipeline())


def keep(tab: Page, path: Path, *, whole: bool = False) -> None:
    """Keep what the tab shows, small."""
    tab.wait_for_load_state("networkidle")
    picture = Image.open(BytesIO(tab.screenshot(full_page=whole))).convert("RGB")
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    if path.stat().st_size > LIMIT:
        raise SystemExit(f"{path} has {path.stat().st_size} bytes")


def draw(chromium: Browser, web: WebContext, url: str, folder: Path) -> None:
    """Draw all of them."""

    def tab(look: Look) -> Page:
        return signed_in(chromium, web, url, look, "ana.souza").new_page()

    dark = tab(Look((1280, 860), "dark", "en-US", Role.OPERATOR))
    dark.goto(f"{url}/operations")
    keep(dark, folder / "page-operations.png")
    dark.goto(f"{url}/files")
    file = {"name": "phantom.dcm", "mimeType": "application/dicom", "buffer": PHANTOM}
    dark.set_input_files('[data-drop="/files/send"] input', [file])
    dark.wait_for_selector(".sent .good")
    dark.set_input_files('[data-drop="/files/try"] input', [file])
    dark.wait_for_selector(".tried-findings")
    keep(dark, folder / "page-files.png")
    light = tab(Look((1280, 460), "light", "pt-BR", Role.OPERATOR))
    light.goto(f"{url}/users")
    keep(light, folder / "page-users.png")
    phone = tab(Look((390, 800), "dark", "pt-BR", Role.OPERATOR))
    phone.goto(f"{url}/operations")
    keep(phone, folder / "page-operations-phone.png")
    phone.context.clear_cookies()
    phone.goto(f"{url}/login")
    keep(phone, folder / "page-login-phone.png")


PHANTOM: Final = dicom_file(chest(3, ("effusion",)))


def main() -> None:
    """Draw the pictures into docs/images or a folder."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "images"
    with tempfile.TemporaryDirectory() as home:
        (data := Path(home) / "data").mkdir()
        (pacs := Path(home) / "orthanc").mkdir()
        more = {"models": installed, "health": lambda: HEALTH, "read_file": read_file}
        with (
            running_orthanc(pacs) as orthanc,
            open_web_context(data, orthanc, settings=demonstration(data), **more) as web,
            open_page(web) as page,
            sync_playwright() as playwright,
        ):
            invent(web)
            for name in ("bruno.lima", "carla.reis"):
                begin_session(web, name, Role.READER)
            chromium = launch(playwright)
            draw(chromium, web, page.url, folder)
            chromium.close()


if __name__ == "__main__":
    main()
