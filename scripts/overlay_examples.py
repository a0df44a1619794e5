"""Draw the overlays that the docs show: invented readings of a real, public radiograph.

Run from the root of the repository: ``python scripts/overlay_examples.py``.
"""

import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import data_store
from PIL import Image, ImageDraw
from pydicom import dcmread

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from hilum.language import ENGLISH, Language  # noqa: E402

PORTUGUESE = Language("pt-BR")
from hilum import pixels  # noqa: E402
from hilum.explain import drawing, overlay  # noqa: E402
from hilum.gate.table import WARNING_RULES  # noqa: E402
from hilum.settings import PixelSettings  # noqa: E402
from hilum.wording import in_language  # noqa: E402
from invented import MODEL, bump, make_reading  # noqa: E402

WHEN = datetime(2026, 1, 2, 10, 30, tzinfo=UTC)
SCORES = {"Lung Opacity": 0.86, "Effusion": 0.71, "Nodule": 0.66, "Consolidation": 0.55}
MAPS = {
    "Lung Opacity": bump(3.2, 5.1, sigma=1.0),
    "Effusion": bump(5.3, 5.4, sigma=0.8),
    "Nodule": bump(4.6, 1.5, sigma=0.8),
    "Consolidation": bump(4.4, 1.9, sigma=1.0),
}
NO_MODEL = replace(MODEL, name="no model", version="(invented)", sha256="0" * 64)
DEMONSTRATION = replace(NO_MODEL, demonstration=True)
UNVERIFIED = replace(NO_MODEL, verified=False)
(UNKNOWN_VIEW,) = in_language(
    PORTUGUESE, (next(rule for rule in WARNING_RULES if rule.code == "view_unknown").reason({}),)
)
WIDTH = 1200
"""Width of the pictures in the docs, in pixels."""

MARK = "EXAMPLE: INVENTED SCORES AND HEATMAPS. NO MODEL READ THIS IMAGE."
"""What each picture says, so that nobody takes it for a result."""

BAND = 40
"""Height of the band that says so, in pixels."""


def main() -> None:
    """Write ``docs/images/overlay-*.jpg``."""
    (path,) = Path(data_store.__file__).parent.rglob("RG1_UNCR.dcm")
    radiograph = pixels.radiograph_from_dicom(dcmread(path), PixelSettings())
    examples = {
        "overlay-none": (0, {}, ENGLISH),
        "overlay-one": (1, {}, ENGLISH),
        "overlay-three": (3, {}, ENGLISH),
        "overlay-four-pt": (4, {"model": UNVERIFIED, "warnings": (UNKNOWN_VIEW,)}, PORTUGUESE),
        "overlay-demonstration": (1, {"model": DEMONSTRATION}, ENGLISH),
    }
    for name, (positives, changes, language) in examples.items():
        scores = dict(list(SCORES.items())[:positives])
        reading = make_reading(radiograph, scores, MAPS, **{"model": NO_MODEL, **changes})
        sheet = overlay(reading, when=WHEN, language=language)
        small = sheet.resize((WIDTH, sheet.height * WIDTH // sheet.width), Image.Resampling.LANCZOS)
        file = ROOT / "docs" / "images" / f"{name}.jpg"
        marked(small).save(file, quality=86, subsampling="4:4:4", optimize=True)
        print(file.relative_to(ROOT), file.stat().st_size // 1000, "kB")


def marked(picture: Image.Image) -> Image.Image:
    """Return a picture between two bands that say that what it shows is invented."""
    width, height = picture.size
    framed = Image.new("RGB", (width, height + 2 * BAND), drawing.CAUTION)
    framed.paste(picture, (0, BAND))
    font = drawing.load_font(24, drawing.Weight.MEDIUM)
    for middle in (BAND // 2, height + BAND + BAND // 2):
        place = (width / 2, middle)
        ImageDraw.Draw(framed).text(place, MARK, drawing.BACKGROUND, font, anchor="mm")
    return framed


if __name__ == "__main__":
    main()
