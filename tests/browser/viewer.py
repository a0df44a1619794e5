"""OHIF in a real browser: what a person sees there, and what went wrong unseen.

OHIF swallows its own exceptions: a blank viewport leaves no error on the console and
none on the page (only a debug line of its error boundary). So a `Viewer` waits for
content, never for the absence of errors, and collects what was swallowed.
"""

import base64
import io
import shutil
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, ConsoleMessage, Page, Playwright
from pydicom import Dataset

from orthanc_server import require

FLAGS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
)
"""Chromium without a screen, a graphics card or calls of its own to the network."""

WINDOW: Final = {"width": 1400, "height": 900}
"""Size of the browser's window in pixels."""

PATIENCE_MS: Final = 60_000.0
"""Longer than OHIF takes on a loaded machine; reached only when nothing appears."""

POLLING_MS: Final = 100.0
"""Between two looks at the page; an image that is still being drawn differs by then."""

WATCH: Final = """
sessionStorage.setItem('investigationalUseDialog', 'hidden');
window.swallowed = [];
for (const kind of ['error', 'unhandledrejection'])
    window.addEventListener(kind, event =>
        window.swallowed.push(String(event.reason ?? event.error ?? event.message)));
const {error, debug} = console;
console.error = (...said) => { window.swallowed.push(said.join(' ')); error(...said); };
console.debug = (...said) => {
    if (String(said[0]).includes('Error Boundary')) window.swallowed.push(said.join(' '));
    debug(...said);
};
"""
"""Runs before OHIF: closes its notice, and hears the exceptions before OHIF hides them."""

SETTLED: Final = "() => window.swallowed.length || ({condition})"
OUTLINES: Final = "document.querySelectorAll('.svg-layer polyline').length === {count}"
TEXT: Final = r"""/^1\.\s/.test(
    document.querySelector('[data-cy="viewport-grid"]')?.innerText.trim())"""
IMAGE: Final = """(() => {
    const canvas = document.querySelector('canvas.cornerstone-canvas');
    if (!canvas || !window.cornerstone?.getRenderingEngines().some(engine =>
        engine.getViewports().some(viewport => viewport.viewportStatus === 'rendered')))
        return false;
    const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    const seen = canvas.toDataURL();
    const still = seen === window.lastSeen;
    window.lastSeen = seen;
    return still && data.some((value, at) => at % 4 !== 3 && value !== data[at % 4]);
})()"""
"""An image is displayed, it is not all of one colour, and it no longer changes."""

HUES: Final = """(count) => {
  const canvas = document.querySelector("canvas.cornerstone-canvas");
  if (!canvas) return false;
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const seen = {};
  for (let at = 0; at < data.length; at += 4) {
    const [red, green, blue] = data.slice(at, at + 3);
    const span = Math.max(red, green, blue) - Math.min(red, green, blue);
    if (span < 30) continue;
    const hue = Math.atan2(Math.sqrt(3) * (green - blue), 2 * red - green - blue);
    const part = Math.round((hue * 9) / Math.PI);
    seen[part] = (seen[part] ?? 0) + 1;
  }
  return Object.values(seen).filter((pixels) => pixels > 500).length >= count;
}"""
"""Whether the canvas shows at least so many hues, of 20 degrees each."""

THUMBNAILS: Final = """[...document.querySelectorAll('[data-cy="study-browser-thumbnail"]')]
    .every(thumbnail => thumbnail.querySelector('img')?.complete)"""

READ_OUTLINES: Final = """() => {
    const origin = document.querySelector('.svg-layer').getBoundingClientRect();
    return [...document.querySelectorAll('.svg-layer polyline')].map(line => {
        const text = line.nextElementSibling;
        const box = text.getBoundingClientRect();
        return {
            points: line.getAttribute('points'),
            label: [...text.querySelectorAll('tspan')].map(row => row.textContent),
            box: [box.left - origin.left, box.top - origin.top,
                  box.right - origin.left, box.bottom - origin.top],
        };
    });
}"""
READ_CANVAS: Final = "() => document.querySelector('canvas.cornerstone-canvas').toDataURL()"


