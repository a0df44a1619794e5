"""Whether two studies with one Patient ID are one person's: an ID alone does not say so.

Two departments number their patients alike, a research set calls everybody ANONYMOUS, twins
are registered as one. So what else identifies a person is compared too. What one side does
not state disagrees with nothing; what both state has to agree.

Names are compared and never written down: neither here nor in a log.

Sources
-------
PS3.3 C.7.1.1 and C.2.2 (Patient Identification); PS3.5 6.2 (Person Name).
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final, NamedTuple

from hilum.values.ages import says_nothing
from hilum.values.dates import read_date

UNKNOWN: Final = (
    r"anon|anonym[a-z]*|anonim[a-z]*|unknown|unk|unidentified|unnamed|none|null|nil|na|n a|x+"
    r"|not (?:supplied|available|applicable|known|given)|no ?(?:id|name|patient ?id)"
    r"|(?:de ?)?identified|removed|deleted|redacted|masked"
    r"|desconhecid[ao]|nao (?:informad[ao]|identificad[ao]|cadastrad[ao])"
    r"|sem ?(?:id|nome|identificacao|prontuario|registro|cadastro)"
)
NOBODY: Final = re.compile(
    rf"(?:{UNKNOWN}|patient(?: ?id)?|test|dummy|default|temp|emergenc(?:y|ia)|0+|9{{4,}})?"
)
"""IDs that are written where nobody has one, folded. Empty ones too."""

NAMELESS: Final = re.compile(rf"(?:{UNKNOWN}|anonym[a-z]* .*|\d[\d ]*)?")
"""The same for names."""

NOT_BORN: Final = date(1900, 1, 1)
"""A birth date up to here is what stands for none."""

SEXES: Final = {
    **dict.fromkeys(("m", "male", "masculino", "homem"), "M"),
    **dict.fromkeys(("f", "w", "female", "feminino", "mulher"), "F"),
}
"""What says a sex; O, U and anything else says none that another could disagree with."""

LETTERS: Final = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "æ": "a", "œ": "o", "ı": "i"})
"""Letters that are one with a stroke, which no decomposition takes away."""

UMLAUTS: Final = re.compile(r"(?<=[aou])e")
"""Müller is written Mueller where there is no ü."""

GIVEN, MIDDLE = 1, 2
"""Components of a name after the family's; prefix and suffix tell no persons apart."""

GROUPS: Final = 3
"""Component groups that a name may have: letters, characters, sounds."""

LONGEST: Final = 400
"""Letters of a name that are compared: three groups have 64 each, real names less."""


@dataclass(frozen=True, slots=True)
class Person:
    """What an image says of its patient, as it stands; unknown is empty."""

    patient_id: str
    issuer: str = ""
    """Patient ID and Issuer of Patient ID."""
    name: str = ""
    """Patient's Name with all its groups and carets."""
    birth_date: str = ""
    sex: str = ""
    """Patient's Birth Date and Sex."""


class Trait(StrEnum):
    """What two studies of one person agree on."""

    ISSUER = "issuer"
    BIRTH_DATE = "birth_date"
    SEX = "sex"
    NAME = "name"


class Answer(StrEnum):
    """What the comparison of one trait says."""

    AGREES = "agrees"
    NOT_SAID = "not said"
    """One side or both state nothing, or nothing that can be compared."""
    RENAMED = "renamed"
    """The given name agrees and the family name does not: as after a marriage."""
    DISAGREES = "disagrees"


class PersonRule(NamedTuple):
    """One trait and how it is compared."""

    trait: Trait
    value: Callable[[Person], str]
    compare: Callable[[str, str], Answer]


def names_somebody(patient_id: str) -> bool:
    """Whether a Patient ID is one person's, not what is written where there is none."""
    return NOBODY.fullmatch(_plain(patient_id)) is None


def differences(one: Person, other: Person) -> tuple[Trait, ...]:
    """Return on what two persons with one Patient ID disagree; nothing when they are one.

    Another family name with the same given name is a difference unless birth date and sex
    are stated by both and agree: people marry, and a prior that is shown apart costs a click,
    while a line through two persons misleads.
    """
    said = {rule.trait: rule.compare(rule.value(one), rule.value(other)) for rule in RULES}
    if said[Trait.NAME] is Answer.RENAMED:
        certain = said[Trait.BIRTH_DATE] is said[Trait.SEX] is Answer.AGREES
        said[Trait.NAME] = Answer.AGREES if certain else Answer.DISAGREES
    return tuple(trait for trait, answer in said.items() if answer is Answer.DISAGREES)


def one_person(one: Person, other: Person) -> bool:
    """Whether two images of one study may be one person's: nothing that both state disagrees."""
    ids = one.patient_id, other.patient_id
    if all(map(names_somebody, ids)) and _plain(ids[0]) != _plain(ids[1]):
        return False
    return not differences(one, other)


