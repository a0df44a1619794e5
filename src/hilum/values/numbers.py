"""A number in a header, however it is written: the one parser for DS and IS.

PS3.5 6.2 has a decimal point, and backslashes between values. Headers also have decimal
commas, units, thousands separators, full-width digits and lists as a program prints them.
What is plain is read and the repair named; what can be meant in two ways is not guessed.
Positions stay: a value that cannot be read leaves its place empty.
"""

import math
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from hilum.values import LONGEST

LENGTHS: Final[Mapping[str, float]] = {"mm": 1.0, "cm": 10.0, "um": 1e-3, "μm": 1e-3}
"""Units behind a length → millimetres."""

LEVELS: Final[Mapping[str, float]] = {"hu": 1.0, "us": 1.0, "od": 1.0, "px": 1.0}
"""Units behind a window or rescale value; they say what it is, and change nothing."""

SPACINGS: Final = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")
"""Attributes that say how far apart pixels are; some senders fill them with zeros."""

SPACING_MM: Final = (0.01, 10.0)
"""Least and greatest distance of two pixels that a radiograph can have."""

BLANK: Final = " \0\t\r\n"
"""What pads a value."""

COMMA: Final = "comma"
OTHER: Final = "other"
"""How a number was repaired."""

POINT: Final = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?"
PLAIN: Final = re.compile(POINT)
FORTRAN: Final = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))[dD]([+-]?\d{1,3})")
DECIMAL_COMMA: Final = re.compile(r"[+-]?\d*,\d+(?:[eE][+-]?\d{1,3})?")
EITHER: Final = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")
"""1,024: a thousand and 24, or one and a bit?"""

COMMA_GROUPS: Final = re.compile(r"[+-]?\d{1,3}(?:(?:,\d{3})+\.\d+|(?:,\d{3}){2,})")
POINT_GROUPS: Final = re.compile(r"[+-]?\d{1,3}(?:(?:\.\d{3})+,\d+|(?:\.\d{3}){2,})")
WITH_UNIT: Final = re.compile(r"(.*?[\d.,])\s*([^\W\d_]+)")
PRINTED: Final = re.compile(r"[\[(](.*)[\])]")
"""A list as Python prints it."""

PAIR: Final = re.compile(rf"({POINT})\s*[,;xX×*]\s*({POINT})")


class Number(NamedTuple):
    """One number."""

    value: float
    """Finite."""
    repair: str = ""
    """`COMMA` for a decimal comma, `OTHER` for what else is not written as DICOM says; ``""``."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """The values of one attribute."""

    values: tuple[float | None, ...] = ()
    """In their places; None where one is empty or cannot be read."""
    repair: str = ""
    """As of a number; `COMMA` when any has one."""
    unreadable: tuple[str, ...] = ()
    """Those that are there and cannot be read, as they are written."""

    def __str__(self) -> str:
        """Return the values as people read them."""
        return ", ".join("–" if value is None else f"{value:g}" for value in self.values)


def read_number(text: str, units: Mapping[str, float] = LEVELS) -> Number | None:
    """Return the number that `text` says, None when it says none, or may say two.

    Parameters
    ----------
    text
        One value of DS or IS.
    units
        Units that may stand behind it → what to multiply with.
    """
    if len(text) > LONGEST:
        return None
    plain = unicodedata.normalize("NFKC", text).replace("−", "-").strip(BLANK + "\"'")
    repair = "" if plain == text.strip(BLANK) else OTHER
    factor = 1.0
    if (unit := WITH_UNIT.fullmatch(plain)) and unit[2].casefold() in units:
        plain, factor, repair = unit[1], units[unit[2].casefold()], OTHER
    written, how = _with_point(plain)
    if written is None or not math.isfinite(value := float(written) * factor):
        return None
    return Number(value, how or repair)


def read_numbers(said: Sequence[object], units: Mapping[str, float] = LEVELS) -> Numbers:
    """Return the values of an attribute, each in its place.

    Parameters
    ----------
    said
        Its values: numbers, or texts that are separated by backslashes already.
    """
    texts, repairs = list(said), set()
    if len(texts) == 1 and isinstance(texts[0], str) and (several := _several(texts[0])):
        texts, repairs = list(several), {OTHER}
    found = [_one(each, units) for each in texts]
    unreadable = tuple(
        str(text)
        for number, text in zip(found, texts, strict=True)
        if number is None and not _is_empty(text)
    )
    if not any(found) and not unreadable:
        return Numbers()
    repairs |= {number.repair for number in found if number is not None}
    repair = COMMA if COMMA in repairs else OTHER if OTHER in repairs else ""
    values = tuple(None if number is None else number.value for number in found)
    return Numbers(values, repair, unreadable)


def read_spacing(said: Sequence[object]) -> tuple[float, float] | None:
    """Return the distance of rows and of columns in mm, None when it says none that can be.

    Zeros, negative and absurd distances are none: nobody can measure by them.
    """
    values = read_numbers(said, LENGTHS).values
    if len(values) != len(("rows", "columns")):
        return None
    rows, columns = values
    least, greatest = SPACING_MM
    if rows is None or columns is None:
        return None
    return (rows, columns) if all(least <= each <= greatest for each in (rows, columns)) else None


def _with_point(text: str) -> tuple[str | None, str]:
    """Return a number as Python writes it, and its repair; None when it is none."""
    if PLAIN.fullmatch(text):
        return text, ""
    if found := FORTRAN.fullmatch(text):
        return f"{found[1]}e{found[2]}", OTHER
    if COMMA_GROUPS.fullmatch(text):
        return text.replace(",", ""), OTHER
    if POINT_GROUPS.fullmatch(text):
        return text.replace(".", "").replace(",", "."), COMMA if "," in text else OTHER
    if DECIMAL_COMMA.fullmatch(text) and not EITHER.fullmatch(text):
        return text.replace(",", "."), COMMA
    return None, ""


def _one(said: object, units: Mapping[str, float]) -> Number | None:
    if isinstance(said, str):
        return read_number(said, units)
    try:
        value = float(said)  # type: ignore[arg-type]  # whatever pydicom converted it to
    except (TypeError, ValueError, OverflowError):
        return None
    return Number(value) if math.isfinite(value) else None


def _is_empty(said: object) -> bool:
    return said is None or (isinstance(said, str) and not said.strip(BLANK))


def _several(text: str) -> Iterable[str]:
    """Return the values of a list that was written into one: printed, or with a sign between."""
    if len(text) > LONGEST:
        return ()
    plain = unicodedata.normalize("NFKC", text).strip(BLANK)
    if found := PRINTED.fullmatch(plain):
        return [part.strip("'\"") for part in re.split(r"[,;]\s*|\s+", found[1].strip())]
    if (found := PAIR.fullmatch(plain)) and "." in found[1] and "." in found[2]:
        return found[1], found[2]
    return ()
