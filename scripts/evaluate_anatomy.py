"""Measure the demonstration network for anatomy on phantoms it never saw, and write its card.

``python scripts/evaluate_anatomy.py --onnx anatomy.onnx --write`` goes through hilum's own
pixels, engine and measurement, and compares with the phantom's own masks and ratio.
"""

import argparse
import hashlib
import multiprocessing
import re
import shutil
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hilum import phantom, pixels
from hilum.encode.segmentation import mask_of
from hilum.phantom.organs import ORGANS
from hilum.pipeline import find_anatomy
from hilum.predict.card import ModelCard
from hilum.predict.installed import Installation, InstallRecord
from hilum.predict.network import Execution
from hilum.predict.segmentation import SegmentationModel
from hilum.settings import PixelSettings, Settings

PREDICT: Final = Path(__file__).resolve().parents[1] / "src" / "hilum" / "predict"
NAME: Final = "demonstration-anatomy"
TEST: Final = range(400_000, 400_500)
"""Seeds that no training saw, of a population with other ranges."""


class Judged(NamedTuple):
    """How one phantom was measured."""

    dice: NDArray[np.float64]
    """Of each organ, shape ``(organs,)``."""
    error: float
    """Measured ratio less the true one; NaN where it was not measured."""


@cache
def network_of(path: Path) -> SegmentationModel:
    """Return the network in an ONNX file, loaded once in each process."""
    record = InstallRecord(source_sha256="0" * 64, contents_sha256="", verified=True)
    installation = Installation(path.read_bytes(), record)
    return SegmentationModel(ModelCard.read(card_of(NAME)), installation, Execution(threads=1))


def judge(job: tuple[int, Path, int]) -> Judged:
    """Draw and measure the phantom of a seed; `job` is seed, ONNX file and size in pixels."""
    seed, path, size = job
    made = phantom.make(seed, size=size)
    radiograph = pixels.radiograph_from_dicom(made.dataset, PixelSettings())
    found = find_anatomy(radiograph, network_of(path), Settings())
    dice = []
    for name in ORGANS:
        said, true = mask_of(found.outlines(name), radiograph.pixels.shape), made.truth.organs[name]
        dice.append(2 * (said & true).sum() / max(said.sum() + true.sum(), 1))
    value = found.ratio.value
    error = float("nan") if value is None else value - made.truth.cardiothoracic_ratio
    return Judged(np.array(dice), error)


def figures(judged: list[Judged]) -> list[str]:
    """Return what the card says of the measurement, in sentences."""
    errors = np.array([each.error for each in judged])
    known = errors[np.isfinite(errors)]
    dice = np.mean([each.dice for each in judged], axis=0)
    by_organ = ", ".join(f"{name} {value:.3f}" for name, value in zip(ORGANS, dice, strict=True))
    within = np.quantile(abs(known), 0.95)
    return [
        f"On {len(judged)} other phantoms: Dice {by_organ}.",
        (
            f"Cardiothoracic ratio of the {len(known)} that were measured, less the true one: "
            f"{known.mean():+.3f} ± {known.std():.3f}; 95 % within {within:.3f}."
        ),
    ]


def shipped(name: str) -> Path:
    """Return where the network of a demonstration's card lies."""
    return PREDICT / "built_in" / f"{name}.onnx"


def card_of(name: str) -> Path:
    """Return where a card lies."""
    return PREDICT / "cards" / f"{name}.toml"


def rewrite_card(name: str, path: Path, said: list[str]) -> None:
    """Write size, hash and `said` into a card, and put its network in its place."""
    if path.resolve() != shipped(name).resolve():
        shutil.copyfile(path, shipped(name))
    contents, card = path.read_bytes(), card_of(name)
    text = card.read_text(encoding="utf-8")
    digest = hashlib.sha256(contents).hexdigest()
    text = re.sub(r"^size = .*$", f"size = {len(contents)}", text, flags=re.MULTILINE)
    text = re.sub(r"^sha256 = .*$", f'sha256 = "{digest}"', text, flags=re.MULTILINE)
    text = re.sub(
        r'^(references = \[\n    "[^\n]*\n).*?^\]\n',
        lambda found: found[1] + "".join(f'    "{line}",\n' for line in said) + "]\n",
        text,
        flags=re.MULTILINE | re.DOTALL,
    )
    card.write_text(text, encoding="utf-8")


def main() -> None:
    """Measure, print, and write where asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--onnx", type=Path, default=shipped(NAME))
    parser.add_argument("--size", type=int, default=320, help="pixels of a phantom's side")
    parser.add_argument("--count", type=int, default=len(TEST), help="phantoms")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--write", action="store_true", help="write the card")
    chosen = parser.parse_args()
    jobs = [(seed, chosen.onnx, chosen.size) for seed in TEST[: chosen.count]]
    with multiprocessing.Pool(chosen.workers) as pool:
        said = figures(pool.map(judge, jobs, chunksize=8))
    print("\n".join(said))
    if chosen.write:
        rewrite_card(NAME, chosen.onnx, said)


if __name__ == "__main__":
    main()