def launch(playwright: Playwright) -> Browser:
    """Start Chromium, best as its headless shell: a third less of the processor than the whole."""
    program = shutil.which("chromium-headless-shell") or require("chromium")
    return playwright.chromium.launch(executable_path=program, args=list(FLAGS))


@dataclass(frozen=True, slots=True, eq=False)
class Outline:
    """One outline as it is drawn.

    Attributes
    ----------
    label
        The lines of text beside it.
    points
        Shape ``(points, 2)``, (x, y) in pixels of the viewport.
    label_box
        Left, top, right and bottom of the label, in pixels of the viewport.
    """

    label: tuple[str, ...]
    points: NDArray[np.float64]
    label_box: tuple[float, float, float, float]


class Viewer:
    """One tab with OHIF.

    Parameters
    ----------
    page
        An empty tab.
    address
        Where OHIF is served.
    """

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.address = address
        self.complaints: list[str] = []
        page.add_init_script(WATCH)
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(f"page error: {error}"))

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error" or "Error Boundary" in message.text:
            self.complaints.append(f"console {message.type}: {message.text}")

    def open(self, instance: Dataset) -> None:
        """Open the study of `instance` at the series of `instance`, as a link does."""
        self.page.goto(
            f"{self.address}/viewer?StudyInstanceUIDs={instance.StudyInstanceUID}"
            f"&initialSeriesInstanceUID={instance.SeriesInstanceUID}"
        )

    def outlines(self, count: int) -> dict[str, Outline]:
        """Return what is drawn on the image, once there are `count` outlines.

        Returns
        -------
        dict[str, Outline]
            By the first line of the label, which names finding and score; a second
            outline of that name has `` #2`` after it.
        """
        self._wait(f"{OUTLINES.format(count=count)} && {IMAGE}")
        drawn: dict[str, Outline] = {}
        for found in self.page.evaluate(READ_OUTLINES):
            pairs = [pair.split(",") for pair in found["points"].replace(", ", ",").split()]
            name = next(iter(found["label"]), "")
            repeats = sum(other.partition(" #")[0] == name for other in drawn)
            key = f"{name} #{repeats + 1}" if repeats else name
            points = np.array(pairs, np.float64)
            drawn[key] = Outline(tuple(found["label"]), points, tuple(found["box"]))
        return drawn

    def segments(self, count: int) -> None:
        """Wait until so many segments are drawn, each in its colour."""
        self._wait(f"({HUES})({count})")

    def text(self) -> str:
        """Return the text of a structured report, once it is there."""
        self._wait(TEXT)
        return self.page.locator('[data-cy="viewport-grid"]').inner_text()

    def image(self) -> NDArray[np.uint8]:
        """Return the image as displayed, shape ``(height, width, 3)``, without what lies on it."""
        self._wait(IMAGE)
        data = self.page.evaluate(READ_CANVAS).partition(",")[2]
        picture = Image.open(io.BytesIO(base64.b64decode(data)))
        return np.asarray(picture.convert("RGB"))

    def fits(self, selector: str) -> bool:
        """Return whether all of an element is within its width: nothing cut off at the side."""
        return bool(
            self.page.eval_on_selector(selector, "node => node.scrollWidth <= node.clientWidth")
        )

    def series(self) -> list[str]:
        """Return the descriptions of the study's series as the study browser shows them."""
        return self.page.locator('[data-cy="series-description-label"]').all_inner_texts()

    def thumbnails(self) -> None:
        """Wait until the study browser shows a small picture of every image series."""
        self._wait(THUMBNAILS)

    def screenshot(self) -> bytes:
        """Return the window as PNG."""
        return self.page.screenshot()

    def _wait(self, condition: str) -> None:
        settled = SETTLED.format(condition=condition)
        self.page.wait_for_function(settled, timeout=PATIENCE_MS, polling=POLLING_MS)
        swallowed = self.page.evaluate("window.swallowed")
        if swallowed:
            raise AssertionError(f"OHIF swallowed {'; '.join(swallowed)}")
