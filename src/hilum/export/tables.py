"""The tables of an export, its manifest and the text that says what it is."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from importlib.util import find_spec
from io import BytesIO
from typing import Any, Final

from hilum import PRODUCT, RESEARCH_USE_ONLY, __version__
from hilum.encode.forms.csv_table import CsvTable
from hilum.encode.provenance import NO_PROBABILITY
from hilum.export.clean import METHODS
from hilum.export.key import SiteKey, reader_word
from hilum.language import ENGLISH, LANGUAGES, Message
from hilum.outcome import Outcome, Read, Status
from hilum.radiograph import ImageUIDs
from hilum.reading import Reading
from hilum.records.review import ReaderAnswer, Review
from hilum.values.csv_text import csv_text, harmless, true_or_false

ABOUT: Final = (
    *("image", "patient", "accession_number", "study_date", "age_years", "sex", "view_position"),
    *("rows", "columns", "read"),
)
"""Columns of readings.csv about the image, before those of `hilum read --csv`."""

REVIEWS: Final = (
    *("image", *ImageUIDs._fields, "date", "reader", "model"),
    *("model_sha256", "demonstration", "unaided", "label", "answer", "positive", "raw"),
    *("operating_point", "score", "counts"),
)
FREE_TEXT: Final = ("missing", "comment")
"""Columns that are there where free text was asked for."""

LABELS: Final = ("image", "sop_instance_uid", "label", *ReaderAnswer, "readers", "consensus")

WHAT_IT_IS: Final = (
    Message("Chest radiographs for research, de-identified by hilum {version}."),
    Message(
        "images/ has the DICOM images, reports/ hilum's structured reports on them, readings.csv "
        "a row for each image with the model's scores, reviews.csv the readers' answers, "
        "labels.csv what the readers say of each finding, manifest.json what was done, in the "
        "codes of DICOM PS3.15."
    ),
    Message(
        "Pseudonyms are the same in every export with the same key. Dates of one patient are "
        "shifted by the same number of days: intervals are true, dates are not. Times of day are "
        "cut to the hour, ages from 90 on are 90."
    ),
    Message(
        "Pixels are as they were acquired. A person looked at each image for burnt-in text before "
        "it was released. Nothing was done about what a radiograph itself can tell: devices, "
        "surgery and bones may be recognized by who knows the patient."
    ),
    NO_PROBABILITY,
    Message("Do not try to find out who the patients are."),
)
"""Paragraphs of README.txt."""


def cells(path: str, uids: ImageUIDs, reading: Reading) -> dict[str, str]:
    """Return what `hilum read --csv` would say of a clean image; empty cells are left out."""
    outcome = Outcome(path, Status.READ, uids, reading.warnings, Read(reading))
    row = CsvTable([finding.label for finding in reading.findings]).row(outcome)
    return {column: cell for column, cell in row.items() if cell}


def review_rows(
    found: Sequence[Review],
    key: SiteKey,
    shift: timedelta,
    *,
    reader_names: bool,
    free_text: bool,
) -> list[dict[str, Any]]:
    """Return the rows of an image's reviews; the latest answer of each reader counts."""
    latest = {(r.reader, f.label): number for number, r in enumerate(found) for f in r.findings}
    rows: list[dict[str, Any]] = []
    for number, review in enumerate(found):
        head = {
            "date": (review.at + shift).strftime("%Y%m%d"),
            "reader": review.reader if reader_names else reader_word(key, review.reader),
            "model": review.model,
            "model_sha256": review.model_sha256,
            "demonstration": true_or_false(review.demonstration),
            "unaided": true_or_false(review.unaided),
        }
        if free_text:
            head |= {"missing": "; ".join(review.missing), "comment": review.comment}
        for finding in review.findings:
            said: dict[str, Any] = {
                "label": finding.label,
                "answer": finding.answer.value,
                "positive": true_or_false(finding.positive),
                "raw": finding.raw,
                "operating_point": finding.operating_point,
                "score": finding.score,
                "counts": true_or_false(latest[review.reader, finding.label] == number),
            }
            rows.append({**head, **said})
        if free_text and not review.findings:
            rows.append({**head})
    return rows


