"""The constancy test: whether a model's findings on one phantom are those of its reference.

Sources
-------
IEC 61223-3 and the daily quality control of displays and detectors: one phantom, a
recorded reference, a stated tolerance.
"""

import hashlib
import platform
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any, Final

from pydicom import Dataset

from hilum import __version__
from hilum.language import Message
from hilum.reading import DECIMALS
from hilum.runtime.engine_wheels import engine_wheels

LIBRARIES: Final = ("numpy", "pydicom", "imagecodecs")
"""Libraries between a file and its findings, beside ONNX Runtime."""

SHOWN_DIGITS: Final = 12
"""Hexadecimal digits of a hash that people are shown."""


@dataclass(frozen=True, slots=True)
class LabelValue:
    """A model's value for one label."""

    raw: float
    """Sigmoid of its logit, in [0, 1]."""
    operating_point: float
    """Threshold on it."""


@dataclass(frozen=True, slots=True)
class PhantomResponse:
    """A model's findings on the phantom, with the versions that produced them."""

    model: Mapping[str, str]
    """``name``, ``version``, ``sha256``, ``operating_points``, ``pixel_pipeline`` and ``phantom``:
    another one of these is another test."""
    findings: Mapping[str, LabelValue]
    """Label → what was said of it."""
    made_with: Mapping[str, str]
    """Versions of what the answer depends on, and the processor: told, not compared."""

    def document(self) -> dict[str, Any]:
        """Return this as JSON."""
        return asdict(self)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "PhantomResponse":
        """Return what `document` gave."""
        findings = {label: LabelValue(**said) for label, said in document["findings"].items()}
        return cls(document["model"], findings, document["made_with"])


@dataclass(frozen=True, slots=True)
class Comparison:
    """An answer against the reference."""

    alarms: tuple[str, ...] = field(default=())
    """What moved, in words, the largest shift first; empty when nothing did."""
    notes: tuple[str, ...] = field(default=())
    """What else is different: libraries, processor."""
    worst: float = 0.0
    """Largest shift of a raw value; 0 when no label is in both."""


def answer_of(document: Mapping[str, Any], phantom: str) -> PhantomResponse:
    """Return the answer in a hilum.reading/1 document of one image."""
    model = {name: str(document["model"][name]) for name in ("name", "version", "sha256")}
    model["operating_points"] = str(document["model"]["operating_points"])
    model |= {"pixel_pipeline": str(document["pixel_pipeline"]), "phantom": phantom}
    (row,) = document["readings"]
    findings = {
        each["label"]: LabelValue(round(each["raw"], DECIMALS), each["operating_point"])
        for each in row["findings"]
    }
    return PhantomResponse(model, findings, made_with())


def made_with() -> dict[str, str]:
    """Return the versions of what an answer depends on, and the processor."""
    libraries = engine_wheels() | {name: version_of(name) for name in LIBRARIES}
    return {
        "hilum": __version__,
        "python": platform.python_version(),
        **libraries,
        "processor": processor(),
    }


def processor() -> str:
    """Return the processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return f"{next(named, platform.processor() or 'unknown')} ({platform.machine()})"


def pixels_digest(dataset: Dataset) -> str:
    """Return the SHA-256 of the stored pixels; that of nothing when there are none."""
    return hashlib.sha256(bytes(dataset.get("PixelData") or b"")).hexdigest()


def compare(reference: PhantomResponse, now: PhantomResponse, tolerance: float) -> Comparison:
    """Hold an answer to the reference.

    Parameters
    ----------
    tolerance
        How far a raw value may move.
    """
    both = [label for label in reference.findings if label in now.findings]
    shifts = {label: now.findings[label].raw - reference.findings[label].raw for label in both}
    moved = sorted(
        (label for label in both if abs(shifts[label]) > tolerance),
        key=lambda label: -abs(shifts[label]),
    )
    alarms = [
        *_other_test(reference, now),
        *(_moved(label, reference, now, tolerance) for label in moved),
        *_other_labels(reference, now),
    ]
    notes = tuple(
        f"{name} is {value}, was {reference.made_with.get(name, 'not there')}"
        for name, value in now.made_with.items()
        if value != reference.made_with.get(name)
    )
    worst = max((abs(shift) for shift in shifts.values()), default=0.0)
    return Comparison(tuple(alarms), notes, worst)


def _other_test(reference: PhantomResponse, now: PhantomResponse) -> Iterator[str]:
    for name, value in now.model.items():
        was = reference.model.get(name, "not there")
        if value != was and name == "sha256":
            yield Message(
                "weights: {value}, the reference has {was}",
                value=value[:SHOWN_DIGITS],
                was=was[:SHOWN_DIGITS],
            )
        elif value != was:
            yield Message(
                "{name}: {value}, the reference has {was}",
                name=name.replace("_", " "),
                value=value,
                was=was,
            )


def _moved(label: str, reference: PhantomResponse, now: PhantomResponse, tolerance: float) -> str:
    was, here = reference.findings[label], now.findings[label]
    said = Message(
        "{label}: raw {raw:.4f}, was {before:.4f}: changed by {shift:+.6f}",
        label=label,
        raw=here.raw,
        before=was.raw,
        shift=here.raw - was.raw,
    )
    is_positive, was_positive = (x.raw >= x.operating_point for x in (here, was))
    if is_positive == was_positive:
        return Message("{said} (tolerance {tolerance:g})", said=said, tolerance=tolerance)
    turned = Message("positive") if is_positive else Message("negative")
    return Message(
        "{said} (tolerance {tolerance:g}), and is now {turned}",
        said=said,
        tolerance=tolerance,
        turned=turned,
    )


def _other_labels(reference: PhantomResponse, now: PhantomResponse) -> Iterator[str]:
    for label in reference.findings:
        if label not in now.findings:
            yield Message("{label}: no longer reported", label=label)
    for label, said in now.findings.items():
        was = reference.findings.get(label)
        if was is None:
            yield Message("{label}: not reported before", label=label)
        elif was.operating_point != said.operating_point:
            yield Message(
                "{label}: operating point {operating_point:g}, was {before:g}",
                label=label,
                operating_point=said.operating_point,
                before=was.operating_point,
            )
