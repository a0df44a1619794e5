"""Colours and letters."""

from itertools import pairwise

import numpy as np
import pytest

from hilum.explain.drawing import (
    COVER,
    Weight,
    as_picture,
    fitted,
    heat_palette,
    load_font,
    paint_heat,
    without_heat,
    wrapped,
)


def lightness(rgb):
    """Return CIE L* of sRGB colours, shape ``(n, 3)``, 0 to 255."""
    linear = np.where(rgb > 10.31, ((rgb / 255 + 0.055) / 1.055) ** 2.4, rgb / 255 / 12.92)
    luminance = linear @ (0.2126, 0.7152, 0.0722)
    return 116 * np.cbrt(luminance) - 16


@pytest.mark.parametrize("weight", list(Weight))
def test_every_letter_of_portuguese_has_a_shape(weight):
    """No accent, dash or dot of our texts is drawn as the empty box of a missing letter."""
    font = load_font(24, weight)
    missing = bytes(font.getmask("\U0010fffd"))

    for letter in "áàâãçéêíóôõúüÁÀÂÃÇÉÊÍÓÔÕÚ·–—…•×≥≤%":
        assert missing != bytes(font.getmask(letter)), letter


def test_heat_colours_are_even_to_the_eye():
    """Lightness only rises, and by nearly the same amount at each step."""
    colours = np.frombuffer(heat_palette(), np.uint8).reshape(256, 3).astype(float)

    steps = np.diff(lightness(colours)[::15])

    assert (steps > 0).all()
    assert steps.max() < 1.5 * steps.min()


def painted(grey, shares):
    """Return the colours of greys under heat, of any shape."""
    return np.asarray(as_picture(paint_heat(grey, np.asarray(shares, np.float32)))).astype(int)


def test_no_heat_leaves_the_radiograph_as_it_is():
    """Where there is no evidence the picture is grey, to the last bit."""
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)

    for pixels in (paint_heat(grey, np.zeros((16, 16), np.float32)), without_heat(grey)):
        shown = np.asarray(as_picture(pixels))
        np.testing.assert_array_equal(np.dstack([grey, grey, grey]), shown)


@pytest.mark.parametrize("level", [0, 64, 128, 255])
def test_heat_is_seen_on_dark_and_bright_lungs(level):
    """At half of the peak and at the peak the colour differs clearly from the grey."""
    colours = painted(np.full((1, 2), level, np.uint8), [[0.5, 1.0]])

    chroma = colours.max(axis=2) - colours.min(axis=2)
    assert (chroma > 40).all()


def test_anatomy_stays_visible_under_the_peak():
    """Two greys stay apart under the strongest heat, as far as the cover leaves it."""
    colours = painted(np.array([[60, 180]], np.uint8), np.ones((1, 2)))

    assert colours[0, 1] - colours[0, 0] == pytest.approx(120 * (1 - COVER), abs=2)


def test_long_text_is_cut_with_an_ellipsis():
    """A name too wide for its place ends in …, one that fits is left alone."""
    font = load_font(17)

    cut = fitted("Enlarged cardiomediastinum", 120, font)

    assert cut.endswith("…")
    assert font.getlength(cut) <= 120
    assert "Mass" == fitted("Mass", 120, font)


def test_text_is_broken_between_words():
    """Each line fits, and the words come in their order."""
    text = "nothing tells whether the view is frontal: View Position is empty"

    lines = wrapped(text, 200, load_font(15))

    assert text == " ".join(lines)
    assert all(load_font(15).getlength(line) <= 200 for line in lines)
    assert all(load_font(15).getlength(f"{a} {b.split()[0]}") > 200 for a, b in pairwise(lines))
