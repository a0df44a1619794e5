"""The text of an image, decoded once: by its own character set, its items' sets, or none.

After this everybody sees letters, never bytes: gate, reports and page alike. Text for which
no character set is declared is recognised where it says itself what it is (UTF-8, escape
sequences), read as the settings say, or kept: each byte then stands for one letter of
Latin-1, and results write it as the same byte, undeclared as it came.

Sources
-------
PS3.3 C.12.1.1.2 (Specific Character Set); PS3.5 7.5.3 (items inherit it).
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from pydicom import DataElement, Dataset, config
from pydicom import Sequence as Items
from pydicom.charset import convert_encodings, encode_string, python_encoding
from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataelem import RawDataElement, empty_value_for_VR
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag, Tag
from pydicom.valuerep import CUSTOMIZABLE_CHARSET_VR, VR

from hilum.files.dicom import DAMAGE
from hilum.language import Message
from hilum.radiograph import PixelDecision
from hilum.settings import DefaultCharacterSet
from hilum.values.character_sets import (
    ASCII,
    ESCAPE,
    LATIN_1,
    UTF_8,
    Declaration,
    attempt,
    is_utf_8,
)

CHARACTER_SET: Final = Tag("SpecificCharacterSet")

DECLARATIONS: Final = {
    DefaultCharacterSet.UTF_8: "ISO_IR 192",
    DefaultCharacterSet.LATIN_1: "ISO_IR 100",
    DefaultCharacterSet.LATIN_2: "ISO_IR 101",
    DefaultCharacterSet.LATIN_3: "ISO_IR 109",
    DefaultCharacterSet.LATIN_4: "ISO_IR 110",
    DefaultCharacterSet.LATIN_5: "ISO_IR 148",
    DefaultCharacterSet.CYRILLIC: "ISO_IR 144",
    DefaultCharacterSet.WINDOWS_1251: "windows-1251",
    DefaultCharacterSet.ARABIC: "ISO_IR 127",
    DefaultCharacterSet.GREEK: "ISO_IR 126",
    DefaultCharacterSet.HEBREW: "ISO_IR 138",
    DefaultCharacterSet.THAI: "ISO_IR 166",
    DefaultCharacterSet.JAPANESE: "ISO_IR 13",
    DefaultCharacterSet.JAPANESE_KANJI: "\\ISO 2022 IR 87",
    DefaultCharacterSet.KOREAN: "\\ISO 2022 IR 149",
    DefaultCharacterSet.CHINESE: "GB18030",
    DefaultCharacterSet.SIMPLIFIED_CHINESE: "\\ISO 2022 IR 58",
}
"""Setting → what an image would declare; Orthanc reads its DefaultEncoding the same way."""

EAST_ASIAN: Final = frozenset({"shift_jis", "iso2022_jp", "euc_kr", "gb18030", "gb2312"})
"""Codecs whose texts are now and then UTF-8 by accident."""

ALONE: Final = frozenset({"ISO_IR 192", "GB18030", "GBK"})
"""Terms that allow no others beside them (PS3.3 C.12.1.1.2)."""

LATIN: Final = "ISO_IR 100"
"""Defined term of Latin-1."""

ANY: Final = ("any",)
"""No encoding of pydicom's: a name of these is encoded anew for each file that it is written to."""

PARTS: Final = re.compile(r"[\\^=]")
"""Separates the parts of a text that pydicom encodes one by one."""

SHOWN: Final = 64
"""Letters of a wrong Specific Character Set that are quoted."""

DECISIONS: Final = {
    "text_recognized": Message("Text in no declared character set was recognized as {read}."),
    "text_by_setting": Message(
        "Text in no declared character set was read as {read} (pacs.default_character_set)."
    ),
    "text_kept": Message(
        "Text is in an unknown character set: its bytes are copied as "
        "they are. Name the site's in pacs.default_character_set."
    ),
    "text_mismatch": Message("Text is not in the declared character set ({said}); read as {read}."),
    "character_set_respelled": Message(
        "Specific Character Set {said} is not a defined term; taken for {read}."
    ),
    "character_set_unknown": Message("Specific Character Set {said} is not a character set."),
}
"""Code → text; what is quoted is a name of a character set, never a text."""


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """An image whose text is letters."""

    dataset: Dataset
    """All elements; the decoded ones replaced. Items have no character set of their own. Specific
    Character Set is the one in which results can write all of the text: the image's own where that
    is possible, else UTF-8; none where the text is ASCII, or kept."""
    decisions: tuple[PixelDecision, ...]
    """What was not plain from the declarations."""


