"""One rule for a patient's age, whatever the header nearly says."""

from datetime import date

import pytest

from hilum.values.ages import TAKEN, TAKEN_ABOUT, Age, age_of, image_date, read_age
from hilum.values.dates import Span, read_date, years_between


def age(**header: str) -> Age:
    """Return the age by a header that says this."""
    return age_of(lambda keyword: header.get(keyword, ""))


@pytest.mark.parametrize(
    ("text", "years"),
    [
        ("045Y", 45),
        ("7", 7),
        ("7Y", 7),
        ("07Y", 7),
        ("007y", 7),
        ("009", 9),
        ("000Y", 0),
        ("18 Y", 18),
        ("Y045", 45),
        ("45 anos", 45),
        ("45 y.o.", 45),
        ("45 yrs.", 45),
        ("7 y/o", 7),
        ("7 years old", 7),
        ("Idade: 7", 7),
        ("P7Y", 7),
        ("P7Y6M", 7.5),
        ("7 anos e 6 meses", 7.5),
        ("7 años y 6 meses", 7.5),
        ("7 let", 7),
        ("7세", 7),
        ("7 سنوات", 7),
        ("7 ετών", 7),
        (">89Y", 89),
        ("90+", 90),
        ("7,5", 7.5),
        ("4 года", 4),
        ("12 lat", 12),
        ("3 yaş", 3),
        ("14 år", 14),
        ("７歳", 7),
        ("7Y6M", 7.5),
        ("1歳6か月", 1.5),
        ("8M", 8 / 12),
        ("018M", 1.5),
        ("3个月", 0.25),
        ("3W", 21 / 365.25),
        ("012D", 12 / 365.25),
        ("36H", 1.5 / 365.25),
    ],
)
def test_age_is_read_as_people_write_it(text: str, years: float):
    """A number without a unit is years; units are read in the languages of the vocabulary."""
    found = read_age(text)

    assert found is not None
    assert found[0] == pytest.approx(years)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "old",
        "7 old y",
        "P",
        "age",
        "7 e 6",
        "and 7",
        "Y",
        "O45Y",
        "-5",
        "45-50",
        "7 5",
        "999Y",
        "150Y",
        "1960",
        "7M3Y",
        "45Q",
        "<1",
    ],
)
def test_what_is_no_age_is_none(text: str):
    """Neither letters, nor ranges, nor an age that nobody has."""
    assert read_age(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "20200102",
        "2020-01-02",
        "2020.01.02",
        "2020/01/02",
        "2020/1/2",
        "2020 01 02",
        "2020. 01. 02.",
        "2020:01:02",
        "２０２０-01-02",
        "2020年1月2日",
        "2020–01–02",
        "02.01.2020",
        "2-Jan-2020",
        "02JAN2020",
        "January 2, 2020",
        "20200102101112.000000+0100",
        "2020-01-02T10:11:12Z",
        "2020-01-02 00:00:00",
        " 20200102\0",
    ],
)
def test_date_is_read_as_people_write_it(text: str):
    """Dots, dashes, slashes, month names, and a time behind it."""
    day = date(2020, 1, 2)

    assert Span(day, day) == read_date(text)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("1960", date(1960, 1, 1), date(1960, 12, 31)),
        ("19600000", date(1960, 1, 1), date(1960, 12, 31)),
        ("1960-00-00", date(1960, 1, 1), date(1960, 12, 31)),
        ("196002", date(1960, 2, 1), date(1960, 2, 29)),
        ("1960-02", date(1960, 2, 1), date(1960, 2, 29)),
        ("19600200", date(1960, 2, 1), date(1960, 2, 29)),
        ("03/04/1960", date(1960, 3, 4), date(1960, 4, 3)),
        ("13/04/1960", date(1960, 4, 13), date(1960, 4, 13)),
    ],
)
def test_half_a_date_is_all_days_that_can_be_meant(text: str, first: date, last: date):
    """The year alone, year and month, and day and month in either order."""
    assert Span(first, last) == read_date(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "00000000",
        "20201301",
        "20200230",
        "00010101",
        "25630102",
        "200102",
        "020120",
        "ANON",
        "3",
    ],
)
def test_what_is_no_date_is_none(text: str):
    """Zeros, impossible days, two-digit years and other calendars are not guessed."""
    assert read_date(text) is None


@pytest.mark.parametrize(
    ("at", "whole"),
    [
        (date(2022, 2, 28), 17),
        (date(2022, 3, 1), 18),
        (date(2024, 2, 29), 20),
        (date(2003, 1, 1), -2),
    ],
)
def test_years_are_full_years(at: date, whole: int):
    """Nobody is eighteen on the day before; one born on 29 February is on 1 March."""
    assert whole == years_between(date(2004, 2, 29), at) // 1


@pytest.mark.parametrize("keyword", [*TAKEN, *TAKEN_ABOUT])
def test_any_date_of_the_image_will_do(keyword: str):
    """Only AcquisitionDateTime, only Series Date: the age is known."""
    found = age(PatientBirthDate="20100101", **{keyword: "20230615"})

    assert (13, "PatientBirthDate") == (int(found.years or 0), found.by)


def test_age_is_that_at_the_date_of_the_image():
    """The acquisition counts, not the study under which a copy is kept."""
    found = age(PatientBirthDate="19980101", AcquisitionDate="20110601", StudyDate="20230601")

    assert found.years is not None
    assert 13 == int(found.years)


