"""``hilum models``: what a person types and reads."""

import os
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from file_server import serving
from hilum.cli import main
from hilum.cli.models import verified
from hilum.errors import CardInvalid
from hilum.pixels import fit, radiograph_from_picture
from hilum.predict import find_card, load_model
from hilum.predict.card import PublishedScores
from hilum.predict.catalogue import shipped_cards
from hilum.radiograph import PixelPipeline
from hilum.settings import PixelSettings, Settings
from model_inputs import blobs
from torch_files import Call, Name, TorchFile

TINY = Path(__file__).parent / "tiny.onnx"


def picture(folder: Path) -> Path:
    """Return the path of a picture that is read like TorchXRayVision's sample."""
    path = folder / "image.png"
    Image.fromarray((blobs(1, size=300) / 8 + 128).clip(0, 255).astype("uint8")).save(path)
    return path


@pytest.fixture
def hilum(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Return a function that runs the command line with a data folder of its own."""
    monkeypatch.setenv("HILUM_DATA_FOLDER", str(tmp_path / "data"))
    monkeypatch.setenv("HILUM_SETTINGS", os.devnull)

    def run(*arguments: object) -> Result:
        return CliRunner().invoke(main, ["models", *map(str, arguments)])

    return run


def test_list_names_every_model_and_its_state(hilum):
    """Each card is a line, and the model of the settings is marked."""
    result = hilum("list")

    assert 0 == result.exit_code
    assert len(shipped_cards()) == len(result.output.splitlines())
    assert "* densenet121-res224-all" in result.output
    assert "not installed" in result.output


def test_weights_that_are_not_free_for_every_use_are_fetched_by_consent_alone(hilum):
    """The terms are shown, and how to accept them; nothing is asked of any server."""
    result = hilum("pull", "cxas-unet-resnet50")

    assert 1 == result.exit_code
    assert "no commercial use" in result.output
    assert "--accept-terms" in result.output
    assert "CC BY-NC-SA 4.0" in hilum("show", "cxas-unet-resnet50").output


def test_show_prints_the_whole_card(hilum):
    """Where the weights come from, what they were trained on, thresholds, AUCs, limits."""
    output = hilum("show").output

    card = find_card("densenet121-res224-all", Path("nowhere"))
    for text in (card.weights.url, card.weights.sha256, "PadChest", "ppv80", "BENCHMARKS.md"):
        assert text in output
    for label in card.trained_labels:
        assert label in output


def test_show_says_when_no_hash_is_published(hilum):
    """Trust on first use is told before anything is pulled."""
    assert "not published: trust on first use" in hilum("show", "resnet50-res512-all").output


def test_unknown_model_is_one_line(hilum):
    """A misspelt name offers the right one."""
    result = hilum("show", "densenet121-res224-al")

    assert 1 == result.exit_code
    assert "Did you mean densenet121-res224-all?" in result.stderr


def test_pull_with_a_wrong_file_is_one_line_and_leaves_nothing(
    hilum, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """What a mirror serves is held to the card."""
    url = find_card("densenet121-res224-all", tmp_path).weights.url
    assert url is not None
    with serving({"/" + url.rpartition("/")[2]: b"not the weights"}) as server:
        monkeypatch.setenv("HILUM_MODEL__MIRROR", server.url)
        result = hilum("pull")

    assert 1 == result.exit_code
    assert "its card says 28,382,008" in result.stderr
    assert "not installed" in hilum("list").output


def test_pull_shows_progress_without_a_terminal(
    hilum, weights_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A log file gets about ten plain lines, and the outcome."""
    url = find_card("densenet121-res224-nih", tmp_path).weights.url
    assert url is not None
    with serving({"/" + url.rpartition("/")[2]: weights_file.read_bytes()}) as server:
        monkeypatch.setenv("HILUM_MODEL__MIRROR", server.url)
        result = hilum("pull", "densenet121-res224-nih")

        assert 0 == result.exit_code
        assert "densenet121-res224-nih: first use" in result.stdout
        assert 8 <= len(result.stderr.splitlines()) <= 12
        assert "already installed" in hilum("pull", "densenet121-res224-nih").output
        assert 1 == len(server.requests)


def test_pull_of_a_missing_file_is_one_line(hilum, monkeypatch: pytest.MonkeyPatch):
    """HTTP 404 comes out as a sentence."""
    with serving({}) as server:
        monkeypatch.setenv("HILUM_MODEL__MIRROR", server.url)
        result = hilum("pull")

    assert 1 == result.exit_code
    assert "HTTP 404" in result.stderr
    assert 1 == len(result.stderr.splitlines())


def test_add_and_verify_a_model_of_ones_own(hilum, weights_file: Path):
    """Added weights are listed as first use and verify as such."""
    added = hilum("add", "mine", "--weights", weights_file, "--like", "densenet121-res224-all")

    assert 0 == added.exit_code
    assert "mine: added, 18 labels, not verified" in added.output
    assert "first use" in next(x for x in hilum("list").output.splitlines() if "mine" in x)
    verified = hilum("verify", "mine")
    assert (0, True) == (verified.exit_code, "unchanged since first use" in verified.output)


def test_add_says_which_names_it_ignored(hilum, tmp_path: Path, state: dict[str, np.ndarray]):
    """An unlisted name is refused and told; with the option it is ignored, told, and kept."""
    file = TorchFile(legacy=True)
    own = Call(Name("__main__", "Net\x1b[2J"), (), file.module(state).state)
    arguments = ("add", "mine", "--weights", file.write(tmp_path / "w.pt", own))
    like = ("--like", "densenet121-res224-all")

    refused = hilum(*arguments, *like)
    added = hilum(*arguments, *like, "--inert-names")

    assert (1, True) == (refused.exit_code, "use --inert-names" in refused.stderr)
    assert r"Ignored 1 unknown name in the file: __main__.Net\x1b[2J" in added.output
    assert r"names ignored:    __main__.Net\x1b[2J" in hilum("show", "mine").output


def test_verify_finds_what_was_changed(hilum, weights_file: Path, tmp_path: Path):
    """A changed byte is told, and the exit status says that a check failed."""
    hilum("add", "mine", "--weights", weights_file, "--like", "densenet121-res224-all")
    path = tmp_path / "data" / "models" / "mine" / "weights.bin"
    path.write_bytes(b"\x01" + path.read_bytes()[1:])

    result = hilum("verify")

    assert 1 == result.exit_code
    assert "mine: The weights of mine have changed" in result.output
    assert "damaged" in hilum("list").output


def test_verify_without_models_says_how_to_get_one(hilum):
    """Nothing to check is not a success."""
    result = hilum("verify")

    assert (1, True) == (result.exit_code, "hilum models pull" in result.stderr)


def test_verify_says_when_no_scores_are_published(hilum, weights_file: Path, tmp_path: Path):
    """A model without published scores is told that it has none."""
    hilum("add", "mine", "--weights", weights_file, "--like", "densenet121-res224-all")

    result = hilum("verify", "mine", "--published", picture(tmp_path))

    assert (1, True) == (result.exit_code, "No scores are published for mine" in result.output)


@pytest.mark.parametrize(("off", "agrees"), [(0.0, True), (5e-4, True), (5e-3, False)])
def test_verify_compares_with_published_scores(
    settings: Settings, tmp_path: Path, off: float, agrees: bool
):
    """The scores of the published image are reached to the third digit, or it is an error."""
    image = picture(tmp_path)
    model = load_model(settings)
    radiograph = radiograph_from_picture(
        image, PixelSettings(pipeline=PixelPipeline.TORCHXRAYVISION)
    )
    findings, _ = model.predict(fit(radiograph, 224))
    scores = {finding.label: finding.score for finding in findings}
    scores["Effusion"] += off
    published = PublishedScores(source="here", image="image.png", scores=scores)
    card = model.card.model_copy(update={"published_scores": published})

    if agrees:
        assert "scores as published" in verified(card, settings, image)
    else:
        with pytest.raises(CardInvalid, match=r"The score of Effusion differs by 0\.0050"):
            verified(card, settings, image)


def test_add_onnx_needs_only_a_card(hilum, tmp_path: Path):
    """A network with its card is added and listed."""
    card = tmp_path / "tiny.toml"
    card.write_text(
        'name = "tiny"\nversion = "1"\ntitle = "Tiny"\ninput_size = 32\n'
        'labels = ["A", "B", "C"]\n[operating_points.default]\nA = 0.5\n'
    )

    assert 0 == hilum("add", card, "--onnx", TINY).exit_code
    assert "tiny" in hilum("list").output


@pytest.mark.parametrize(
    "arguments",
    [
        ("add", "mine"),
        ("add", "mine", "--like", "x"),
        ("add", "m", "--onnx", TINY, "--like", "x"),
        ("add", "m", "--onnx", TINY, "--inert-names"),
    ],
    ids=["nothing", "no weights", "both kinds", "names of a network"],
)
def test_add_with_half_its_options_is_wrong_usage(hilum, arguments):
    """The help says which options belong together; status 2."""
    assert 2 == hilum(*arguments).exit_code
