"""The sample of features: bounded, one place an image, and nothing of whose image it was."""

import numpy as np
from sqlalchemy import Connection, select

from hilum.records import feature_samples
from hilum.records.quality_tables import FEATURE_SAMPLE
from hilum.values import half_precision


def keep(connection: Connection, image: str, *values: float, model: str = "mine") -> None:
    """Keep the features of one image."""
    packed = half_precision.packed(np.array(values, np.float32))
    feature_samples.keep(connection, "own", model, image, packed)


def test_image_that_is_read_again_counts_once(connection: Connection):
    """And the newer features count."""
    keep(connection, "1.2.3", 1, 2)
    keep(connection, "1.2.3", 3, 4)

    assert 1 == feature_samples.count(connection, "own", "mine")
    assert [[3, 4]] == feature_samples.sample(connection, "own", "mine").tolist()


def test_sample_does_not_grow_without_end(connection: Connection, monkeypatch):
    """Newer images take the places of older ones."""
    monkeypatch.setattr(feature_samples, "SLOTS", 20)
    for number in range(200):
        keep(connection, f"1.2.{number}", number)

    found = feature_samples.sample(connection, "own", "mine")
    assert 20 == len(found) == feature_samples.count(connection, "own", "mine")
    assert found.mean() > 150


def test_models_and_archives_have_samples_of_their_own(connection: Connection):
    """Features of two networks are never mixed."""
    keep(connection, "1.2.3", 1)
    keep(connection, "1.2.3", 2, model="other")

    assert [[1]] == feature_samples.sample(connection, "own", "mine").tolist()
    assert 0 == feature_samples.count(connection, "theirs", "mine")
    assert (0, 0) == feature_samples.sample(connection, "theirs", "mine").shape


def test_nothing_of_the_image_is_kept(connection: Connection):
    """Neither its UID nor when it was read."""
    keep(connection, "1.2.826.0.1", 1)
    (row,) = connection.execute(select(FEATURE_SAMPLE)).all()

    assert {"archive", "model", "place", "features"} == set(row._fields)
    assert "1.2.826" not in repr(row)


def test_huge_features_stay_numbers():
    """In half precision nothing becomes infinite."""
    kept = np.frombuffer(half_precision.packed(np.array([1e9, -1e9, 0.5], "f4")), "<f2")

    assert np.isfinite(kept).all()
    assert 0.5 == kept[2]
