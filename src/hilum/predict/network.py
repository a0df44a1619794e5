"""ONNX Runtime, the one engine. The only module that knows it."""

from typing import Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as engine

from hilum.errors import CardInvalid, WeightsUntrusted
from hilum.predict.graph import Graph

ENGINE_ERRORS: Final = tuple(
    kind for kind in vars(engine).values() if isinstance(kind, type) and issubclass(kind, Exception)
)
"""Every exception that ONNX Runtime raises; they have no common base of its own."""

IMAGE: Final = "image"
LOGITS: Final = "logits"
MAPS: Final = "class_activation_maps"


def session_options(threads: int) -> onnxruntime.SessionOptions:
    """Return the options of every session.

    Parameters
    ----------
    threads
        Threads of one run; 0 is one for each physical core.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.use_deterministic_compute = True
    options.log_severity_level = 3  # errors only: they reach us as exceptions anyway
    return options


class GraphNetwork:
    """One of hilum's graphs, filled with weights.

    Parameters
    ----------
    graph
        The weightless graph.
    contents
        Its weights file for `labels` outputs; kept for as long as the network lives.
    labels
        Number of outputs in the weights file.
    chosen
        Indices of the outputs that are computed.
    threads
        See `session_options`.

    Raises
    ------
    WeightsUntrusted
        The weights file does not have the length of such a model's weights.
    """

    def __init__(
        self, graph: Graph, contents: bytes, *, labels: int, chosen: list[int], threads: int
    ) -> None:
        tensors = graph.tensors_of(contents, labels)
        self._classifier = {
            "classifier_weight": tensors.pop(f"{graph.classifier}.weight")[chosen],
            "classifier_bias": tensors.pop(f"{graph.classifier}.bias")[chosen],
        }
        # The session reads the body's weights where they lie, so both stay alive together.
        self._values = [
            onnxruntime.OrtValue.ortvalue_from_numpy(tensor) for tensor in tensors.values()
        ]
        options = session_options(threads)
        options.add_external_initializers(list(tensors), self._values)
        try:
            self._session = onnxruntime.InferenceSession(
                graph.onnx, options, providers=["CPUExecutionProvider"]
            )
        except ENGINE_ERRORS as exc:
            raise WeightsUntrusted(
                f"The network {graph.name} cannot be filled with these weights: {exc}.",
                "Install the model again.",
            ) from exc

    def run(self, image: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Run the network on one image.

        Parameters
        ----------
        image
            Shape ``(1, 1, size, size)``, in [-1024, 1024].

        Returns
        -------
        tuple[NDArray[np.float32], NDArray[np.float32]]
            Logits ``(labels,)`` and class activation maps ``(labels, height, width)``.
        """
        logits, maps = self._session.run([LOGITS, MAPS], {IMAGE: image, **self._classifier})
        return logits[0], maps[0]


class FileNetwork:
    """A whole network that somebody added as an ONNX file.

    It has one input ``(1, 1, size, size)`` and the outputs ``logits`` and
    ``class_activation_maps`` of hilum's own graphs (docs/models.md).

    Parameters
    ----------
    contents
        The ONNX file.
    labels
        Number of outputs that its card declares.
    input_size
        Side of its square input, in pixels.
    chosen
        Indices of the outputs that are used.
    threads
        See `session_options`.

    Raises
    ------
    CardInvalid
        It is not such a network.
    """

    def __init__(
        self, contents: bytes, *, labels: int, input_size: int, chosen: list[int], threads: int
    ) -> None:
        self._chosen = chosen
        try:
            self._session = onnxruntime.InferenceSession(
                contents, session_options(threads), providers=["CPUExecutionProvider"]
            )
            inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
            if len(inputs) != 1 or not {LOGITS, MAPS} <= {output.name for output in outputs}:
                raise not_such_a_network(
                    f"has {len(inputs)} inputs and the outputs "
                    + ", ".join(output.name for output in outputs)
                )
            self._input = inputs[0].name
            logits, maps = self._outputs(np.zeros((1, 1, input_size, input_size), np.float32))
        except ENGINE_ERRORS as exc:
            raise not_such_a_network(f"cannot be run: {exc}") from exc
        if logits.shape != (1, labels) or maps.ndim != 4 or maps.shape[:2] != (1, labels):  # noqa: PLR2004  n, labels, height, width
            raise not_such_a_network(
                f"gives logits {logits.shape} and maps {maps.shape} for {labels} labels"
            )

    def _outputs(
        self, image: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        logits, maps = self._session.run([LOGITS, MAPS], {self._input: image})
        return logits, maps

    def run(self, image: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Run the network on one image; see `GraphNetwork.run`."""
        logits, maps = self._outputs(image)
        return logits[0][self._chosen], maps[0][self._chosen]


def not_such_a_network(what: str) -> CardInvalid:
    """Return the error for an ONNX file that does not keep the contract."""
    return CardInvalid(
        f"The ONNX network {what}.",
        f"It needs one input (1, 1, size, size) and the outputs {LOGITS} and {MAPS}; "
        "see docs/models.md.",
    )
