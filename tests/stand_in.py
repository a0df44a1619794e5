"""The demonstration's network under another name: for a node it is a model for patients."""

import hashlib
from pathlib import Path
from typing import Final

import numpy as np

from hilum.predict import find_card
from hilum.predict.card import WeightsFormat, WeightsSource
from hilum.predict.installed import Source, install, open_installation

STAND_IN: Final = "stand-in"
"""Name of its card."""


def contents_of(data: Path) -> bytes:
    """Return the network's file."""
    return open_installation(find_card("demonstration", data), data).contents


def install_stand_in(
    data: Path,
    contents: bytes | None = None,
    *,
    verified: bool = False,
    min_age_years: int = 0,
) -> None:
    """Install the network, or other `contents` of the same shape, in a data folder."""
    shipped = find_card("demonstration", data)
    weights = WeightsSource(format=WeightsFormat.ONNX)
    changes = {"name": STAND_IN, "demonstration": False, "weights": weights}
    changes["min_age_years"] = min_age_years
    card = shipped.model_copy(update=changes)
    chosen = contents_of(data) if contents is None else contents
    digest = hashlib.sha256(chosen).hexdigest()
    install(card, chosen, Source(digest, verified=verified), data_folder=data)
    (data / "models" / STAND_IN / "card.json").write_text(card.model_dump_json())


def with_other_weights(contents: bytes) -> bytes:
    """Return a network some of whose weights are half as large again."""
    half = len(contents) // 2
    for offset in range(half, half + 4):
        weights = np.frombuffer(contents, "<f4", 2000, offset)
        if np.isfinite(weights).all() and 1e-3 < np.abs(weights).max() < 10:
            larger = (weights * np.float32(1.5)).tobytes()
            return contents[:offset] + larger + contents[offset + len(larger) :]
    raise AssertionError("there are no weights in the middle of the file")
