"""Thresholds are chosen on half of the patients and reported on the others."""

import numpy as np
import pytest

from hilum.errors import SettingInvalid
from hilum.evaluation.operating_points import (
    LEAST,
    NOT_REACHED,
    TOO_FEW,
    ChoiceRule,
    choose_points,
    halves,
    threshold_of,
)

RANDOM = np.random.default_rng(7)


def images(count: int = 2000, shift: float = 1.5) -> tuple[np.ndarray, np.ndarray]:
    """Return raw values and truths of a finding that one image of five shows."""
    shown = RANDOM.random(count) < 0.2
    return 1 / (1 + np.exp(-(RANDOM.normal(size=count) + shift * shown))), shown


@pytest.mark.parametrize("text", ["sensitivity=0.95", "Specificity = 0.9", "ppv=0.8", "youden"])
def test_a_rule_is_written_as_it_is_said(text: str):
    """And read back as it is written."""
    rule = ChoiceRule.parse(text)

    assert rule == ChoiceRule.parse(str(rule))


@pytest.mark.parametrize(
    "text",
    [
        *("", "sensitivity", "sensitivity=", "sensitivity=1", "sensitivity=95", "sensitivity=0"),
        *("youden=0.5", "f1=0.5", "ppv=-1", "ppv=nan", "ppv=x"),
    ],
)
def test_another_rule_is_refused(text: str):
    """With those that there are."""
    with pytest.raises(SettingInvalid, match="is no rule"):
        ChoiceRule.parse(text)


@pytest.mark.parametrize("text", ["sensitivity=0,95", "sensitivity=95%", "sensitivity=95.0 %"])
def test_a_target_is_written_as_people_write_shares(text: str):
    """With a comma where decimals have one, and in per cent."""
    assert "sensitivity=0.95" == str(ChoiceRule.parse(text))


def test_a_threshold_reaches_its_target_and_the_next_one_does_not():
    """The best of those that do: for one side as far as the other allows."""
    values, shown = images()
    for text, higher in (("sensitivity=0.95", 1), ("specificity=0.9", -1)):
        threshold, why = threshold_of(ChoiceRule.parse(text), values, shown)
        assert threshold is not None
        assert not why
        reached = []
        for step in (0, higher):
            levels = np.sort(values)
            place = np.searchsorted(levels, threshold) + step
            called = values >= (levels[place] if step else threshold)
            share = called[shown].mean() if higher == 1 else (~called)[~shown].mean()
            reached.append(bool(share >= ChoiceRule.parse(text).target))
        assert [True, False] == reached, text


def test_no_image_lies_on_a_threshold():
    """A value that another machine rounds otherwise is called the same."""
    values, shown = images()
    for text in ("sensitivity=0.9", "specificity=0.9", "ppv=0.5", "youden"):
        threshold, _ = threshold_of(ChoiceRule.parse(text), values, shown)
        assert threshold is not None
        assert 0 < np.abs(values - threshold).min()
        called = values >= threshold
        assert (called == (np.round(values, 7) >= threshold)).mean() > 0.998


def test_a_predictive_value_does_not_rest_on_a_lucky_image():
    """The one positive at the top has 100 %, and is too few."""
    values = np.linspace(0.01, 0.99, 200)
    shown = np.arange(200) % 4 == 3
    assert shown[-1]
    assert (None, NOT_REACHED) == threshold_of(ChoiceRule.parse("ppv=0.9"), values, shown)
    shown[150:] = True
    threshold, _ = threshold_of(ChoiceRule.parse("ppv=0.9"), values, shown)

    assert threshold is not None
    assert shown[values >= threshold].mean() >= 0.9
    assert (values >= threshold).sum() > 50


@pytest.mark.parametrize("positives", [0, LEAST - 1])
def test_too_few_images_choose_nothing(positives: int):
    """With the finding or without it."""
    shown = np.arange(100) < positives
    values = RANDOM.random(100)

    assert (None, TOO_FEW) == threshold_of(ChoiceRule.parse("youden"), values, shown)
    assert (None, TOO_FEW) == threshold_of(ChoiceRule.parse("youden"), values, ~shown)


def test_values_that_are_all_alike_choose_nothing_odd():
    """Zeros, ones and halves leave a threshold between 0 and 1, or none."""
    shown = np.arange(100) % 2 == 0
    for value in (0.0, 0.5, 1.0):
        for text in ("sensitivity=0.9", "specificity=0.9", "ppv=0.9", "youden"):
            threshold, why = threshold_of(ChoiceRule.parse(text), np.full(100, value), shown)
            assert bool(why) is (threshold is None)
            assert threshold is None or 0 < threshold < 1


def test_halves_are_of_patients_and_the_same_in_any_order():
    """No patient is in both; one more patient moves few."""
    keys = [f"P{number // 3}" for number in range(300)]
    first = halves(keys)
    turned = halves(keys[::-1])[::-1]
    more = halves([*keys, "Q1"])[:-1]

    assert 150 == first.sum()
    assert (first == turned).all()
    assert all(len({bool(first[i]) for i in range(n, n + 3)}) == 1 for n in range(0, 300, 3))
    assert (first != more).sum() <= 3


def test_the_other_half_tells_how_good_it_is():
    """The chosen share is optimistic, the reported one is inside its interval of the truth."""
    missed, apart = 0, []
    for number in range(60):
        values, shown = images(600)
        keys = [f"{number}-{each}" for each in range(600)]
        chosen = choose_points(
            ChoiceRule.parse("sensitivity=0.9"),
            {"Mass": values},
            {"Mass": shown * 1.0},
            keys,
            {"Mass": 0.5},
        )["Mass"]
        figures = chosen.held_out
        assert figures is not None
        many, truths = images(20_000)
        real = (many >= chosen.threshold)[truths].mean()
        missed += not figures.sensitivity.low <= real <= figures.sensitivity.high
        apart.append(real - 0.9)

    assert missed <= 8
    assert -0.05 < np.mean(apart) < 0.02


def test_what_is_unknown_does_not_count():
    """A label that is blank, a finding that was not read, one without labels at all."""
    values, shown = images(400)
    truth = shown.astype(float)
    truth[:100], values[100:110] = np.nan, np.nan
    keys = [str(number) for number in range(400)]
    rule = ChoiceRule.parse("youden")
    raw = {"Mass": values, "Edema": values, "Hernia": values}
    found = choose_points(
        rule, raw, {"Mass": truth, "Edema": truth * np.nan}, keys, dict.fromkeys(raw, 0.5)
    )

    assert ["Mass", "Edema"] == list(found)
    mass, edema = found.values()
    assert mass.held_out is not None
    tried = mass.held_out
    counted = mass.positives + mass.negatives
    calls = (tried.true_positives, tried.false_positives, tried.true_negatives)
    assert 290 == counted + sum(calls) + tried.false_negatives
    assert (0.5, TOO_FEW, None) == (edema.threshold, edema.why, edema.held_out)


@pytest.mark.parametrize("values", [np.full(40, 0.3), np.repeat([0.1, 0.9], 20)])
def test_youden_takes_no_threshold_that_is_worse_than_chance(values):
    """Values that are all alike, or the wrong way round, would call every image positive."""
    shown = np.arange(40) < 20

    assert (None, NOT_REACHED) == threshold_of(ChoiceRule.parse("youden"), values, shown)
