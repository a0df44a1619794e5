"""What a phantom promises, whatever is drawn on it."""

import multiprocessing
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hilum import phantom
from hilum.phantom import CLINIC, KINDS, LABELS, Phantom, make
from hilum.phantom.scene import Scene, brightness, draw
from hilum.pixels import radiograph_from_dicom
from hilum.settings import Settings

SCRIPT = Path(__file__).parents[2] / "scripts" / "demonstration_phantoms.py"

TRAINING = runpy.run_path(str(SCRIPT))["TRAINING"]


def labels_of(scene: Scene) -> tuple[str, ...]:
    """Return what a reader should call a scene, in the order of `LABELS`."""
    there = {label for disease in scene.diseases for label in disease.labels}
    return tuple(label for label in LABELS if label in there)


def shown(drawn: Phantom) -> np.ndarray:
    """Return what the pixel pipeline makes of a phantom."""
    return radiograph_from_dicom(drawn.dataset, Settings.load().pixels).pixels


def test_same_seed_gives_the_same_bytes():
    """A phantom is its seed: pixels, identity and UIDs are the same again."""
    assert make(3, size=128).dataset == make(3, size=128).dataset


def test_another_process_gives_the_same_pixels():
    """Nothing of a phantom depends on what was drawn before it, or on hash seeds."""
    program = (
        "import hashlib; from hilum.phantom import make;"
        "print(hashlib.sha256(make(3, size=128).dataset.PixelData).hexdigest())"
    )
    make(2, size=128)
    digests = {
        subprocess.run(
            [sys.executable, "-c", program], check=True, capture_output=True, text=True
        ).stdout
        for _ in range(2)
    }

    assert 1 == len(digests)


def test_process_that_was_forked_draws_with_threads_of_its_own():
    """The threads that drew before a fork are not in the new process; none waiting for them."""
    make(3, size=128)
    child = multiprocessing.get_context("fork").Process(
        target=make, args=(3,), kwargs={"size": 128}
    )

    child.start()
    child.join(60)

    try:
        assert 0 == child.exitcode
    finally:
        child.kill()


def test_other_seeds_give_other_phantoms():
    """No two seeds show the same pixels or carry the same UID."""
    made = [make(seed, size=96).dataset for seed in range(8)]

    assert 8 == len({dataset.PixelData for dataset in made})
    assert 8 == len({dataset.SOPInstanceUID for dataset in made})


def test_findings_change_the_image_and_nothing_of_the_patient(healthy: Phantom, sick: Phantom):
    """The same seed with a disease is the same patient, seen by the same detector."""
    same = ("PatientName", "PatientSex", "PatientAge", "ViewPosition", "BitsStored", "Rows")

    assert [healthy.dataset[k].value for k in same] == [sick.dataset[k].value for k in same]
    assert healthy.dataset.SOPInstanceUID != sick.dataset.SOPInstanceUID
    assert healthy.dataset.PixelData != sick.dataset.PixelData


def test_disease_changes_what_lies_under_its_mask(healthy: Phantom, sick: Phantom):
    """Where the truth says the finding is, the picture differs most from the healthy one.

    Air is darker than the lung that was there before; everything else is brighter.
    """
    (finding,) = sick.truth.findings
    sign = -1 if finding.kind == "pneumothorax" else 1
    change = sign * (shown(sick) - shown(healthy))
    elsewhere = change[~finding.mask & (shown(healthy) > -1000)]

    assert change[finding.mask].mean() > np.median(elsewhere) + 60


def test_resolution_changes_no_anatomy():
    """A small phantom is the large one, seen from further away."""
    large = shown(make(5, findings={"effusion"}, size=256))
    small = shown(make(5, findings={"effusion"}, size=128))
    halved = large.reshape(small.shape[0], 2, small.shape[1], 2).mean(axis=(1, 3))

    assert np.corrcoef(halved.ravel(), small.ravel())[0, 1] > 0.97


@pytest.mark.parametrize("population", [CLINIC, TRAINING], ids=lambda p: p.name)
def test_lungs_are_dark_between_bright_spine_and_bright_belly(population):
    """A healthy chest looks like one: two dark fields beside and above bright ones."""
    for seed in range(6):
        scene = phantom.compose(seed, (), population)
        picture = (brightness(scene, draw(scene, 128, 128)) * 2 - 1) * 1024
        lungs = np.median([picture[50:70, 28:44], picture[50:70, 84:100]])

        assert lungs + 150 < np.median(picture[40:70, 62:66]), seed
        assert lungs + 250 < np.median(picture[100:112, 40:88]), seed


def test_left_to_the_seed_every_label_comes_up_and_so_does_health():
    """What a phantom shows by chance covers all findings, and none."""
    said = [labels_of(phantom.compose(seed)) for seed in range(120)]

    assert set(LABELS) == {label for labels in said for label in labels}
    assert 20 < said.count(()) < 60


def test_training_and_clinic_draw_other_ranges():
    """What the model learns from is not what it is shown and judged on."""
    for name in ("stature", "breadth", "thickness", "fat", "quanta", "bits", "looks"):
        assert getattr(CLINIC, name) != getattr(TRAINING, name)


def test_unknown_finding_is_named():
    """A misspelt finding is an error, not a healthy chest."""
    with pytest.raises(ValueError, match="effussion"):
        make(1, findings={"effussion"})


@pytest.mark.parametrize(("seed", "size"), [(-1, 256), (1, 16)], ids=["seed", "size"])
def test_impossible_arguments_are_refused(seed: int, size: int):
    """A negative seed or a handful of pixels draws nothing."""
    with pytest.raises(ValueError, match=r"negative|at least"):
        make(seed, size=size)


def test_kinds_name_every_disease():
    """Each kind gives labels that the phantom can have, and only those."""
    for kind in KINDS:
        labels = labels_of(phantom.compose(1, {kind}))

        assert labels
        assert set(labels) <= set(LABELS)
