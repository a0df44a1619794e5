"""docs/overlay.md shows no result that no model gave without saying so."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hilum.explain.drawing import CAUTION

DOCS = Path(__file__).parents[2] / "docs"
PICTURES = sorted(DOCS.glob("images/overlay-*.jpg"))


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.stem)
def test_example_says_in_the_picture_that_it_is_invented(path):
    """A band of the colour of cautions stands above and below the sheet."""
    picture = np.asarray(Image.open(path), int)

    for edge in (picture[:6], picture[-6:]):
        assert np.abs(edge.mean(axis=(0, 1)) - CAUTION).max() < 6


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.stem)
def test_captions_of_examples_say_that_they_are_invented(path):
    """Wherever an example is shown, its caption says it too."""
    shown = [
        caption
        for page in (*DOCS.glob("*.md"), DOCS.parent / "README.md")
        for caption in re.findall(
            rf"!\[([^]]*)\]\([^)]*{path.name}\)", page.read_text(encoding="utf-8")
        )
    ]

    assert shown
    assert all("nvented" in caption for caption in shown)
