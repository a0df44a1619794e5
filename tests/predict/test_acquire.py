"""Models come to a machine: pulled from a release, a mirror or a folder, or added."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from file_server import serving
from hilum.errors import (
    CardInvalid,
    ModelUnknown,
    SourceUnreadable,
    WeightsMissing,
    WeightsUntrusted,
)
from hilum.predict import (
    ModelCard,
    add_onnx,
    add_weights,
    find_card,
    load_model,
    open_installation,
    pull,
)
from hilum.predict.card import WeightsSource
from hilum.settings import Settings
from model_inputs import blobs, model_input
from torch_files import Call, Name, TorchFile

CARD = "densenet121-res224-all"
TINY = Path(__file__).parent / "tiny.onnx"


def quiet(here: int, total: int | None) -> None:
    """Show no progress."""


def card_for(contents: bytes, url: str, *, sha256: str | None = None) -> ModelCard:
    """Return the published card as if `contents` were the published file, at another address."""
    known = hashlib.sha256(contents).hexdigest() if sha256 is None else sha256
    source = WeightsSource(url=url, size=len(contents), sha256=known or None)
    return find_card(CARD, Path("nowhere")).model_copy(update={"weights": source})


def test_pulled_model_reads(settings: Settings, weights_file: Path):
    """From an address to findings: downloaded, checked, installed, loaded, verified."""
    contents = weights_file.read_bytes()
    with serving({"/v1/weights.pt": contents}) as server:
        pull(card_for(contents, f"{server.url}/v1/weights.pt"), settings, quiet)

    folder = settings.data_folder / "models" / CARD
    assert {"installed.json", "weights.bin"} == {path.name for path in folder.iterdir()}
    assert [] == list((settings.data_folder / "downloads").iterdir())
    with pytest.raises(WeightsUntrusted, match="not those that its card names"):
        load_model(settings.changed("model", name=CARD))  # the real card names another hash


def test_pulled_weights_give_what_the_state_dict_says(
    settings: Settings, weights_file: Path, state: dict[str, np.ndarray]
):
    """Every tensor that was in the file is in its place."""
    contents = weights_file.read_bytes()
    card = card_for(contents, "http://unused/weights.pt")
    offline = settings.changed("model", offline_folder=weights_file.parent)

    pull(card, offline, quiet)

    installation = open_installation(card, settings.data_folder)
    expected = hashlib.sha256(contents).hexdigest()
    assert (expected, True) == (installation.record.source_sha256, installation.record.verified)
    bias = np.frombuffer(installation.contents, "<f4")[-18:]
    np.testing.assert_array_equal(state["classifier.bias"], bias)


def test_mirror_replaces_the_release_address(settings: Settings, weights_file: Path):
    """With a mirror the file of the same name is fetched from there."""
    contents = weights_file.read_bytes()
    with serving({"/mirror/weights.pt": contents}) as server:
        mirrored = settings.changed("model", mirror=f"{server.url}/mirror/")
        pull(card_for(contents, "http://release.invalid/v1/weights.pt"), mirrored, quiet)

        assert [""] == server.requests


def test_offline_folder_without_the_file_is_one_line(settings: Settings, tmp_path: Path):
    """The file that is missing is named, and where to copy it."""
    offline = settings.changed("model", offline_folder=tmp_path)

    with pytest.raises(WeightsMissing, match=r"has no file weights\.pt"):
        pull(card_for(b"x", "http://unused/weights.pt"), offline, quiet)


def test_offline_file_is_checked_and_left_alone(settings: Settings, weights_file: Path):
    """A file of the folder is held to the card, and it stays where it is."""
    offline = settings.changed("model", offline_folder=weights_file.parent)
    card = card_for(weights_file.read_bytes(), "http://unused/weights.pt", sha256="0" * 64)

    with pytest.raises(WeightsUntrusted, match="has the SHA-256"):
        pull(card, offline, quiet)
    assert weights_file.exists()


def test_hostile_download_leaves_nothing(settings: Settings, tmp_path: Path):
    """A file that matches its hash but holds code is refused, and no model is there."""
    path = TorchFile(legacy=True).write(tmp_path / "w.pt", Call(Name("os", "system"), ("id",)))
    contents = path.read_bytes()
    with serving({"/weights.pt": contents}) as server:
        card = card_for(contents, f"{server.url}/weights.pt")
        with pytest.raises(WeightsUntrusted, match=r"names 'os\.system'"):
            pull(card, settings, quiet)

    assert not (settings.data_folder / "models").exists()
    assert [] == list((settings.data_folder / "downloads").iterdir())


def test_card_without_a_hash_is_trust_on_first_use(settings: Settings, weights_file: Path):
    """The hash of the first time is recorded, not called verified, and checked ever after."""
    contents = weights_file.read_bytes()
    card = card_for(contents, "http://unused/weights.pt", sha256="")
    offline = settings.changed("model", offline_folder=weights_file.parent)
    pull(card, offline, quiet)

    assert False is open_installation(card, settings.data_folder).record.verified
    path = settings.data_folder / "models" / CARD / "weights.bin"
    path.write_bytes(path.read_bytes()[:-1] + b"\x00")
    with pytest.raises(WeightsUntrusted, match="have changed"):
        open_installation(card, settings.data_folder)


def test_added_weights_read_under_their_name(settings: Settings, weights_file: Path):
    """A model of one's own is listed, loads, reads, and says that nobody vouches for it."""
    like = find_card(CARD, settings.data_folder)
    add_weights("mine", weights_file, like, own=None, data_folder=settings.data_folder)

    model = load_model(settings.changed("model", name="mine"))
    findings, _ = model.predict(model_input(blobs(1)))

    assert list(like.trained_labels) == [finding.label for finding in findings]
    assert ("mine", False) == (model.identity.name, model.identity.verified)
    sha256 = hashlib.sha256(weights_file.read_bytes()).hexdigest()
    assert sha256 == model.identity.sha256


