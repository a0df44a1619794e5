"""The words by which a header says what an image shows, in a dozen languages.

The words are data: `vocabulary.toml` for descriptions, `body_parts.toml` for Body Part
Examined. Accents fold, words are whole, the longest phrase wins; Japanese and Chinese, which
part no words, are searched for their entries, the longest first.
"""

import re
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import cache, lru_cache
from importlib import resources
from typing import Final

HAN: Final = r"\u3005\u3041-\u30ff\u3400-\u9fff"
"""Han characters and kana."""

WORD: Final = re.compile(rf"[A-Z]+|[\u0400-\u052f]+|[{HAN}]+")
"""A word in Latin or Cyrillic letters; a run of Japanese or Chinese."""

BETWEEN_HAN: Final = re.compile(rf"(?<=[{HAN}])\s+(?=[{HAN}])")
"""Blanks that part nothing."""

UNDECOMPOSED: Final = str.maketrans(
    {"ß": "ss", "ẞ": "SS", "ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "æ": "ae", "Æ": "AE"}
    | {"œ": "oe", "Œ": "OE", "đ": "d", "Đ": "D", "ı": "i"}
)
"""Letters whose accent is a part of them."""

SHORTEST_HEAD: Final = 4
"""Letters that the first word of two written as one has at least: CHESTPA, TORAXAP."""

LONGEST_TEXT: Final = 10_240
"""Characters of a description that are looked at: what LT holds (PS3.5 6.2)."""

LONGEST_COMPOUND: Final = 40
"""Letters of a word that may be two; no two known words have more."""


class Meaning(StrEnum):
    """What a word or phrase says; the tables of `vocabulary.toml`."""

    CHEST = "chest"
    OTHER_REGION = "other_region"
    TRUNK = "trunk"
    """Another region, which lies around the chest."""
    FRONTAL = "frontal"
    OTHER_VIEW = "other_view"
    NEUTRAL = "neutral"
    PROCESSED = "processed"
    PHANTOM = "phantom"


class BodyPart(StrEnum):
    """What a term of Body Part Examined says; the tables of `body_parts.toml`."""

    CHEST = "chest"
    COMBINED = "combined"
    """The chest together with what lies around it."""
    OTHER = "other"


Lexicon = Mapping[tuple[str, ...], Meaning]
"""Phrase, as its words → what it says."""


@cache
def lexicon() -> Lexicon:
    """Return the whole vocabulary.

    Raises
    ------
    ValueError
        A phrase has two meanings.
    """
    phrases: dict[tuple[str, ...], Meaning] = {}
    for name, languages in _table("vocabulary.toml").items():
        for entries in languages.values():
            for entry in entries:
                words = tuple(WORD.findall(_plain(entry)))
                if phrases.setdefault(words, Meaning(name)) is not Meaning(name):
                    raise ValueError(f"{entry!r} is both {phrases[words]} and {name}")
    return phrases


@cache
def _body_parts() -> Mapping[str, BodyPart]:
    return {
        term: BodyPart(name)
        for name, lists in _table("body_parts.toml").items()
        for terms in lists.values()
        for term in terms
    }


def _table(name: str) -> Mapping[str, Mapping[str, list[str]]]:
    raw = resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
    return tomllib.loads(raw)


def body_part_term(text: str) -> BodyPart | None:
    """Return what a term of PS3.16 Annex L, or a usual spelling of it, says; None for others."""
    return _body_parts().get(re.sub(r"[^A-Z0-9]", "", _plain(text)))


def words(text: str) -> list[str]:
    """Return the words of `text` in upper case without accents; digits and signs part them."""
    return [part for word in WORD.findall(_plain(text)) for part in _parted(word)]


def _plain(text: str) -> str:
    """Return `text` in upper case without accents, Japanese and Chinese without blanks."""
    decomposed = unicodedata.normalize("NFKD", text[:LONGEST_TEXT].translate(UNDECOMPOSED))
    plain = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return BETWEEN_HAN.sub("", plain.upper())


@cache
def _longest() -> int:
    """Return the words of the longest phrase."""
    return max(map(len, lexicon()))


@cache
def _longest_run() -> int:
    """Return the characters of the longest Japanese or Chinese entry."""
    return max(len(words[0]) for words in lexicon() if not words[0].isascii())


def meanings(text: str) -> frozenset[Meaning]:
    """Return all that `text` says; empty when it says nothing that we know."""
    said = all_meanings(text) - {Meaning.NEUTRAL}
    if Meaning.TRUNK in said:
        return said - {Meaning.TRUNK} | {Meaning.OTHER_REGION}
    return said


@lru_cache(maxsize=512)  # a site's descriptions are few, and each is asked about twice
def all_meanings(text: str) -> frozenset[Meaning]:
    """Return all that `text` says, also that something lies around the chest, or is neutral."""
    known, longest = lexicon(), _longest()
    found, place = words(text), 0
    said: set[Meaning] = set()
    while place < len(found):
        for end in range(min(place + longest, len(found)), place, -1):
            meaning = known.get(tuple(found[place:end]))
            if meaning is not None:
                said.add(meaning)
                place = end
                break
        else:
            place += 1
    return frozenset(said)


def _parted(word: str) -> tuple[str, ...]:
    """Return the known words that were written as one, else the word itself."""
    known = lexicon()
    if (word,) in known:
        return (word,)
    if re.match(f"[{HAN}]", word):
        return tuple(_entries(word)) or (word,)
    for cut in range(SHORTEST_HEAD, min(len(word), LONGEST_COMPOUND) - 1):
        if (word[:cut],) in known and (word[cut:],) in known:
            return word[:cut], word[cut:]
    return (word,)


def _entries(run: str) -> Iterator[str]:
    """Yield the entries in a run of Japanese or Chinese, at each place the longest."""
    known, place = lexicon(), 0
    while place < len(run):
        for end in range(min(len(run), place + _longest_run()), place, -1):
            if (run[place:end],) in known:
                yield run[place:end]
                place = end
                break
        else:
            place += 1
