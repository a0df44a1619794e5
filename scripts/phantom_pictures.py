"""Draw the pictures of docs/phantoms.md: ``python scripts/phantom_pictures.py``."""

from pathlib import Path
from typing import Final

import contourpy
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from hilum import phantom, pixels
from hilum.phantom import Phantom
from hilum.pixels import present
from hilum.predict import load_model
from hilum.radiograph import Radiograph
from hilum.reading import Heatmap
from hilum.settings import PixelSettings, Settings

ROOT: Final = Path(__file__).resolve().parents[1]
FONT: Final = ROOT / "src" / "hilum" / "explain" / "fonts" / "Roboto-Medium.ttf"
TILE: Final = 360
TRUTH: Final = (255, 196, 64)
HEAT: Final = (80, 200, 255)

GALLERY: Final = (
    (60, "healthy"),
    (54, "pneumothorax"),
    (64, "effusion"),
    (62, "consolidation"),
    (63, "edema"),
    (65, "mass"),
    (69, "nodule"),
    (61, "cardiomegaly"),
    (72, "atelectasis"),
)
"""Seed and finding of each picture of the gallery."""

DETECTORS: Final = (2, 3, 5, 8, 9, 13)
"""Seeds of healthy chests that show how patients and detectors differ."""


def drawn(seed: int, kind: str) -> tuple[Phantom, Radiograph]:
    """Return a phantom and how the pixel pipeline shows it."""
    made = phantom.make(seed, findings=() if kind == "healthy" else {kind}, size=2 * TILE)
    return made, pixels.radiograph_from_dicom(made.dataset, PixelSettings())


def tile(radiograph: Radiograph) -> tuple[Image.Image, float]:
    """Return the middle square of a radiograph, `TILE` pixels a side, and its scale."""
    rows, columns = radiograph.pixels.shape
    side = min(rows, columns)
    top, left = (rows - side) // 2, (columns - side) // 2
    shown = present(radiograph.pixels[top : top + side, left : left + side])
    picture = Image.fromarray(shown).resize((TILE, TILE), Image.Resampling.LANCZOS)
    return picture.convert("RGB"), TILE / side


def outline(picture: Image.Image, field: np.ndarray, colour: tuple[int, int, int]) -> None:
    """Draw where `field`, shape of the picture's square, is above a half."""
    small = Image.fromarray(field.astype(np.float32)).resize((TILE, TILE))
    padded = np.pad(np.asarray(small), 1)
    pen = ImageDraw.Draw(picture)
    for line in contourpy.contour_generator(z=padded).lines(0.5):
        pen.line([(float(x) - 1, float(y) - 1) for x, y in np.asarray(line)], fill=colour, width=2)


def caption(picture: Image.Image, text: str) -> None:
    """Write a line at the foot of a picture."""
    pen = ImageDraw.Draw(picture, "RGBA")
    pen.rectangle((0, TILE - 24, TILE, TILE), fill=(0, 0, 0, 150))
    pen.text((8, TILE - 21), text, font=ImageFont.truetype(str(FONT), 15), fill=(255, 255, 255))


def squared(made: Phantom, field: np.ndarray) -> np.ndarray:
    """Return the middle square of a field of an image's shape."""
    rows, columns = made.dataset.Rows, made.dataset.Columns
    side = min(rows, columns)
    top, left = (rows - side) // 2, (columns - side) // 2
    return field[top : top + side, left : left + side]


def sheet(tiles: list[Image.Image], columns: int, name: str) -> None:
    """Write pictures side by side."""
    rows = -(-len(tiles) // columns)
    whole = Image.new("RGB", (columns * TILE, rows * TILE))
    for index, picture in enumerate(tiles):
        whole.paste(picture, (index % columns * TILE, index // columns * TILE))
    path = ROOT / "docs" / "images" / f"phantom-{name}.png"
    whole.quantize(160, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path}: {path.stat().st_size:,} bytes")


def gallery() -> None:
    """Draw a healthy chest and eight diseases with their true outlines."""
    tiles = []
    for seed, kind in GALLERY:
        made, radiograph = drawn(seed, kind)
        picture, _ = tile(radiograph)
        for finding in made.truth.findings:
            outline(picture, squared(made, finding.mask), TRUTH)
        size = "".join(f", {f.side}, {f.size_mm:.0f} mm" for f in made.truth.findings)
        caption(picture, f"{kind}{size}")
        tiles.append(picture)
    sheet(tiles, 3, "gallery")


def detectors() -> None:
    """Draw healthy chests as six detectors show them."""
    tiles = []
    for seed in DETECTORS:
        made, radiograph = drawn(seed, "healthy")
        picture, _ = tile(radiograph)
        data = made.dataset
        kind = f"{data.Modality}, {data.BitsStored} bits, {data.PhotometricInterpretation}"
        caption(picture, f"{made.truth.sex} {made.truth.age}, {made.truth.view}; {kind}")
        tiles.append(picture)
    sheet(tiles, 3, "detectors")


def heatmaps() -> None:
    """Draw what the demonstration model finds, beside the truth."""
    model = load_model(Settings.load().changed("model", name="demonstration"))
    tiles = []
    for seed, kind in GALLERY[1:]:
        made, radiograph = drawn(seed, kind)
        fitted = pixels.fit(radiograph, model.identity.input_size)
        findings, maps = model.predict(fitted)
        picture, _ = tile(radiograph)
        for finding in made.truth.findings:
            outline(picture, squared(made, finding.mask), TRUTH)
        said = [f for f in findings if f.positive]
        for heat in (m for m in maps if any(m.label == f.label for f in said)):
            outline(picture, heated(heat), HEAT)
        caption(picture, ", ".join(f"{f.label} {f.score:.2f}" for f in said) or "nothing found")
        tiles.append(picture)
    sheet(tiles, 4, "heatmaps")


def heated(heat: Heatmap) -> np.ndarray:
    """Return a heatmap as a share of its peak, shape ``(TILE, TILE)``."""
    strong = np.maximum(heat.activation, 0)
    small = Image.fromarray(strong / max(float(strong.max()), 1e-6))
    return np.asarray(small.resize((TILE, TILE), Image.Resampling.BICUBIC))


if __name__ == "__main__":
    gallery()
    detectors()
    heatmaps()
