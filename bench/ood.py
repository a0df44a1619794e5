"""Which images are told as unusual: phantoms turned about, and images that are none of a chest.

``python -m bench ood``; each row is the area under the ROC curve of the distance from the
reference images, unusual ones against phantoms that took no part in the fit. One half is chance.
"""

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import data_store
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import dcmread
from pydicom.data import get_testdata_file

from bench.row import Row
from hilum import phantom, pixels
from hilum.pipeline import PipelineContext, open_pipeline
from hilum.predict import Reference
from hilum.radiograph import FieldOfView, ModelInput, PixelPipeline
from hilum.settings import PixelSettings, Settings

Picture = NDArray[np.float32]
"""Shape ``(side, side)``, in [-1024, 1024], upright: what the network sees."""

SIDE: Final = 224
SEEDS: Final = range(700_000, 700_120)
"""Of phantoms that nothing was fitted on."""

REAL: Final = ("RG1_UNCR.dcm", "RG3_UNCR.dcm")
"""Chest radiographs of people in pydicom-data."""

CT: Final = "eCT_Supplemental.dcm"


def rotated(picture: Picture, degrees: float, zoom: float = 1.0) -> Picture:
    """Return a picture turned about its middle, black where there was nothing."""
    half = SIDE / 2
    turn = np.deg2rad(degrees)
    cos, sin = np.cos(turn) / zoom, np.sin(turn) / zoom
    rows = (cos, sin, half - half * (cos + sin), -sin, cos, half - half * (cos - sin))
    image = Image.fromarray(picture).transform(
        (SIDE, SIDE), Image.Transform.AFFINE, rows, Image.Resampling.BILINEAR, fillcolor=-1024
    )
    return np.asarray(image, np.float32)


def cropped(picture: Picture) -> Picture:
    """Return the upper left of a picture, enlarged: half a chest."""
    part = Image.fromarray(picture[: SIDE * 5 // 8, : SIDE * 5 // 8])
    return np.asarray(part.resize((SIDE, SIDE), Image.Resampling.BILINEAR), np.float32)


def photographed(picture: Picture) -> Picture:
    """Return a photograph of a film on a light box: askew, with a bright border, darker outside."""
    small = rotated(picture, 4, zoom=0.78)
    mask = rotated(np.full_like(picture, 1024), 4, zoom=0.78) > 0
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    light = (1 - 0.35 * (x**2 + y**2)) * 0.9
    shown = np.where(mask, (small + 1024) * 0.85 + 180, 1900) * light - 1024
    return np.clip(shown, -1024, 1024).astype(np.float32)


TURNED: Final[dict[str, Callable[[Picture], Picture]]] = {
    "inverted": lambda picture: -picture,
    "rotated by 90 degrees": np.rot90,
    "rotated by 15 degrees": lambda picture: rotated(picture, 15),
    "upside down": lambda picture: picture[::-1],
    "turned by 180 degrees": lambda picture: picture[::-1, ::-1],
    "mirrored": lambda picture: picture[:, ::-1],
    "cropped": cropped,
    "dark": lambda picture: (picture + 1024) * np.float32(0.35) - 1024,
    "photograph of a film": photographed,
}
"""What is done to a phantom, as the network sees it."""


def leg(seed: int) -> Picture:
    """Return a lower leg: two bones with their cortex in soft tissue, in air."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    lean, width = rng.uniform(-0.15, 0.15), rng.uniform(0.42, 0.6)

    def rod(middle: float, radius: float) -> NDArray[np.float64]:
        away = (x - middle - lean * y) / (radius * (1 + 0.2 * y**2))
        return np.sqrt(np.maximum(1 - away**2, 0)) * radius

    tissue = rod(0, width)
    bone = 0 * tissue
    for middle, radius in ((-0.08, 0.16), (0.22, 0.06)):
        bone += rod(middle, radius) - 0.7 * rod(middle, radius * 0.7)
    shown = 1.3 * tissue + 4 * bone + rng.normal(0, 0.02, y.shape)
    return np.clip(shown / 1.4 * 2048 - 1024, -1024, 1024).astype(np.float32)


def ct_slices(count: int) -> list[Picture]:
    """Return real slices of a CT in a lung or soft tissue window, as somebody sends them as CR."""
    (path,) = Path(data_store.__file__).parent.rglob(CT)
    small = dcmread(get_testdata_file("CT_small.dcm"))
    frames = [*dcmread(path).pixel_array.astype(np.float32), small.pixel_array.astype(np.float32)]
    rng = np.random.default_rng(1)
    found = []
    for number in range(count):
        frame = frames[number % len(frames)]
        low, high = np.percentile(frame, (rng.uniform(1, 20), rng.uniform(90, 99.5)))
        shown = np.clip((frame - low) / max(high - low, 1), 0, 1) * 2048 - 1024
        image = Image.fromarray(shown.astype(np.float32)).resize((SIDE, SIDE))
        found.append(rotated(np.asarray(image, np.float32), rng.uniform(-6, 6)))
    return found


def real(name: str) -> Picture:
    """Return what the network sees of a real radiograph."""
    (path,) = Path(data_store.__file__).parent.rglob(name)
    return pixels.fit(pixels.radiograph_from_dicom(dcmread(path), PixelSettings()), SIDE).pixels


def distances(pictures: list[Picture], context: PipelineContext, known: Reference) -> Picture:
    """Return the distance of each picture from the reference images: shape ``(pictures,)``."""
    field = FieldOfView(0, 0, SIDE, SIDE)
    seen = [context.model.read(ModelInput(each, field)).features for each in pictures]
    return known.statistics.distances(np.stack([each for each in seen if each is not None]))


def auroc(usual: Picture, unusual: Picture) -> float:
    """Return how often an unusual image lies farther out than a usual one."""
    return float((unusual[:, None] > usual).mean() + (unusual[:, None] == usual).mean() / 2)


def rows() -> Iterator[Row]:
    """Measure what is told."""
    warnings.simplefilter("ignore")
    context = open_pipeline(Settings.load().changed("model", name="demonstration"))
    assert context.reference is not None
    known = context.reference.newest(PixelPipeline.DISPLAY)
    assert known is not None
    chests = [
        pixels.fit(
            pixels.radiograph_from_dicom(phantom.make(seed, size=448).dataset, PixelSettings()),
            SIDE,
        ).pixels
        for seed in SEEDS
    ]
    usual = distances(chests, context, known)
    limit = float(np.quantile(known.distances, 0.995))
    yield Row("usual phantoms beyond the limit", 100 * float((usual >= limit).mean()), "%")
    sets = {what: [turn(each) for each in chests] for what, turn in TURNED.items()}
    sets["a leg"] = [leg(seed) for seed in SEEDS]
    sets["CT slices"] = ct_slices(len(SEEDS))
    sets["real chests, as they are"] = [real(name) for name in REAL]
    for what, pictures in sets.items():
        found = distances(pictures, context, known)
        yield Row(f"{what}: AUROC", 100 * auroc(usual, found), "%")
        yield Row(f"{what}: warned of", 100 * float((found >= limit).mean()), "%")
    for name in REAL:
        picture = real(name)
        turned = distances([turn(picture) for turn in TURNED.values()], context, known)
        (as_it_is,) = distances([picture], context, known)
        for what, distance in zip(TURNED, turned, strict=True):
            yield Row(
                f"{name.partition('_')[0]} {what}", float(distance / as_it_is), "times as far"
            )