def test_earliest_date_stands_for_an_acquisition_that_is_not_said():
    """A film of a child, scanned when he was grown up, is one of a child."""
    found = age(PatientBirthDate="20000101", ContentDate="20230101", StudyDate="20050601")

    assert found.years is not None
    assert 5 == int(found.years)


def test_a_clock_that_was_not_set_does_not_count():
    """A date before the birth is passed over where there is another."""
    found = age(PatientBirthDate="19800101", AcquisitionDate="19700101", StudyDate="20230615")

    assert found.years is not None
    assert 43 == int(found.years)


def test_year_of_birth_alone_gives_the_youngest_age():
    """Born in 2005 and seen in June 2023, a patient may be 17."""
    found = age(PatientBirthDate="2005", StudyDate="20230615")

    assert found.years is not None
    assert 17 == int(found.years)


def test_stated_age_wins_over_a_year_of_birth_that_it_fits():
    """018Y and a year of birth that allows 17 and 18: eighteen."""
    found = age(PatientAge="018Y", PatientBirthDate="2005", StudyDate="20230615")

    assert (18, "PatientAge", False) == (found.years, found.by, found.disagree)


@pytest.mark.parametrize(
    ("header", "years"),
    [
        ({"PatientAge": "000Y", "PatientBirthDate": "19600101"}, 63),
        ({"PatientAge": "045Y", "PatientBirthDate": "20150101"}, 8),
        ({"PatientAge": "005Y", "PatientBirthDate": "1960"}, 62),
        ({"PatientAge": "045Y", "PatientBirthDate": "19600101"}, 63),
    ],
)
def test_birth_date_decides_where_the_two_disagree(header: dict[str, str], years: int):
    """And that they disagree is known."""
    found = age(StudyDate="20230615", **header)

    assert found.years is not None
    assert (years, "PatientBirthDate", True) == (int(found.years), found.by, found.disagree)


def test_a_birthday_apart_is_no_disagreement_unless_the_limit_lies_between():
    """18 by the age and 17 by the birth date matters to a model that reads from 18 on."""
    found = age(PatientAge="018Y", PatientBirthDate="20050701", StudyDate="20230615")

    assert not found.disagree
    assert not found.doubtful_at(None)
    assert found.doubtful_at(18)


@pytest.mark.parametrize("born", ["20250101", "18990101", "19601399"])
def test_impossible_birth_date_is_passed_over(born: str):
    """Born after the study, 124 years old, or on no day: the stated age counts, and it is told."""
    found = age(PatientAge="045Y", PatientBirthDate=born, StudyDate="20230615")

    assert (45, "PatientAge", ("PatientBirthDate",)) == (found.years, found.by, found.unusable)


@pytest.mark.parametrize(
    "nothing",
    [
        "",
        "00000000",
        "0000-00-00",
        "0001-01-01",
        "18991230",
        "17530101",
        "19000101",
        "1900-01-01",
        "REMOVED",
        "ANONYMIZED",
        "XXXXXXXX",
    ],
)
def test_a_dummy_says_nothing(nothing: str):
    """What anonymisers write for a birth date is no birth date, and no fault."""
    found = age(PatientBirthDate=nothing, StudyDate="20230615")

    assert Age() == found


def test_dummy_birth_date_does_not_make_a_child_an_adult():
    """Born in 1900 and five years old: five."""
    found = age(PatientAge="005Y", PatientBirthDate="19000101", StudyDate="20190615")

    assert (5, "PatientAge") == (found.years, found.by)


@pytest.mark.parametrize("born", ["19700101", "1969-12-31", "19800101", "19050505", "19040101"])
def test_birth_date_that_computers_write_does_not_make_a_child_an_adult(born: str):
    """The epoch of a computer, or 118 years ago: the stated age counts, and it is told."""
    found = age(PatientAge="007Y", PatientBirthDate=born, StudyDate="20230615")

    assert (7, "PatientAge", ("PatientBirthDate",)) == (found.years, found.by, found.unusable)


def test_people_are_born_on_such_a_day_and_grow_so_old():
    """Where the age agrees, is zero or is not said, the birth date is believed."""
    seen = {"StudyDate": "20230615"}
    ages = [
        age(PatientAge="053Y", PatientBirthDate="19700101", **seen),
        age(PatientAge="000Y", PatientBirthDate="19700101", **seen),
        age(PatientBirthDate="19700101", **seen),
        age(PatientAge="112Y", PatientBirthDate="19101231", **seen),
    ]

    assert [53, 53, 53, 112] == [int(each.years or 0) for each in ages]
    assert {"PatientBirthDate"} == {each.by for each in ages}


def test_birth_date_without_any_other_date_tells_nothing():
    """That is the fault of the other dates: the birth date can be read."""
    assert Age() == age(PatientBirthDate="19600101")


@pytest.mark.parametrize("text", ["old", "999Y", "45-50", "1960"])
def test_unreadable_age_is_named(text: str):
    """It says something that nobody can read, which is not nothing."""
    assert ("PatientAge",) == age(PatientAge=text).unusable


def test_no_date_is_no_date_of_the_image():
    """Nothing said, nothing known."""
    assert image_date(lambda _: "") is None
