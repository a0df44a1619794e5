"""A segmentation network, loaded and ready: one image in, one mask for each structure out."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from hilum.errors import CardInvalid
from hilum.predict.card import ModelCard, NetworkKind, WeightsFormat
from hilum.predict.catalogue import find_card
from hilum.predict.graph import load_graph
from hilum.predict.installed import Installation, identity_of, open_installation
from hilum.predict.network import IMAGE, Execution, batch_of_one, open_filled
from hilum.radiograph import ModelInput
from hilum.settings import Settings

MASKS: Final = "masks"
"""Output of every such graph: logits ``(n, structures, height, width)``."""


class SegmentationModel:
    """One segmentation network in memory. The same input gives the same answer.

    Parameters
    ----------
    card
        What it is; its labels name the structures, and masks without a name are left out.
    execution
        What it runs on.

    Attributes
    ----------
    identity
        Which network it is.
    structures
        What it looks for, in its order.

    Raises
    ------
    CardInvalid
        The card is of another kind of network.
    WeightsUntrusted
        The weights do not fit the network.
    """

    def __init__(self, card: ModelCard, installation: Installation, execution: Execution) -> None:
        if card.kind is not NetworkKind.SEGMENTATION:
            raise CardInvalid(
                "{name} finds no anatomy: it is a {kind} network.",
                "Set anatomy.model to one that does; `hilum models list` shows them.",
                name=card.name,
                kind=card.kind,
            )
        self.identity = identity_of(card, installation)
        self.structures = card.trained_labels
        self._named = [number for number, name in enumerate(card.labels) if name]
        network, tensors = installation.contents, {}
        if card.weights.format is WeightsFormat.TORCH:
            graph = load_graph(card.graph)
            tensors = graph.tensors_of(network, len(card.labels))
            network = graph.onnx
        self._session, self._values = open_filled(network, tensors, execution, name=card.name)

    def masks(self, model_input: ModelInput) -> NDArray[np.float32]:
        """Return the logits of each structure, upright; above 0 is inside.

        Parameters
        ----------
        model_input
            Of this network's `identity.input_size`.

        Returns
        -------
        NDArray[np.float32]
            Shape ``(structures, height, width)``.

        Raises
        ------
        ValueError
            The input has another size than the network takes.
        """
        image = batch_of_one(model_input, self.identity)
        (masks,) = self._session.run([MASKS], {IMAGE: image})
        logits: NDArray[np.float32] = masks[0][self._named]
        return logits


def load_segmentation(settings: Settings) -> SegmentationModel:
    """Load the segmentation network that the settings name.

    Raises
    ------
    ModelUnknown
        There is no model of that name.
    WeightsMissing
        Its weights are not on this machine.
    WeightsUntrusted
        They are not what was installed.
    CardInvalid
        Its card cannot be used, or is of another kind of network.
    ProviderMissing
        The execution provider of the settings cannot be used here.
    """
    card = find_card(settings.anatomy.model, settings.data_folder)
    installation = open_installation(card, settings.data_folder)
    execution = Execution(settings.model.provider, settings.model.threads)
    return SegmentationModel(card, installation, execution)
