"""Character sets: what a data set declares, what was meant by it, and bytes read by it.

Sources
-------
PS3.3 C.12.1.1.2 (Specific Character Set, its defined terms and escape sequences); PS3.5
6.1.2.5 (code extensions).
"""

import codecs
import re
import unicodedata
from dataclasses import dataclass, replace
from functools import cache
from typing import Final, Self

from pydicom.charset import python_encoding

ASCII: Final = "ascii"
LATIN_1: Final = "iso8859-1"
"""Has a letter for every byte, so that bytes of an unknown character set survive it."""

UTF_8: Final = "ISO_IR 192"
"""Defined term that has every letter."""

ESCAPE: Final = 0x1B
"""Byte that starts a code extension."""

WIDER: Final = {"shift_jis": "cp932", "euc_kr": "cp949", "gb2312": "gb18030", "gbk": "gb18030"}
"""Codec → the one that also has what senders write beyond it, such as letters of names."""

TERMS: Final = {
    **{
        term: "ascii" if name == "iso8859" else codecs.lookup(name).name
        for term, name in python_encoding.items()
        if term
    },
    "ISO_IR 203": "iso8859-15",
    "ISO 2022 IR 203": "iso8859-15",
}
"""Defined term → Python's codec."""

BY_CODEC: Final = {
    codec: term
    for term, codec in reversed(TERMS.items())
    if "2022" not in term and codec not in {ASCII, "shift_jis"}
}
"""Python's codec → the defined term that needs no code extensions."""

OTHERS: Final = frozenset(
    [f"cp{page}" for page in (437, 850, 852, 855, 866, 874, 932, 949, 950)]
    + [f"cp{page}" for page in range(1250, 1259)]
    + ["ascii", "big5", "euc_jp", "iso8859-10", "iso8859-13", "iso8859-14", "iso8859-16"]
    + ["koi8-r", "koi8-u", "shift_jis", "euc_kr", "gb2312", "tis-620"]
)
"""Codecs without a defined term of their own that senders name all the same."""

SPELLED: Final = re.compile(r"ISO[ _-]?(20\d\d)?[ _-]?IR[ _-]*(\d+)")
"""ISO_IR 100 and ISO 2022 IR 100, however they are written."""

SHIFTED: Final = frozenset(f"ISO 2022 IR {number}" for number in (58, 87, 149, 159))
"""Terms that never come first: before their escape sequences, text is ASCII."""

JIS: Final = ("iso2022_jp", "iso2022_jp_2")
"""Codecs that read their escape sequences themselves."""

ESCAPES: Final = {
    b"(B": ASCII,
    b"(J": ASCII,
    b"$@": "iso2022_jp",
    b"$B": "iso2022_jp",
    b"$(D": "iso2022_jp_2",
    b")I": "cp932",
    b"$)A": "gb18030",
    b"$)C": "cp949",
    b"-A": "iso8859-1",
    b"-B": "iso8859-2",
    b"-C": "iso8859-3",
    b"-D": "iso8859-4",
    b"-F": "iso8859-7",
    b"-G": "iso8859-6",
    b"-H": "iso8859-8",
    b"-L": "iso8859-5",
    b"-M": "iso8859-9",
    b"-T": "tis-620",
    b"-b": "iso8859-15",
}
"""Escape sequence, without its first byte → codec of what follows."""

EXTENDED: Final = re.compile(
    b"\x1b(" + b"|".join(re.escape(each) for each in ESCAPES) + b")([^\x1b]*)"
)

RESETS: Final = re.compile(rb"[\r\n\t\f\\^=]")
"""Ends what an escape sequence began (PS3.5 6.1.2.5.3)."""

LONG: Final = re.compile(rb"[\xe0-\xf4][\x80-\xbf]{2}")
"""A letter of three or more bytes in UTF-8: in other character sets a rare accident."""


