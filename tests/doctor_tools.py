"""What tests of the doctor share."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from hilum.doctor.finding import Check, Finding, Level
from hilum.predict import find_card
from hilum.predict.card import WeightsFormat, WeightsSource
from hilum.predict.installed import install, open_installation
from hilum.settings import Settings

Make = Callable[..., Settings]
"""section=dict(name=value) → settings with a data folder and ports of the test's own."""


def look(check: Check, settings: Settings) -> list[Finding]:
    """Return what a check finds."""
    return list(check(settings))


def worst(findings: list[Finding]) -> Finding:
    """Return the finding that matters most; the first of those."""
    order = [Level.PROBLEM, Level.WARNING, Level.OK]
    return min(findings, key=lambda finding: order.index(finding.level))


def installed(folder: Path, *, verified: bool) -> Path:
    """Install a model that is not the demonstration model; return the file that holds it."""
    shipped = find_card("demonstration", folder)
    card = shipped.model_copy(
        update={
            "name": "stand-in",
            "demonstration": False,
            "weights": WeightsSource(format=WeightsFormat.ONNX),
        }
    )
    contents = open_installation(shipped, folder).contents
    sha256 = hashlib.sha256(contents).hexdigest()
    install(card, contents, data_folder=folder, source_sha256=sha256, verified=verified)
    (folder / "models" / "stand-in" / "card.json").write_text(card.model_dump_json())
    return folder / "models" / "stand-in" / "network.onnx"
