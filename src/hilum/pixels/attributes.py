"""Reading single attributes of a dataset that may hold anything."""

import math
from typing import Any

from pydicom import Dataset
from pydicom.dataelem import DataElement

from hilum.dicomfile import DAMAGE


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


def numbers_of(dataset: Dataset, key: str | int | tuple[int, int]) -> list[float]:
    """Return the values of an element as numbers, without those that are none."""
    numbers = []
    for value in values_of(dataset, key):
        try:
            number = float(value)
        except DAMAGE:
            continue
        if math.isfinite(number):
            numbers.append(number)
    return numbers


def number_of(dataset: Dataset, key: str | int | tuple[int, int]) -> float | None:
    """Return the first value of an element as a number, None when there is none."""
    return next(iter(numbers_of(dataset, key)), None)


def whole_of(dataset: Dataset, key: str | int | tuple[int, int]) -> int | None:
    """Return the first value of an element as a whole number, None when there is none."""
    number = number_of(dataset, key)
    return None if number is None else int(number)


def text_of(dataset: Dataset, keyword: str) -> str:
    """Return the first value of an element in upper case, empty when there is none."""
    return next((str(value).strip().upper() for value in values_of(dataset, keyword)), "")


def items_of(dataset: Dataset, keyword: str) -> list[Dataset]:
    """Return the items of a sequence, empty when it has none or cannot be read."""
    return [item for item in values_of(dataset, keyword) if isinstance(item, Dataset)]


def bytes_of(dataset: Dataset, key: str | int | tuple[int, int]) -> bytes:
    """Return the bytes of an element, empty when it has none or they are no bytes."""
    element = element_of(dataset, key)
    value = None if element is None else element.value
    return bytes(value) if isinstance(value, bytes | bytearray | memoryview) else b""
