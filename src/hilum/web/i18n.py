"""English and Brazilian Portuguese: catalogues are compiled at start, without any tool."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files
from io import BytesIO
from typing import Final

from babel import Locale
from babel.core import negotiate_locale
from babel.dates import format_date, format_datetime, format_time, format_timedelta
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal, format_percent

from hilum.settings import ReasonLanguage

CATALOGUE: Final = ".po"
"""How the names of a language's catalogues end; each part of the page has its own."""


class Language(StrEnum):
    """A language of the page; its value is what HTML's ``lang`` says."""

    ENGLISH = "en"
    PORTUGUESE = "pt-BR"

    @property
    def locale(self) -> Locale:
        """Babel's locale."""
        return Locale.parse(self.value, sep="-")

    @property
    def own_name(self) -> str:
        """What its speakers call it."""
        return {"en": "English", "pt-BR": "Português"}[self.value]

    @property
    def reasons(self) -> ReasonLanguage:
        """The language of findings and reasons, as `hilum.wording` knows it."""
        english = self is Language.ENGLISH
        return ReasonLanguage.ENGLISH if english else ReasonLanguage.PORTUGUESE


def N_(message: str) -> str:  # noqa: N802  gettext's own name for it
    """Mark a message that is translated later, where it is shown."""
    return message


def chosen(cookie: str | None, accepted: str) -> Language:
    """Return the language that the user chose, or else the browser asks for.

    Parameters
    ----------
    cookie
        What the user chose before; None when they did not.
    accepted
        The header ``Accept-Language``.
    """
    if cookie in set(Language):
        return Language(cookie)
    available = [language.value for language in Language] + ["pt", "en-US"]
    wanted = [part.partition(";")[0].strip() for part in _by_weight(accepted)]
    best = negotiate_locale(wanted, available, sep="-") or Language.ENGLISH.value
    return Language.PORTUGUESE if best.startswith("pt") else Language.ENGLISH


def _by_weight(accepted: str) -> Iterable[str]:
    """Return the parts of an ``Accept-Language`` header, best first (RFC 9110, 12.5.4)."""

    def weight(part: str) -> float:
        try:
            return -float(part.partition("q=")[2] or 1)
        except ValueError:
            return 0.0

    return sorted(filter(None, accepted.split(",")), key=weight)


@cache
def translations(language: Language) -> NullTranslations:
    """Return the messages of a language; English is what the code says."""
    if language is Language.ENGLISH:
        return NullTranslations()
    folder = files("hilum.web").joinpath("translations", language.value.replace("-", "_"))
    whole = Catalog(locale=language.value.replace("-", "_"))
    for name in sorted(each.name for each in folder.iterdir() if each.name.endswith(CATALOGUE)):
        for message in read_po(BytesIO(folder.joinpath(name).read_bytes())):
            if message.id:
                whole.add(message.id, message.string)
    compiled = BytesIO()
    write_mo(compiled, whole)
    compiled.seek(0)
    return GNUTranslations(compiled)


@dataclass(frozen=True, slots=True)
class Localizer:
    """Says messages, dates and numbers in one language, with this machine's time zone."""

    language: Language

    def say(self, message: str) -> str:
        """Return a message in this language."""
        return translations(self.language).gettext(message) if message else ""

    def day(self, when: datetime | None) -> str:
        """Return a date, e.g. "Nov 22, 2026"."""
        if when is None:
            return ""
        return format_date(when.astimezone(), "medium", locale=self.language.locale)

    def moment(self, when: datetime | None) -> str:
        """Return date and time of day."""
        if when is None:
            return ""
        local = when.astimezone()
        return format_datetime(local, "short", tzinfo=local.tzinfo, locale=self.language.locale)

    def clock(self, when: datetime | None) -> str:
        """Return the time of day."""
        if when is None:
            return ""
        local = when.astimezone()
        return format_time(local, "short", tzinfo=local.tzinfo, locale=self.language.locale)

    def ago(self, when: datetime | None, now: datetime | None = None) -> str:
        """Return how long ago something was, e.g. "3 minutes ago"."""
        if when is None:
            return ""
        delta = when - (now or datetime.now(UTC))
        return format_timedelta(delta, add_direction=True, locale=self.language.locale)

    def number(self, value: float, digits: int = 0) -> str:
        """Return a number with its thousands apart, at most `digits` after the point."""
        form = "#,##0." + "#" * digits if digits else "#,##0"
        return format_decimal(value, format=form, locale=self.language.locale)

    def fixed(self, value: float, digits: int) -> str:
        """Return a number with just so many digits after the point, as tables need them."""
        return format_decimal(value, format="0." + "0" * digits, locale=self.language.locale)

    def share(self, value: float) -> str:
        """Return a share of 1 as a percentage."""
        return format_percent(value, format="#,##0.#%", locale=self.language.locale)

    def size(self, count: float) -> str:
        """Return a number of bytes for people."""
        for unit in ("B", "kB", "MB", "GB"):
            if count < 1000:  # noqa: PLR2004
                return f"{self.number(count, 1)} {unit}"
            count /= 1000
        return f"{self.number(count, 1)} TB"
