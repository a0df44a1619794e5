"""The source image's header, as every result copies it: decoded, complete, quiet.

Real headers lack attributes that the standard demands, and hold values that it
forbids. Results must be written all the same, with the same identity, so this
reads without judging: what is unknown stays unknown, what is invalid is copied.

Text in an unknown character set stays its bytes, undeclared still: every reader then reads
the patient's name in results as in the image, be it right or wrong. What we say ourselves is
written in ASCII beside it, without accents: their bytes would mean something else in each set.
"""

import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import cache
from typing import Any, Final
from weakref import WeakKeyDictionary

from pydicom import DataElement, Dataset, Sequence, config
from pydicom.charset import python_encoding
from pydicom.datadict import dictionary_VR, keyword_for_tag
from pydicom.dataelem import RawDataElement
from pydicom.multival import MultiValue
from pydicom.sr.coding import Code
from pydicom.tag import BaseTag, Tag
from pydicom.valuerep import CUSTOMIZABLE_CHARSET_VR, STR_VR, VR, format_number_as_ds

from hilum.encode.content import Item, PersonName, Text
from hilum.reading import Reading
from hilum.values.character_sets import LATIN_1, UTF_8
from hilum.values.numbers import LENGTHS, LEVELS, SPACINGS, read_numbers, read_spacing
from hilum.values.texts import character_set_of, decoded, encodable, text_element, text_in, vr_of

SIGNS: Final = str.maketrans({"×": "x", "·": ".", "–": "-", "—": "-", "“": '"', "”": '"', "’": "'"})
"""Signs of our own texts that are no letters → what stands for them."""

LAST_BYTE: Final = "\u00ff"
"""What comes after it is no byte of an unknown character set."""


def is_undeclared(source: Dataset) -> bool:
    """Whether a source has text beyond ASCII, and no character set for it."""
    return not character_set_of(source) and any(not text.isascii() for text in texts_of(source))


def texts_of(dataset: Dataset) -> set[str]:
    """Return all texts, those of items too."""
    return {text_in(e) for e in dataset.iterall() if e.VR in CUSTOMIZABLE_CHARSET_VR}


def have_ascii(texts: Iterable[str]) -> bool:
    """Whether texts of ours can be said in ASCII; letters of other scripts cannot."""
    return all(letter <= LAST_BYTE for text in texts for letter in text.translate(SIGNS))


def in_ascii(text: str) -> str:
    """Return a text without accents; a byte that it quotes becomes a question mark."""
    plain = unicodedata.normalize("NFKD", text.translate(SIGNS))
    letters = (letter for letter in plain if not unicodedata.combining(letter))
    return "".join(letter if letter.isascii() else "?" for letter in letters)


def tree_in_ascii(item: Item) -> Item:
    """Return a content tree in ASCII; DCMTK reads none with a code of other bytes."""
    value = item.value
    match value:
        case Text(text):
            value = Text(in_ascii(text))
        case PersonName(name):
            value = PersonName(in_ascii(name))
        case Code():
            value = _coded(value)
    children = tuple(map(tree_in_ascii, item.children))
    return replace(item, name=_coded(item.name), value=value, children=children)


def write_in_ascii(result: Dataset, source: Dataset) -> None:
    """Change all texts of a result to ASCII, in place, but for what it repeats of its source."""
    repeated = texts_of(source)
    for element in result.iterall():
        if element.VR in CUSTOMIZABLE_CHARSET_VR and text_in(element) not in repeated:
            _write(element)


def _write(element: DataElement) -> None:
    if isinstance(element.value, MultiValue):
        element.value = [in_ascii(str(each)) for each in element.value]
    elif element.value:
        element.value = in_ascii(str(element.value))


def _coded(code: Code) -> Code:
    return Code(in_ascii(code.value), code.scheme_designator, in_ascii(code.meaning))


EMPTY_WHEN_ABSENT: Final = (
    "PatientID",
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
    "AccessionNumber",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "ReferringPhysicianName",
)
"""Type 2 attributes of Patient and Study that every result must have (PS3.3 C.7.1.1, C.7.2.1)."""

OVERLAYS: Final = 0x6000
"""First group of overlays; pixels come after. None of it is copied."""

SEXES: Final = ("M", "F", "O")
"""Enumerated values of Patient's Sex (PS3.3 C.7.1.1)."""

SOURCES: Final[WeakKeyDictionary[Reading, Dataset]] = WeakKeyDictionary()
"""Reading → its source, as long as somebody has the reading."""