FIRST_LETTER: Final = "\u00c0"
"""Signs come before it, such as º, which any script may have beside it."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """What a data set or an item says of its text."""

    declared: str = ""
    """Specific Character Set as it stands, its values separated by backslashes."""
    terms: tuple[str, ...] = ()
    """The same as defined terms, ``""`` for the default repertoire; those that nobody knows are
    left out, and those that the standard has no term for as it stands."""
    codecs: tuple[str, ...] = ()
    """Python's names of them, in the same order; none when nothing beyond ASCII is declared."""

    @classmethod
    def of(cls, declared: str) -> Self:
        """Return what values of Specific Character Set declare, wrong spellings understood."""
        values = [value.strip(" \0") for value in declared.split("\\")]
        understood = [(term, codec) for term, codec in map(meant, values) if codec]
        if all(codec == ASCII for _, codec in understood):
            return cls(declared.strip(" \0"))
        if len(understood) == 1:
            understood = [alone(*understood[0])]
        understood.sort(key=lambda each: each[1] != "utf-8")  # all bytes are Latin-1, few are UTF-8
        if understood[0][0] in SHIFTED:
            understood.insert(0, ("", ASCII))
        terms, names = zip(*understood, strict=True)
        return cls(declared.strip(" \0"), terms, names)

    def within(self, outer: "Declaration") -> "Declaration":
        """Return what holds for an item that says this, inside of one that says `outer`."""
        if not self.declared:
            return outer
        return replace(outer, declared=self.declared) if self.is_unknown else self

    @property
    def is_unknown(self) -> bool:
        """Whether it says something that nobody knows, and nothing else."""
        return (
            not self.codecs
            and bool(self.declared)
            and not all(map(known, self.declared.split("\\")))
        )

    @property
    def is_defined(self) -> bool:
        """Whether each value is spelled as in the standard; what declares nothing is not."""
        return bool(self.terms) and all(v in TERMS or not v for v in self.declared.split("\\"))

    def decode(self, stored: bytes) -> str | None:
        """Return a text, None when its bytes are none in these character sets."""
        if ESCAPE in stored:
            return by_escapes(stored, self.codecs[0] if self.codecs else ASCII)
        # Korean and others without escape sequences: the extension that has the bytes
        tried = (attempt(stored, codec) for codec in self.codecs if codec not in JIS)
        return next((text for text in tried if text is not None), None)


@cache
def meant(value: str) -> tuple[str, str]:
    """Return the defined term and the codec that a value of Specific Character Set means.

    Both are empty for a value that nobody knows, the term alone where there is none.
    """
    upper = value.upper()
    spelled = SPELLED.fullmatch(upper)
    if spelled:
        upper = f"{'ISO 2022 IR' if spelled[1] else 'ISO_IR'} {int(spelled[2])}"
        upper = upper if upper in TERMS else f"ISO 2022 IR {int(spelled[2])}"
    codec = TERMS.get(upper) or codec_named(value or ASCII)
    if codec in {"", ASCII}:
        return "", codec
    return (upper if upper in TERMS else BY_CODEC.get(codec, value)), codec


def alone(term: str, codec: str) -> tuple[str, str]:
    """Return a defined term that is the only one: without code extensions where that can be."""
    plain = term.replace("ISO 2022 IR", "ISO_IR")
    return (plain if plain in TERMS else term), codec


def known(value: str) -> bool:
    """Whether a value of Specific Character Set means any character set."""
    return bool(meant(value.strip(" \0"))[1])


def codec_named(name: str) -> str:
    """Return a codec by one of its names, empty for none or one that is not for text."""
    try:
        codec = codecs.lookup(name).name
    except (LookupError, ValueError, UnicodeError):
        return ""
    return codec if codec in BY_CODEC or codec in OTHERS else ""


def attempt(stored: bytes, codec: str) -> str | None:
    """Return bytes read by a codec, None when it does not have them."""
    try:
        return stored.decode(WIDER.get(codec, codec))
    except UnicodeDecodeError:
        return None


def by_escapes(stored: bytes, first: str) -> str | None:
    """Return a text with code extensions, None when an escape sequence or a byte is not known.

    Parameters
    ----------
    stored
        Holds at least one escape character.
    first
        Codec of what no escape sequence came before.
    """
    start = stored.index(ESCAPE)
    parts = [attempt(stored[:start], first)]
    high, end = first, start
    for found in EXTENDED.finditer(stored, start):
        if found.start() != end:
            return None
        end = found.end()
        codec, rest = ESCAPES[found[1]], found[2]
        if codec in JIS:
            parts.append(attempt(found[0], codec))
            continue
        high = high if codec == ASCII else codec
        reset = None if first == ASCII else RESETS.search(rest)
        if reset:
            parts.append(attempt(rest[: reset.start()], high))
            rest, high = rest[reset.start() :], first
        parts.append(attempt(rest, high))
    if end != len(stored) or None in parts:
        return None
    return "".join(part for part in parts if part is not None)


def is_utf_8(stored: bytes, *, surely: bool = False) -> bool:
    """Whether bytes beyond ASCII are UTF-8 and hardly anything else.

    Two bytes of Chinese can also be a letter of UTF-8, but then of Greek beside Arabic.

    Parameters
    ----------
    surely
        Whether to ask for a letter of three bytes.
    """
    try:
        text = stored.decode("utf-8")
    except UnicodeDecodeError:
        return False
    if LONG.search(stored):
        return True
    scripts = {
        unicodedata.name(letter, "?").partition(" ")[0] for letter in text if letter >= FIRST_LETTER
    }
    return not surely and len(scripts) <= 1 and "?" not in scripts