def test_added_model_may_have_its_own_labels(
    settings: Settings, tmp_path: Path, state: dict[str, np.ndarray]
):
    """A network fine-tuned on three findings reads those three, with its own thresholds."""
    own_state = state | {
        "classifier.weight": state["classifier.weight"][:3],
        "classifier.bias": state["classifier.bias"][:3],
    }
    file = TorchFile(legacy=False)
    weights = file.write(tmp_path / "own.pt", file.state_dict(own_state))
    card = tmp_path / "own.toml"
    card.write_text(
        'title = "Ours"\nlabels = ["Silicosis", "", "Tuberculosis"]\n'
        "[operating_points.default]\nSilicosis = 0.3\nTuberculosis = 0.2\n"
    )
    like = find_card(CARD, settings.data_folder)
    add_weights("ours", weights, like, own=card, data_folder=settings.data_folder)

    findings, heatmaps = load_model(settings.changed("model", name="ours")).predict(
        model_input(blobs(1))
    )

    assert [("Silicosis", 0.3), ("Tuberculosis", 0.2)] == [
        (finding.label, finding.operating_point) for finding in findings
    ]
    assert ["Silicosis", "Tuberculosis"] == [heatmap.label for heatmap in heatmaps]


def test_weights_of_another_network_are_refused(settings: Settings, tmp_path: Path):
    """A file that lacks the network's tensors is named for what it lacks."""
    file = TorchFile(legacy=False)
    weights = file.write(tmp_path / "w.pt", file.state_dict({"fc.weight": np.zeros((2, 2))}))
    like = find_card(CARD, settings.data_folder)

    with pytest.raises(WeightsUntrusted, match=r"has a tensor fc\.weight that the network lacks"):
        add_weights("mine", weights, like, own=None, data_folder=settings.data_folder)
    with pytest.raises(ModelUnknown):
        find_card("mine", settings.data_folder)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda s: s.pop("classifier.bias"), "lacks the tensor classifier.bias"),
        (lambda s: s.update({"classifier.bias": np.zeros(3)}), "in the shape"),
        (lambda s: s.update({"classifier.bias": np.full(18, np.nan)}), "are no numbers"),
    ],
    ids=["missing", "other shape", "not a number"],
)
def test_weights_with_a_wrong_tensor_are_refused(
    settings: Settings, tmp_path: Path, state: dict[str, np.ndarray], change, match: str
):
    """A tensor that is missing, of another shape or not finite ends the installation."""
    wrong = dict(state)
    change(wrong)
    file = TorchFile(legacy=True)
    weights = file.write(tmp_path / "w.pt", file.state_dict(wrong))
    like = find_card(CARD, settings.data_folder)

    with pytest.raises(WeightsUntrusted, match=match):
        add_weights("mine", weights, like, own=None, data_folder=settings.data_folder)


def test_name_of_a_published_model_is_taken(settings: Settings, weights_file: Path):
    """Nobody can put weights of their own under a published name."""
    like = find_card(CARD, settings.data_folder)

    with pytest.raises(CardInvalid, match="comes with hilum"):
        add_weights(CARD, weights_file, like, own=None, data_folder=settings.data_folder)


