"""Follows the archive's changes feed: what arrives becomes a job, in one transaction.

The position in the feed, the image's row, its study's row and its job are written together
or not at all, so nothing is skipped and nothing is taken up twice, even by two followers.

While the node has no model of its own, reports of ours that it did not make are read back:
what `hilum read --store`, another node, or this one before its database was lost found is
in the archive, and the page need not say that the image waits.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final

import numpy as np

from hilum import encode
from hilum.errors import (
    DatabaseUnavailable,
    FeedMoved,
    FileTooLarge,
    NotInPacs,
    PacsError,
    SettingInvalid,
    SourceUnreadable,
)
from hilum.files import dicom
from hilum.ingest.earlier_reports import EarlierReports
from hilum.node.intake import Facts, Intake
from hilum.node.steps import NodeContext
from hilum.pacs import archive as archives
from hilum.pacs.archive import Archive
from hilum.radiograph import FieldOfView, ImageUIDs
from hilum.records import Connection, feed, retrievals
from hilum.records.foreign_readings import ForeignReading
from hilum.records.retrievals import Purpose
from hilum.records.states import Urgency
from hilum.records.stored_reading import ORIGIN, StoredReading
from hilum.runtime.waits import WHILE_AWAY
from hilum.settings.node import NodeMode, StartAt
from hilum.telemetry import metrics
from hilum.telemetry.logs import get_log

MOST_BYTES: Final = 8 << 20
"""Size of a report that is looked at; one with hundreds of outlines has a tenth of it."""

MOST_LETTERS: Final = 64
"""Letters of what the PACS says of a sender, or of a position."""

NAME: Final = "The report"


def foreign_reading(context: NodeContext, reference: str) -> ForeignReading | None:
    """Return what a report of ours in the archive says; None where it is no such report.

    Raises
    ------
    PacsError
        The PACS does not answer at all.
    """
    found, sender = None, ""
    if reference in context.stored:
        return None
    with _passing_over(context.pacs, reference):
        file, sender = _fetched(context.pacs, reference)
        table = encode.load_codes(context.settings.report.codes_file)
        found = None if file is None else encode.stored_report(dicom.parse(file, name=NAME), table)
    if found is None or found.uid in context.stored:
        return None
    origin = {"report": found.uid, "at": found.when.isoformat(), "received_from": sender}
    row = found.document["readings"][0]
    maps = np.zeros((len(row["findings"]), 0, 0), np.float16)
    whole = FieldOfView(0, 0, row["pixels"]["rows"], row["pixels"]["columns"])
    reading = StoredReading({**found.document, ORIGIN: origin}, maps, whole)
    return ForeignReading(found.source, reference, reading)


def foreign_readings_on(
    context: NodeContext, earlier: EarlierReports, reference: str, uids: ImageUIDs
) -> Iterator[ForeignReading]:
    """Yield what reports say that were in the archive before the image that they are about.

    Raises
    ------
    PacsError
        The PACS does not answer at all.
    """
    reports: list[str] = []
    with _passing_over(context.pacs, reference):
        reports = earlier.references(reference, uids)
    for report in reports:
        if (found := foreign_reading(context, report)) is not None:
            yield found


@contextmanager
def _passing_over(archive: Archive, reference: str) -> Iterator[None]:
    """Go on after what is gone, cannot be used, or makes the PACS stumble while it answers."""
    try:
        yield
    except NotInPacs:  # deleted meanwhile
        pass
    except (FileTooLarge, SourceUnreadable, SettingInvalid) as exc:  # also of the codes file
        log.warning("report.unusable", instance=reference, why=exc.problem)
    except PacsError as exc:
        archive.capabilities()  # or is it away?
        log.warning("report.unusable", instance=reference, why=str(exc))


def _fetched(archive: Archive, reference: str) -> tuple[bytes | None, str]:
    """Return the file of a report and who stored it; no file of what is no report."""
    if archives.text(archive, reference, "Modality") != "SR":
        return None, ""
    origin = archive.origin(reference)
    sender = (origin.aet or origin.user, origin.address)
    told = "@".join(each[:MOST_LETTERS] for each in sender if each)
    return archive.fetch(reference, max_bytes=MOST_BYTES, verified=True), told


PAGE: Final = 40
"""Changes that are taken up in one transaction: the first of a crowd wait for few others."""

log = get_log(__name__)


class Follower:
    """Follows one archive. For one thread at a time."""

    def __init__(self, context: NodeContext) -> None:
        self._context = context
        self._archive = context.archive
        self.intake: Final = Intake(context)
        self.intake.held = True
        self._earlier = EarlierReports(context.pacs)
        self._asks_for_priors = any(each.priors for each in context.settings.pacs.query)
        self._reached: str | None = None
        """The position after the last step; None where that is not known for certain."""

    def begin(self) -> None:
        """Settle where to begin in a feed that was never followed.

        Raises
        ------
        PacsError
            The PACS does not answer.
        DatabaseUnavailable
            The database cannot be used now.
        """
        if self._position() is not None:
            return
        start_at = self._context.settings.node.start_at
        if start_at is None:
            start_at = StartAt.NOW if self._context.settings.pacs.url else StartAt.BEGINNING
        start = ""
        if start_at is StartAt.NOW:
            start = self._context.pacs.newest()
            log.info(
                "feed.begins",
                at=start[:MOST_LETTERS],
                remedy="run hilum backfill to analyze images that are in the PACS already",
            )
        try:
            with self._context.database.transaction() as connection:
                feed.advance(connection, self._archive, None, start)
        except FeedMoved:  # another one began a moment ago
            return

    def run(self, stop: threading.Event) -> None:
        """Follow until `stop` is set; waits while the PACS, the database or the disk are away."""
        waits, away = iter(WHILE_AWAY), False
        while not stop.is_set():
            try:
                more = not self._context.disk.low and self.step()
            except (PacsError, DatabaseUnavailable) as exc:
                if not away:
                    log.warning("node.waiting", why=str(exc))
                away = True
                stop.wait(next(waits))
                continue
            if away:
                log.info("node.goes_on")
            waits, away = iter(WHILE_AWAY), False
            if not more:
                stop.wait(self._context.settings.node.poll_s)

    def step(self) -> bool:
        """Take up the next page of the feed; return whether there may be more at once.

        Raises
        ------
        PacsError
            No answer, or not now. Nothing is skipped.
        DatabaseUnavailable
            Nothing can be written down now.
        """
        before = self._position() if self._reached is None else self._reached
        self._reached = None
        if before is None:
            self.begin()
            before = self._position() or ""
        page = self._context.pacs.arrivals(before, PAGE)
        if page.restarted:
            log.warning("feed.restarted", was=before)
        if page.position == before:
            self._reached = before
            return False
        found = [each for reference in page.references for each in self._found(reference)]
        arrived = [each for each in found if isinstance(each, Facts)]
        reports = [each for each in found if isinstance(each, ForeignReading)]
        again = {facts.uids for facts in arrived if self.intake.came_again(facts)}
        now = self._context.now()
        urgencies: list[Urgency] = []
        try:
            with self._context.database.transaction() as connection:
                feed.advance(connection, self._archive, before, page.position)
                expected = retrievals.taken_up(
                    connection, self._archive, [facts.uids for facts in arrived], now
                )
                for facts in arrived:
                    urgency = self._urgency(facts, expected.get(facts.uids))
                    if urgency is None:
                        log.info("prior.kept", instance=facts.reference)
                        continue
                    read_again = facts.uids in again
                    if self.intake.take_up(connection, facts, urgency, now, again=read_again):
                        urgencies.append(urgency)
                        self._want_priors(connection, facts, urgency, now)
                for report in reports:
                    self.intake.take_report(connection, report, now)
        except FeedMoved as exc:
            log.warning("feed.moved", why=exc.problem)
            return True
        self._reached = page.position
        for urgency in urgencies:
            metrics.arrived(urgency)
        return page.more

    def _urgency(self, facts: Facts, purpose: Purpose | None) -> Urgency | None:
        """Return how soon an image is analyzed; None for a prior, which is no work."""
        if purpose is not None:
            return Urgency.BACKFILL if purpose is Purpose.BACKFILL else None
        return Urgency.URGENT if facts.urgent else Urgency.ROUTINE

    def _want_priors(
        self, connection: Connection, facts: Facts, urgency: Urgency, now: datetime
    ) -> None:
        silent = self._context.settings.current().node.mode is NodeMode.SILENT
        if urgency is not Urgency.BACKFILL and self._asks_for_priors and not silent:
            study = facts.uids.study_instance_uid
            retrievals.want_priors(connection, self._archive, [study], now)

    def _position(self) -> str | None:
        with self._context.database.look() as connection:
            return feed.position(connection, self._archive)

    def _found(self, reference: str) -> Iterator[Facts | ForeignReading]:
        """Yield an image, and what others report of it while this node cannot say itself."""
        try:
            facts = self.intake.facts(reference)
        except NotInPacs:  # deleted before it was taken up
            log.info("instance.gone", instance=reference)
            return
        if facts is None:
            metrics.own_result_skipped()
            report = foreign_reading(self._context, reference) if self.intake.held else None
            if report is not None:
                yield report
            return
        yield facts
        if self.intake.held and self.intake.is_new(facts):  # one that came again may have changed
            uids = facts.uids
            yield from foreign_readings_on(self._context, self._earlier, reference, uids)
