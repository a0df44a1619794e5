"""A reader's review of what the model found, as a structured report that software can evaluate.

TID 1500 with a person as observer. Each judged finding is a coded row: the finding as the
reader sees it (present, absent, undetermined), what the model had said, and whether the
reader agrees. The report names the model's coded report as its predecessor and carries the
tracking identifiers of that report's rows, so that each row's pair can be found.

Its title is a code of hilum's own: viewers then show it as a text tree, where a report
titled 126000 without regions stays blank in OHIF 3.12.

Sources
-------
PS3.16 TID 1500, 1003 (person observer); CID 240. Designed after IHE AI Result Assessment.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from textwrap import wrap
from typing import Final

from pydicom import Dataset
from pydicom.sr.coding import Code

from hilum import RESEARCH_USE_ONLY
from hilum.encode.codes import PRIVATE, CodeTable, load_codes
from hilum.encode.content import (
    Container,
    Item,
    PersonName,
    Relation,
    Text,
    UIDReference,
    codes,
    language,
    reference,
)
from hilum.encode.encoders import build
from hilum.encode.identity import derived_uid
from hilum.encode.kinds import REVIEW
from hilum.encode.predecessors import REVIEW_TITLE
from hilum.encode.provenance import DEMONSTRATED
from hilum.encode.report_document import ReportDocument
from hilum.encode.source import as_source
from hilum.encode.text_report import NEWLINE, WIDTH
from hilum.language import Language, Message
from hilum.radiograph import ImageUIDs
from hilum.settings import ReportSettings
from hilum.wording import AI, finding_name

TITLE: Final = Code(REVIEW_TITLE, PRIVATE, "Reader review of AI findings (research use only)")
DEMONSTRATION_TITLE: Final = Code(REVIEW_TITLE, PRIVATE, "DEMONSTRATION - reader review")

OPINION: Final = Code("OPINION", PRIVATE, "Reader's opinion of the AI's statement")
OPINIONS: Final = {
    "agree": Code("AGREE", PRIVATE, "Agrees"),
    "disagree": Code("DISAGREE", PRIVATE, "Disagrees"),
    "unsure": Code("UNSURE", PRIVATE, "Unsure"),
    "missed": Code("MISSED", PRIVATE, "Missed by the AI"),
}
"""What a reader thinks of one statement → its concept."""

AI_STATEMENT: Final = Code("AISTATEMENT", PRIVATE, "Statement of the AI")

SAID: Final = {
    "disagree": Message("DISAGREES"),
    "unsure": Message("unsure"),
    "agree": Message("agrees"),
}
"""Opinion → how the text of the report says it; the first is listed first."""


@dataclass(frozen=True, slots=True)
class Assessed:
    """One finding of the model, as a reader judges it."""

    label: str
    """The finding."""
    positive: bool
    """What the model said of it."""
    opinion: str
    """``agree``, ``disagree`` or ``unsure``."""

    def __post_init__(self) -> None:
        if self.opinion not in {"agree", "disagree", "unsure"}:
            raise ValueError(f"{self.opinion!r} is not an opinion")

    @property
    def state(self) -> Code:
        """What the reader thereby says of the finding (CID 240)."""
        state: Code = codes.SCT.Undetermined
        if self.opinion != "unsure":
            present = self.positive == (self.opinion == "agree")
            state = codes.SCT.Present if present else codes.SCT.Absent
        return state


@dataclass(frozen=True, slots=True)
class Assessment:
    """A reader's review of one reading."""

    reader: str
    """Name of the person."""
    findings: tuple[Assessed, ...]
    """Those that were judged."""
    missing: tuple[str, ...] = ()
    """What the model did not see: its own labels, or the reader's words."""
    comment: str = ""
    """The reader's words; may be empty."""
    labels: tuple[str, ...] = ()
    """Labels of the model, to tell them from words."""
    demonstration: bool = False
    """Whether the demonstration model is judged."""
    unaided: bool = False
    """Whether the reader had not been shown the model's findings."""


def review_report(
    header: Dataset,
    assessment: Assessment,
    *,
    key: str,
    when: datetime,
    settings: ReportSettings,
    judged: Dataset | None = None,
) -> Dataset:
    """Write a reader's review as a structured report.

    Parameters
    ----------
    key
        Names this review: the same one gets the same UIDs, so storing it again changes nothing.
    judged
        The model's coded report, which becomes the predecessor; None when it is not there.

    Raises
    ------
    EncodingFailed
        highdicom does not take the report.
    SettingInvalid
        The site's codes file cannot be used.
    ValueError
        `when` has no UTC offset.
    """
    table = load_codes(settings.codes_file)
    source = as_source(header)
    tracked = {} if judged is None else dict(_tracking(judged))
    identity = (*ImageUIDs.of(source), key, assessment.reader)
    disagreeing = sum(each.opinion == "disagree" for each in assessment.findings)
    stamp = "DEMONSTRATION " if assessment.demonstration else ""
    described = settings.language.say_ascii(
        "Reader review of AI: {disagree} disagree", disagree=disagreeing
    )
    document = ReportDocument(
        root=_tree(assessment, source, table, settings.language, tracked),
        sop_class=settings.sr_class,
        uid=derived_uid(REVIEW.name, *identity),
        series_uid=derived_uid(REVIEW.series_name, *identity),
        series_number=REVIEW.series,
        description=stamp + described,
        evidence=(source,),
        codes=table,
        model=None,
        when=when,
        predecessor=judged,
    )
    return build(document, settings.encoder)


