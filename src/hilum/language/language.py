"""The languages of hilum: English, and those that have a catalogue."""

import os
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from functools import cache
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files
from io import BytesIO
from typing import Any, Final, Self, cast

from babel import Locale
from babel.dates import format_date, format_datetime, format_time, format_timedelta
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal, format_percent
from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from hilum.language.message import SWAPPED, Message, filled

CATALOGUES: Final = files(__package__).joinpath("catalogues")

ENVIRONMENT: Final = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")
"""Where a terminal says its language, in gettext's order."""


class Language(str):
    """A language that hilum speaks, as a BCP 47 tag: ``"pt-BR"``.

    Says messages, dates and numbers; times are in this machine's time zone.
    """

    __slots__ = ()

    @classmethod
    def named(cls, tag: str) -> Self:
        """Return the language that a tag means: ``pt``, ``pt_BR`` and ``pt-PT`` are ``pt-BR``.

        Raises
        ------
        ValueError
            hilum does not speak it.
        """
        wanted = tag.partition(".")[0].partition("@")[0].replace("_", "-").lower()
        same = [each for each in LANGUAGES if each.lower() == wanted]
        alike = [each for each in LANGUAGES if each.code == wanted.partition("-")[0]]
        for found in (*same, *alike):
            return cast("Self", found)
        raise ValueError(
            Message("hilum speaks {languages}, not {tag}", languages=", ".join(LANGUAGES), tag=tag)
        )

    @classmethod
    def __get_pydantic_core_schema__(cls, _: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(cls.named, handler(str))

    @property
    def code(self) -> str:
        """The language without its region, as results name it (PS3.16 CID 5000): ``"pt"``."""
        return self.partition("-")[0]

    @property
    def locale(self) -> Locale:
        """Babel's locale."""
        return Locale.parse(self, sep="-")

    @property
    def own_name(self) -> str:
        """What its speakers call it."""
        return str(self.locale.get_language_name(self.locale)).capitalize()

    @property
    def english_name(self) -> str:
        """What it is called in English."""
        return str(self.locale.english_name).partition(" (")[0]

    def say(self, message: str, plural: str = "", /, **values: object) -> Message:
        """Return a message in this language; what its catalogue lacks is said in English.

        Parameters
        ----------
        message
            English with its gaps, or a `Message`, whose values are its own.
        plural
            The same for any ``count`` but one.
        values
            What fills the gaps.
        """
        if isinstance(message, Message) and (message.values or message.plural) and not values:
            return self.say(message.template, message.plural, **message.values)
        if self == ENGLISH or not message:
            return Message(message, plural, **values)
        told = translations(self)
        text = told.ngettext(message, plural, _count(values)) if plural else told.gettext(message)
        said = {
            name: self.say(value) if isinstance(value, Message) else value
            for name, value in values.items()
        }
        return Message.spoken(message, plural, values, filled(text, said, _separators(self)))

    def say_ascii(self, message: str, plural: str = "", /, **values: object) -> str:
        """Return a message without accents, as Series Descriptions are."""
        return in_ascii(self.say(message, plural, **values))

    def notated(self, number: str) -> str:
        """Return a number that Python wrote, as this language writes it."""
        return number.translate(str.maketrans(SWAPPED, _separators(self)))

    def date(self, when: date) -> str:
        """Return a date, e.g. "Nov 22, 2026"."""
        return format_date(when, "medium", locale=self.locale)

    def day(self, when: datetime | None) -> str:
        """Return the date of a moment."""
        return "" if when is None else self.date(when.astimezone())

    def moment(self, when: datetime | None) -> str:
        """Return date and time of day."""
        if when is None:
            return ""
        local = when.astimezone()
        return format_datetime(local, "short", tzinfo=local.tzinfo, locale=self.locale)

    def clock(self, when: datetime | None) -> str:
        """Return the time of day."""
        if when is None:
            return ""
        local = when.astimezone()
        return format_time(local, "short", tzinfo=local.tzinfo, locale=self.locale)

    def ago(self, when: datetime | None, now: datetime | None = None) -> str:
        """Return how long ago something was, e.g. "3 minutes ago"."""
        if when is None:
            return ""
        delta = when - (now or datetime.now(UTC))
        return format_timedelta(delta, add_direction=True, locale=self.locale)

    def number(self, value: float, digits: int = 0) -> str:
        """Return a number with its thousands apart, at most `digits` after the point."""
        form = "#,##0." + "#" * digits if digits else "#,##0"
        return format_decimal(value, format=form, locale=self.locale)

    def fixed(self, value: float, digits: int) -> str:
        """Return a number with just so many digits after the point, as tables need them."""
        return format_decimal(value, format="0." + "0" * digits, locale=self.locale)

    def share(self, value: float) -> str:
        """Return a share of 1 as a percentage."""
        return format_percent(value, format="#,##0.#%", locale=self.locale)

    def size(self, count: float) -> str:
        """Return a number of bytes for people."""
        for unit in ("B", "kB", "MB", "GB"):
            if count < 1000:  # noqa: PLR2004
                return f"{self.number(count, 1)} {unit}"
            count /= 1000
        return f"{self.number(count, 1)} TB"


ENGLISH: Final = Language("en")

LANGUAGES: Final = (
    ENGLISH,
    *sorted(
        Language(each.name.removesuffix(".po").replace("_", "-"))
        for each in CATALOGUES.iterdir()
        if each.name.endswith(".po")
    ),
)
"""English, and every language that has a catalogue."""


@cache
def translations(language: Language) -> NullTranslations:
    """Return the messages of a language, compiled from its catalogue; none for English."""
    if language == ENGLISH:
        return NullTranslations()
    name = language.replace("-", "_")
    catalogue = read_po(BytesIO(CATALOGUES.joinpath(f"{name}.po").read_bytes()), locale=name)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return GNUTranslations(compiled)


@cache
def _separators(language: Language) -> str:
    if language == ENGLISH:  # Python's own; Babel's data take a tenth of a second to load
        return SWAPPED
    symbols = language.locale.number_symbols["latn"]
    return f"{symbols['decimal']}{symbols['group']}"


def in_ascii(text: str) -> str:
    """Return a text without its accents, and without what is no letter of ASCII even so."""
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()


def _count(values: Mapping[str, object]) -> int:
    count = values["count"]
    return count if isinstance(count, int) else 2


def accepted(chosen: str | None, header: str) -> Language:
    """Return the language that a visitor chose, or else the browser asks for.

    Parameters
    ----------
    chosen
        What the visitor chose before; None when they did not.
    header
        ``Accept-Language`` (RFC 9110, 12.5.4).
    """
    if chosen in LANGUAGES:
        return Language(chosen)
    return _first(part.partition(";")[0].strip() for part in _by_weight(header))


def of_environment(environment: Mapping[str, str] = os.environ) -> Language:
    """Return the language of a terminal."""
    told = next((value for name in ENVIRONMENT if (value := environment.get(name))), "")
    return _first(told.split(":"))


def _first(tags: Iterable[str]) -> Language:
    for tag in tags:
        try:
            return Language.named(tag)
        except ValueError:
            continue
    return ENGLISH


def _by_weight(header: str) -> Iterable[str]:
    def weight(part: str) -> float:
        try:
            return -float(part.partition("q=")[2] or 1)
        except ValueError:
            return 0.0

    return sorted(filter(None, header.split(",")), key=weight)