def test_name_that_is_a_path_is_refused(settings: Settings, weights_file: Path):
    """A model's name can't lead out of its folder."""
    like = find_card(CARD, settings.data_folder)

    with pytest.raises(CardInvalid, match="name: "):
        add_weights("../x", weights_file, like, own=None, data_folder=settings.data_folder)


def test_added_model_is_replaced_only_when_told(settings: Settings, weights_file: Path):
    """A second model of the same name needs a word."""
    like = find_card(CARD, settings.data_folder)
    folder = settings.data_folder
    add_weights("mine", weights_file, like, own=None, data_folder=folder)

    with pytest.raises(CardInvalid, match="--replace"):
        add_weights("mine", weights_file, like, own=None, data_folder=folder)
    add_weights("mine", weights_file, like, own=None, data_folder=folder, replace=True)


def test_card_of_added_weights_may_not_name_a_network(
    settings: Settings, weights_file: Path, tmp_path: Path
):
    """What comes from the other card and the file is not the own card's to say."""
    card = tmp_path / "own.toml"
    card.write_text("input_size = 512\n")
    like = find_card(CARD, settings.data_folder)

    with pytest.raises(CardInvalid, match="gives input_size"):
        add_weights("mine", weights_file, like, own=card, data_folder=settings.data_folder)


def test_missing_weights_file_is_one_line(settings: Settings, tmp_path: Path):
    """A path that is not there is named."""
    like = find_card(CARD, settings.data_folder)

    with pytest.raises(SourceUnreadable, match=r"none\.pt cannot be read"):
        add_weights("mine", tmp_path / "none.pt", like, own=None, data_folder=settings.data_folder)


TINY_CARD = """
name = "tiny"
version = "1"
title = "A network of one's own"
input_size = 32
labels = ["Bright", "", "Dark"]
[operating_points.default]
Bright = 0.4
Dark = 0.6
"""


def test_added_onnx_network_reads(settings: Settings, tmp_path: Path):
    """Any network with logits and maps is a model: labels, thresholds and heatmaps are there."""
    card = tmp_path / "tiny.toml"
    card.write_text(TINY_CARD)
    add_onnx(card, TINY, settings.data_folder, replace=False)

    model = load_model(settings.changed("model", name="tiny"))
    findings, heatmaps = model.predict(model_input(np.full((32, 32), 512.0)))

    assert [("Bright", True), ("Dark", False)] == [(f.label, f.positive) for f in findings]
    assert [(4, 4), (4, 4)] == [heatmap.activation.shape for heatmap in heatmaps]
    assert hashlib.sha256(TINY.read_bytes()).hexdigest() == model.identity.sha256
    assert False is model.identity.verified


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (("input_size = 32", "input_size = 64"), "cannot be run"),
        (('labels = ["Bright", "", "Dark"]', 'labels = ["Bright", "Dark"]'), "for 2 labels"),
    ],
    ids=["other size", "other number of labels"],
)
def test_onnx_network_that_does_not_fit_its_card_is_refused(
    settings: Settings, tmp_path: Path, change: tuple[str, str], match: str
):
    """The network is run once before it is accepted."""
    card = tmp_path / "tiny.toml"
    card.write_text(TINY_CARD.replace(*change))

    with pytest.raises(CardInvalid, match=match):
        add_onnx(card, TINY, settings.data_folder, replace=False)
    assert not (settings.data_folder / "models").exists()


def test_file_that_is_no_network_is_refused(settings: Settings, tmp_path: Path):
    """What ONNX Runtime can't load is told so."""
    card, network = tmp_path / "tiny.toml", tmp_path / "tiny.onnx"
    card.write_text(TINY_CARD)
    network.write_bytes(b"not a network")

    with pytest.raises(CardInvalid, match="cannot be run"):
        add_onnx(card, network, settings.data_folder, replace=False)


def test_model_that_comes_with_hilum_is_there_without_a_pull(settings: Settings):
    """Pulling the demonstration model is no error, and writes nothing."""
    card = find_card("demonstration", settings.data_folder)

    pull(card, settings, quiet)

    assert card.weights.sha256 == open_installation(card, settings.data_folder).record.source_sha256
    assert not settings.data_folder.exists()


def test_added_model_cannot_be_pulled(settings: Settings, weights_file: Path):
    """A model from a file has no address."""
    like = find_card(CARD, settings.data_folder)
    card = add_weights("mine", weights_file, like, own=None, data_folder=settings.data_folder)

    with pytest.raises(WeightsMissing, match="was added from a file"):
        pull(card, settings, quiet)