def decoded(dataset: Dataset, default: DefaultCharacterSet | None = None) -> Decoded:
    """Decode the text of an image.

    Parameters
    ----------
    dataset
        An image as it was read from its file, or one that is decoded already. Not changed.
    default
        The site's character set of text that declares none.
    """
    reading = _Reading(None if default is None else Declaration.of(DECLARATIONS[default]))
    top = Declaration.of(character_set_of(dataset))
    whole = _like(dataset, reading.copied(dataset, top))
    reading.finish()
    declared = reading.fitting(top)
    if declared:
        whole.SpecificCharacterSet = declared
    else:
        whole.pop(CHARACTER_SET, None)
    return Decoded(whole, tuple(_decisions(reading.notes)))


def character_set_of(dataset: Dataset) -> str:
    """Return Specific Character Set as it stands, its values separated by backslashes."""
    element = dataset.get_item(CHARACTER_SET)
    value = None if element is None else element.value
    if isinstance(value, bytes):
        return value.decode(LATIN_1)
    return "" if value is None else value if isinstance(value, str) else "\\".join(value)


@dataclass(frozen=True, slots=True, eq=False)
class _Text:
    """One text beyond ASCII that is bytes still: its place, and what was declared for it."""

    owner: Dataset
    tag: BaseTag
    vr: str
    stored: bytes
    declared: Declaration


@dataclass(slots=True, eq=False)
class _Reading:
    """The text of one image while it is decoded."""

    site: Declaration | None
    """What holds for text that declares nothing, by the settings."""
    waiting: list[_Text] = field(default_factory=list)
    """Texts beyond ASCII that are bytes still."""
    letters: list[str] = field(default_factory=list)
    """All texts beyond ASCII that are letters."""
    notes: dict[tuple[str, str, str], None] = field(default_factory=dict)
    """Code of a decision, what was declared, as what it was read; in order, each once."""
    kept: bool = False
    """Whether text is in an unknown character set."""
    native: tuple[str, ...] = ()
    """Defined terms of the one that undeclared text turned out to be in."""

    def copied(self, dataset: Dataset, declared: Declaration) -> Dataset:
        """Return a data set or an item with all text of ASCII decoded, the rest waiting."""
        elements: dict[BaseTag, DataElement | RawDataElement] = {}
        waiting: list[tuple[BaseTag, str, bytes]] = []
        for tag in dataset.keys():  # noqa: SIM118  its iterator converts values
            element = dataset.get_item(tag)
            vr = vr_of(element)
            if tag.is_private or vr not in {*CUSTOMIZABLE_CHARSET_VR, VR.SQ}:
                elements[tag] = element
            elif vr == VR.SQ:
                with suppress(*DAMAGE):  # nobody could read it
                    elements[tag] = DataElement(tag, VR.SQ, self._items(dataset[tag], declared))
            elif not isinstance(element, RawDataElement):
                elements[tag] = text_element(tag, vr, text_in(element))
                self._note_letters(element)
            elif _is_plain(stored := element.value or b""):
                elements[tag] = text_element(tag, vr, stored.decode(ASCII))
            else:
                waiting.append((tag, vr, stored))
        copied = Dataset(elements)
        self.waiting += [_Text(copied, *each, declared) for each in waiting]
        return copied

    def _items(self, sequence: DataElement, inherited: Declaration) -> Items:
        items = []
        for item in sequence.value:
            declared = Declaration.of(character_set_of(item)).within(inherited)
            copied = self.copied(item, declared)
            copied.pop(CHARACTER_SET, None)
            items.append(copied)
        return Items(items)

    def finish(self) -> None:
        """Decode what waits."""
        silent = []
        for text in self.waiting:
            said = text.declared
            if said.is_unknown:
                self._note("character_set_unknown", said)
            read = said.decode(text.stored)
            if read is None and not said.codecs:
                silent.append(text)
                continue
            if read is None:
                read, name = self._mended(text.stored)
                self._note("text_mismatch", said, name)
            elif not said.codecs:
                self._note("text_recognized", said, "ISO 2022")
            elif not said.is_defined:
                self._note("character_set_respelled", said, "\\".join(said.terms))
            self._put(text, read)
        if silent:
            self._finish_silent(silent)

    def _finish_silent(self, silent: list[_Text]) -> None:
        """Decode text for which nothing is declared, all in one way: it has one sender."""
        site = self.site or Declaration()
        surely = not EAST_ASIAN.isdisjoint(site.codecs)
        if all(is_utf_8(text.stored, surely=surely) for text in silent):
            code, read = "text_recognized", Declaration.of(UTF_8)
        elif site.codecs and all(site.decode(text.stored) is not None for text in silent):
            code, read = "text_by_setting", site
        else:
            self.kept = not self.letters
            code, read = ("text_kept" if self.kept else "text_mismatch"), Declaration.of(LATIN)
        if not self.letters and not self.kept:
            self.native = read.terms
        for text in silent:
            self._note(code, text.declared, read.declared)
            self._put(text, read.decode(text.stored) or "")

    def _mended(self, stored: bytes) -> tuple[str, str]:
        """Return a text that is not in its declared character set, and how it was read."""
        if is_utf_8(stored):
            return stored.decode(), UTF_8
        if self.site and (text := self.site.decode(stored)) is not None:
            return text, self.site.declared
        return stored.decode(LATIN_1), LATIN

    def _put(self, text: _Text, letters: str) -> None:
        element = text_element(text.tag, text.vr, letters)
        text.owner[text.tag] = element
        self._note_letters(element)

    def _note_letters(self, element: DataElement) -> None:
        letters = text_in(element)
        if not letters.isascii():
            self.letters.append(letters)

    def _note(self, code: str, said: Declaration, read: str = "") -> None:
        self.notes[code, said.declared[:SHOWN], read] = None

    def fitting(self, declared: Declaration) -> list[str]:
        """Return the character set in which results can write all letters, none for none."""
        terms = list(declared.terms or self.native)
        if self.kept or not (terms or self.letters):
            return []
        if not declared.codecs and not self.notes and _are_bytes(self.letters):
            return []  # kept, and decoded before
        return terms if terms and writable(self.letters, terms) else [UTF_8]


