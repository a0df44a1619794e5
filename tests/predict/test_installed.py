"""Installed models: whole or not there, and checked whenever they are opened."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hilum.errors import WeightsMissing, WeightsUntrusted
from hilum.predict import find_card
from hilum.predict.installed import (
    LOCK_FILE,
    Source,
    install,
    is_installed,
    is_verified,
    open_installation,
    put_folder,
)


def models_in(folder: Path) -> list[Path]:
    """Return what lies in a folder of models beside its lock."""
    return [path for path in folder.iterdir() if path.name != LOCK_FILE]


CARD = find_card("densenet121-res224-all", Path("nowhere"))
SHIPPED = find_card("demonstration", Path("nowhere"))


def test_folder_is_replaced_whole(tmp_path: Path):
    """A second installation leaves nothing of the first, and nothing aside."""
    folder = tmp_path / "models" / "m"
    put_folder(folder, {"a": b"1", "b": b"2"})
    put_folder(folder, {"a": b"3"})

    assert {"a": b"3"} == {path.name: path.read_bytes() for path in folder.iterdir()}
    assert [folder] == models_in(folder.parent)


def test_leftovers_of_a_killed_installation_are_removed(tmp_path: Path):
    """What a process that was killed left aside goes with the next installation."""
    folder = tmp_path / "models" / "m"
    left = folder.parent / ".m-killed" / "new"
    left.mkdir(parents=True)
    (left / "a").write_bytes(b"half")

    put_folder(folder, {"a": b"1"})

    assert [folder] == models_in(folder.parent)


def test_installations_at_the_same_time_leave_one_whole_model(tmp_path: Path):
    """Workers that install one model at once do not trip over each other."""
    folder = tmp_path / "models" / "m"
    parts = [{"a": bytes([n]) * 10_000, "b": bytes([n])} for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda part: put_folder(folder, part), parts))

    found = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert found in parts
    assert [folder] == models_in(folder.parent)


def test_failed_installation_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """When writing fails, what was there before is there still, and nothing else."""
    folder = tmp_path / "models" / "m"
    put_folder(folder, {"a": b"1"})

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        put_folder(folder, {"a": b"2"})

    assert b"1" == (folder / "a").read_bytes()
    assert [folder] == models_in(folder.parent)


def test_full_disk_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A disk without room is told as that, and no model is there."""

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(WeightsMissing, match="No space left on device"):
        install(CARD, b"x", Source("0" * 64, verified=True), data_folder=tmp_path)
    assert not is_installed(CARD, tmp_path)


def test_network_that_comes_with_hilum_is_the_one_its_card_names(tmp_path: Path):
    """It is there without any installation, verified, and has the card's size and hash."""
    opened = open_installation(SHIPPED, tmp_path)

    assert is_installed(SHIPPED, tmp_path)
    assert (SHIPPED.weights.size, SHIPPED.weights.sha256) == (
        len(opened.contents),
        opened.record.contents_sha256,
    )
    assert opened.record.verified
    assert [] == list(tmp_path.iterdir())


def test_other_network_in_its_place_is_not_used(tmp_path: Path):
    """A file that is not the card's is refused, though it came with hilum."""
    weights = SHIPPED.weights.model_copy(update={"sha256": "0" * 64})

    with pytest.raises(WeightsUntrusted, match="not the one that its card names"):
        open_installation(SHIPPED.model_copy(update={"weights": weights}), tmp_path)


def test_network_that_is_gone_is_one_line(tmp_path: Path):
    """A card whose network is not in the package says what to do."""
    with pytest.raises(WeightsMissing, match="Install hilum again"):
        open_installation(SHIPPED.model_copy(update={"name": "other"}), tmp_path)


@pytest.mark.parametrize("verified", [True, False])
def test_whether_the_source_matched_a_published_hash_is_in_the_record(
    verified: bool, tmp_path: Path
):
    """The page asks that of every model, and its weights are not read for it."""
    assert not is_verified(CARD, tmp_path)

    install(CARD, b"x", Source("0" * 64, verified=verified), data_folder=tmp_path)

    assert is_verified(CARD, tmp_path) is verified
    assert is_verified(SHIPPED, tmp_path)


def test_weights_that_are_gone_are_missing(tmp_path: Path):
    """A record without its weights is not a model."""
    install(CARD, b"x", Source("0" * 64, verified=True), data_folder=tmp_path)
    (tmp_path / "models" / CARD.name / "weights.bin").unlink()

    with pytest.raises(WeightsMissing, match="not on this machine"):
        open_installation(CARD, tmp_path)


def test_weights_that_cannot_be_read_are_one_line(tmp_path: Path):
    """A folder where the weights should be is told by its reason."""
    install(CARD, b"x", Source("0" * 64, verified=True), data_folder=tmp_path)
    weights = tmp_path / "models" / CARD.name / "weights.bin"
    weights.unlink()
    weights.mkdir()

    with pytest.raises(WeightsMissing, match="Is a directory"):
        open_installation(CARD, tmp_path)
