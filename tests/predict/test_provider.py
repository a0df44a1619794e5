"""The network runs on the provider of the settings, or says that it cannot."""

import onnxruntime
import pytest

from hilum.errors import ArithmeticWrong, ProviderMissing
from hilum.predict import DEMONSTRATION, Model, load_model
from hilum.predict.network import session_options
from hilum.runtime import cores
from hilum.runtime.engine_wheels import WHEELS
from hilum.settings import ExecutionProvider, Settings
from model_inputs import blobs, model_input

RAW_TOLERANCE = 1e-5
"""Of CUDA; docs/speed.md states it, `python -m bench provider` measures it."""


@pytest.fixture
def on_cuda() -> Settings:
    """Return settings that ask for a GPU."""
    return Settings.model_construct().changed(
        "model", name=DEMONSTRATION, provider=ExecutionProvider.CUDA
    )


def test_provider_that_the_engine_lacks_is_named(on_cuda: Settings, monkeypatch):
    """A GPU asked for without the engine that has it is an error with its remedy."""
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])

    with pytest.raises(ProviderMissing, match=r"model\.provider = cuda.*docs/speed\.md"):
        load_model(on_cuda)


def test_engine_that_another_has_overwritten_is_said(on_cuda: Settings, monkeypatch):
    """After an update by pip, the package for CPUs is back beside the one for GPUs."""
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    monkeypatch.setattr("hilum.predict.network.engine_wheels", lambda: dict.fromkeys(WHEELS, "1"))

    with pytest.raises(ProviderMissing, match="has overwritten onnxruntime-gpu: uninstall both"):
        load_model(on_cuda)


def test_processor_on_which_products_are_wrong_reads_nothing(monkeypatch):
    """No model is loaded where images would be resized to something else, and why is said."""
    monkeypatch.setattr("hilum.predict.network.multiplies_rightly", lambda: False)

    with pytest.raises(ArithmeticWrong, match="OPENBLAS_CORETYPE"):
        load_model(Settings.model_construct().changed("model", name=DEMONSTRATION))


@pytest.mark.parametrize(("asked", "allowed", "given"), [(0, 2, 2), (0, 64, 0), (3, 2, 3)])
def test_threads_are_no_more_than_a_container_may_use(asked, allowed, given, monkeypatch):
    """The engine counts the cores of the host; 0 leaves the number to it where all may be used."""
    monkeypatch.setattr(cores, "core_count", lambda: allowed)
    monkeypatch.setattr("os.cpu_count", lambda: 64)

    assert given == session_options(asked).intra_op_num_threads


@pytest.mark.skipif(
    "CUDAExecutionProvider" in onnxruntime.get_available_providers(),
    reason="the installed engine has CUDA",
)
@pytest.mark.filterwarnings("ignore:Specified provider")
def test_silent_fall_back_to_the_cpu_is_an_error(on_cuda: Settings, monkeypatch):
    """ONNX Runtime goes on with the CPU when CUDA cannot be loaded; hilum does not."""
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])

    with pytest.raises(ProviderMissing, match="could not be used"):
        load_model(on_cuda)


@pytest.mark.skipif(
    "CUDAExecutionProvider" not in onnxruntime.get_available_providers(),
    reason="needs onnxruntime-gpu and a GPU",
)
def test_gpu_gives_what_the_cpu_gives(on_cuda: Settings, demonstration: Model):
    """Raw values differ by no more than docs/speed.md says."""
    on_gpu = load_model(on_cuda)
    for seed in range(8):
        image = model_input(blobs(seed))
        ours = [finding.raw for finding in on_gpu.predict(image)[0]]
        expected = [finding.raw for finding in demonstration.predict(image)[0]]

        assert expected == pytest.approx(ours, abs=RAW_TOLERANCE)
