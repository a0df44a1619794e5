"""Choose the demonstration model's operating points, measure it, and write its card.

``python scripts/evaluate_demonstration.py --onnx demonstration.onnx --write`` looks at
phantoms that no training saw, of a population with other ranges, through hilum's own pixel
pipeline and engine: operating points on one set of seeds, figures on another.
"""

import argparse
import hashlib
import multiprocessing
import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hilum import phantom, pixels
from hilum.phantom import LABELS, Phantom
from hilum.predict import ModelCard, reference_key
from hilum.predict.model import sigmoid
from hilum.predict.network import Execution, FileNetwork
from hilum.predict.reference import fit
from hilum.radiograph import PixelPipeline
from hilum.settings import PixelSettings

ROOT: Final = Path(__file__).resolve().parents[1]
INPUT: Final = 224
VALIDATION: Final = range(200_000, 200_600)
"""Seeds on which operating points are chosen."""

TEST: Final = range(300_000, 300_800)
"""Seeds on which the figures are measured."""

REFERENCE: Final = range(410_000, 410_500)
"""Seeds of the reference images, by which unusual ones are told."""

DILATION: Final = 0.05
"""How far from the finding a heatmap's peak may lie, as a share of the image's side."""

SPECIFICITY: Final = 0.98
"""That operating points are to have among phantoms without the label."""

SPECIFICITY_HEALTHY: Final = 0.99
"""The same among healthy phantoms."""

SHIPPED: Final = ROOT / "src" / "hilum" / "predict" / "built_in" / "demonstration.onnx"
"""Where the trained network lies."""

CARD: Final = ROOT / "src" / "hilum" / "predict" / "cards" / "demonstration.toml"
PAGE: Final = ROOT / "docs" / "phantoms.md"
MARKS: Final = ("<!-- figures: begin -->", "<!-- figures: end -->")


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """What the model said of phantoms, and the truth about them.

    Attributes
    ----------
    logits
        Shape ``(phantoms, labels)``.
    truth
        The same shape: whether the label is there.
    distance
        The same shape: from the heatmap's peak to the finding, as a share of the image's
        side; NaN where there is no finding.
    """

    logits: NDArray[np.float64]
    truth: NDArray[np.bool_]
    distance: NDArray[np.float64]

    @property
    def healthy(self) -> NDArray[np.bool_]:
        """Which phantoms have nothing to find, shape ``(phantoms,)``."""
        return ~self.truth.any(axis=1)


@dataclass(frozen=True, slots=True)
class Figures:
    """How well one label is read."""

    label: str
    auroc: float
    sensitivity: float
    specificity: float
    localised: float
    positives: int


def peak_distance(
    activation: NDArray[np.float32], mask: NDArray[np.bool_], view: tuple[int, int, int]
) -> float:
    """Return how far a heatmap's peak is from a mask, as a share of the image's side.

    Parameters
    ----------
    activation
        Shape ``(height, width)``.
    mask
        Shape ``(rows, columns)`` of the image.
    view
        Top, left and side of the square that the network saw, pixels.
    """
    top, left, side = view
    row, column = np.unravel_index(int(activation.argmax()), activation.shape)
    cell = side / activation.shape[0]
    peak = (top + (row + 0.5) * cell, left + (column + 0.5) * cell)
    where = np.argwhere(mask)
    if not len(where):
        return float("nan")
    return float(np.hypot(*(where - peak).T).min() / side)


def judge_one(made: Phantom, network: FileNetwork) -> tuple[NDArray[np.float64], ...]:
    """Return logits, truth and distances of one phantom, each of shape ``(labels,)``."""
    radiograph = pixels.radiograph_from_dicom(made.dataset, PixelSettings())
    fitted = pixels.fit(radiograph, INPUT)
    batch = np.ascontiguousarray(fitted.pixels)[None, None]
    logits, maps, _ = network.run(batch)
    view = fitted.field_of_view
    truth, distance = np.zeros(len(LABELS), bool), np.full(len(LABELS), np.nan)
    for index, label in enumerate(LABELS):
        mask = made.truth.mask(label)
        if mask is not None and mask.any():
            truth[index] = True
            distance[index] = peak_distance(
                maps[0][index], mask, (view.top, view.left, view.height)
            )
    return logits[0].astype(np.float64), truth, distance


