"""How old the patient was when the image was taken: the one rule of gate, page and reports.

Patient's Age and Patient's Birth Date are both read as people write them. The age is that
at the date of the image, and where an answer is uncertain it is the youngest possible one,
since a model that was made for adults must not read a child.

Sources
-------
PS3.5 6.2 (AS, DA, DT); PS3.3 C.7.1.1, C.7.2.2, C.7.6.1.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Final

from hilum.values import LONGEST
from hilum.values.dates import Span, read_date, years_between

STATED: Final = "PatientAge"
BORN: Final = "PatientBirthDate"
TAKEN: Final = ("AcquisitionDate", "AcquisitionDateTime")
"""When the image was taken; the first that can be read."""

TAKEN_ABOUT: Final = ("ContentDate", "SeriesDate", "StudyDate")
"""What stands for it: the earliest, since films are scanned and studies copied years later."""

OLDEST: Final = 120
"""Years that a patient can have; more is a dummy or a mistake."""

TOLERANCE: Final = 1.0
"""Years by which age and birth date may differ: one is rounded, the other of another day."""

DUMMIES: Final = frozenset(
    {
        *("19000101", "19010101", "18000101", "18500101", "17000101"),
        *("18991230", "18991231", "17530101", "16010101", "00010101"),  # zero in some databases
    }
)
"""Birth dates that mean: none."""

EPOCHS: Final = frozenset({date(1969, 12, 31), date(1970, 1, 1), date(1980, 1, 1)})
"""Birth dates that computers write for none, and that some people have."""

HARDLY: Final = 110
"""Years that a birth date which an age contradicts does not tell: hardly anybody has them."""

NOTHING: Final = frozenset(
    {
        *("unknown", "unk", "none", "null", "nan", "na", "nil", "anon", "anonym", "anonymous"),
        *("anonymized", "anonymised", "removed", "deleted", "redacted", "xxxx", "xxxxxxxx"),
        *("desconhecido", "desconhecida", "anonimo", "anonimizado"),
    }
)
"""Words that say: nothing is said. Letters only, lower case, without accents."""

UNITS: Final = {
    1.0: "y yr yrs year years yo a j ano anos ans an año años jahr jahre jahren jaar jaren år anni "
    "anno rok lata lat yaş yaşında yıl г год года лет л 歳 才 岁 歲 세 살 let roků vuotta év "
    "éves ani έτη ετών سنة سنوات عام",
    1 / 12: "m mo mos mon mth mths month months mes meses mês mois monat monate maand maanden mån "
    "månad månader mese mesi ay aylık мес месяц месяца месяцев miesiąc miesiące miesięcy "
    "月 か月 ヶ月 カ月 个月 個月 개월",
    7 / 365.25: "w wk wks week weeks semana semanas semaine semaines woche wochen vecka veckor "
    "weken settimana settimane hafta haftalık нед неделя недели недель tydzień tygodnie tygodni "
    "週 周 週間",
    1 / 365.25: "d day days dia dias día días jour jours tag tage dag dagen dagar giorno giorni "
    "gün günlük день дня дней дн dzień dni 日 天",
    1 / 8766: "h hr hrs hour hours hora horas",
}  # fmt: skip
"""Years → how the unit is written; AS itself has Y, M, W and D."""

YEARS_OF: Final = {
    unicodedata.normalize("NFKC", name).casefold(): years
    for years, names in UNITS.items()
    for name in names.split()
}
AMOUNT: Final = re.compile(r"(\d{1,5}(?:[.,]\d{1,3})?)\s*([^\W\d_]*)\.?\s*")
OPEN_END: Final = re.compile(r"^(?:>=?|≥|~|ca\.?)\s*|\s*\+$")
"""At least so old; about so old."""

AROUND: Final = re.compile(
    r"^(?:p(?=\d)|(?:age|idade|edad|alter|âge)\s*:?\s*)|\s*(?:old|of age|de idade|de edad|alt)$"
)
"""What says that it is an age; P is of the durations of ISO 8601."""

AND: Final = re.compile(r"(?<=[^\W\d_])\s+(?:and|e|y|et|und)\s+(?=\d)")
"""Between years and months."""

LETTER_FIRST: Final = re.compile(r"([ymwd])\s*(\d{1,3})")


@dataclass(frozen=True, slots=True)
class Age:
    """How old a patient was."""

    years: float | None = None
    """At the date of the image, and where that is uncertain the youngest possible; None when
    nothing tells."""
    by: str = ""
    """Keyword of the attribute that told, empty when none did."""
    stated: float | None = None
    computed: float | None = None
    """Years by Patient's Age, and by the birth date; None when they do not tell."""
    unusable: tuple[str, ...] = ()
    """Keywords of those that say something which cannot be read, or cannot be."""
    disagree: bool = False
    """Whether the two differ by more than rounding."""

    def doubtful_at(self, limit: float | None) -> bool:
        """Whether the two disagree, or lie on either side of an age limit."""
        if self.stated is None or self.computed is None:
            return False
        apart = limit is not None and (self.stated < limit) is not (self.computed < limit)
        return self.disagree or apart


