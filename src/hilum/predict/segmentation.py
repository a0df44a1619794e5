"""A segmentation network, loaded and ready: one image in, one mask for each structure out."""

from typing import Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from hilum.errors import CardInvalid, WeightsUntrusted
from hilum.predict.card import ModelCard, NetworkKind, WeightsFormat
from hilum.predict.catalogue import find_card
from hilum.predict.graph import load_graph
from hilum.predict.installed import Installation, open_installation
from hilum.predict.network import ENGINE_ERRORS, IMAGE, Execution, open_session, session_options
from hilum.radiograph import ModelInput
from hilum.reading import ModelIdentity
from hilum.settings import Settings

MASKS: Final = "masks"
"""Output of every such graph: logits ``(n, structures, height, width)``."""


class SegmentationModel:
    """One segmentation network in memory. The same input gives the same answer.

    Parameters
    ----------
    card
        What it is; its labels name the structures.
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
        self.identity = ModelIdentity(
            name=card.name,
            version=card.version,
            sha256=installation.record.source_sha256,
            verified=installation.record.verified,
            demonstration=card.demonstration,
            input_size=card.input_size,
        )
        self.structures = card.labels
        options = session_options(execution.threads)
        contents = installation.contents
        if card.weights.format is WeightsFormat.TORCH:
            graph = load_graph(card.graph)
            tensors = graph.tensors_of(contents, len(card.labels))
            # The session reads the weights where they lie, so both stay alive together.
            self._values = [
                onnxruntime.OrtValue.ortvalue_from_numpy(tensor) for tensor in tensors.values()
            ]
            options.add_external_initializers(list(tensors), self._values)
            contents = graph.onnx
        try:
            self._session = open_session(contents, execution, options)
        except ENGINE_ERRORS as exc:
            raise WeightsUntrusted(
                "The network {name} cannot be filled with these weights: {exc}.",
                "Install the model again.",
                name=card.name,
                exc=exc,
            ) from exc

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
        size = self.identity.input_size
        if model_input.pixels.shape != (size, size):
            raise ValueError(
                f"{self.identity.name} takes {size}×{size}, not {model_input.pixels.shape}"
            )
        image = np.ascontiguousarray(model_input.pixels, dtype=np.float32)[None, None]
        (masks,) = self._session.run([MASKS], {IMAGE: image})
        logits: NDArray[np.float32] = masks[0]
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
