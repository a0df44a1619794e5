"""A loaded model: its findings, its heatmaps, its identity, its errors."""

import math
from pathlib import Path

import numpy as np
import pytest

from hilum.errors import CardInvalid, ModelUnknown, WeightsMissing, WeightsUntrusted
from hilum.predict import Model, find_card, load_model
from hilum.predict.installed import WEIGHTS_FILE
from hilum.settings import Settings
from model_inputs import blobs, model_input

SEEDED = "densenet121-res224-all"
"""Name of the model of `installed`."""


def test_every_trained_label_is_read_in_the_cards_order(demonstration: Model):
    """Findings and heatmaps name the labels of the card, in its order."""
    findings, heatmaps = demonstration.predict(model_input(blobs(1)))

    assert list(demonstration.card.trained_labels) == [f.label for f in findings]
    assert list(demonstration.card.trained_labels) == [h.label for h in heatmaps]


def test_same_input_gives_the_same_answer_bit_for_bit(demonstration: Model):
    """Two runs on one image differ in nothing."""
    first, first_maps = demonstration.predict(model_input(blobs(2)))
    second, second_maps = demonstration.predict(model_input(blobs(2)))

    assert first == second
    for one, two in zip(first_maps, second_maps, strict=True):
        np.testing.assert_array_equal(one.activation, two.activation)


def test_mean_of_a_heatmap_and_the_bias_are_the_logit(demonstration: Model):
    """The class activation map explains the whole logit: nothing is left over but the bias."""
    constant = []
    for seed in (3, 4, 5):
        findings, heatmaps = demonstration.predict(model_input(blobs(seed)))
        logits = [math.log(f.raw / (1 - f.raw)) for f in findings]
        constant.append(np.array(logits) - [h.activation.mean() for h in heatmaps])

    np.testing.assert_allclose(constant[0], constant[1], atol=1e-4)
    np.testing.assert_allclose(constant[0], constant[2], atol=1e-4)


def test_identity_says_which_weights_and_that_they_are_a_demonstration(demonstration: Model):
    """Every answer can be told apart by name, version, hash and operating points."""
    identity = demonstration.identity

    assert ("demonstration", True, True) == (
        identity.name,
        identity.demonstration,
        identity.verified,
    )
    assert demonstration.card.weights.sha256 == identity.sha256
    assert (224, "default") == (identity.input_size, identity.operating_points)


def test_input_of_another_size_is_an_error(demonstration: Model):
    """The network never sees an image that nobody resized for it."""
    with pytest.raises(ValueError, match="224×224"):
        demonstration.predict(model_input(blobs(1, size=200)))


def test_unknown_model_is_named_with_the_closest_card(settings: Settings):
    """A misspelt name is one clear line that offers the right one."""
    with pytest.raises(ModelUnknown, match="Did you mean densenet121-res224-all"):
        load_model(settings.changed("model", name="densenet121-res224-al"))


def test_missing_weights_say_how_to_get_them(settings: Settings):
    """A card without its weights names the command that brings them."""
    with pytest.raises(WeightsMissing, match="hilum models pull densenet121-res224-nih"):
        load_model(settings.changed("model", name="densenet121-res224-nih"))


def test_changed_weights_are_not_used(installed: Settings):
    """One flipped byte in an installed file is found when the model is loaded."""
    load_model(installed)
    path = installed.data_folder / "models" / SEEDED / WEIGHTS_FILE
    contents = bytearray(path.read_bytes())
    contents[1000] ^= 1
    path.write_bytes(contents)

    with pytest.raises(WeightsUntrusted, match="have changed since they were installed"):
        load_model(installed)


def test_damaged_record_is_not_used(installed: Settings):
    """A record that is no record is a clear line, not a traceback."""
    load_model(installed)
    (installed.data_folder / "models" / SEEDED / "installed.json").write_text("{}")

    with pytest.raises(WeightsUntrusted, match="record of the installed model"):
        load_model(installed)


def test_labels_that_were_never_trained_do_not_exist():
    """The RSNA weights have 18 outputs and learned two labels: two are read."""
    card = find_card("densenet121-res224-rsna", Path("nowhere"))

    assert 18 == len(card.labels)
    assert ("Pneumonia", "Lung Opacity") == card.trained_labels


def test_unknown_operating_points_are_named(settings: Settings):
    """A set that the card lacks is an error that lists those it has."""
    with pytest.raises(CardInvalid, match="It has default"):
        load_model(settings.changed("model", operating_points="ppv99"))