@cache
def network_of(path: Path) -> FileNetwork:
    """Return the network in an ONNX file, loaded once in each process."""
    return FileNetwork(
        path.read_bytes(),
        labels=len(LABELS),
        input_size=INPUT,
        chosen=list(range(len(LABELS))),
        execution=Execution(threads=1),
    )


def judge_seed(job: tuple[int, Path, int]) -> tuple[NDArray[np.float64], ...]:
    """Draw and judge the phantom of a seed; `job` is seed, ONNX file and size in pixels."""
    seed, path, size = job
    return judge_one(phantom.make(seed, size=size), network_of(path))


def judge(seeds: Iterable[int], path: Path, size: int, workers: int = 1) -> Judged:
    """Draw and judge the phantoms of `seeds`."""
    jobs = [(seed, path, size) for seed in seeds]
    if workers > 1:
        with multiprocessing.Pool(workers) as pool:
            rows = pool.map(judge_seed, jobs, chunksize=8)
    else:
        rows = [judge_seed(job) for job in jobs]
    logits, truth, distance = (np.stack(part) for part in zip(*rows, strict=True))
    return Judged(logits, truth.astype(bool), distance)


def auroc(scores: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    """Return the area under the ROC curve: how often a positive outranks a negative."""
    order = np.argsort(scores, kind="stable")
    ranks = np.empty(len(scores))
    ranks[order] = np.arange(1, len(scores) + 1)
    positives = int(truth.sum())
    negatives = len(truth) - positives
    return float((ranks[truth].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def choose_points(judged: Judged) -> dict[str, float]:
    """Return for each label the threshold on the sigmoid that keeps the specificities asked for."""
    points = {}
    for index, label in enumerate(LABELS):
        logits, truth = judged.logits[:, index], judged.truth[:, index]
        edge = max(
            np.quantile(logits[~truth], SPECIFICITY),
            np.quantile(logits[judged.healthy], SPECIFICITY_HEALTHY),
        )
        raw = float(sigmoid(np.array([edge]))[0])
        points[label] = round(min(max(raw, 1e-4), 0.9999), 6)
    return points


def measure(judged: Judged, points: dict[str, float]) -> list[Figures]:
    """Return the figures of every label at its operating point."""
    table = []
    for index, label in enumerate(LABELS):
        truth = judged.truth[:, index]
        said = sigmoid(judged.logits[:, index]) >= points[label]
        right = said & truth
        near = judged.distance[right, index] <= DILATION
        table.append(
            Figures(
                label=label,
                auroc=auroc(judged.logits[:, index], truth),
                sensitivity=float(said[truth].mean()),
                specificity=float((~said[~truth]).mean()),
                localised=float(near.mean()) if right.any() else float("nan"),
                positives=int(truth.sum()),
            )
        )
    return table


def clean_share(judged: Judged, points: dict[str, float]) -> float:
    """Return the share of healthy phantoms on which nothing is positive."""
    edges = np.array([points[label] for label in LABELS])
    said = sigmoid(judged.logits[judged.healthy]) >= edges
    return float((~said.any(axis=1)).mean())


def as_table(figures: Sequence[Figures], clean: float, healthy: int) -> str:
    """Return the figures as Markdown."""
    lines = [
        "| label | AUROC | sensitivity | specificity | heatmap's peak on it | with it |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {f.label} | {f.auroc:.3f} | {f.sensitivity:.2f} | {f.specificity:.3f} "
        f"| {f.localised:.2f} | {f.positives} |"
        for f in figures
    ]
    lines.append(
        f"\nSeeds {TEST.start} to {TEST.stop - 1}. Of {healthy} healthy phantoms "
        f"{clean:.1%} have no positive finding."
    )
    return "\n".join(lines)


def rewrite_card(path: Path, points: dict[str, float], figures: Sequence[Figures]) -> None:
    """Write size, hash, operating points and figures into the card."""

    def lines(values: dict[str, float]) -> str:
        return "\n".join(f'"{k}" = {v}' if " " in k else f"{k} = {v}" for k, v in values.items())

    text = CARD.read_text(encoding="utf-8")
    contents = path.read_bytes()
    text = re.sub(r"^size = .*$", f"size = {len(contents)}", text, flags=re.MULTILINE)
    digest = hashlib.sha256(contents).hexdigest()
    text = re.sub(r"^sha256 = .*$", f'sha256 = "{digest}"', text, flags=re.MULTILINE)
    head = text.split("[operating_points.default]")[0]
    areas = {f.label: round(f.auroc, 3) for f in figures}
    CARD.write_text(
        f"{head}[operating_points.default]\n{lines(points)}\n\n"
        "[published_auc]\n"
        'source = "scripts/evaluate_demonstration.py, on phantoms that no training saw"\n\n'
        f"[published_auc.by_data_set.phantoms]\n{lines(areas)}\n",
        encoding="utf-8",
    )


def rewrite_page(table: str) -> None:
    """Put the table of figures into the page about phantoms."""
    begin, end = MARKS
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(begin)
    after = rest.split(end)[1]
    PAGE.write_text(f"{before}{begin}\n{table}\n{end}{after}", encoding="utf-8")


def features_of(job: tuple[int, Path, int]) -> NDArray[np.float32]:
    """Return the pooled features of a phantom; `job` is seed, ONNX file and size in pixels."""
    seed, path, size = job
    radiograph = pixels.radiograph_from_dicom(
        phantom.make(seed, size=size).dataset, PixelSettings()
    )
    fitted = pixels.fit(radiograph, INPUT)
    seen = network_of(path).run(np.ascontiguousarray(fitted.pixels)[None, None]).features
    if seen is None:
        raise SystemExit(f"{path} gives no features")
    return seen[0]


def write_reference(path: Path, size: int, workers: int) -> None:
    """Fit the statistics by which unusual images are told, and write them beside the network."""
    card = ModelCard.model_validate(tomllib.loads(CARD.read_text(encoding="utf-8")))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    key = reference_key(f"{card.name} {card.version} {digest[:8]}", PixelPipeline.DISPLAY)
    with multiprocessing.Pool(workers) as pool:
        rows = pool.map(features_of, [(seed, path, size) for seed in REFERENCE], chunksize=8)
    fitted = fit(np.stack(rows), key=key, version=1, fitted=f"{datetime.now(UTC):%Y-%m-%d}")
    SHIPPED.with_name(f"{card.name}.reference.npz").write_bytes(fitted.to_bytes())


def main() -> None:
    """Choose, measure, print, and write where asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--onnx", type=Path, default=SHIPPED)
    parser.add_argument("--size", type=int, default=448, help="pixels of a phantom's side")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--share", type=float, default=1.0, help="of the seeds; for a quick look")
    parser.add_argument("--write", action="store_true", help="write card and page")
    parser.add_argument("--reference", action="store_true", help="only write the statistics")
    chosen = parser.parse_args()
    if chosen.reference:
        write_reference(chosen.onnx, chosen.size, chosen.workers)
        return

    def part(seeds: range) -> range:
        return seeds[: int(len(seeds) * chosen.share)]

    points = choose_points(judge(part(VALIDATION), chosen.onnx, chosen.size, chosen.workers))
    judged = judge(part(TEST), chosen.onnx, chosen.size, chosen.workers)
    figures = measure(judged, points)
    table = as_table(figures, clean_share(judged, points), int(judged.healthy.sum()))
    print(table)
    if chosen.write:
        rewrite_card(chosen.onnx, points, figures)
        rewrite_page(table)
        write_reference(chosen.onnx, chosen.size, chosen.workers)


if __name__ == "__main__":
    main()
