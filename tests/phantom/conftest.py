"""Phantoms that several tests look at, drawn once."""

import pytest

from hilum.phantom import KINDS, Phantom, make

SMALL = 200
"""Pixels: enough for anatomy, and quick to draw."""


@pytest.fixture(scope="session")
def healthy() -> Phantom:
    """Return a healthy chest."""
    return make(11, findings=(), size=SMALL)


@pytest.fixture(scope="session", params=KINDS)
def sick(request: pytest.FixtureRequest) -> Phantom:
    """Return the patient of `healthy` with one disease, each kind in turn."""
    return make(11, findings={request.param}, size=SMALL)
