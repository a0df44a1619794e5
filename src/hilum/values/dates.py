"""A date in a header, however it is written.

PS3.5 6.2 knows ``YYYYMMDD``. Headers also have dots, dashes and slashes, the year alone,
zeros for what nobody knows, a time behind it. What can be meant in two ways is kept as the
span of both, so that whoever asks can take the safe side.
"""

import re
import unicodedata
from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

from hilum.values import LONGEST

YEARS: Final = range(1850, 2151)
"""Years that a patient or an image can be of; other calendars and dummies lie outside."""

DASHES: Final = dict.fromkeys(map(ord, "‐‑‒–—−"), "-")
"""What word processors make of a hyphen."""

PARTS: Final = r"[-./_:年月 ]"
LATER: Final = r"(?:[日.]|[T ,].*)?"
"""A time of day, or anything else that stands behind a date."""

COMPACT: Final = re.compile(
    r"(?P<y>\d{4})(?:(?P<m>\d{2})(?:(?P<d>\d{2})"
    r"(?:(?:\d{2}){1,3}(?:\.\d+)?(?:[+-]\d{4})?|[T ].*)?)?)?"
)
"""DA, and the DT and ISO 8601 that stand in its place: 20240102, 202401, 2024."""

YEAR_FIRST: Final = re.compile(
    rf"(?P<y>\d{{4}}){PARTS}(?P<m>\d{{1,2}})(?:{PARTS}(?P<d>\d{{1,2}}))?月?{LATER}"
)
YEAR_LAST: Final = re.compile(
    rf"(?P<one>\d{{1,2}})(?P<sign>{PARTS})(?P<two>\d{{1,2}}){PARTS}(?P<y>\d{{4}}){LATER}"
)
BOTH_WAYS: Final = re.compile(
    rf"(?P<one>\d{{1,2}})(?P<sign>[-/.])(?P<two>\d{{1,2}})[-/.](?P<y>\d{{4}}|\d{{2}}){LATER}"
)
"""Day and month, or month and day."""
MONTHS_OF_A_YEAR: Final = 12

DAY_NAMED_MONTH: Final = re.compile(
    rf"(?P<d>\d{{1,2}})[-./ ]?(?P<name>[A-Z]{{3,9}})[-./, ]*(?P<y>\d{{4}}){LATER}", re.IGNORECASE
)
NAMED_MONTH_DAY: Final = re.compile(
    rf"(?P<name>[A-Z]{{3,9}})[-./ ]*(?P<d>\d{{1,2}})[-./, ]+(?P<y>\d{{4}}){LATER}", re.IGNORECASE
)
MONTHS: Final = {
    name: number
    for names in (
        "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC",
        "JAN FEV MRZ ABR MAI JUN JUL AGO SET OKT NOV DEZ",
        "ENE FEV MAR AVR MAI JUN JUL AUG SEP OUT NOV DIC",
    )
    for number, name in enumerate(names.split(), 1)
}
"""First letters of a month in the languages of the vocabulary → its number."""


@dataclass(frozen=True, slots=True)
class Span:
    """A day, or the days that can be meant."""

    first: date
    last: date
    """The earliest and the latest of them."""


def read_date(text: str) -> Span | None:
    """Return the day that `text` says, None when it says none."""
    whole = text if len(text) <= LONGEST else ""
    plain = unicodedata.normalize("NFKC", whole).translate(DASHES).strip(" \0")
    plain = re.sub(r"\s*([-./_年月])\s*", r"\1", plain)
    if found := COMPACT.fullmatch(plain):
        return None if _maybe_two_digit_year(plain) else _span(found["y"], found["m"], found["d"])
    if found := YEAR_FIRST.fullmatch(plain):
        return _span(found["y"], found["m"], found["d"])
    if found := YEAR_LAST.fullmatch(plain):
        day_first = _span(found["y"], found["two"], found["one"])
        if found["sign"] == ".":  # nobody writes the month first with dots
            return day_first
        return _either(day_first, _span(found["y"], found["one"], found["two"]))
    found = DAY_NAMED_MONTH.fullmatch(plain) or NAMED_MONTH_DAY.fullmatch(plain)
    if found and (month := MONTHS.get(found["name"][:3].upper())):
        return _span(found["y"], str(month), found["d"])
    return None


def read_day(text: str, *, day_first: bool | None = None) -> date | None:
    """Return the one day that `text` says, None when it says none, or several can be meant.

    Parameters
    ----------
    day_first
        Whether days stand before months where both can be meant, and years may have two digits,
        of this century; None where that is not known.
    """
    plain = text.strip()
    if day_first is not None and (found := BOTH_WAYS.fullmatch(plain)):
        day, month = (found["one"], found["two"]) if day_first else (found["two"], found["one"])
        year = found["y"] if len(found["y"]) > 2 else f"20{found['y']}"  # noqa: PLR2004
        span = _span(year, month, day)
    else:
        span = read_date(text)
    return span.first if span is not None and span.first == span.last else None


def day_stands_first(texts: Iterable[str]) -> bool | None:
    """Return whether dates of one hand have the day before the month; None: they do not tell."""
    firsts, seconds = set(), set()
    for text in texts:
        if found := BOTH_WAYS.fullmatch(text.strip()):
            dots = found["sign"] == "."  # nobody writes the month first with dots
            firsts.add(dots or int(found["one"]) > MONTHS_OF_A_YEAR)
            seconds.add(int(found["two"]) > MONTHS_OF_A_YEAR)
    if (True in firsts) is (True in seconds):
        return None
    return True in firsts


def years_between(born: date, at: date) -> float:
    """Return the age in years; its whole part is what people say, negative before the birth."""
    had_birthday = (at.month, at.day) >= (born.month, born.day)
    whole = at.year - born.year - (not had_birthday)
    last_birthday = _birthday(born, at.year - (not had_birthday))
    return whole + (at - last_birthday).days / 366


def _birthday(born: date, year: int) -> date:
    """Return somebody's birthday in a year; of 29 February it is 28 February between leap years."""
    return date(year, born.month, min(born.day, monthrange(year, born.month)[1]))


def _maybe_two_digit_year(plain: str) -> bool:
    """Whether six digits can be YYMMDD as well as YYYYMM: 200102 is February 2001, or not."""
    return len(plain) == len("YYYYMM") and 1 <= int(plain[2:4]) <= 12  # noqa: PLR2004  months


def _span(year: str, month: str | None, day: str | None) -> Span | None:
    """Return a date; without a day, or with day 0, the whole month, and so for the month."""
    y, m, d = int(year), int(month or 0), int(day or 0)
    if y not in YEARS:
        return None
    try:
        if not m:
            return None if d else Span(date(y, 1, 1), date(y, 12, 31))
        if not d:
            return Span(date(y, m, 1), date(y, m, monthrange(y, m)[1]))
        return Span(date(y, m, d), date(y, m, d))
    except ValueError:
        return None


def _either(one: Span | None, other: Span | None) -> Span | None:
    """Return the days that two readings of the same text leave."""
    if one is None or other is None:
        return one or other
    return Span(min(one.first, other.first), max(one.last, other.last))
