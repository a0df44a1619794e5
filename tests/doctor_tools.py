"""What tests of the doctor share."""

from collections.abc import Callable
from pathlib import Path

from hilum.doctor.check import Check, CheckResult, Level
from hilum.settings import Settings
from stand_in import STAND_IN, install_stand_in

Make = Callable[..., Settings]
"""section=dict(name=value) → settings with a data folder and ports of the test's own."""


def look(check: Check, settings: Settings) -> list[CheckResult]:
    """Return what a check finds."""
    return list(check(settings))


def worst(findings: list[CheckResult]) -> CheckResult:
    """Return the finding that matters most; the first of those."""
    order = [Level.PROBLEM, Level.WARNING, Level.OK]
    return min(findings, key=lambda finding: order.index(finding.level))


def installed(folder: Path, *, verified: bool) -> Path:
    """Install a model that is not the demonstration model; return the file that holds it."""
    install_stand_in(folder, verified=verified)
    return folder / "models" / STAND_IN / "network.onnx"
