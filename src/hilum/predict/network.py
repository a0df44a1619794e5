"""ONNX Runtime, the one engine. The only module that knows it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hilum.band_matrix import multiplies_rightly
from hilum.errors import ArithmeticWrong, CardInvalid, ProviderMissing, WeightsUntrusted
from hilum.language import Message
from hilum.language.message import filled_in
from hilum.predict.graph import Graph
from hilum.radiograph import ModelInput
from hilum.reading import ModelIdentity
from hilum.runtime.cores import fewer_cores
from hilum.runtime.engine_wheels import engine_wheels
from hilum.runtime.native_output import without_remarks
from hilum.settings import ExecutionProvider

if TYPE_CHECKING:
    import onnxruntime

NOT_IN_IT: Final = Message("The installed ONNX Runtime does not have it")
OVERWRITTEN: Final = Message(
    "onnxruntime has overwritten onnxruntime-gpu: uninstall both, then install the latter alone"
)
"""Why a provider is missing."""

IMAGE: Final = "image"
LOGITS: Final = "logits"
MAPS: Final = "class_activation_maps"
FEATURES: Final = "features"


@cache
def engine() -> Any:
    """Return ONNX Runtime, loaded at the first call: a node's own process runs no network."""
    with without_remarks():
        import onnxruntime  # noqa: PLC0415
    return onnxruntime


def engine_errors() -> tuple[type[Exception], ...]:
    """Return every exception that it raises; they have no common base of its own."""
    told = vars(engine().capi.onnxruntime_pybind11_state).values()
    return tuple(kind for kind in told if isinstance(kind, type) and issubclass(kind, Exception))


class Outputs(NamedTuple):
    """What a network says of a batch of images."""

    logits: NDArray[np.float32]
    """Shape ``(n, labels)``."""
    maps: NDArray[np.float32]
    """Shape ``(n, labels, height, width)``: class activation maps, in logits."""
    features: NDArray[np.float32] | None
    """Shape ``(n, features)``: the last feature map, pooled; None where a network gives none."""


PROVIDERS: Final[dict[ExecutionProvider, tuple[str, dict[str, Any]]]] = {
    ExecutionProvider.CPU: ("CPUExecutionProvider", {}),
    # TensorFloat-32 would round what a convolution multiplies to 10 bits.
    ExecutionProvider.CUDA: (
        "CUDAExecutionProvider",
        {"use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC"},
    ),
}
"""ONNX Runtime's name of each execution provider, and the options it is given."""


def batch_of_one(model_input: ModelInput, identity: ModelIdentity) -> NDArray[np.float32]:
    """Return an image as networks take it, ``(1, 1, size, size)``.

    Raises
    ------
    ValueError
        It has another size than the network takes.
    """
    size = identity.input_size
    if model_input.pixels.shape != (size, size):
        raise ValueError(f"{identity.name} takes {size}×{size}, not {model_input.pixels.shape}")
    return np.ascontiguousarray(model_input.pixels, dtype=np.float32)[None, None]


@dataclass(frozen=True, slots=True)
class Execution:
    """What a network runs on."""

    provider: ExecutionProvider = ExecutionProvider.CPU
    """The execution provider."""
    threads: int = 0
    """Threads of one run on the CPU; 0 is one for each physical core that is allowed."""


def open_session(
    network: bytes, execution: Execution, options: "onnxruntime.SessionOptions"
) -> "onnxruntime.InferenceSession":
    """Return a session that runs on the provider asked for, and on no other.

    ONNX Runtime falls back to the CPU when a provider's libraries cannot be loaded, with
    a line of log at most; a person who asked for a GPU is told instead.

    Raises
    ------
    ArithmeticWrong
        Images would be resized to something else, see `multiplies_rightly`.
    ProviderMissing
        The provider is not part of the installed engine, or cannot be started.
    """
    if not multiplies_rightly():
        raise ArithmeticWrong(
            "NumPy multiplies matrices wrongly on this processor, so no image is analyzed.",
            "Set the environment variable OPENBLAS_CORETYPE (on arm64: NEOVERSEN1), or install "
            "another version of NumPy.",
        )
    name, provider_options = PROVIDERS[execution.provider]
    if name not in engine().get_available_providers():
        both = len(engine_wheels()) > 1
        raise _missing(execution.provider, OVERWRITTEN if both else NOT_IN_IT)
    if execution.provider is ExecutionProvider.CUDA:
        engine().preload_dlls()  # CUDA and cuDNN as PyPI packages are on no library path
    session = engine().InferenceSession(network, options, providers=[(name, provider_options)])
    if session.get_providers()[0] != name:
        raise _missing(execution.provider, Message("Its libraries or a device could not be used"))
    return session


def _missing(provider: ExecutionProvider, why: str) -> ProviderMissing:
    return ProviderMissing(
        "The network cannot be run with model.provider = {provider}. {why}.",
        "See docs/speed.md on GPUs, or set model.provider to cpu.",
        provider=provider,
        why=why,
    )


def session_options(threads: int) -> "onnxruntime.SessionOptions":
    """Return the options of every session.

    Parameters
    ----------
    threads
        Threads of one run; 0 is one for each physical core that this process may use.
    """
    options = engine().SessionOptions()
    # it knows nothing of quotas: left alone it would start one for each core of the host
    options.intra_op_num_threads = threads or fewer_cores() or 0
    options.inter_op_num_threads = 1
    # Else its threads wait for the next image by spinning, on cores that the PACS needs: two of
    # them then take twice the processor time. Within an image they may: there it saves a tenth.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    options.use_deterministic_compute = True
    options.log_severity_level = 3  # errors only: they reach us as exceptions anyway
    return options


