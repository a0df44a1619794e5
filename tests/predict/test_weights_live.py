"""Files that torch itself writes of networks under unlisted names give the same weights."""

import subprocess
from pathlib import Path

import numpy as np
import pytest

from hilum.errors import WeightsUntrusted
from hilum.predict import find_card, load_model
from hilum.predict.acquire import add_weights, card_like
from hilum.settings import Settings
from model_inputs import model_input
from reference_environment import reference_python
from torchxrayvision_outputs import ROOT, images, seeded_state

GRAPH = "densenet121-res224"
CARD = "densenet121-res224-all"
SCRIPT = ROOT / "scripts" / "reference_disguises.py"
NAMES = {
    "renamed": {"__main__.Net"},
    "hooks": {"__main__.watch", "functools.partial"},
    "attributes": {"__main__.Net", "__main__.Meter", "functools.partial"},
    "parallel": {"__main__.Net"},
    "double": {"__main__.Net"},
    "prefixed": {"__main__.Meter"},
}
"""Disguise → names in its file that nobody listed, some of them."""

FILES = [f"{name}.{container}.2" for name in NAMES for container in ("legacy", "zip")]
FILES += ["attributes.legacy.4", "attributes.zip.5"]
"""Disguise, container and pickle protocol of each file."""

pytestmark = pytest.mark.reference


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with what torch saved, and TorchXRayVision's answers."""
    python = reference_python()
    if python is None:
        pytest.skip("no reference environment: scripts/reference_environment.sh makes one")
    made = tmp_path_factory.mktemp("disguises")
    np.savez(made / "state.npz", **seeded_state(GRAPH))
    np.save(made / "images.npy", images(224)[::12])
    subprocess.run([python, SCRIPT, made], check=True)
    return made


@pytest.fixture(scope="module")
def plain(folder: Path) -> str:
    """Return the hash of the weights as they are installed from a network without a disguise."""
    like = find_card(CARD, folder)
    return add_weights(
        card_like("plain", like), folder / "plain.zip.2.pt", folder / "data"
    ).contents_sha256


@pytest.mark.parametrize("name", FILES)
def test_disguise_gives_the_same_weights(folder: Path, plain: str, tmp_path: Path, name: str):
    """Every byte that is installed is the same, and the unlisted names are told."""
    card = card_like("mine", find_card(CARD, folder))
    file = folder / f"{name}.pt"

    record = add_weights(card, file, tmp_path, inert_names=True)

    assert plain == record.contents_sha256
    assert NAMES[name.partition(".")[0]] <= set(record.inert_names)
    with pytest.raises(WeightsUntrusted, match="--inert-names"):
        add_weights(card, file, tmp_path, replace=True)


@pytest.mark.parametrize("container", ["legacy", "zip"])
def test_checkpoint_with_its_arguments_is_read_as_it_is(folder, plain, tmp_path, container):
    """They are an argparse.Namespace, which many training programs leave beside the weights."""
    card = card_like("mine", find_card(CARD, folder))

    record = add_weights(card, folder / f"checkpoint.{container}.2.pt", tmp_path)

    assert plain == record.contents_sha256


def test_disguised_network_scores_as_torchxrayvision(folder: Path, tmp_path: Path):
    """The raw values are the live library's to 1e-5."""
    settings = Settings.load(data_folder=tmp_path).changed("model", name="mine")
    card = card_like("mine", find_card(CARD, folder))
    add_weights(card, folder / "attributes.legacy.2.pt", tmp_path, inert_names=True)
    model = load_model(settings)

    raw = [
        [finding.raw for finding in model.predict(model_input(image))[0]]
        for image in np.load(folder / "images.npy")
    ]

    logits = np.load(folder / "logits.npy").astype(np.float64)
    np.testing.assert_allclose(raw, 1 / (1 + np.exp(-logits)), rtol=0, atol=1e-5)
