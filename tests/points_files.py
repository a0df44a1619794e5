"""Files of operating points for the demonstration model, as a site would have them."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hilum.predict import find_card
from hilum.predict.installed import open_installation
from hilum.predict.points_file import (
    CheckedCalibration,
    CheckedNumber,
    FindingPoint,
    OfData,
    OfModel,
    OfPixels,
    SiteCalibration,
    SitePoints,
)
from hilum.settings import PixelSettings
from hilum.values.site_curve import SiteCurve

CARD = find_card("demonstration", Path("/nowhere"))


def demonstration_sha256() -> str:
    """Return the hash of the weights that come with hilum."""
    return open_installation(CARD, Path("/nowhere")).record.source_sha256


def calibration(slope: float = 0.6) -> SiteCalibration:
    """Return a curve, and how it did."""
    number = CheckedNumber(value=0.98, low=0.8, high=1.2)
    tried = CheckedCalibration(
        positives=38,
        negatives=152,
        slope_before=number,
        slope=number,
        brier_before=0.21,
        brier=0.12,
    )
    return SiteCalibration(curve=SiteCurve(-1.0, slope, (0.04, 0.01, 0.02), 200), held_out=tried)


def calibrated_points(title: str = "ward", slope: float = 0.6) -> SitePoints:
    """Return operating points with a calibrated probability."""
    point = FindingPoint(
        threshold=0.25, chosen=True, positives=40, negatives=160, calibration=calibration(slope)
    )
    few = point.model_copy(update={"calibration": None, "uncalibrated": "too_few"})
    return site_points(title, findings={"Effusion": point, "Mass": few})


def site_points(title: str = "ward", effusion: float = 0.25, **more: Any) -> SitePoints:
    """Return operating points of this site for the demonstration model."""
    point = FindingPoint(threshold=effusion, chosen=True, positives=40, negatives=160)
    values: dict[str, Any] = {
        "title": title,
        "created": datetime(2026, 11, 27, 4, 0, tzinfo=UTC),
        "created_by": "ana",
        "rule": "sensitivity=0.95",
        "model": OfModel(name=CARD.name, version=CARD.version, sha256=demonstration_sha256()),
        "pixels": OfPixels.of(PixelSettings()),
        "data": OfData(
            sha256="ab" * 32, images=200, patients=120, held_out_images=190, held_out_patients=120
        ),
        "findings": {"Effusion": point},
    }
    return SitePoints(**values | more)
