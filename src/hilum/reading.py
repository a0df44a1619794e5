"""A Reading: one Radiograph × one Model → findings, heatmaps, provenance."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from hilum.eligibility import Reason
from hilum.radiograph import FieldOfView, Radiograph
from hilum.values.site_curve import SiteProbability

OPERATING_POINT_SCORE: Final = 0.5
"""Score that sits exactly on a finding's operating point, after normalisation."""

SITE_PROBABILITY: Final = "calibrated_probability_at_this_site"
"""What it is called wherever a program reads it."""

DECIMALS: Final = 7
"""Decimals of raw values and scores where they are written down: single precision has no more."""


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """Which model said it; enough to tell any two answers apart."""

    name: str
    """The card's name, e.g. ``"densenet121-res224-all"``."""
    version: str
    """The card's version: that of the published weights, not of hilum."""
    sha256: str
    """SHA-256 of the weights file, lower-case hexadecimal."""
    verified: bool
    """True when the hash was published and matched; False is trust on first use."""
    demonstration: bool
    """True for a model that must never be mistaken for a trained one."""
    input_size: int
    """Side of the square the network sees, in pixels."""
    operating_points: str = "default"
    """Name of the set of thresholds in use, e.g. ``"default"``."""
    operating_points_origin: str = ""
    """Where a site has them from: the rule, the data, who and when; empty when nobody said."""

    @property
    def key(self) -> str:
        """What is counted and fitted for it is kept under: other weights are another model."""
        return f"{self.name} {self.version} {self.sha256[:8]}"


OUT_OF_DISTRIBUTION: Final = "out_of_distribution"
"""Code of the warning that an image is unlike the reference images."""


@dataclass(frozen=True, slots=True)
class ReferenceDistance:
    """How far an image lies from the images that the model's statistics were fitted on."""

    percentile: float
    """Share of the reference images that lie nearer, in [0, 100)."""
    limit: float
    """Percentile from which an image is called unusual."""
    distance: float
    """Mahalanobis distance over the root of the number of features, unitless; about 1 is usual."""
    images: int
    """How many reference images there are."""
    statistics: str
    """Version of the statistics, and the first digits of their SHA-256."""

    @property
    def unusual(self) -> bool:
        """Whether that is worth a warning."""
        return self.percentile >= self.limit


LATERAL: Final = "lateral_by_pixels"
"""Code of the warning that an image looks like no frontal chest."""

MEASURED: Final = frozenset({OUT_OF_DISTRIBUTION, LATERAL})
"""Codes of warnings that a network gives: two machines may differ in the last digit of why."""


@dataclass(frozen=True, slots=True)
class ViewOpinion:
    """What a network says of the view, and what the header says."""

    frontal: float
    """How far the pixels look frontal, in [0, 1]; not a probability."""
    network: str
    """Name, version and first digits of the SHA-256 of the network that says so."""
    stated: str
    """What the header says, e.g. ``"View Position: PA"``; empty where it says nothing."""

    @property
    def is_frontal(self) -> bool:
        """Whether the network takes it for frontal."""
        return self.frontal >= OPERATING_POINT_SCORE


@dataclass(frozen=True, slots=True)
class Finding:
    """One label that the loaded model was trained on, read on one image."""

    label: str
    """TorchXRayVision's name, e.g. ``"Pneumothorax"``."""
    raw: float
    """Sigmoid of the network's logit, in [0, 1]."""
    operating_point: float
    """Threshold on `raw`, in (0, 1)."""
    score: float
    """TorchXRayVision's normalised value, in [0, 1]; 0.5 is the operating point. Not a probability.
    """
    probability: SiteProbability | None = None
    """Calibrated probability at this site; None unless the site's file in use has it."""

    @classmethod
    def of_entry(cls, entry: Mapping[str, Any]) -> Self:
        """Return the finding that a hilum.reading/1 document has as this entry."""
        site = entry.get(SITE_PROBABILITY)
        return cls(
            entry["label"],
            entry["raw"],
            entry["operating_point"],
            entry["score"],
            None if site is None else SiteProbability(**site),
        )

    def __post_init__(self) -> None:
        if not self.label:
            raise ValueError("a Finding needs a label: an untrained head is none")
        if not 0.0 < self.operating_point < 1.0:
            raise ValueError(f"{self.label}: operating point {self.operating_point} not in (0, 1)")
        for name, value in (("raw", self.raw), ("score", self.score)):
            if not 0.0 <= value <= 1.0:  # NaN fails this too
                raise ValueError(f"{self.label}: {name} {value} is outside [0, 1]")

    @property
    def positive(self) -> bool:
        """Whether the raw value reaches the operating point."""
        return self.raw >= self.operating_point


@dataclass(frozen=True, slots=True, eq=False)
class Heatmap:
    """Class activation map of one finding."""

    label: str
    """The finding it explains."""
    activation: NDArray[np.float32]
    """Shape ``(height, width)`` of the last feature map, float32, in logits: its mean plus the
    classifier's bias is the finding's logit. It lies as the source is stored, also where the
    network saw that upright."""
    field_of_view: FieldOfView
    """The part of the source matrix that `activation` covers."""


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """Where on the source image a heatmap is strong, as a closed outline."""

    label: str
    """The finding it belongs to."""
    outline: NDArray[np.float64]
    """Shape ``(points, 2)``, float64, (column, row) in source pixels, where (0, 0) is the top left
    corner of the first pixel; first and last point are the same. Six points or more (PS3.3
    C.18.6.1; OHIF draws others as tools of its own)."""


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Reading:
    """What one model found on one radiograph. Pure and deterministic."""

    radiograph: Radiograph
    """What was read."""
    model: ModelIdentity
    """Which model read it."""
    findings: tuple[Finding, ...]
    """Trained labels only, in the model card's order."""
    heatmaps: tuple[Heatmap, ...]
    """One per finding, in the same order."""
    warnings: tuple[Reason, ...] = ()
    """What every report repeats: warnings of the gate, and what the pixels say against it."""
    reference: ReferenceDistance | None = None
    """How unlike the reference images it is; None while there are none."""
    features: NDArray[np.float32] | None = None
    """Shape ``(features,)``: what the classifier saw, pooled; None where a network gives none."""
    view: ViewOpinion | None = None
    """What a network says of the view; None where none was asked."""

    def __post_init__(self) -> None:
        if [f.label for f in self.findings] != [h.label for h in self.heatmaps]:
            raise ValueError("findings and heatmaps must name the same labels in the same order")

    @property
    def header(self) -> Dataset:
        """The image's attributes.

        Raises
        ------
        ValueError
            The radiograph has none, hence no study to write into.
        """
        if self.radiograph.header is None:
            raise ValueError("a picture without a DICOM header has no DICOM results")
        return self.radiograph.header

    @property
    def positives(self) -> tuple[Finding, ...]:
        """Findings at or above their operating point, highest score first."""
        return tuple(finding for finding in self.ranked if finding.positive)

    @property
    def ranked(self) -> tuple[Finding, ...]:
        """All findings, the positive ones first, each part by falling score."""
        return tuple(sorted(self.findings, key=lambda f: (not f.positive, -f.score)))
