"""Measure the demonstration's view network on phantoms it never saw, and write its card.

``python scripts/evaluate_view.py --onnx view.onnx --write`` goes through hilum's own pixels
and engine. Each phantom is shown as it is, mirrored, upside down and on its side.
"""

import argparse
from pathlib import Path
from typing import Final

import numpy as np
from evaluate_anatomy import card_of, rewrite_card, shipped

from hilum import phantom, pixels
from hilum.predict.card import ModelCard
from hilum.predict.installed import Installation, InstallRecord
from hilum.predict.model import build_network
from hilum.predict.network import Execution
from hilum.settings import PixelSettings

NAME: Final = "demonstration-view"
SEEDS: Final = range(410_000, 410_100)
"""That no training saw, of a population with other ranges."""

TURNS: Final = {
    "as they are": lambda image: image,
    "mirrored": np.fliplr,
    "upside down": np.flipud,
    "on their side": np.rot90,
}


def right(path: Path, size: int) -> dict[str, float]:
    """Return how the phantoms lay → the share whose view was told, half frontal, half lateral."""
    card = ModelCard.read(card_of(NAME))
    record = InstallRecord(source_sha256="0" * 64, contents_sha256="", verified=False)
    installation = Installation(path.read_bytes(), record)
    network = build_network(card, installation, [0, 1], Execution(threads=1))
    told: dict[str, list[bool]] = {name: [] for name in TURNS}
    for seed in SEEDS:
        for lateral in (False, True):
            made = phantom.make(seed, size=size, lateral=lateral)
            radiograph = pixels.radiograph_from_dicom(made.dataset, PixelSettings())
            seen = pixels.fit(radiograph, card.input_size).pixels
            for name, turn in TURNS.items():
                shown = np.ascontiguousarray(turn(seen))[None, None]
                told[name].append(bool(network.run(shown).logits[0].argmax()) == lateral)
    return {name: float(np.mean(each)) for name, each in told.items()}


def main() -> None:
    """Measure, print, and write where asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--onnx", type=Path, default=shipped(NAME))
    parser.add_argument("--size", type=int, default=320, help="pixels of a phantom's side")
    parser.add_argument("--write", action="store_true", help="write the card")
    chosen = parser.parse_args()
    shares = right(chosen.onnx, chosen.size)
    told = ", ".join(f"{name} {100 * share:.3g} %" for name, share in shares.items())
    said = f"Right on 200 other phantoms, half of them lateral: {told}."
    print(said)
    if chosen.write:
        rewrite_card(NAME, chosen.onnx, [said])


if __name__ == "__main__":
    main()
