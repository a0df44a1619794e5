"""Fixtures of the tests of the export."""

from pathlib import Path

import pytest

from hilum.settings import Settings
from page_studies import demonstration


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Return settings with the demonstration model."""
    return demonstration(tmp_path / "data")
