"""Reading single attributes of a dataset that may hold anything."""

from collections.abc import Mapping
from typing import Any, Final

from pydicom import Dataset
from pydicom.dataelem import DataElement, RawDataElement

from hilum.files.dicom import DAMAGE
from hilum.values.numbers import LEVELS, Numbers, read_numbers
from hilum.values.texts import vr_of

SEPARATOR: Final = "\\"
"""Parts the values of an attribute (PS3.5 6.4)."""

TEXTS: Final = frozenset({"DS", "IS", "CS", "LO", "LT", "SH", "ST", "UC", "UT"})
"""VRs in which a number is a text; the last ones by mistake."""


def element_of(dataset: Dataset, key: str | int | tuple[int, int]) -> DataElement | None:
    """Return one element, None when it is absent or its bytes cannot be read."""
    try:
        return dataset[key] if key in dataset else None  # noqa: SIM401  Dataset.get swallows less
    except DAMAGE:
        return None


def values_of(dataset: Dataset, key: str | int | tuple[int, int]) -> list[Any]:
    """Return all values of an element, empty when it has none or cannot be read."""
    element = element_of(dataset, key)
    if element is None or element.value is None or isinstance(element.value, bytes):
        return []
    if isinstance(element.value, str | int | float):
        return [element.value]
    try:
        return list(element.value)
    except TypeError:
        return [element.value]


def written_values_of(dataset: Dataset, key: str | int | tuple[int, int]) -> list[Any]:
    """Return the values of an element of numbers as they are written, each in its place.

    pydicom converts all values of DS and IS or none, so the text is asked before it.
    """
    element = dataset.get_item(key)
    if isinstance(element, RawDataElement) and element.value and vr_of(element) in TEXTS:
        try:
            return element.value.decode("utf-8").split(SEPARATOR)
        except UnicodeDecodeError:
            return element.value.decode("latin-1").split(SEPARATOR)
    found = values_of(dataset, key)
    if len(found) == 1 and isinstance(found[0], str):
        return list(found[0].split(SEPARATOR))
    return found


def places_of(
    dataset: Dataset, key: str | int | tuple[int, int], units: Mapping[str, float] = LEVELS
) -> Numbers:
    """Return the values of an element as numbers, each in its place."""
    return read_numbers(written_values_of(dataset, key), units)


def numbers_of(dataset: Dataset, key: str | int | tuple[int, int]) -> list[float]:
    """Return the values of an element as numbers; none when one of them is no number."""
    values = places_of(dataset, key).values
    known = [value for value in values if value is not None]
    return known if len(known) == len(values) else []


def number_of(dataset: Dataset, key: str | int | tuple[int, int]) -> float | None:
    """Return the first value of an element as a number, None when it is none."""
    return next(iter(places_of(dataset, key).values), None)


def whole_of(dataset: Dataset, key: str | int | tuple[int, int]) -> int | None:
    """Return the first value of an element as a whole number, None when there is none."""
    number = number_of(dataset, key)
    return None if number is None else int(number)


def text_of(dataset: Dataset, keyword: str) -> str:
    """Return the first value of an element in upper case, empty when there is none."""
    return next((str(value).strip().upper() for value in values_of(dataset, keyword)), "")


def first_text(dataset: Dataset, keyword: str) -> str:
    """Return the first value of an element as it stands, empty when there is none."""
    return next((str(value).strip(" \0") for value in values_of(dataset, keyword)), "")


def items_of(dataset: Dataset, keyword: str) -> list[Dataset]:
    """Return the items of a sequence, empty when it has none or cannot be read."""
    return [item for item in values_of(dataset, keyword) if isinstance(item, Dataset)]


def bytes_of(dataset: Dataset, key: str | int | tuple[int, int]) -> bytes:
    """Return the bytes of an element, empty when it has none or they are no bytes."""
    element = element_of(dataset, key)
    value = None if element is None else element.value
    return bytes(value) if isinstance(value, bytes | bytearray | memoryview) else b""