def as_source(header: Dataset) -> Dataset:
    """Return what results need of an image's header, as a data set of its own.

    Parameters
    ----------
    header
        An image's attributes in any encoding and character set. Not changed.

    Returns
    -------
    Dataset
        Decoded standard attributes without pixels and overlays. Type 2 attributes of
        Patient and Study are there, if need be empty; impossible values of Patient's
        Sex, Patient Orientation and pixel spacing are taken away, never replaced.

    Sources
    -------
    What highdicom 0.28 reads unconditionally, and which values it or ``dciodvfy`` reject.
    """
    source = _quiet_copy(decoded(header).dataset)
    for keyword in EMPTY_WHEN_ABSENT:
        if keyword not in source:
            setattr(source, keyword, None)
    if source.PatientSex not in SEXES:
        source.PatientSex = None
    if "PatientOrientation" in source and not _has_two(source.PatientOrientation):
        del source.PatientOrientation
    for keyword in SPACINGS:
        if keyword in source and read_spacing(_listed(source[keyword].value)) is None:
            del source[keyword]
    return source


def source_of(reading: Reading) -> Dataset:
    """Return `as_source` of the image that was read: one for all results, which only read it.

    Raises
    ------
    ValueError
        The radiograph has no header, hence no study to write into.
    """
    if reading not in SOURCES:
        SOURCES[reading] = as_source(reading.header)
    return SOURCES[reading]


def copy_element(element: DataElement) -> DataElement:
    """Return `element` as an object of its own, its value not judged again."""
    return DataElement(element.tag, element.VR, element.value, already_converted=True)


def quiet_item(**values: Any) -> Dataset:
    """Return an item whose values are copied as they are: a source's UIDs may be invalid."""
    item = Dataset()
    write_quietly(item, **values)
    return item


def write_quietly(dataset: Dataset, **values: Any) -> None:
    """Write attributes with their values as they are: pydicom would warn of invalid ones."""
    for keyword, value in values.items():
        tag, vr = _tag_and_vr(keyword)
        dataset.add(DataElement(tag, vr, value, validation_mode=config.IGNORE))


@cache
def _tag_and_vr(keyword: str) -> tuple[BaseTag, str]:
    """Return what the data dictionary says: looking it up takes longer than writing a value."""
    tag = Tag(keyword)
    return tag, dictionary_VR(tag)


def character_sets(dataset: Dataset) -> list[str]:
    """Return the values of Specific Character Set, none for the default repertoire."""
    declared = character_set_of(dataset)
    return declared.split("\\") if declared not in {"", "ISO_IR 6"} else []


def fitting_character_set(source: Dataset, texts: Iterable[str]) -> list[str]:
    """Return the source's character set if all of our texts fit into it, else UTF-8.

    Keeping it keeps the patient's name as the archive knows it, byte for byte. None is
    declared beside text in an unknown one, to which our texts give way.
    """
    declared = character_sets(source)
    if not declared and is_undeclared(source):
        return [] if have_ascii(texts) else [UTF_8]
    # With code extensions (ISO 2022) only ASCII needs no escape sequences of its own.
    encoding = python_encoding[declared[0]] if len(declared) == 1 else "ascii"
    return declared if encodable("".join(texts), encoding) else [UTF_8]


def _quiet_copy(dataset: Dataset) -> Dataset:
    copied = Dataset()
    for element in _elements(dataset):
        copied.add(element)
    return copied


def _elements(dataset: Dataset) -> Iterator[DataElement]:
    for tag in sorted(dataset.keys()):
        if tag.is_private or tag.element == 0 or tag.group >= OVERLAYS:
            continue
        element = dataset.get_item(tag)
        if isinstance(element, RawDataElement) and vr_of(element) in STR_VR:
            # A number that is none cannot be copied into a valid result.
            with suppress(ValueError, TypeError, OverflowError):
                vr, text = vr_of(element), (element.value or b"").decode(LATIN_1)
                text = _repaired(tag, text) if vr in {VR.DS, VR.IS} else text
                yield text_element(tag, vr, text)
            continue
        element = dataset[tag]
        if element.VR == VR.SQ:
            yield DataElement(tag, VR.SQ, Sequence(map(_quiet_copy, element.value)))
        else:
            yield copy_element(element)


def _repaired(tag: BaseTag, text: str) -> str:
    """Return numbers as DICOM writes them, where what was meant is plain; else as they are."""
    units = LENGTHS if keyword_for_tag(tag) in SPACINGS else LEVELS
    numbers = read_numbers(text.split("\\"), units)
    if not numbers.repair or numbers.unreadable:
        return text
    return "\\".join(
        "" if value is None else format_number_as_ds(value) for value in numbers.values
    )


def _listed(value: object) -> list[object]:
    return list(value) if isinstance(value, MultiValue) else [value]


def _has_two(value: object) -> bool:
    return isinstance(value, MultiValue) and len(value) == 2  # noqa: PLR2004  row and column
