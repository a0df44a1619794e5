"""Reads a coded report as a consumer would, with pydicom alone and none of hilum's code."""

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO

from pydicom import Dataset, dcmread

RAW, RAW_OPERATING_POINT, OPERATING_POINT = "RAW", "RAWOPPOINT", "OPPOINT"
SITE, FINDING = "363698007", "121071"
PRESENT, ABSENT = "52101004", "272519000"


@dataclass(frozen=True)
class Row:
    """One finding as the report states it."""

    code: str
    state: str
    site: str | None
    score: float
    raw: float
    operating_point: float
    tracking_uid: str


@dataclass(frozen=True)
class Drawn:
    """One region as the report draws it."""

    tracking_uid: str
    findings: tuple[str, ...]
    points: tuple[float, ...]
    numbers: dict[str, float]
    labels: tuple[str, ...]
    images: tuple[str, ...]


def parse(file: bytes) -> Dataset:
    """Return a file as a data set."""
    return dcmread(BytesIO(file))


def name(item: Dataset) -> str:
    """Return the Code Value of an item's concept."""
    return str(item.ConceptNameCodeSequence[0].CodeValue)


def below(item: Dataset, concept: str | None = None) -> Iterator[Dataset]:
    """Yield the children of an item, all or those of one concept."""
    for child in item.get("ContentSequence", ()):
        if concept is None or name(child) == concept:
            yield child


def walk(item: Dataset) -> Iterator[Dataset]:
    """Yield an item and everything below it."""
    yield item
    for child in below(item):
        yield from walk(child)


def number(item: Dataset) -> float:
    """Return the value of a NUM item, as its decimal string has it."""
    return float(item.MeasuredValueSequence[0].NumericValue)


def one(item: Dataset, concept: str) -> Dataset:
    """Return the only child of a concept."""
    (child,) = below(item, concept)
    return child


def rows(report: Dataset) -> dict[str, Row]:
    """Return the coded rows, Code Value of the finding → row."""
    evaluations = one(report, "C0034375")
    found = {}
    for item in below(evaluations):
        if item.ValueType == "CODE" and name(item) != "111017":
            sites = [site.ConceptCodeSequence[0].CodeValue for site in below(item, SITE)]
            numbers = {name(each): each for each in below(item) if each.ValueType == "NUM"}
            raw, operating_point = numbers.pop(RAW), numbers.pop(RAW_OPERATING_POINT)
            (score,) = numbers.values()
            found[name(item)] = Row(
                code=name(item),
                state=item.ConceptCodeSequence[0].CodeValue,
                site=sites[0] if sites else None,
                score=number(score),
                raw=number(raw),
                operating_point=number(operating_point),
                tracking_uid=one(item, "112040").UID,
            )
    return found


def drawn(report: Dataset) -> list[Drawn]:
    """Return the regions in the order in which they are drawn."""
    groups = below(one(report, "126010"), "125007")
    return [_drawn(group) for group in groups]


def _drawn(group: Dataset) -> Drawn:
    numbers = [child for child in below(group) if child.ValueType == "NUM"]
    return Drawn(
        tracking_uid=one(group, "112040").UID,
        findings=tuple(f.ConceptCodeSequence[0].CodeValue for f in below(group, FINDING)),
        points=tuple(one(group, "111030").GraphicData),
        numbers={name(child): number(child) for child in numbers},
        labels=tuple(child.ConceptNameCodeSequence[0].CodeMeaning for child in numbers),
        images=tuple(
            child.ReferencedSOPSequence[0].ReferencedSOPInstanceUID
            for child in walk(group)
            if child.ValueType == "IMAGE"
        ),
    )


def texts(report: Dataset, concept: str) -> list[str]:
    """Return all texts of one concept, anywhere in the report."""
    return [
        item.TextValue
        for item in walk(report)
        if item.ValueType == "TEXT" and name(item) == concept
    ]
