"""One parser for the numbers of a header, whatever writes them."""

import pytest

from hilum.values.numbers import (
    COMMA,
    LENGTHS,
    OTHER,
    Number,
    Numbers,
    read_number,
    read_numbers,
    read_spacing,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("300.5", 300.5),
        (" 300.5 ", 300.5),
        ("300.5\0", 300.5),
        ("00400", 400),
        ("+5", 5),
        ("5.", 5),
        (".5", 0.5),
        ("-1024", -1024),
        ("1e3", 1000),
        ("1.43E-01", 0.143),
        ("0.14300000000000000266", 0.143),
        ("20958.0000415", 20958.0000415),
    ],
)
def test_number_as_dicom_has_it(text: str, value: float):
    """Blanks around it, a sign, an exponent, and more than sixteen characters change nothing."""
    found = read_number(text)

    assert found is not None
    assert value == pytest.approx(found.value)
    assert not found.repair


@pytest.mark.parametrize(
    ("text", "value", "repair"),
    [
        ("300,5", 300.5, COMMA),
        ("0,143", 0.143, COMMA),
        (",5", 0.5, COMMA),
        ("-1024,0", -1024, COMMA),
        ("1,5e3", 1500, COMMA),
        ("1.024,5", 1024.5, COMMA),
        ("1,024.5", 1024.5, OTHER),
        ("1,024,000", 1024000, OTHER),
        ("1.024.000", 1024000, OTHER),
        ("1.43D-01", 0.143, OTHER),
        ("40 HU", 40, OTHER),
        ("300,5 HU", 300.5, COMMA),
        ("３００．５", 300.5, OTHER),
        ("−5", -5, OTHER),
        ("'400'", 400, OTHER),
    ],
)
def test_number_that_is_plain_is_read_and_named(text: str, value: float, repair: str):
    """A decimal comma, thousands, a unit, full-width digits: read, and said."""
    assert Number(pytest.approx(value), repair) == read_number(text)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "abc", "NaN", "inf", "-Infinity", "1e999", "1_000", "0x10", "300.5.1", "1,02,4"),
        *("1,024", "12,345", "300 400", "5 apples", "300..5", "--5", "1e", "½x", ",", "Amadeus"),
    ],
)
def test_what_is_no_plain_number_is_none(text: str):
    """Neither what Python alone calls a number, nor 1,024, which may be two."""
    assert read_number(text) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [("0.143 mm", 0.143), ("143um", 0.143), ("143 µm", 0.143), ("0,0143 cm", 0.143)],
)
def test_length_is_in_millimetres(text: str, value: float):
    """Whatever its unit is."""
    found = read_number(text, LENGTHS)

    assert found is not None
    assert value == pytest.approx(found.value)


def test_window_has_no_unit_of_length():
    """300 mm is no window."""
    assert read_number("300 mm") is None


def test_list_does_not_shift():
    """A value that is empty or cannot be read leaves its place."""
    assert Numbers((None, 512.0), "", unreadable=("abc",)) == read_numbers(["abc", "512"])
    assert Numbers((None, 512.0)) == read_numbers(["", "512"])
    assert Numbers((300.5, 512.0), COMMA) == read_numbers(["300,5", "512"])


@pytest.mark.parametrize("said", [[], [""], [" "], [None], ["", ""]])
def test_nothing_is_no_number(said: list[object]):
    """An empty element has no values."""
    assert Numbers() == read_numbers(said)


@pytest.mark.parametrize(
    "text",
    [
        *("[0.143, 0.143]", "(0.143 0.143)", "['0.143', '0.143']"),
        *("0.143,0.143", "0.143;0.143", "0.143 x 0.143", "0.143*0.143"),
    ],
)
def test_list_that_a_program_wrote_into_one_value(text: str):
    """As Python prints it, or with another sign than a backslash."""
    assert (0.143, 0.143) == read_numbers([text]).values
    assert (0.143, 0.143) == read_spacing([text])


@pytest.mark.parametrize(
    "said",
    [
        *([0.0, 0.0], ["0.000", "0.000"], [-0.143, -0.143], [0.143, 0], [1e-9, 1e-9], [143, 143]),
        *(
            [0.143],
            ["0.2", "0", "0.20000"],
            ["abc", "0.1"],
            [],
            [float("nan"), 1.0],
            ["0,000", "0,000"],
        ),
    ],
)
def test_spacing_that_pixels_cannot_have_is_none(said: list[object]):
    """Zeros, negative, absurd, one or three values."""
    assert read_spacing(said) is None


def test_values_are_shown_in_their_places():
    """For a decision on record."""
    assert "–, 300.5" == str(read_numbers(["", "300,5"]))
