"""Weights made from a seed for one of hilum's graphs: they have learned nothing.

A network with plain random weights saturates: every score is 0 or 1, and neither a person
nor a test sees anything in it. Here the first layer sees edges, every batch normalisation
shifts what it passes on, and the classifier is scaled so that the logits of a radiograph
spread by about 1 around biases between -4 and -1, where published thresholds lie.

Only the raw 64-bit stream of PCG64, which numpy promises never to change, and single
float32 operations are used: every machine makes the same bytes.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hilum.predict.graph import Graph

SCALE_OF_PIXELS: Final = 64.0
"""What the first batch normalisation divides by: about the height of an edge, in pixel values."""

SHIFT: Final = 0.1
"""Largest shift of a batch normalisation, in standard deviations."""

CLASSIFIER_SCALE: Final = 1.5
"""Found by trial on a real radiograph: its logits then spread by about 1."""

BIASES: Final = (-4.0, -1.0)
"""Range of the classifier's biases, in logits."""


class Stream:
    """Numbers in [-1, 1) from a seed, the same on every machine.

    Parameters
    ----------
    seed
        Any whole number from 0.
    """

    def __init__(self, seed: int) -> None:
        self._bits = np.random.PCG64(seed)

    def take(self, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """Return the next numbers; float32, uniform in [-1, 1)."""
        count = math.prod(shape)
        words = self._bits.random_raw((count + 1) // 2).astype("<u8").view("<u4")[:count]
        return ((words >> 8).astype(np.float32) * np.float32(2**-23) - np.float32(1)).reshape(shape)


def random_state(graph: Graph, labels: int, seed: int) -> dict[str, NDArray[np.float32]]:
    """Return a state dict for a graph.

    Parameters
    ----------
    graph
        The network.
    labels
        Number of its outputs.
    seed
        Another seed is another model.

    Returns
    -------
    dict[str, NDArray[np.float32]]
        Name → tensor.
    """
    stream = Stream(seed)
    state: dict[str, NDArray[np.float32]] = {}
    for index, place in enumerate(graph.tensors):
        kind = place.name.rpartition(".")[2]
        if len(place.shape) > 1:
            state[place.name] = convolution(stream, place.shape, sees_edges=index == 0)
        elif kind == "bias":
            state[place.name] = stream.take(place.shape) * np.float32(SHIFT)
        elif kind == "running_mean":
            state[place.name] = np.zeros(place.shape, np.float32)
        else:  # weight and running_var; the first normalisation also scales the pixels
            state[place.name] = np.ones(place.shape, np.float32)
    first_variance = next(p.name for p in graph.tensors if p.name.endswith("running_var"))
    state[first_variance] *= np.float32(SCALE_OF_PIXELS**2)
    return state | classifier(stream, graph, labels)


def convolution(stream: Stream, shape: tuple[int, ...], *, sees_edges: bool) -> NDArray[np.float32]:
    """Return kernels with the spread of He et al. (2015), so that no layer grows or fades.

    With `sees_edges` each kernel is odd around its centre: flat regions give 0.
    """
    reach = np.float32(math.sqrt(6.0 / math.prod(shape[1:])))
    kernels = stream.take(shape) * reach
    if sees_edges:
        kernels = (kernels - kernels[:, :, ::-1, ::-1]) * np.float32(math.sqrt(0.5))
    return kernels


def classifier(stream: Stream, graph: Graph, labels: int) -> dict[str, NDArray[np.float32]]:
    """Return the classifier: rows that sum to 0, and biases in `BIASES`."""
    half = graph.features // 2
    reach = np.float32(CLASSIFIER_SCALE / math.sqrt(graph.features))
    rows = stream.take((labels, half)) * reach
    low, high = BIASES
    middle, spread = np.float32((low + high) / 2), np.float32((high - low) / 2)
    return {
        f"{graph.classifier}.weight": np.concatenate([rows, -rows], axis=1),
        f"{graph.classifier}.bias": stream.take((labels,)) * spread + middle,
    }
