"""Registers images: what the archive says of them becomes rows and jobs.

Orthanc takes text without a character set for its DefaultEncoding, and drops what it cannot
decode. There the bytes of names are asked for, and decoded as those of the image are.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Final

from pydicom import Dataset
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

from hilum import PRODUCT
from hilum.errors import NotInPacs, PacsError
from hilum.node.steps import NodeContext
from hilum.pacs import archive as archives
from hilum.pacs.archive import Archive
from hilum.radiograph import ImageUIDs
from hilum.records import (
    Connection,
    audit,
    constancy,
    foreign_readings,
    images,
    limits,
    studies,
)
from hilum.records.foreign_readings import ForeignReading
from hilum.records.images import Arrived, ImageRecord
from hilum.records.limits import Known, known_by
from hilum.records.states import SETTLED, UNSETTLED, State, Urgency
from hilum.records.studies import StudyFacts, StudyWarning
from hilum.runtime.waits import STUMBLES, WHILE_AWAY
from hilum.settings import DefaultCharacterSet
from hilum.settings.node import NodeMode
from hilum.telemetry.logs import get_log
from hilum.values.ages import age_of
from hilum.values.character_sets import UTF_8, WIDER, Declaration
from hilum.values.dates import read_day
from hilum.values.texts import decoded, text_in

TEXTS: Final = (
    *("PatientName", "PatientID", "AccessionNumber", "StudyDescription"),
    *("InstitutionName", "ReferringPhysicianName"),
)
"""Attributes of the page's records that are free text."""

LOST: Final = "\ufffd"
"""Replacement for bytes that could not be decoded."""

ESCAPED: Final = re.compile(r"\$[@B()]|\([BJ]")
"""What is left of an escape sequence without its first byte."""


def stored_text(
    archive: Archive, reference: str, tags: dict[str, Any], default: DefaultCharacterSet | None
) -> dict[str, str]:
    """Return texts of an image by keyword; none where the archive's own are right.

    Raises
    ------
    PacsError
        It does not answer.
    """
    if not is_doubtful(tags):
        return {}
    header = Dataset()
    said = str(tags.get("SpecificCharacterSet") or "").encode("latin-1", "replace")
    stored = {"SpecificCharacterSet": said} | {
        keyword: archive.stored(reference, keyword) for keyword in TEXTS if keyword in tags
    }
    for keyword, value in stored.items():
        tag, vr = Tag(keyword), dictionary_VR(keyword)
        header[tag] = RawDataElement(tag, vr, len(value), value, 0, False, True)  # noqa: FBT003  pydicom's order
    letters = decoded(header, default).dataset
    return {keyword: text_in(letters[keyword]) for keyword in TEXTS if keyword in letters}


def is_doubtful(tags: dict[str, Any]) -> bool:
    """Whether an archive may have read an image's texts otherwise than its results have them."""
    said = str(tags.get("SpecificCharacterSet") or "")
    texts = "".join(str(tags.get(keyword) or "") for keyword in TEXTS)
    declaration = Declaration.of(said)
    several = len(declaration.terms) > 1 and UTF_8 in declaration.terms  # Orthanc takes the first
    if declaration.is_defined and not several and not said.startswith("ISO 2022 IR 6\\"):
        return LOST in texts or not WIDER.keys().isdisjoint(declaration.codecs)
    return bool(said) or not texts.isascii() or ESCAPED.search(texts) is not None


URGENT_PRIORITIES: Final = frozenset({"STAT", "HIGH"})
"""Values of Requested Procedure Priority, (0040,1003) and the retired (0032,000C)."""

UNKNOWN_SINCE_2006: Final = "StudyPriorityID"
"""Retired in PS3.3, and still the only priority that many modalities send."""

REFERRED_BY: Final = "ReferringPhysicianName"

MODEL_NAME: Final = "ManufacturerModelName"
"""In results it is ours."""

log = get_log(__name__)


