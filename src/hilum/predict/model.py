"""A model, loaded and ready: one image in, findings and heatmaps out."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hilum.errors import CardInvalid
from hilum.predict.card import ModelCard, NetworkKind, WeightsFormat
from hilum.predict.catalogue import find_card
from hilum.predict.graph import load_graph
from hilum.predict.installed import Installation, identity_of, open_installation
from hilum.predict.network import Execution, FileNetwork, GraphNetwork, batch_of_one
from hilum.predict.operating_points import ChosenPoints, PointsUse, choose_operating_points
from hilum.radiograph import ModelInput
from hilum.reading import Finding, Heatmap
from hilum.settings import Settings
from hilum.values.site_curve import SiteCurve


def sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the logistic function of logits, any shape; in [0, 1], unitless.

    It is computed through the hyperbolic tangent, which overflows for no logit.
    """
    return 0.5 * (1.0 + np.tanh(0.5 * logits.astype(np.float64)))


def normalise(raw: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Put each raw value on the scale where 0.5 is its operating point.

    Piecewise linear: 0 → 0, the operating point → 0.5, 1 → 1.

    Parameters
    ----------
    raw
        Shape ``(labels,)``, in [0, 1].
    points
        Shape ``(labels,)``, in (0, 1).

    Returns
    -------
    NDArray[np.float64]
        Shape ``(labels,)``, in [0, 1]. Not a probability.

    Sources
    -------
    ``torchxrayvision.models.op_norm`` (1.5.7).
    """
    below = raw / (points * 2.0)
    above = 1.0 - (1.0 - raw) / ((1.0 - points) * 2.0)
    return np.where(raw < points, below, above)


def to_findings(
    labels: Sequence[str],
    logits: NDArray[np.float32],
    points: Sequence[float],
    curves: Mapping[str, SiteCurve] | None = None,
) -> tuple[Finding, ...]:
    """Pair labels with what the network said of them.

    Parameters
    ----------
    logits
        Shape ``(len(labels),)``, float32.
    points
        Operating point of each label, in (0, 1).
    curves
        Label → what gives its calibrated probability at this site.

    Raises
    ------
    ValueError
        The three differ in length, or a logit is not a number.
    """
    raw = sigmoid(logits)
    scores = normalise(raw, np.asarray(points, dtype=np.float64))
    known = curves or {}
    return tuple(
        Finding(
            label=label,
            raw=float(value),
            operating_point=point,
            score=float(score),
            probability=known[label].of(value) if label in known else None,
        )
        for label, value, point, score in zip(labels, raw, points, scores, strict=True)
    )


class Prediction(NamedTuple):
    """What a model says of one image."""

    findings: tuple[Finding, ...]
    """One for every label that the model learned, in its card's order."""
    heatmaps: tuple[Heatmap, ...]
    """One for each finding."""
    features: NDArray[np.float32] | None
    """Shape ``(features,)``: see `hilum.reading.Reading`."""


class Model:
    """One model in memory. Pure: the same input gives the same answer, bit for bit.

    It may be used by several threads at once.

    Parameters
    ----------
    card
        What it is.
    points
        The operating points in use; a label without one is not read.
    execution
        What its network runs on; the CPU by default.

    Attributes
    ----------
    card
        What it is.
    identity
        Which model every finding is from.
    labels
        What it reads, in the network's order.
    curves
        Label → what gives its calibrated probability at this site, where the site has that.
    """

    def __init__(
        self,
        card: ModelCard,
        installation: Installation,
        points: ChosenPoints,
        *,
        execution: Execution | None = None,
    ) -> None:
        self.card = card
        self.identity = identity_of(
            card,
            installation,
            operating_points=points.name,
            operating_points_origin=points.origin,
        )
        chosen = [i for i, label in enumerate(card.labels) if label in points.thresholds]
        self.labels = tuple(card.labels[i] for i in chosen)
        self.curves = {
            label: points.curves[label] for label in self.labels if label in points.curves
        }
        self._points = tuple(points.thresholds[label] for label in self.labels)
        self._network = build_network(card, installation, chosen, execution or Execution())

    @property
    def operating_points(self) -> dict[str, float]:
        """Label → threshold on its raw value, in (0, 1), in the network's order."""
        return dict(zip(self.labels, self._points, strict=True))

    def predict(self, model_input: ModelInput) -> tuple[tuple[Finding, ...], tuple[Heatmap, ...]]:
        """Return findings and heatmaps of one image; see `read`."""
        return self.read(model_input)[:2]

    def read(self, model_input: ModelInput) -> Prediction:
        """Read one image.

        Parameters
        ----------
        model_input
            Of this model's `identity.input_size`.

        Raises
        ------
        ValueError
            The input has another size than the network takes.
        """
        logits, maps, features = self._network.run(batch_of_one(model_input, self.identity))
        heatmaps = tuple(
            Heatmap(label, model_input.turn.stored(activation), model_input.field_of_view)
            for label, activation in zip(self.labels, maps[0], strict=True)
        )
        findings = to_findings(self.labels, logits[0], self._points, self.curves)
        return Prediction(findings, heatmaps, None if features is None else features[0])


def build_network(
    card: ModelCard, installation: Installation, chosen: list[int], execution: Execution
) -> GraphNetwork | FileNetwork:
    """Return the network that a card describes, with its weights.

    Raises
    ------
    CardInvalid
        The card does not fit the network.
    WeightsUntrusted
        The weights do not fit the network.
    ProviderMissing
        The execution provider cannot be used here.
    """
    labels = len(card.labels)
    if card.weights.format is not WeightsFormat.TORCH:
        return FileNetwork(
            installation.contents,
            labels=labels,
            input_size=card.input_size,
            chosen=chosen,
            execution=execution,
        )
    graph = load_graph(card.graph)
    if graph.input_size != card.input_size:
        raise CardInvalid(
            "The card {name} says {input_size} pixels, but {network} takes {needed}.",
            "Correct input_size, or name another graph.",
            name=card.name,
            input_size=card.input_size,
            network=graph.name,
            needed=graph.input_size,
        )
    return GraphNetwork(
        graph, installation.contents, labels=labels, chosen=chosen, execution=execution
    )


def load_model(settings: Settings) -> Model:
    """Load the model that the settings name.

    Raises
    ------
    ModelUnknown
        There is no model of that name.
    WeightsMissing
        Its weights are not on this machine.
    WeightsUntrusted
        They are not what was installed.
    CardInvalid
        Its card or the operating points cannot be used.
    ArithmeticWrong
        NumPy's products of matrices are wrong here.
    ProviderMissing
        The execution provider of the settings cannot be used here.
    """
    card = find_card(settings.model.name, settings.data_folder)
    if card.kind is not NetworkKind.CLASSIFIER:
        raise CardInvalid(
            "{name} finds no diseases: it is a {kind} network.",
            "Set model.name to a model that does; `hilum models list` shows them.",
            name=card.name,
            kind=card.kind,
        )
    installation = open_installation(card, settings.data_folder)
    use = PointsUse(installation.record.source_sha256, settings.pixels, settings.data_folder)
    points = choose_operating_points(card, settings.model.operating_points, use)
    execution = Execution(settings.model.provider, settings.model.threads)
    return Model(card, installation, points, execution=execution)