def vr_of(element: DataElement | RawDataElement) -> str:
    """Return the Value Representation, the dictionary's where the file does not say."""
    if element.VR not in {None, VR.UN} or not dictionary_has_tag(element.tag):
        return str(element.VR)
    return dictionary_VR(element.tag)


def text_element(tag: BaseTag, vr: str, text: str) -> DataElement:
    """Return a text attribute without validating it: pydicom would warn, with the text."""
    value = text.rstrip("\0 ") or empty_value_for_VR(vr)
    element = DataElement(tag, vr, value, validation_mode=config.IGNORE)
    if vr == VR.PN and value:
        for name in element.value if isinstance(element.value, MultiValue) else [element.value]:
            name.encodings = ANY  # else the bytes of the first result stay for all others
    return element


def text_in(element: DataElement) -> str:
    """Return all values of a decoded text attribute, separated by backslashes."""
    value = element.value
    if value is None or isinstance(value, str):
        return value or ""
    return "\\".join(map(str, value)) if isinstance(value, MultiValue) else str(value)


def writable(texts: Iterable[str], terms: list[str]) -> bool:
    """Whether pydicom writes texts in a Specific Character Set so that they come back.

    Parameters
    ----------
    texts
        Values separated by backslashes.
    terms
        Values of Specific Character Set.
    """
    if not all(term in python_encoding for term in terms):
        return False
    if len(terms) > 1 and not ALONE.isdisjoint(terms):
        return False
    encodings, declaration = convert_encodings(terms), Declaration.of("\\".join(terms))
    return all(
        part.isascii() or (_has(part, encodings) and _reads(part, encodings, declaration))
        for text in texts
        for part in PARTS.split(text)
    )


def _reads(part: str, encodings: Sequence[str], declaration: Declaration) -> bool:
    """Whether what pydicom writes is what a strict reader reads: escape sequences and all."""
    written, first = encode_string(part, encodings), declaration.codecs[0]
    if ESCAPE in written:  # from letters to others, which pydicom and Orthanc do not follow
        return first in {ASCII, "shift_jis"} and declaration.decode(written) == part
    return attempt(written, first) == part


def _has(part: str, encodings: Sequence[str]) -> bool:
    """Whether each letter is in one of the encodings; pydicom warns otherwise."""
    if len(encodings) == 1:
        return encodable(part, encodings[0]) and encodings[0] != "shift_jis"
    return all(any(encodable(letter, each) for each in encodings) for letter in part)


def encodable(text: str, encoding: str) -> bool:
    """Whether a text can be written in one of Python's encodings."""
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _is_plain(stored: bytes) -> bool:
    return stored.isascii() and ESCAPE not in stored


def _are_bytes(texts: list[str]) -> bool:
    return bool(texts) and encodable("".join(texts), LATIN_1)


def _decisions(notes: Iterable[tuple[str, str, str]]) -> Iterator[PixelDecision]:
    for code, said, read in notes:
        shown = "".join(letter if letter.isprintable() else "?" for letter in said)
        text = DECISIONS[code].with_values(said=shown or "-", read=read.strip("\\"))
        yield PixelDecision(code, text)


def _like(dataset: Dataset, copied: Dataset) -> Dataset:
    """Return `copied` with what `dataset` knows of its file."""
    implicit, little = dataset.original_encoding
    copied.set_original_encoding(implicit, little, dataset.original_character_set)
    if hasattr(dataset, "file_meta"):
        copied.file_meta = dataset.file_meta
    return copied
