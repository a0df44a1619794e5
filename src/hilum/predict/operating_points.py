"""Which thresholds are in use: a set of the card, or the site's own file."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from hilum.errors import CardInvalid
from hilum.predict import points_file
from hilum.predict.card import DEFAULT_POINTS, ModelCard, OperatingPoints, is_threshold, parse_toml
from hilum.predict.points_file import fingerprint, read_points, require_fit
from hilum.settings import PixelSettings
from hilum.settings.reading import POINTS_FOLDER
from hilum.values.site_curve import SiteCurve

FILE_SUFFIX: Final = ".toml"
"""A set of operating points named so is a file that somebody wrote by hand."""


@dataclass(frozen=True, slots=True)
class ChosenPoints:
    """The operating points in use."""

    name: str
    """The set's name; for a site's file its stem and a fingerprint of the thresholds, so that
    results made with other thresholds get other identifiers."""
    thresholds: OperatingPoints
    """Label → threshold, for each label that is read."""
    origin: str = ""
    """Where a site's file has them from; empty when it does not say, and for a set of the card."""
    curves: Mapping[str, SiteCurve] = field(default_factory=dict)
    """Label → what turns its raw value into a calibrated probability at this site."""


@dataclass(frozen=True, slots=True)
class PointsUse:
    """What a file of operating points has to be for."""

    sha256: str
    """Of the weights."""
    pixels: PixelSettings
    data_folder: Path


def choose_operating_points(
    card: ModelCard, chosen: str, use: PointsUse | None = None
) -> ChosenPoints:
    """Return the set of operating points that the settings name.

    Parameters
    ----------
    chosen
        Name of one of the card's sets, or the path of a site's own file: a ``.json`` one that
        ``hilum evaluate --choose`` wrote, or a ``.toml`` one with one ``label = threshold`` a line.
        Labels that the file does not name keep the card's default threshold. A path that begins
        with `POINTS_FOLDER` is in the data folder.
    use
        What the former has to be for; None where there is none.

    Raises
    ------
    CardInvalid
        The card has no such set, or the file cannot be used.
    """
    if chosen in card.operating_points:
        return ChosenPoints(chosen, card.operating_points[chosen])
    if chosen.endswith(FILE_SUFFIX):
        return site_points(card, Path(chosen))
    if chosen.endswith(points_file.FILE_SUFFIX) and use is not None:
        return checked_points(card, Path(chosen), use)
    raise CardInvalid(
        "The model {name} has no operating points named {chosen!r}.",
        "It has {operating_points}; a file of your own ends in {file_suffix} or .json.",
        name=card.name,
        chosen=chosen,
        operating_points=", ".join(card.operating_points),
        file_suffix=FILE_SUFFIX,
    )


def site_points(card: ModelCard, path: Path) -> ChosenPoints:
    """Read a site's own operating points.

    Raises
    ------
    CardInvalid
        The file cannot be read, names a label that the model does not have, or a
        threshold is not a number between 0 and 1.
    """
    own = parse_toml(path)
    default = card.operating_points[DEFAULT_POINTS]
    if not own:
        raise CardInvalid(
            "The operating points {name} name no label.",
            "Write one line a label, e.g. Effusion = 0.12.",
            name=path.name,
        )
    for label, threshold in own.items():
        if label not in default:
            raise CardInvalid(
                "{name} has an operating point for {label!r}, which {card} lacks.",
                "Its labels are {trained_labels}.",
                name=path.name,
                label=label,
                card=card.name,
                trained_labels=", ".join(card.trained_labels),
            )
        if not is_threshold(threshold):
            raise CardInvalid(
                "The operating point of {label} in {name} is {threshold!r}.",
                "It is a number between 0 and 1, such as 0.12.",
                label=label,
                name=path.name,
                threshold=threshold,
            )
    thresholds = {**default, **{label: float(value) for label, value in own.items()}}
    stem = re.sub(r"[^A-Za-z0-9._-]", "_", path.stem)
    return ChosenPoints(f"{stem}@{fingerprint(thresholds)}", thresholds)


def points_path(path: Path, data_folder: Path) -> Path:
    """Return where a file is that a setting names: below `POINTS_FOLDER` in the data folder."""
    return data_folder / path if path.parent == Path(POINTS_FOLDER) else path


def checked_points(card: ModelCard, path: Path, use: PointsUse) -> ChosenPoints:
    """Read operating points that were chosen on a site's own images.

    Raises
    ------
    CardInvalid
        The file cannot be used, or is for another model or other pixels.
    """
    points = read_points(points_path(path, use.data_folder))
    require_fit(points, card, use.sha256, use.pixels)
    default = card.operating_points[DEFAULT_POINTS]
    thresholds = {**default, **points.thresholds}
    return ChosenPoints(points.name, thresholds, points.origin, points.curves)
