"""Planted subgroups are found, and where none is planted none is named."""

import importlib
from pathlib import Path

import pytest


def test_planted_subgroups_are_found_and_no_others(monkeypatch: pytest.MonkeyPatch):
    """Five evaluations with a worse maker, five without; the bench has two hundred of each."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2]))
    named = importlib.import_module("bench.evaluation").named

    with_one = [named(seed, worse=True, images=1400) for seed in range(5)]
    without = [named(1000 + seed, worse=False, images=1400) for seed in range(5)]

    assert all(("manufacturer", "B") in each for each in with_one)
    assert sum(map(bool, without)) <= 1
