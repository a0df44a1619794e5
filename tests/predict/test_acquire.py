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
    TermsNotAccepted,
    WeightsMissing,
    WeightsUntrusted,
)
from hilum.predict import ModelCard, acquire, find_card, load_model, open_installation
from hilum.predict.acquire import add_onnx, add_weights, card_like, pull
from hilum.predict.card import NetworkKind, WeightsSource
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


def test_download_of_another_thing_leaves_nothing(settings: Settings, tmp_path: Path):
    """A file that matches its hash but is no network is refused, and no model is there."""
    path = TorchFile(legacy=True).write(tmp_path / "w.pt", Call(Name("os", "system"), ("id",)))
    contents = path.read_bytes()
    with serving({"/weights.pt": contents}) as server:
        card = card_for(contents, f"{server.url}/weights.pt")
        with pytest.raises(WeightsUntrusted, match=r"holds 'os\.system', which is no network"):
            pull(card, settings, quiet)
    assert not (settings.data_folder / "models").exists()
    assert [] == list((settings.data_folder / "downloads").iterdir())


PAYLOAD = Call(Name("os", "system"), ("touch hacked",))


@pytest.fixture
def odd_file(tmp_path: Path, state: dict[str, np.ndarray]) -> Path:
    """Return a weights file that names what nobody listed, a payload among it."""
    file = TorchFile(legacy=True)
    network = file.module(state)
    own = Call(Name("__main__", "Net"), (), network.state | {"extra": PAYLOAD})
    (tmp_path / "odd").mkdir()
    return file.write(tmp_path / "odd" / "weights.pt", own)


def test_published_file_loads_at_first_sight_whatever_it_names(
    settings: Settings, odd_file: Path, weights_file: Path, monkeypatch: pytest.MonkeyPatch
):
    """Its hash is the card's, so names in it are inert: same weights, verified, nothing runs."""
    monkeypatch.chdir(odd_file.parent)
    offline = settings.changed("model", offline_folder=odd_file.parent)
    card = card_for(odd_file.read_bytes(), "http://unused/weights.pt")

    record = pull(card, offline, quiet)

    assert record == open_installation(card, settings.data_folder).record
    assert (True, ("__main__.Net", "os.system")) == (record.verified, record.inert_names)
    assert [odd_file] == list(odd_file.parent.iterdir())
    plain = card_like("plain", find_card(CARD, settings.data_folder))
    added = add_weights(plain, weights_file, settings.data_folder)
    assert added.contents_sha256 == record.contents_sha256


def test_terms_are_accepted_before_anything_is_fetched_and_written_down(
    settings: Settings, weights_file: Path
):
    """Without the word of a person nothing comes; with it, what was accepted is on record."""
    offline = settings.changed("model", offline_folder=weights_file.parent)
    terms = "CC BY-NC-SA 4.0: no commercial use"
    card = card_for(weights_file.read_bytes(), "http://unused/weights.pt")
    card = card.model_copy(update={"terms": terms})

    with pytest.raises(TermsNotAccepted, match=r"no commercial use.*--accept-terms"):
        pull(card, offline, quiet)
    assert not (settings.data_folder / "models").exists()

    pull(card, offline, quiet, terms_accepted=True)
    assert terms == open_installation(card, settings.data_folder).record.accepted_terms


@pytest.mark.parametrize("kind", [NetworkKind.VIEW, NetworkKind.SEGMENTATION])
def test_network_that_finds_no_diseases_cannot_read(settings: Settings, kind: NetworkKind):
    """Neither as the model of the settings nor as somebody's ONNX file."""
    card = find_card("demonstration", settings.data_folder)
    masks = card.model_copy(update={"name": "masks", "kind": kind, "operating_points": {}})
    text = masks.model_dump_json(exclude={"weights"}, exclude_none=True)
    folder = settings.data_folder / "models" / "masks"
    folder.mkdir(parents=True)
    (folder / "card.json").write_text(text)
    with pytest.raises(CardInvalid, match=f"finds no diseases: it is a {kind} network"):
        load_model(settings.changed("model", name="masks"))

    own = folder.parent / "own.toml"
    own.write_text(
        f'name = "own"\nversion = "1"\ntitle = "x"\nkind = "{kind}"\ninput_size = 32\n'
        'labels = ["a", "b", "c"]\n'
    )
    with pytest.raises(CardInvalid, match="can only be a classifier"):
        add_onnx(own, TINY, settings.data_folder, replace=False)


def test_first_file_without_a_published_hash_may_not_name_anything(
    settings: Settings, odd_file: Path
):
    """Nobody vouches for it: what it names is told, and it takes a word to pass over it."""
    offline = settings.changed("model", offline_folder=odd_file.parent)
    card = card_for(odd_file.read_bytes(), "http://unused/weights.pt", sha256="")

    with pytest.raises(WeightsUntrusted, match=r"names '__main__\.Net'.*--inert-names"):
        pull(card, offline, quiet)
    assert not (settings.data_folder / "models").exists()

    record = pull(card, offline, quiet, inert_names=True)
    assert record is not None
    assert (False, ("__main__.Net", "os.system")) == (record.verified, record.inert_names)


