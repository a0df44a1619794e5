"""Model cards: what a model is, where its weights come from, what it was trained on."""

import tomllib
from enum import StrEnum
from importlib.resources.abc import Traversable
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from hilum.errors import CardInvalid
from hilum.language import Message
from hilum.language.system import system_error
from hilum.settings.section import first_invalid

NAME_PATTERN: Final = r"^[a-z0-9][a-z0-9._-]{0,63}$"
"""A model's name is also the name of its folder, so it holds nothing that a path gives meaning."""

DEFAULT_POINTS: Final = "default"
"""The set of operating points that every card has."""

Threshold = Annotated[float, Field(gt=0.0, lt=1.0, allow_inf_nan=False)]
"""An operating point: a threshold on the sigmoid of the logit, in (0, 1)."""

OperatingPoints = dict[str, Threshold]
"""Label → threshold. A label without one is not read."""


class WeightsFormat(StrEnum):
    """What kind of file the weights come in."""

    TORCH = "torch"
    """A pickled ``torch.nn.Module`` or state dict, in torch's legacy or ZIP container."""
    ONNX = "onnx"
    """A whole network, graph and weights, in one ONNX file."""
    SHIPPED = "shipped"
    """Nothing to download: a whole network in ONNX that comes with hilum."""


class NetworkKind(StrEnum):
    """What a network says of an image."""

    CLASSIFIER = "classifier"
    """Findings: the only kind that `model.name` may name."""
    VIEW = "view"
    """Whether it is a frontal or a lateral chest."""
    SEGMENTATION = "segmentation"
    """Where structures of the anatomy are, as masks."""


class CardSection(BaseModel):
    """A table of a card: frozen, and a misspelt name is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class WeightsSource(CardSection):
    """Where the weights come from and how to know them again."""

    format: WeightsFormat = WeightsFormat.TORCH
    """What kind of file it is."""
    url: str | None = Field(None, pattern=r"^https?://")
    """Release address; None when there is nothing to download."""
    size: int | None = Field(None, gt=0)
    """Length of the file in bytes, None when it was never published."""
    sha256: str | None = Field(None, pattern=r"^[0-9a-f]{64}$")
    """SHA-256 of the file, lower-case hexadecimal; None is trust on first use."""
    sha256_source: str = ""
    """Who vouches for the hash, in words."""


class PublishedAuc(CardSection):
    """Areas under the ROC curve, as the authors published them."""

    source: str
    """Where, and on which images."""
    by_data_set: dict[str, dict[str, float]]
    """Data set → label → area, in [0, 1]."""


class PublishedScores(CardSection):
    """Scores of one image, as the authors published them."""

    source: str
    """Where."""
    image: str
    """File name of the image."""
    scores: dict[str, float]
    """Label → score, in [0, 1]."""


class ModelCard(CardSection):
    """What is known about one model. One TOML file; docs/models.md shows each field."""

    name: str = Field(pattern=NAME_PATTERN)
    """Identifies the card, e.g. ``"densenet121-res224-all"``."""
    version: str = Field(min_length=1, max_length=32)
    """That of the published weights, not of hilum."""
    title: str = Field(min_length=1)
    """One line for people."""
    kind: NetworkKind = NetworkKind.CLASSIFIER
    """What it says of an image."""
    graph: str = Field("file", min_length=1)
    """Name of one of hilum's weightless graphs; ``"file"`` when the weights are a whole ONNX
    network."""
    input_size: int = Field(ge=32, le=2048)
    """Side of the square that the network sees, in pixels."""
    labels: tuple[str, ...] = Field(min_length=1, max_length=1024)
    """One per output of the network, in its order; empty for an output never trained."""
    operating_points: dict[str, OperatingPoints] = {}
    """Sets of thresholds by name; a classifier always has ``default``, any other kind none."""
    weights: WeightsSource = WeightsSource()
    """Where the weights come from."""
    training_data: tuple[str, ...] = ()
    licence: str = "unknown"
    terms: str = ""
    """What a person must accept before the weights are fetched; empty when there is nothing."""
    limits: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    """For people; repeated in the reports and the documentation."""
    min_age_years: int = Field(18, ge=0, le=150)
    """Patients younger than this are refused by the gate."""
    demonstration: bool = False
    """True for a model that must never be mistaken for a trained one."""
    published_auc: PublishedAuc | None = None
    """How well it did, where its authors published that."""
    published_scores: PublishedScores | None = None
    """What it gives for an image that its authors published, where they did."""

    @model_validator(mode="after")
    def _labels_are_consistent(self) -> Self:
        named = [label for label in self.labels if label]
        if len(set(named)) != len(named):
            raise ValueError(Message("a label is there twice"))
        if self.kind is not NetworkKind.CLASSIFIER:
            if self.operating_points:
                raise ValueError(Message("only a classifier has operating points"))
            return self
        if DEFAULT_POINTS not in self.operating_points:
            raise ValueError(
                Message("the set '{name}' of operating points is missing", name=DEFAULT_POINTS)
            )
        for name, points in self.operating_points.items():
            if unknown := set(points) - set(named):
                named_so = ", ".join(sorted(unknown))
                raise ValueError(
                    Message("{name} has points for {labels}: no labels", name=name, labels=named_so)
                )
        if not self.operating_points[DEFAULT_POINTS]:
            raise ValueError(Message("no label has an operating point, so nothing could be read"))
        return self

    @property
    def trained_labels(self) -> tuple[str, ...]:
        """Labels that the weights learned, in the network's order.

        Of a classifier those with a threshold, of any other kind all that are named.
        """
        if self.kind is not NetworkKind.CLASSIFIER:
            return tuple(filter(None, self.labels))
        default = self.operating_points[DEFAULT_POINTS]
        return tuple(label for label in self.labels if label in default)

    @staticmethod
    def invalid(exc: ValidationError, origin: str) -> CardInvalid:
        """Return the error for fields that cannot be used, the first one named."""
        name, why = first_invalid(exc)
        return CardInvalid(
            "The model card {origin} cannot be used: {value}: {why}.",
            "docs/models.md shows a whole card, field by field.",
            origin=origin,
            value=name or "card",
            why=why,
        )

    @classmethod
    def read(cls, file: Traversable) -> Self:
        """Read a card from a TOML file.

        Raises
        ------
        CardInvalid
            It cannot be read, is not TOML, or a field is missing, misspelt or impossible.
        """
        try:
            return cls.model_validate(parse_toml(file))
        except ValidationError as exc:
            raise cls.invalid(exc, file.name) from exc


def parse_toml(file: Traversable) -> dict[str, Any]:
    """Return what a TOML file holds.

    Raises
    ------
    CardInvalid
        It cannot be read, or is not TOML.
    """
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as exc:
        raise CardInvalid(
            "The file {name} cannot be read: {strerror}.",
            "Check its path and permissions.",
            name=file.name,
            strerror=system_error(exc),
        ) from exc
    except UnicodeDecodeError as exc:
        raise CardInvalid(
            "The file {name} is not text in UTF-8.", "Write it as a TOML file.", name=file.name
        ) from exc
    except tomllib.TOMLDecodeError as exc:
        raise CardInvalid(
            "The file {name} is not valid TOML: {exc}.",
            "Correct that line.",
            name=file.name,
            exc=exc,
        ) from exc
    except RecursionError as exc:
        raise CardInvalid(
            "The file {name} is nested too deeply.",
            "Nothing in a card is a list of lists.",
            name=file.name,
        ) from exc


def is_threshold(value: object) -> bool:
    """Whether a value from a TOML file can be an operating point: a number in (0, 1)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return 0.0 < value < 1.0  # NaN is neither
