"""PDF for people: whose image it is, the findings, what to beware of, and what it was made by.

The fonts are in the file, so it looks the same everywhere; same input, same bytes. It is PDF/A-1b,
which `pdf_archive` sees to.

Sources
-------
ISO 32000-1 14.9.2 (natural language of a document), 9.9 (embedded fonts).
"""

import unicodedata
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from importlib.resources import files
from io import BytesIO
from typing import Any, Final
from xml.sax.saxutils import escape

from hilum.encode.forms.form import Form, FormSource
from hilum.encode.forms.plain_text import REPORT_TITLE, facts
from hilum.encode.provenance import cautions, statements
from hilum.encode.text_report import site_probabilities
from hilum.files.dicom import text
from hilum.language import Language, Message
from hilum.radiograph import ImageUIDs
from hilum.reading import Reading
from hilum.values.control_characters import visible
from hilum.wording import (
    POSITIVE_OF_ALL,
    day_text,
    finding_name,
    person,
    raw_texts,
    score_text,
)

FONT: Final = "DejaVuSans"
BOLD: Final = "DejaVuSans-Bold"
"""Files in `fonts`: Latin (Vietnamese too), Greek, Cyrillic, Armenian, Georgian."""

SAID: Final = {
    "PatientName": Message("Patient"),
    "PatientID": Message("Patient ID"),
    "PatientBirthDate": Message("Birth date"),
    "StudyDate": Message("Study date"),
    "AccessionNumber": Message("Accession number"),
    "StudyDescription": Message("Description"),
}
"""What tells whose report it is, attribute → its word."""

MILLIMETRE: Final = 72 / 25.4
"""In points, the unit of PDF."""

MARGIN: Final = 18 * MILLIMETRE

BOX: Final = "\u25af"
"""Stands for a letter that cannot be shown."""

LACKING: Final = Message(
    "{box} stands for a letter that this PDF cannot show; the DICOM header has it."
)


def pdf(
    reading: Reading,
    *,
    when: datetime,
    language: Language,
    uids: ImageUIDs | None = None,
    picture: bytes | None = None,
) -> bytes:
    """Return the report as PDF, A4.

    Parameters
    ----------
    language
        Language of the report; the texts of pixel decisions and warnings have theirs already.
    uids
        What names the image, where the reading has no header.
    picture
        The heatmap overlay, as JPEG, for a page of its own.
    """
    from reportlab.lib.pagesizes import A4  # noqa: PLC0415  only who wants a PDF waits for it
    from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate  # noqa: PLC0415

    from hilum.encode.forms.pdf_archive import ArchiveCanvas, ended  # noqa: PLC0415

    said = list(statements(reading.model, language))
    title = language.say(REPORT_TITLE)
    plain, bold, head = _styles()

    def mark(canvas: Any, _: object) -> None:
        canvas.setFont(BOLD, 7.5)
        for number, statement in enumerate(reversed(said)):
            canvas.drawString(MARGIN, 10 * MILLIMETRE + 10 * number, _drawable(statement))

    def begin(canvas: Any, document: object) -> None:
        canvas.describe(title, when)
        mark(canvas, document)

    story: list[Any] = [Paragraph(_marked(title), head)]
    story += [Paragraph(_marked(each), bold) for each in said]
    whose = list(_whose(reading, language))
    what = list(facts(reading, when=when, language=language, uids=uids))
    story += [_pairs(whose, plain)]
    if any(BOX in _drawable(value) for _, value in whose + what):
        story += [Paragraph(_marked(language.say(LACKING, box=BOX)), bold)]
    counts = {"positive": len(reading.positives), "all": len(reading.findings)}
    story += [Paragraph(_marked(language.say(POSITIVE_OF_ALL, **counts)), bold)]
    story += [_findings(reading, language)]
    story += [Paragraph(_marked(each), plain) for each in site_probabilities(reading, language)]
    story += [Paragraph(_marked(caution), plain) for caution in cautions(reading, language)]
    story += [_pairs(what, plain)]
    if picture is not None:
        story += [PageBreak(), _picture(picture)]
    made = BytesIO()
    SimpleDocTemplate(
        made,
        pagesize=A4,
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=MARGIN,
        bottomMargin=MARGIN + 4 * MILLIMETRE,
        initialFontName=FONT,  # or the library's Helvetica, which is not in the file
        lang=str(language),
        invariant=1,
    ).build(story, onFirstPage=begin, onLaterPages=mark, canvasmaker=ArchiveCanvas)
    return ended(made.getvalue())


