"""A site's own operating points in a file that says where they come from.

Chosen on the images of some patients, tried on those of others. The file is for one model and one
way of preparing pixels, and its digest shows whether anybody changed it since.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NoReturn, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from hilum.errors import CardInvalid
from hilum.files.private import write_file
from hilum.language import Message
from hilum.language.system import system_error
from hilum.predict.card import ModelCard
from hilum.settings import PixelSettings
from hilum.settings.section import first_invalid
from hilum.values.site_curve import SiteCurve

SCHEMA: Final = "hilum.operating-points/1"
"""Name and major version of the file."""

FILE_SUFFIX: Final = ".json"
"""How its name ends."""

FINGERPRINT_DIGITS: Final = 8
"""Hexadecimal digits that tell two sets of thresholds apart in every result."""

MOST_BYTES: Final = 1 << 20
"""A larger file is none: a thousand labels take a third of it."""

DATA_DIGITS: Final = 12
"""Hexadecimal digits of the labels' digest that results name."""

TITLE_PATTERN: Final = r"[A-Za-z0-9][A-Za-z0-9._-]{0,47}"
"""What a site may call them: it is part of a file's name."""

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0)]
Text = Annotated[str, Field(max_length=200)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class PointsSection(BaseModel):
    """A part of the file: frozen, and a misspelt name is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class CheckedShare(PointsSection):
    """A share with its 95 % interval; None where there is nothing to count."""

    value: Share
    low: Share
    high: Share
    total: Count
    """Of so many images."""


class CheckedNumber(PointsSection):
    """A number with its 95 % interval."""

    value: Number
    low: Number
    high: Number


class HeldOut(PointsSection):
    """How a threshold did on the patients on whom it was not chosen."""

    positives: Count
    negatives: Count
    """Images that show the finding, and that do not."""
    sensitivity: CheckedShare | None
    specificity: CheckedShare | None
    ppv: CheckedShare | None


class CheckedCalibration(PointsSection):
    """How a curve did on the patients on whom it was not fitted."""

    positives: Count
    negatives: Count
    slope_before: CheckedNumber | None
    slope: CheckedNumber | None
    """Of the raw value and of the calibrated probability: 1 is right, less is too extreme."""
    brier_before: Share
    brier: Share
    """The same: mean squared distance from the truth."""


class SiteCalibration(PointsSection):
    """Turns a raw value into a calibrated probability at this site."""

    curve: SiteCurve
    held_out: CheckedCalibration


class FindingPoint(PointsSection):
    """The operating point of one finding."""

    threshold: float = Field(gt=0, lt=1, allow_inf_nan=False)
    """On the raw value: at or above it the finding is positive."""
    chosen: bool
    """Whether the rule chose it; else it is the card's."""
    why: Literal["", "too_few", "not_reached"] = ""
    """Why the rule did not choose it; empty when it did."""
    positives: Count
    negatives: Count
    """Images on which it was chosen."""
    held_out: HeldOut | None = None
    """How it did on the others; None without any."""
    calibration: SiteCalibration | None = None
    """None unless it was asked for, and could be fitted and checked."""
    uncalibrated: Literal["", "too_few", "not_rising"] = ""
    """Why it could not."""


class OfModel(PointsSection):
    """The model that the points are for."""

    name: Text
    version: Text
    sha256: Digest


class OfPixels(PointsSection):
    """How its pixels were prepared."""

    pipeline: Text
    max_clipped_share: Share
    unusable_window: Text

    @classmethod
    def of(cls, settings: PixelSettings) -> Self:
        """Return those of the settings."""
        return cls(
            pipeline=settings.pipeline.value,
            max_clipped_share=settings.max_clipped_share,
            unusable_window=settings.unusable_window.value,
        )


class OfData(PointsSection):
    """The images on which the points were chosen and tried."""

    sha256: Digest
    """Of the labels."""
    images: Count
    patients: Count
    """That were chosen on."""
    held_out_images: Count
    held_out_patients: Count
    """That they were tried on."""


class SitePoints(PointsSection):
    """A site's own operating points."""

    schema_name: Literal["hilum.operating-points/1"] = Field(SCHEMA, alias="schema")
    title: str = Field(pattern=f"^{TITLE_PATTERN}$")
    """What the site calls them."""
    created: AwareDatetime
    created_by: Text
    """When, and who let them be chosen."""
    rule: Text
    """How: sensitivity=0.95, say."""
    model: OfModel
    pixels: OfPixels
    data: OfData
    findings: dict[str, FindingPoint] = Field(min_length=1, max_length=1024)
    """Label → its point."""
    digest: str = ""
    """SHA-256 of all the rest."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    @model_validator(mode="after")
    def _is_as_written(self) -> Self:
        if self.digest and self.digest != self.content_digest:
            raise ValueError(Message("the file was changed after it was written"))
        return self

    @property
    def content_digest(self) -> str:
        """What `digest` has to be."""
        content = self.model_dump(mode="json", by_alias=True, exclude={"digest"})
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    @property
    def thresholds(self) -> dict[str, float]:
        """Label → threshold."""
        return {label: each.threshold for label, each in self.findings.items()}

    @property
    def curves(self) -> dict[str, SiteCurve]:
        """Label → what turns its raw value into a calibrated probability at this site."""
        return {
            label: each.calibration.curve
            for label, each in self.findings.items()
            if each.calibration is not None
        }

    @property
    def name(self) -> str:
        """What results call them: another one for other thresholds or curves, and nothing else."""
        return f"{self.title}@{fingerprint(self.thresholds, self.curves)}"

    @property
    def origin(self) -> str:
        """Where they come from, in a line that results repeat; it names nobody."""
        data = self.data
        return (
            f"{self.rule}, chosen on {data.images} images of {data.patients} patients, tried on "
            f"{data.held_out_images} of {data.held_out_patients} others, labels "
            f"{data.sha256[:DATA_DIGITS]}, {self.created:%Y-%m-%d}"
        )

    def text(self) -> str:
        """Return the file."""
        content = self.model_dump(mode="json", by_alias=True) | {"digest": self.content_digest}
        return json.dumps(content, indent=1, ensure_ascii=False) + "\n"

    def write(self, folder: Path) -> Path:
        """Write the file under its name; return where.

        Raises
        ------
        SettingInvalid
            It cannot be written.
        """
        path = folder / f"{self.name}{FILE_SUFFIX}"
        write_file(path, self.text())
        return path


def fingerprint(
    thresholds: Mapping[str, float], curves: Mapping[str, SiteCurve] | None = None
) -> str:
    """Return what tells these thresholds and curves from others."""
    text = repr([*sorted(thresholds.items()), *sorted((curves or {}).items())])
    return hashlib.sha256(text.encode()).hexdigest()[:FINGERPRINT_DIGITS]


def read_points(path: Path) -> SitePoints:
    """Read a file of operating points.

    Raises
    ------
    CardInvalid
        It cannot be read, is none, was changed by hand, or a value in it is impossible.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as exc:
        raise CardInvalid(
            "The file {name} cannot be read: {strerror}.",
            "Check its path and permissions.",
            name=path.name,
            strerror=system_error(exc),
        ) from exc
    return parse_points(content, path.name)


def parse_points(content: bytes, name: str) -> SitePoints:
    """Read the content of such a file.

    Raises
    ------
    CardInvalid
        As by `read_points`.
    """
    document = _document(content)
    if document is None:
        raise CardInvalid(
            "{name} is not a file of operating points by hilum.",
            "hilum evaluate --choose writes one.",
            name=name,
        )
    document["digest"] = document.get("digest") or "missing"
    try:
        return SitePoints.model_validate(document)
    except ValidationError as exc:
        where, why = first_invalid(exc)
        raise CardInvalid(
            "The operating points {name} cannot be used: {value}: {why}.",
            "Use the file as hilum evaluate --choose wrote it, or write a new one.",
            name=name,
            value=where or "file",
            why=why,
        ) from exc


def _document(content: bytes) -> dict[str, Any] | None:
    """Return what a file holds; None where it is no file of operating points."""
    if len(content) > MOST_BYTES:
        return None
    try:
        found = json.loads(content, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and found.get("schema") == SCHEMA else None


def require_fit(points: SitePoints, card: ModelCard, sha256: str, pixels: PixelSettings) -> None:
    """Refuse operating points of another model, of other pixels, or of unknown findings.

    Parameters
    ----------
    sha256
        Of the weights that are installed.

    Raises
    ------
    CardInvalid
        They are.
    """
    if points.model.sha256 != sha256:
        raise CardInvalid(
            "The operating points {name} are for {other} {version} with other weights than {card}.",
            "Choose them anew with this model: hilum evaluate --choose.",
            name=points.name,
            other=points.model.name,
            version=points.model.version,
            card=card.name,
        )
    if unknown := sorted(points.findings.keys() - set(card.trained_labels)):
        raise CardInvalid(
            "{name} has an operating point for {label!r}, which {card} lacks.",
            "Its labels are {trained_labels}.",
            name=points.name,
            label=unknown[0],
            card=card.name,
            trained_labels=", ".join(card.trained_labels),
        )
    here = OfPixels.of(pixels)
    for field in OfPixels.model_fields:
        if (theirs := getattr(points.pixels, field)) != (ours := getattr(here, field)):
            raise CardInvalid(
                "The operating points {name} were chosen with pixels.{setting} = {theirs}, which is"
                " {ours} here.",
                "Choose them anew with the settings in use: hilum evaluate --choose.",
                name=points.name,
                setting=field,
                theirs=theirs,
                ours=ours,
            )


def _no_number(text: str) -> NoReturn:
    raise ValueError(text)
