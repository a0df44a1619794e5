"""docs/pixels.md is true: its rows are the tests' rows, and say what the tests hold."""

import re
from pathlib import Path

import pytest

from hilum.errors import RadiographRefused
from hilum.files.damage import CORRECTIONS
from hilum.pixels import radiograph_from_dicom
from hilum.pixels.decisions import DecisionRecord, phrase
from hilum.pixels.texts import DECISIONS
from hilum.settings import PixelSettings
from messages import PORTUGUESE
from pixel_cases import CASES, REFUSALS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "pixels.md").read_text(encoding="utf-8")

ROWS = {
    cells[4].strip("`"): cells
    for line in PAGE.splitlines()
    if line.startswith("| ")
    and len(cells := [cell.strip() for cell in line.strip("|").split("|")]) == 5
    and cells[4].startswith("`")
}
"""Row name → case, TorchXRayVision, hilum, recorded, row."""

TABLE = {**CASES, **REFUSALS}

OF_PICTURES = {"picture_turned", "one_bit", "transparency_ignored"}
"""Decisions about PNG and JPEG, which test_pictures.py reaches."""

OF_FILES = CORRECTIONS
"""Decisions about damaged files, which test_damaged_files.py reaches."""


def codes_in(text: str) -> tuple[str, ...]:
    return tuple(re.findall(r"`(\w+)`", text))


def test_every_row_is_a_test_and_every_test_a_row():
    """No row of the page is without its generated image, and no image without its row."""
    assert set(TABLE) == set(ROWS)


@pytest.mark.parametrize("name", TABLE)
def test_row_says_what_torchxrayvision_does(name):
    """The second column begins with the outcome that the parity test holds."""
    assert TABLE[name].reference == ROWS[name][1].split(":")[0]


@pytest.mark.parametrize("name", TABLE)
def test_row_names_the_recorded_codes(name):
    """The fourth column names the decisions or reasons, in the order that the tests hold."""
    assert TABLE[name].codes == codes_in(ROWS[name][3])


def test_every_decision_is_on_the_page():
    """The last table has every code with its text, and no other."""
    listed = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", PAGE, flags=re.MULTILINE))

    assert DECISIONS == {code: text.replace(r"\|", "|") for code, text in listed.items()}


def test_every_decision_is_reached_by_a_test():
    """No decision is written that no generated image brings about."""
    reached = {code for case in CASES.values() for code in case.codes}

    refused = {code for case in REFUSALS.values() for code in case.codes}

    # These two are reached in test_torchxrayvision_parity.py and test_robustness.py.
    elsewhere = {"voi_not_applied", "syntax_assumed", *OF_PICTURES, *OF_FILES}
    assert set(DECISIONS) - elsewhere - refused == reached


@pytest.mark.parametrize("name", REFUSALS)
def test_every_refusal_is_told_without_english_words(name):
    """No text of a refusal is left in English."""
    with pytest.raises(RadiographRefused) as caught:
        radiograph_from_dicom(REFUSALS[name].make(), PixelSettings())
    told = " ".join(PORTUGUESE.say(each.text) for each in caught.value.reasons)

    assert not re.search(r"\b(the|is|not|are|with|bytes, the|pixels are|cannot)\b", told), told


@pytest.mark.parametrize("name", CASES)
def test_every_decision_is_told_without_english_words(name):
    """What fills the gaps of a text, a table's name or a range, is in its language too."""
    made = radiograph_from_dicom(CASES[name].make(), PixelSettings())
    told = " ".join(PORTUGUESE.say(each.text) for each in made.decisions)

    assert not re.search(r"\b(the|is|not|are|with|to|its|it|says?|said)\b", told.lower()), told


def test_why_within_a_decision_is_told_in_its_language():
    """A phrase is filled with its own values, numbers as the language writes them."""
    why = phrase("fragments", count=12345, limit=10000)

    refused = DecisionRecord.reason("undecodable", "PS3.5 8", syntax="RLE Lossless", why=why)

    assert refused.code == "undecodable"
    told = PORTUGUESE.say(refused.text)
    assert told.endswith("há 12.345 fragmentos, acima do limite de 10.000")


def test_numbers_in_portuguese_are_written_as_in_brazil():
    """A decision in Portuguese has the comma before the decimals, the point in thousands."""
    clipped = DecisionRecord.decision("stray_values_clipped", count=12345, ceiling=4095)
    rescaled = DecisionRecord.decision("rescale_applied", slope=0.5, intercept=-1000.25)

    assert "12.345 pixels" in PORTUGUESE.say(clipped.text)
    assert "slope 0,5 e intercept -1000,25" in PORTUGUESE.say(rescaled.text)
