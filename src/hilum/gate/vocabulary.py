"""The words by which a description says what an image shows, in five languages.

The words are data: `vocabulary.toml`. Accents fold, words are whole, the longest phrase wins.
"""

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from enum import StrEnum
from functools import cache, lru_cache
from importlib import resources
from typing import Final

LETTERS: Final = re.compile(r"[A-Z]+")
SHORTEST_HEAD: Final = 4
"""Letters that the first word of two written as one has at least: CHESTPA, TORAXAP."""


class Meaning(StrEnum):
    """What a word or phrase says; the tables of `vocabulary.toml`."""

    CHEST = "chest"
    OTHER_REGION = "other_region"
    FRONTAL = "frontal"
    OTHER_VIEW = "other_view"
    NEUTRAL = "neutral"
    PROCESSED = "processed"
    PHANTOM = "phantom"


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
    raw = resources.files(__package__).joinpath("vocabulary.toml").read_text(encoding="utf-8")
    phrases: dict[tuple[str, ...], Meaning] = {}
    for name, languages in tomllib.loads(raw).items():
        for entries in languages.values():
            for entry in entries:
                words = tuple(entry.split())
                if phrases.setdefault(words, Meaning(name)) is not Meaning(name):
                    raise ValueError(f"{entry!r} is both {phrases[words]} and {name}")
    return phrases


def words(text: str) -> list[str]:
    """Return the words of `text` in upper case without accents; digits and signs part them."""
    decomposed = unicodedata.normalize("NFKD", text.replace("ß", "ss").replace("ẞ", "SS"))
    plain = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    found: list[str] = LETTERS.findall(plain.upper())
    return [part for word in found for part in _parted(word)]


@cache
def _longest() -> int:
    """Return the words of the longest phrase."""
    return max(map(len, lexicon()))


@lru_cache(maxsize=512)  # a site's descriptions are few, and each is asked about twice
def meanings(text: str) -> frozenset[Meaning]:
    """Return all that `text` says; empty when it says nothing that we know."""
    known, longest = lexicon(), _longest()
    rest = words(text)
    said: set[Meaning] = set()
    while rest:
        for length in range(min(longest, len(rest)), 0, -1):
            meaning = known.get(tuple(rest[:length]))
            if meaning is not None:
                said.add(meaning)
                break
        else:
            length = 1
        rest = rest[length:]
    return frozenset(said - {Meaning.NEUTRAL})


def _parted(word: str) -> tuple[str, ...]:
    """Return the two known words that were written as one, else the word itself."""
    known = lexicon()
    if (word,) in known:
        return (word,)
    for cut in range(SHORTEST_HEAD, len(word) - 1):
        if (word[:cut],) in known and (word[cut:],) in known:
            return word[:cut], word[cut:]
    return (word,)