@dataclass(frozen=True, slots=True)
class Facts:
    """What the archive says of one instance, as far as the work on it needs that."""

    reference: str
    """The archive's name of it."""
    uids: ImageUIDs
    """What names it in the archive."""
    digest: str
    """What tells its file from another one."""
    study: StudyFacts
    """Its patient and study."""
    known: Known
    """What its study is known by, where users are limited to some."""
    urgent: bool
    """Whether it has to be read before others."""


class Intake:
    """Takes up images of one archive. For any number of threads."""

    def __init__(self, context: NodeContext) -> None:
        self._context = context
        self._shared = not context.database.is_sqlite
        self.held = False
        """Whether what is taken up has to wait for a model."""
        self.mode: NodeMode | None = None
        """How far results of what is taken up get; None: as the node's do then."""
        self.louder = False
        """Whether what got less far before is read again."""

    def take_up(
        self, connection: Connection, facts: Facts, urgency: Urgency, now: datetime, *, again: bool
    ) -> bool:
        """Record one image and queue its job; return whether there is work.

        Parameters
        ----------
        connection
            In the transaction that also moves the position on.
        again
            Whether it is read although it is known and did not change.
        """
        archive, mode = self._context.archive, self._mode(connection, facts.uids)
        new = Arrived(archive, facts.uids, facts.reference, facts.digest, urgency, now, mode)
        limits.keep(connection, new.archive, facts.uids.study_instance_uid, facts.known)
        before = images.entry(connection, new.archive, new.uids)
        job = images.arrived(connection, new, held=self.held, again=again, louder=self.louder)
        if job is None:
            return False
        studies.arrived(
            connection,
            self._context.archive,
            facts.study,
            urgency=urgency,
            now=now,
            waits=self._context.waits,
        )
        if before is not None and before.state in UNSETTLED:
            _note_replaced(connection, before, facts)
        self._context.queue.enqueue(connection, job, urgency, now)
        return True

    def _mode(self, connection: Connection, uids: ImageUIDs) -> NodeMode:
        """Return how far the results of an image get: of the phantom of a self-test, to the end."""
        mode = self.mode or self._context.settings.current().node.mode
        if mode is not NodeMode.LIVE and constancy.is_self_test(
            connection, self._context.archive, uids
        ):
            return NodeMode.LIVE
        return mode

    def take_report(self, connection: Connection, foreign: ForeignReading, now: datetime) -> None:
        """Keep what a report that this node did not make says of an image that waits."""
        archive, uids = self._context.archive, foreign.uids
        if not foreign_readings.take(connection, archive, foreign):
            return
        studies.refresh(connection, archive, uids.study_instance_uid, now, self._context.waits)
        origin = foreign.reading.origin or {}
        line = self._context.line("image.elsewhere", now, archive, uids, origin)
        audit.write(connection, line)

    def facts(self, reference: str) -> Facts | None:
        """Return what the archive says of an instance; None for a result of ours.

        Raises
        ------
        NotInPacs
            It is not there any more.
        PacsError
            The PACS does not answer.
        """
        pacs, stored = self._context.pacs, self._context.stored
        if reference in stored:
            return None
        described = pacs.describe(reference)
        if described.sop_instance_uid in stored and self._is_ours(reference):
            return None
        tags = self._tags(reference)
        if tags.get(MODEL_NAME) == PRODUCT:
            return None
        default = self._context.settings.pacs.default_character_set
        tags |= stored_text(pacs, reference, tags, default)
        return Facts(
            reference,
            ImageUIDs(
                _text(tags, "StudyInstanceUID"),
                _text(tags, "SeriesInstanceUID"),
                described.sop_instance_uid,
            ),
            pacs.content_id(described),
            study_facts(tags),
            self._known(reference, tags),
            self._is_urgent(reference, tags),
        )

    def _known(self, reference: str, tags: dict[str, Any]) -> Known:
        """Return what a study is known by; who sent it is asked only where that matters."""
        asked = self._context.settings.page.limit_studies
        senders = [self._context.pacs.origin(reference).aet] if asked else []
        institution, physician = _text(tags, "InstitutionName"), _text(tags, REFERRED_BY)
        return known_by(institution, physician, senders)

    def _tags(self, reference: str) -> dict[str, Any]:
        """Return the attributes of an instance; of its study alone when its file is lost.

        A file that the PACS cannot read must not hold up those that come after it.

        Raises
        ------
        NotInPacs
            It is not there any more.
        PacsError
            The PACS does not answer.
        """
        pacs, waits = self._context.pacs, islice(WHILE_AWAY, STUMBLES)
        while True:
            try:
                if self._shared and self._is_ours(reference):
                    return {MODEL_NAME: PRODUCT}
                return pacs.attributes(reference)
            except NotInPacs:
                raise
            except PacsError as exc:
                pacs.capabilities()  # is it away, or does it only stumble over this one?
                wait_s = next(waits, None)
                if wait_s is None or not exc.retryable:
                    log.warning("instance.unreadable", instance=reference, why=str(exc))
                    return pacs.attributes_of_index(reference)
            self._context.pause(wait_s)

    def _is_ours(self, reference: str) -> bool:
        """Whether hilum wrote it: all attributes of a report cost a hundred times as much."""
        return archives.text(self._context.pacs, reference, MODEL_NAME) == PRODUCT

    def _is_urgent(self, reference: str, tags: dict[str, Any]) -> bool:
        said = {_text(tags, "RequestedProcedurePriority"), _text(tags, UNKNOWN_SINCE_2006)}
        if {value.upper() for value in said} & URGENT_PRIORITIES:
            return True
        aets = self._context.settings.node.urgent_aets
        return bool(aets) and self._context.pacs.origin(reference).aet in aets

    def is_new(self, facts: Facts) -> bool:
        """Whether an image was never seen here."""
        with self._context.database.look() as connection:
            return images.entry(connection, self._context.archive, facts.uids) is None

    def came_again(self, facts: Facts) -> bool:
        """Whether a known image came again and the archive lacks its results."""
        with self._context.database.look() as connection:
            known = images.entry(connection, self._context.archive, facts.uids)
        if known is None or known.state not in SETTLED:
            return False
        if known.state is State.STORED and known.mode is not NodeMode.LIVE:
            return False  # nothing was stored: it lacks nothing
        if not known.results:
            return True
        there = self._context.pacs.present(known.result_references)
        return not there.issuperset(known.results)


