"""Files of operating points for the demonstration model, as a site would have them."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hilum.predict import find_card
from hilum.predict.installed import open_installation
from hilum.predict.points_file import (
    FindingPoint,
    OfData,
    OfModel,
    OfPixels,
    SitePoints,
)
from hilum.settings import PixelSettings

CARD = find_card("demonstration", Path("/nowhere"))


def demonstration_sha256() -> str:
    """Return the hash of the weights that come with hilum."""
    return open_installation(CARD, Path("/nowhere")).record.source_sha256


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