def _issuers(one: str, other: str) -> Answer:
    return _equal(_plain(one), _plain(other))


def _birth_dates(one: str, other: str) -> Answer:
    """Compare dates as people write them; a year alone agrees with a day of it."""
    if says_nothing(one) or says_nothing(other):
        return Answer.NOT_SAID
    first, second = read_date(one), read_date(other)
    if first is None or second is None:
        return Answer.AGREES if one.strip() == other.strip() else Answer.DISAGREES
    if first.last <= NOT_BORN or second.last <= NOT_BORN:
        return Answer.NOT_SAID
    overlap = first.first <= second.last and second.first <= first.last
    return Answer.AGREES if overlap else Answer.DISAGREES


def _sexes(one: str, other: str) -> Answer:
    return _equal(SEXES.get(_plain(one), ""), SEXES.get(_plain(other), ""))


def _equal(one: str, other: str) -> Answer:
    if not one or not other:
        return Answer.NOT_SAID
    return Answer.AGREES if one == other else Answer.DISAGREES


def _names(one: str, other: str) -> Answer:
    """Compare names by the groups that are in one script; the best answer counts.

    A name in Latin letters cannot be compared with one in characters, nor characters with
    how they sound.
    """
    answers = [
        _groups(first, second)
        for first in _read(one)
        for second in _read(other)
        if _script(first) == _script(second)
    ]
    return min(answers, key=list(Answer).index, default=Answer.NOT_SAID)


def _groups(one: "Group", other: "Group") -> Answer:
    """Compare two names in one script: order, accents, initials and further names do not count."""
    if _within(one.all, other.all) or _within(other.all, one.all):
        return Answer.AGREES
    if one.run_together & other.run_together:
        return Answer.AGREES
    given, others = one.given, other.given
    numbered = set(one.family) ^ set(other.family)  # BABY A and BABY B: twins, not a marriage
    if numbered and all(len(word) == 1 or word.isdigit() for word in numbered):
        return Answer.DISAGREES
    if given and others and (_within(given, others) or _within(others, given)):
        return Answer.RENAMED
    return Answer.DISAGREES


class Group(NamedTuple):
    """One component group of a name, folded."""

    all: tuple[str, ...]
    given: tuple[str, ...]
    """Its words, and those of the given name; a name without carets has none."""

    @property
    def family(self) -> tuple[str, ...]:
        """Words of the family name; all words of a name without carets."""
        return self.all[: len(self.all) - len(self.given)]

    @property
    def run_together(self) -> set[str]:
        """All letters, the family name first or last: John Smith is also written JohnSmith."""
        return {"".join(self.all), "".join((*self.given, *self.family))}


def _read(name: str) -> list[Group]:
    """Return the component groups of a name that name somebody."""
    groups = []
    for text in name[:LONGEST].split("=")[:GROUPS]:
        parts = [_plain(part) for part in text.split("^")[: MIDDLE + 1]]
        if NAMELESS.fullmatch(" ".join(part for part in parts if part)):
            continue
        given = [word for part in parts[GIVEN:] for word in part.split()]
        groups.append(Group(tuple(" ".join(parts).split()), tuple(given)))
    return groups


def _within(words: tuple[str, ...], others: tuple[str, ...]) -> bool:
    """Whether each word is among others, each of which stands for one; initials stand for words."""
    left = list(others)
    for word in sorted(words, key=len, reverse=True):
        found = next((each for each in left if each == word), None) or next(
            (each for each in left if 1 in {len(each), len(word)} and each[0] == word[0]), None
        )
        if found is None:
            return False
        left.remove(found)
    return bool(words)


def _script(group: Group) -> str:
    """Return the first word of what Unicode calls a group's first letter: LATIN, CJK, HIRAGANA."""
    return unicodedata.name(group.all[0][0], "?").split()[0].partition("-")[0]


def _plain(text: str) -> str:
    """Return a text in small letters without accents, words separated by one space."""
    decomposed = unicodedata.normalize("NFKD", text[:LONGEST].casefold())
    letters = "".join(each for each in decomposed if not unicodedata.combining(each))
    plain = UMLAUTS.sub("", letters.translate(LETTERS))
    return " ".join(re.findall(r"[^\W_]+", plain))


RULES: Final = (
    PersonRule(Trait.ISSUER, lambda person: person.issuer, _issuers),
    PersonRule(Trait.BIRTH_DATE, lambda person: person.birth_date, _birth_dates),
    PersonRule(Trait.SEX, lambda person: person.sex, _sexes),
    PersonRule(Trait.NAME, lambda person: person.name, _names),
)
"""What is compared, in the order in which differences are told."""
