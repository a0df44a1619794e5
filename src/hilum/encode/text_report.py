"""The text report: a table of the findings that every viewer of structured reports shows.

It holds no coded finding, so that nothing is counted twice, and no UID, image or
region, which text viewers print as noise.
"""

from collections.abc import Sequence
from textwrap import wrap
from typing import Final

from hilum.eligibility import Reason
from hilum.encode.codes import CodeTable
from hilum.encode.content import Container, Item, Relation, Text, codes, language
from hilum.encode.provenance import DEMONSTRATED, algorithm, cautions, observer, statements
from hilum.language import Language
from hilum.reading import Reading
from hilum.wording import (
    POSITIVE_OF_ALL,
    finding_name,
    probability_text,
    raw_texts,
    score_text,
)

NEWLINE: Final = "\r\n"
"""Line break of a TEXT item (PS3.3 C.17.3)."""

NAME_WIDTH: Final = 27
"""Columns for a finding's name."""

WIDTH: Final = 69
"""Columns of text: what a viewer shows in a small window. Result comes before raw values,
which may be cut off."""


def findings_tree(reading: Reading, table: CodeTable, tongue: Language) -> Item:
    """Return the content tree of the text report of one reading."""
    model = reading.model
    title = table.concept("demonstration_title" if model.demonstration else "title")
    description = Item(codes.DCM.CurrentProcedureDescriptions, Container()).having(
        *algorithm(reading, Relation.CONTAINS),
        *(Item(codes.DCM.Comment, Text(note)) for note in statements(model, tongue)),
    )
    return Item(title, Container(), None).having(
        _findings(findings_text(reading, tongue)),
        description,
        language(tongue),
        *observer(model, identified=False),
    )


def refusal_tree(reasons: Sequence[Reason], table: CodeTable, tongue: Language) -> Item:
    """Return the content tree that says why an image was not read, and nothing else."""
    comments = (Item(codes.DCM.Comment, Text(note)) for note in statements(None, tongue))
    return Item(table.concept("title"), Container(), None).having(
        _findings(refusal_text(reasons, tongue)),
        Item(codes.DCM.CurrentProcedureDescriptions, Container()).having(*comments),
        language(tongue),
        *observer(None, identified=False),
    )


def findings_text(reading: Reading, tongue: Language) -> str:
    """Return the table of all findings, highest score first, and the doubts below it."""
    positive, count = len(reading.positives), len(reading.findings)
    lines = [*wrap(tongue.say(DEMONSTRATED), WIDTH), ""] if reading.model.demonstration else []
    lines += [tongue.say(POSITIVE_OF_ALL, positive=positive, all=count), ""]
    lines += _table(reading, tongue)
    lines += [line for each in site_probabilities(reading, tongue) for line in wrap(each, WIDTH)]
    for doubt in cautions(reading, tongue):
        lines += ["", *wrap(doubt, WIDTH)]
    return NEWLINE.join(lines)


def refusal_text(reasons: Sequence[Reason], tongue: Language) -> str:
    """Return what is said of an image that was not read: never that a finding is absent."""
    listed = [
        line
        for reason in reasons
        for line in wrap(f"- {reason.text} [{reason.code}]", WIDTH, subsequent_indent="  ")
    ]
    lines = [
        tongue.say("NOT ANALYZED BY THE AI"),
        "",
        tongue.say("Reasons:"),
        *listed,
        "",
        tongue.say("Findings were not assessed."),
    ]
    return NEWLINE.join(lines)


def _findings(text: str) -> Item:
    # OHIF sets exactly this concept in a fixed-width face, so that tables line up.
    finding = Item(codes.DCM.Finding, Text(text))
    return Item(codes.DCM.Findings, Container()).having(finding)


def _table(reading: Reading, tongue: Language) -> list[str]:
    head = _line(
        tongue.say("Finding"),
        tongue.say("Score"),
        tongue.say("Result"),
        tongue.say("Raw value"),
        tongue.say("Op. point"),
    )
    rows = [
        _line(
            finding_name(finding.label, tongue)[:NAME_WIDTH],
            score_text(finding, tongue),
            tongue.say("PRESENT") if finding.positive else tongue.say("absent"),
            *raw_texts(finding, tongue),
        )
        for finding in reading.ranked
    ]
    return [head, "-" * WIDTH, *rows]


def site_probabilities(reading: Reading, tongue: Language) -> list[str]:
    """Return a line for each finding that has a calibrated probability at this site."""
    said = ((each, probability_text(each, tongue)) for each in reading.ranked)
    return [f"{finding_name(each.label, tongue)}: {words}" for each, words in said if words]


def _line(name: str, score: str, result: str, raw: str, operating_point: str) -> str:
    return f"{name:<{NAME_WIDTH}}{score:>7}  {result:<9}{raw:>13}{operating_point:>11}"