def age_of(said: Callable[[str], str]) -> Age:
    """Return the patient's age at the date of the image.

    Where both age and birth date tell, and not the same, the birth date decides.

    Parameters
    ----------
    said
        Returns what a header says under a DICOM keyword, ``""`` for nothing.
    """
    texts = {keyword: said(keyword) for keyword in (STATED, BORN)}
    stated, computed = read_age(texts[STATED]), _computed(said)
    unusable = tuple(
        keyword
        for keyword, found in ((STATED, stated), (BORN, computed))
        if found is None and not says_nothing(texts[keyword]) and _should_tell(keyword, said)
    )
    if stated is None or computed is None:
        by = STATED if stated else BORN if computed else ""
        low = (stated or computed or (None,))[0]
        return Age(low, by, stated and stated[0], computed and computed[0], unusable)
    agree = stated[0] < computed[1] + TOLERANCE and computed[0] < stated[1] + TOLERANCE
    if not agree and stated[0] and _is_made_up(said(BORN), computed):
        return Age(stated[0], STATED, stated[0], None, (BORN,))
    exact = computed[1] - computed[0] < TOLERANCE / 2
    by, years = (STATED, stated[0]) if agree and not exact else (BORN, computed[0])
    return Age(years, by, stated[0], computed[0], unusable, disagree=not agree)


def read_age(text: str) -> tuple[float, float] | None:
    """Return the years that `text` says, from and below, None when it says none.

    A number without a unit is years: ``7`` is seven years, not nothing.
    """
    if len(text) > LONGEST:
        return None
    plain = unicodedata.normalize("NFKC", text).strip(" \0.").casefold()
    plain = re.sub(r"(?<=[^\W\d_])[./](?=[^\W\d_])", "", plain)  # y.o., y/o
    plain = AND.sub(" ", AROUND.sub("", plain))
    if found := LETTER_FIRST.fullmatch(plain):
        plain = f"{found[2]}{found[1]}"
    plain = OPEN_END.sub("", plain)
    parts = list(AMOUNT.finditer(plain))
    if not parts or "".join(part[0] for part in parts) != plain:
        return None
    units = [YEARS_OF.get(part[2] or "y") for part in parts]
    known = [unit for unit in units if unit is not None]
    if len(known) != len(units) or any(a <= b for a, b in pairwise(known)):
        return None
    amounts = [float(part[1].replace(",", ".")) for part in parts]
    years = sum(amount * unit for amount, unit in zip(amounts, known, strict=True))
    return (years, years + known[-1]) if years <= OLDEST else None


def image_date(said: Callable[[str], str]) -> Span | None:
    """Return the date of the image, None when no date of the header can be read.

    A date before the birth is that of a clock that was not set, if there is another one.
    """
    days = [_days(keywords, said) for keywords in (TAKEN, TAKEN_ABOUT)]
    order = [*days[0], *sorted(days[1], key=lambda day: day.first)]
    born = read_date(said(BORN))
    alive = [day for day in order if born is None or day.last >= born.first]
    return next(iter(alive or order), None)


def _is_made_up(born: str, computed: tuple[float, float]) -> bool:
    """Whether a birth date that an age contradicts is one that stands for none."""
    day = read_date(born)
    return computed[0] >= HARDLY or (day is not None and {day.first, day.last} <= EPOCHS)


def _days(keywords: tuple[str, ...], said: Callable[[str], str]) -> list[Span]:
    found = [read_date(text) for keyword in keywords if not says_nothing(text := said(keyword))]
    return [day for day in found if day is not None]


def _computed(said: Callable[[str], str]) -> tuple[float, float] | None:
    """Return the youngest and the oldest age that birth date and date of the image allow."""
    born, taken = read_date(said(BORN)), image_date(said)
    if born is None or taken is None or says_nothing(said(BORN)):
        return None
    youngest, oldest = years_between(born.last, taken.first), years_between(born.first, taken.last)
    if oldest < 0 or youngest > OLDEST:
        return None
    return max(youngest, 0.0), oldest


def _should_tell(keyword: str, said: Callable[[str], str]) -> bool:
    """Whether it is the attribute's own fault that it does not tell: no date, no age."""
    return keyword == STATED or read_date(said(BORN)) is None or image_date(said) is not None


def says_nothing(text: str) -> bool:
    """Whether a value stands for none: zeros for a date, a known dummy, a word like REMOVED."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    letters = "".join(c for c in decomposed if c.isalpha())
    digits = "".join(c for c in decomposed if c.isdigit())
    if letters:
        return letters in NOTHING and not digits.strip("0")
    return not digits.strip("0") or digits in DUMMIES