def open_filled(
    network: bytes, tensors: Mapping[str, NDArray[np.float32]], execution: Execution, *, name: str
) -> "tuple[onnxruntime.InferenceSession, list[onnxruntime.OrtValue]]":
    """Return a session of a network that gets its weights from memory.

    Parameters
    ----------
    tensors
        Name → weights that the network leaves to whoever opens it.
    name
        Of the network, for people.

    Returns
    -------
    tuple[InferenceSession, list[OrtValue]]
        The session, and the weights: it reads them where they lie, so whoever has the one keeps
        the other.

    Raises
    ------
    WeightsUntrusted
        They do not fit the network.
    ProviderMissing
        See `open_session`.
    """
    values = [engine().OrtValue.ortvalue_from_numpy(tensor) for tensor in tensors.values()]
    options = session_options(execution.threads)
    if values:
        options.add_external_initializers(list(tensors), values)
    try:
        return open_session(network, execution, options), values
    except engine_errors() as exc:
        raise WeightsUntrusted(
            "The network {name} cannot be filled with these weights: {exc}.",
            "Install the model again.",
            name=name,
            exc=exc,
        ) from exc


class GraphNetwork:
    """One of hilum's graphs, filled with weights.

    Parameters
    ----------
    contents
        Its weights file for `labels` outputs; kept for as long as the network lives.
    labels
        Number of outputs in the weights file.
    chosen
        Indices of the outputs that are computed.

    Raises
    ------
    WeightsUntrusted
        The weights file does not have the length of such a model's weights.
    """

    def __init__(
        self, graph: Graph, contents: bytes, *, labels: int, chosen: list[int], execution: Execution
    ) -> None:
        tensors = graph.tensors_of(contents, labels)
        self._classifier = {
            "classifier_weight": tensors.pop(f"{graph.classifier}.weight")[chosen],
            "classifier_bias": tensors.pop(f"{graph.classifier}.bias")[chosen],
        }
        self._session, self._values = open_filled(graph.onnx, tensors, execution, name=graph.name)

    def run(self, image: NDArray[np.float32]) -> Outputs:
        """Run the network on a batch of images.

        Parameters
        ----------
        image
            Shape ``(n, 1, size, size)``, in [-1024, 1024].
        """
        given = {IMAGE: image, **self._classifier}
        return Outputs(*self._session.run([LOGITS, MAPS, FEATURES], given))


class FileNetwork:
    """A whole network that somebody added as an ONNX file.

    It has one input ``(1, 1, size, size)`` and the outputs ``logits`` and
    ``class_activation_maps`` of hilum's own graphs, and may have ``features`` (docs/models.md).

    Parameters
    ----------
    labels
        Number of outputs that its card declares.
    input_size
        Side of its square input, in pixels.
    chosen
        Indices of the outputs that are used.

    Raises
    ------
    CardInvalid
        It is not such a network.
    """

    def __init__(
        self,
        contents: bytes,
        *,
        labels: int,
        input_size: int,
        chosen: list[int],
        execution: Execution,
    ) -> None:
        self._chosen = chosen
        try:
            self._session = open_session(contents, execution, session_options(execution.threads))
            inputs = self._session.get_inputs()
            outputs = [output.name for output in self._session.get_outputs()]
            if len(inputs) != 1 or not {LOGITS, MAPS} <= set(outputs):
                raise not_such_a_network(
                    f"has {len(inputs)} inputs and the outputs " + ", ".join(outputs)
                )
            self._input = inputs[0].name
            self._outputs = [name for name in (LOGITS, MAPS, FEATURES) if name in outputs]
            logits, maps, features = self._run(np.zeros((1, 1, input_size, input_size), np.float32))
        except engine_errors() as exc:
            raise not_such_a_network("cannot be run: {exc}", exc=exc) from exc
        if logits.shape != (1, labels) or maps.ndim != 4 or maps.shape[:2] != (1, labels):  # noqa: PLR2004  n, labels, height, width
            raise not_such_a_network(
                "gives logits {shape} and maps {shape_2} for {labels} labels",
                shape=logits.shape,
                shape_2=maps.shape,
                labels=labels,
            )
        if features is not None and (features.ndim != 2 or len(features) != 1):  # noqa: PLR2004  n, features
            raise not_such_a_network("gives features {shape}", shape=features.shape)

    def _run(self, image: NDArray[np.float32]) -> Outputs:
        found = self._session.run(self._outputs, {self._input: image})
        return Outputs(*found, *[None] * (len(Outputs._fields) - len(found)))

    def run(self, image: NDArray[np.float32]) -> Outputs:
        """Run the network on a batch of images; see `GraphNetwork.run`."""
        logits, maps, features = self._run(image)
        return Outputs(logits[:, self._chosen], maps[:, self._chosen], features)


def not_such_a_network(what: str, **values: object) -> CardInvalid:
    """Return the error for an ONNX file that does not keep the contract."""
    return CardInvalid(
        "The ONNX network {what}.",
        "It needs one input (1, 1, size, size) and the outputs {logits} and {maps}; see "
        "docs/models.md.",
        what=filled_in(what, values),
        logits=LOGITS,
        maps=MAPS,
    )
