"""A plain-text report for people, in the language of who reads it."""

from collections.abc import Iterator
from datetime import datetime
from textwrap import wrap
from typing import Final

from hilum import PRODUCT, __version__
from hilum.encode.forms.form import Form, FormSource
from hilum.encode.provenance import statements
from hilum.encode.text_report import findings_text
from hilum.language import Language, Message
from hilum.radiograph import ImageUIDs
from hilum.reading import Reading

WIDTH: Final = 80
"""Columns of the report: those of a terminal."""

RULE: Final = "=" * WIDTH
"""Parts the findings from the rest."""

REPORT_TITLE: Final = Message("AI chest radiograph findings (research use only)")

FACT: Final = 16
"""Columns for the name of a fact: a SHA-256 fits beside it."""


def text(
    reading: Reading, *, when: datetime, language: Language, uids: ImageUIDs | None = None
) -> str:
    """Return the report: findings, what to beware of, what it was made from and by.

    Parameters
    ----------
    language
        Language of the report; the texts of pixel decisions and warnings have theirs already.
    uids
        What names the image, where the reading has no header.

    Returns
    -------
    str
        Lines of at most 80 columns, each ended by a line feed. Names the image by its
        SOP Instance UID and no patient.
    """
    say = language.say
    lines = [say(REPORT_TITLE), RULE, ""]
    lines += findings_text(reading, language).split("\r\n")
    lines += ["", RULE]
    for name, fact in facts(reading, when=when, language=language, uids=uids):
        lines += wrap(
            f"{name:<{FACT}}{fact}", WIDTH, subsequent_indent=" " * FACT, break_on_hyphens=False
        )
    lines.append("")
    for statement in statements(reading.model, language):
        lines += wrap(statement, WIDTH)
    return "\n".join(lines) + "\n"


def facts(
    reading: Reading, *, when: datetime, language: Language, uids: ImageUIDs | None = None
) -> Iterator[tuple[str, str]]:
    """Yield what a report was made from and by, name and fact; a further line has no name."""
    say, model, radiograph = language.say, reading.model, reading.radiograph
    uids = radiograph.uids or uids
    verified = "" if model.verified else " " + say("(weights not verified)")
    yield say("Image"), (uids and uids.sop_instance_uid) or say("not DICOM")
    yield say("Analyzed at"), when.isoformat(sep=" ", timespec="seconds")
    yield say("Model"), f"{model.name} {model.version}{verified}"
    yield "SHA-256", model.sha256
    yield say("Thresholds"), model.operating_points
    if model.operating_points_origin:
        yield "", model.operating_points_origin
    yield say("Pixels"), str(radiograph.pipeline)
    for decision in radiograph.decisions:
        yield "", decision.text
    yield say("Software"), f"{PRODUCT} {__version__}"


def _written(source: FormSource) -> bytes:
    return text(
        source.reading,
        when=source.when,
        language=source.settings.language,
        uids=source.outcome.uids,
    ).encode()


FORM: Final = Form(
    "text", "TXT", "findings.txt", "text/plain; charset=utf-8", _written, for_people=True
)