def test_added_file_may_not_name_anything_unless_told(settings: Settings, odd_file: Path):
    """The same holds for a file of one's own."""
    card = card_like("mine", find_card(CARD, settings.data_folder))

    with pytest.raises(WeightsUntrusted, match=r"names '__main__\.Net'.*--inert-names"):
        add_weights(card, odd_file, settings.data_folder)
    record = add_weights(card, odd_file, settings.data_folder, inert_names=True)

    assert (False, ("__main__.Net", "os.system")) == (record.verified, record.inert_names)


@pytest.mark.parametrize(
    "prefix", ["module.", "model.", "net.module.", "_orig_mod.model.module.", "student.encoder."]
)
def test_what_a_wrapper_puts_before_every_name_is_taken_off(
    settings: Settings,
    tmp_path: Path,
    state: dict[str, np.ndarray],
    weights_file: Path,
    prefix: str,
):
    """DataParallel, Lightning, compiled networks, or whatever a program called its own."""
    file = TorchFile(legacy=False)
    wrapped = file.write(
        tmp_path / "w.pt", file.state_dict({prefix + name: array for name, array in state.items()})
    )
    like = find_card(CARD, settings.data_folder)

    records = [
        add_weights(card_like(name, like), path, settings.data_folder)
        for name, path in (("wrapped", wrapped), ("plain", weights_file))
    ]

    assert records[0].contents_sha256 == records[1].contents_sha256


def test_network_beside_another_head_is_refused(
    settings: Settings, tmp_path: Path, state: dict[str, np.ndarray]
):
    """Only what is before *every* name is a wrapper's: another classifier would be lost."""
    file = TorchFile(legacy=False)
    names = {f"backbone.{name}": array for name, array in state.items()}
    path = file.write(tmp_path / "w.pt", file.state_dict(names | {"head.weight": np.zeros(2)}))
    like = find_card(CARD, settings.data_folder)

    with pytest.raises(WeightsUntrusted, match="that the network lacks"):
        add_weights(card_like("mine", like), path, settings.data_folder)


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
    add_weights(card_like("mine", like), weights_file, settings.data_folder)

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
    add_weights(card_like("ours", like, card), weights, settings.data_folder)

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

    with pytest.raises(WeightsUntrusted, match=r"a tensor 'fc\.weight' that the network lacks"):
        add_weights(card_like("mine", like), weights, settings.data_folder)
    with pytest.raises(ModelUnknown):
        find_card("mine", settings.data_folder)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda s: s.pop("classifier.bias"), "lacks the tensor classifier.bias"),
        (lambda s: s.update({"classifier.bias": np.zeros(3)}), "in the shape"),
        (lambda s: s.update({"classifier.bias": np.full(18, np.nan)}), "are not numbers"),
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
        add_weights(card_like("mine", like), weights, settings.data_folder)


def test_name_of_a_published_model_is_taken(settings: Settings, weights_file: Path):
    """Nobody can put weights of their own under a published name."""
    like = find_card(CARD, settings.data_folder)

    with pytest.raises(CardInvalid, match="comes with hilum"):
        add_weights(card_like(CARD, like), weights_file, settings.data_folder)


def test_name_that_is_a_path_is_refused(settings: Settings, weights_file: Path):
    """A model's name can't lead out of its folder."""
    like = find_card(CARD, settings.data_folder)

    with pytest.raises(CardInvalid, match="name: "):
        add_weights(card_like("../x", like), weights_file, settings.data_folder)


def test_added_model_is_replaced_only_when_told(settings: Settings, weights_file: Path):
    """A second model of the same name needs a word."""
    like = find_card(CARD, settings.data_folder)
    folder = settings.data_folder
    add_weights(card_like("mine", like), weights_file, folder)

    with pytest.raises(CardInvalid, match="--replace"):
        add_weights(card_like("mine", like), weights_file, folder)
    add_weights(card_like("mine", like), weights_file, folder, replace=True)


def test_card_of_added_weights_may_not_name_a_network(
    settings: Settings, weights_file: Path, tmp_path: Path
):
    """What comes from the other card and the file is not the own card's to say."""
    card = tmp_path / "own.toml"
    card.write_text("input_size = 512\n")
    like = find_card(CARD, settings.data_folder)

    with pytest.raises(CardInvalid, match="gives input_size"):
        add_weights(card_like("mine", like, card), weights_file, settings.data_folder)


def test_missing_weights_file_is_one_line(settings: Settings, tmp_path: Path):
    """A path that is not there is named."""
    like = find_card(CARD, settings.data_folder)

    with pytest.raises(SourceUnreadable, match=r"none\.pt does not exist"):
        add_weights(card_like("mine", like), tmp_path / "none.pt", settings.data_folder)


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


def test_onnx_network_that_never_ends_is_refused(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """It is tried in a process that is ended."""
    monkeypatch.setattr(acquire, "TRIAL_S", 5.0)
    card = tmp_path / "tiny.toml"
    card.write_text(TINY_CARD)

    with pytest.raises(CardInvalid, match=r"endless\.onnx did not finish within 5 s"):
        add_onnx(card, TINY.with_name("endless.onnx"), settings.data_folder, replace=False)
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
    card = card_like("mine", like)
    add_weights(card, weights_file, settings.data_folder)

    with pytest.raises(WeightsMissing, match="was added from a file"):
        pull(card, settings, quiet)