def tables(records: Sequence[Mapping[str, Any]], *, free_text: bool) -> dict[str, bytes]:
    """Return the files of an export that are not of one image, name → content.

    Parameters
    ----------
    records
        What was written down of each image.
    """
    records = sorted(records, key=lambda each: (each["patient"], each["image"]))
    labels = sorted({label for each in records for label in each["labels"]})
    columns = (*ABOUT, *CsvTable(labels).columns)
    rows = [{name: each.get(name, "") for name in ABOUT} | each["cells"] for each in records]
    reviewed = [
        {name: each[name] for name in ("image", *ImageUIDs._fields)}
        | {name: harmless(cell) for name, cell in row.items()}
        for each in records
        for row in each["reviews"]
    ]
    made = {
        "README.txt": readme(),
        "readings.csv": csv_text(columns, rows).encode(),
        "reviews.csv": csv_text((*REVIEWS, *(FREE_TEXT if free_text else ())), reviewed).encode(),
        "labels.csv": csv_text(LABELS, _labels(reviewed)).encode(),
    }
    if find_spec("pyarrow") is not None:
        made["readings.parquet"] = _parquet(columns, rows)
    return made


def manifest(
    records: Sequence[Mapping[str, Any]], withheld: Mapping[str, int], options: Mapping[str, bool]
) -> dict[str, Any]:
    """Return what manifest.json says beside key and selection."""
    return {
        "software": {"name": PRODUCT, "version": __version__},
        "notice": RESEARCH_USE_ONLY,
        "deidentification": [
            {"code": each.value, "scheme": each.scheme_designator, "meaning": each.meaning}
            for each in METHODS
        ],
        "options": dict(options),
        "images": len(records),
        "patients": len({each["patient"] for each in records}),
        "readings": sum(bool(each["labels"]) for each in records),
        "withheld": dict(sorted(withheld.items())),
        "files": sorted(name for each in records for name in each["files"]),
    }


def readme() -> bytes:
    """Return what the folder says of itself, in every language."""
    parts: list[str] = []
    for language in (ENGLISH, *(each for each in LANGUAGES if each != ENGLISH)):
        parts += [language.say(each, version=__version__) for each in WHAT_IT_IS[:1]]
        parts += [language.say(each) for each in (*WHAT_IT_IS[1:], Message(RESEARCH_USE_ONLY))]
        parts.append("-" * 72)
    return "\n\n".join(parts[:-1]).encode() + b"\n"


def _labels(reviewed: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return how readers answered each finding of each image; a tie has no consensus."""
    said: dict[tuple[str, str, str], Counter[str]] = {}
    for row in reviewed:
        if row.get("counts") == "true":
            key = row["image"], row["sop_instance_uid"], row["label"]
            said.setdefault(key, Counter())[row["answer"]] += 1
    rows: list[dict[str, Any]] = []
    for (image, uid, label), answers in sorted(said.items()):
        (first, most), *others = [*answers.most_common(), ("", 0)]
        rows.append(
            {
                "image": image,
                "sop_instance_uid": uid,
                "label": label,
                **{answer.value: answers[answer] for answer in ReaderAnswer},
                "readers": answers.total(),
                "consensus": first if most > others[0][1] else "",
            }
        )
    return rows


def _parquet(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> bytes:
    import pyarrow as pa  # noqa: PLC0415  a large library that few have
    from pyarrow import parquet  # noqa: PLC0415

    columns_of = {name: [str(row.get(name, "")) for row in rows] for name in columns}
    made = BytesIO()
    parquet.write_table(pa.table(columns_of), made, compression="none")
    return made.getvalue()
