"""Records which numbers of a header were repaired or are unreadable (`hilum.values.numbers`)."""

from collections.abc import Iterable, Mapping

from pydicom import Dataset
from pydicom.datadict import dictionary_description

from hilum.pixels.decisions import DecisionRecord
from hilum.values.attributes import written_values_of
from hilum.values.numbers import COMMA, LENGTHS, LEVELS, SPACINGS, read_numbers, read_spacing
from hilum.values.quoting import quoted


def note_numbers(
    dataset: Dataset,
    keywords: Iterable[str],
    record: DecisionRecord,
    units: Mapping[str, float] = LEVELS,
) -> None:
    """Record what had to be repaired in some attributes, and what cannot be read."""
    for keyword in keywords:
        said = written_values_of(dataset, keyword)
        numbers = read_numbers(said, units)
        facts = {"attribute": dictionary_description(keyword), "said": _written(said)}
        if numbers.repair:
            code = "decimal_comma" if numbers.repair == COMMA else "number_repaired"
            record.add(code, **facts, read=str(numbers))
        if numbers.unreadable:
            record.add("number_unreadable", **(facts | {"said": _written(numbers.unreadable)}))


def note_spacing(dataset: Dataset, record: DecisionRecord) -> None:
    """Record which spacings had to be repaired, and which are none."""
    note_numbers(dataset, SPACINGS, record, LENGTHS)
    for keyword in SPACINGS:
        said = written_values_of(dataset, keyword)
        numbers = read_numbers(said, LENGTHS)
        if numbers.values and not numbers.unreadable and read_spacing(said) is None:
            name = dictionary_description(keyword)
            record.add("spacing_ignored", attribute=name, said=_written(said))


def _written(said: Iterable[object]) -> str:
    """Return the values of an attribute as DICOM writes them."""
    return quoted("\\".join(str(each) for each in said))