def _note_replaced(connection: Connection, before: ImageRecord, facts: Facts) -> None:
    """Say that an image was never analyzed because another one took its line.

    An Orthanc names an image by its Patient ID too, so it may hold both.
    """
    if before.reference == facts.reference:
        return
    log.warning(
        "image.replaced",
        instance=before.reference,
        by=facts.reference,
        remedy="correct the UIDs or the Patient ID in the PACS and send the image again",
    )
    study = facts.uids.study_instance_uid
    studies.warn(connection, before.archive, study, StudyWarning.IMAGE_REPLACED)


def study_facts(tags: dict[str, Any]) -> StudyFacts:
    """Return what an image says of its patient and study."""
    return StudyFacts(
        study_instance_uid=_text(tags, "StudyInstanceUID"),
        patient_name=_text(tags, "PatientName").partition("=")[0],
        whole_name=_text(tags, "PatientName"),
        patient_id=_text(tags, "PatientID"),
        issuer=_text(tags, "IssuerOfPatientID"),
        birth_date=_day(tags, "PatientBirthDate"),
        sex=_text(tags, "PatientSex"),
        accession_number=_text(tags, "AccessionNumber"),
        study_date=_day(tags, "StudyDate"),
        study_time=_text(tags, "StudyTime"),
        description=_text(tags, "StudyDescription"),
        age_years=age_of(lambda keyword: _text(tags, keyword)).years,
    )


def _day(tags: dict[str, Any], keyword: str) -> str:
    """Return a date as DICOM writes it; what is not one day, as it stands."""
    text = _text(tags, keyword)
    day = read_day(text)
    return text if day is None else f"{day:%Y%m%d}"


def _text(tags: dict[str, Any], keyword: str) -> str:
    """Return one attribute as text; empty when it is missing or no text."""
    value = tags.get(keyword)
    return value.strip(" \0") if isinstance(value, str) else ""