def _tree(
    assessment: Assessment,
    source: Dataset,
    table: CodeTable,
    tongue: Language,
    tracked: dict[str, str],
) -> Item:
    title = DEMONSTRATION_TITLE if assessment.demonstration else TITLE
    rows = Item(table.concept("qualitative_evaluations"), Container()).having(
        *(_row(each, table, tracked) for each in assessment.findings),
        *(_missed(name, assessment, table) for name in assessment.missing),
        *_comments(assessment, tongue),
    )
    finding = Item(codes.DCM.Finding, Text(_text(assessment, tongue)))
    return Item(title, Container("1500"), None).having(
        language(tongue),
        Item(codes.DCM.ObserverType, codes.DCM.Person, Relation.HAS_OBS_CONTEXT),
        Item(codes.DCM.PersonObserverName, _person(assessment.reader), Relation.HAS_OBS_CONTEXT),
        Item(codes.DCM.Findings, Container()).having(finding),
        rows,
        Item(table.concept("source"), reference(source)),
    )


def _person(name: str) -> PersonName:
    """Return a user's name as a Person Name: as a family name, of which no part is known."""
    plain = "".join(" " if letter in "\\^=" else letter for letter in name)
    return PersonName(f"{plain}^")  # without a caret it is a form of 1985 (PS3.5 6.2)


def _row(each: Assessed, table: CodeTable, tracked: dict[str, str]) -> Item:
    """Return what the reader says of one finding of the model."""
    site = table.site(each.label)
    said = codes.SCT.Present if each.positive else codes.SCT.Absent
    uid = tracked.get(f"AI {each.label}")
    properties = Relation.HAS_PROPERTIES
    return Item(table.finding(each.label), each.state).having(
        None
        if uid is None
        else Item(codes.DCM.TrackingUniqueIdentifier, UIDReference(uid), properties),
        None if site is None else Item(codes.SCT.FindingSite, site, Relation.HAS_CONCEPT_MOD),
        Item(AI_STATEMENT, said, properties),
        Item(OPINION, OPINIONS[each.opinion], properties),
    )


def _missed(name: str, assessment: Assessment, table: CodeTable) -> Item:
    """Return a finding that the model did not see: coded if it has a code, else in words."""
    missed = Item(OPINION, OPINIONS["missed"], Relation.HAS_PROPERTIES)
    if name in assessment.labels or name in table.findings:
        return Item(table.finding(name), codes.SCT.Present).having(missed)
    return Item(codes.DCM.Finding, Text(name)).having(missed)


def _comments(assessment: Assessment, tongue: Language) -> Iterator[Item]:
    for text in (assessment.comment, *_statements(assessment, tongue)):
        if text:
            yield Item(codes.DCM.Comment, Text(text))


def _statements(assessment: Assessment, tongue: Language) -> Iterator[str]:
    if assessment.unaided:
        yield tongue.say("Read before the findings of the AI were shown.")
    if assessment.demonstration:
        yield tongue.say(DEMONSTRATED)
    yield tongue.say(RESEARCH_USE_ONLY)


def _text(assessment: Assessment, tongue: Language) -> str:
    """Return the review as text, disagreements first."""
    order, ai = tuple(SAID), tongue.say(AI)
    head = tongue.say("READER REVIEW OF THE AI FINDINGS")
    lines = [head, tongue.say("Reader: {name}", name=assessment.reader), ""]
    for each in sorted(assessment.findings, key=lambda found: order.index(found.opinion)):
        said = tongue.say("PRESENT") if each.positive else tongue.say("absent")
        name = finding_name(each.label, tongue)[:27]
        lines.append(f"{name:<27}  {ai} {said:<9}  {tongue.say(SAID[each.opinion])}")
    for name in assessment.missing:
        lines += wrap(
            tongue.say("{finding}: MISSED BY THE AI", finding=finding_name(name, tongue)), WIDTH
        )
    if assessment.comment:
        lines += ["", *wrap(tongue.say("Comment: {text}", text=assessment.comment), WIDTH)]
    return NEWLINE.join([*lines, "", *_statements(assessment, tongue)])


def _tracking(report: Dataset) -> Iterator[tuple[str, str]]:
    """Yield tracking identifier and UID of each row of the model's coded report."""
    for container in _children([report]):
        for row in _children([container]):
            identifier = uid = ""
            for item in _children([row]):
                concept = item.ConceptNameCodeSequence[0].CodeValue
                if concept == codes.DCM.TrackingIdentifier.value:
                    identifier = str(item.TextValue)
                elif concept == codes.DCM.TrackingUniqueIdentifier.value:
                    uid = str(item.UID)
            if identifier and uid and "region" not in identifier:
                yield identifier, uid


def _children(items: Sequence[Dataset]) -> Iterator[Dataset]:
    for item in items:
        yield from item.get("ContentSequence") or ()