@cache
def _styles() -> tuple[Any, Any, Any]:
    """Return the styles of text, of emphasis and of the title; registers the fonts once."""
    from reportlab.lib.styles import ParagraphStyle  # noqa: PLC0415
    from reportlab.pdfbase.pdfmetrics import registerFont  # noqa: PLC0415
    from reportlab.pdfbase.ttfonts import TTFont  # noqa: PLC0415

    for name in (FONT, BOLD):
        with files(__package__).joinpath("fonts", f"{name}.ttf").open("rb") as file:
            registerFont(TTFont(name, file))
    plain = ParagraphStyle("text", fontName=FONT, fontSize=8.5, leading=12, spaceBefore=4)
    bold = ParagraphStyle("bold", plain, fontName=BOLD)
    return plain, bold, ParagraphStyle("title", bold, fontSize=13, leading=17)


@cache
def _letters() -> frozenset[int]:
    from reportlab.pdfbase.pdfmetrics import getFont  # noqa: PLC0415

    return frozenset(getFont(FONT).face.charToGlyph)


def _drawable(words: str) -> str:
    """Return a text with a box for each letter that cannot be drawn.

    Accents that stand alone are joined to their letters. What is written from the right the
    library would draw backwards.
    """
    return "".join(
        BOX
        if ord(each) not in _letters() or unicodedata.bidirectional(each) in {"R", "AL", "AN"}
        else each
        for each in unicodedata.normalize("NFC", visible(words))
    )


def _marked(words: str) -> str:
    """Return a text as the library's markup has it."""
    return escape(_drawable(words))


def _whose(reading: Reading, language: Language) -> Iterator[tuple[str, str]]:
    header = reading.radiograph.header
    for keyword, name in SAID.items():
        if header is not None and (value := text(header, keyword)):
            if keyword == "PatientName":
                value = person(value)
            elif keyword.endswith("Date"):
                value = day_text(value, language)
            yield language.say(name), value


def _pairs(pairs: list[tuple[str, str]], style: Any) -> Any:
    from reportlab.platypus import Paragraph, Spacer, Table  # noqa: PLC0415

    if not pairs:
        return Spacer(0, 6)
    rows = [[Paragraph(_marked(each), style) for each in pair] for pair in pairs]
    looks: list[Any] = [
        ("FONT", (0, 0), (-1, -1), FONT, 8.5),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("TOPPADDING", (0, 0), (-1, -1), 0),
    ]
    return Table(rows, colWidths=[34 * MILLIMETRE, 140 * MILLIMETRE], style=looks, spaceBefore=6)


def _findings(reading: Reading, language: Language) -> Any:
    from reportlab.platypus import Table  # noqa: PLC0415

    say = language.say
    rows: list[list[str]] = [
        [say("Finding"), say("Score"), say("Result"), say("Raw value"), say("Op. point")]
    ]
    looks: list[Any] = [
        ("FONT", (0, 0), (-1, -1), FONT, 8.5),
        ("FONT", (0, 0), (-1, 0), BOLD, 8.5),
        ("LINEBELOW", (0, 0), (-1, 0), 0.7, "black"),
        ("ALIGN", (1, 0), (1, -1), "RIGHT"),
        ("ALIGN", (3, 0), (-1, -1), "RIGHT"),
        ("TOPPADDING", (0, 0), (-1, -1), 1.5),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2.5),
    ]
    for number, each in enumerate(reading.ranked, 1):
        result = say("PRESENT") if each.positive else say("absent")
        name = _drawable(finding_name(each.label, language))
        rows.append([name, score_text(each, language), result, *raw_texts(each, language)])
        if each.positive:
            looks.append(("FONT", (0, number), (2, number), BOLD, 8.5))
    widths = [width * MILLIMETRE for width in (66, 22, 28, 29, 29)]
    return Table(rows, colWidths=widths, style=looks, repeatRows=1, spaceBefore=4, spaceAfter=4)


def _picture(picture: bytes) -> Any:
    from reportlab.platypus import Image  # noqa: PLC0415

    return Image(BytesIO(picture), 174 * MILLIMETRE, 230 * MILLIMETRE, kind="proportional")


def _written(source: FormSource) -> bytes:
    return pdf(
        source.reading,
        when=source.when,
        language=source.settings.language,
        uids=source.outcome.uids,
    )


FORM: Final = Form(
    "pdf", "PDF", "findings.pdf", "application/pdf", _written, needs_image=True, for_people=True
)
