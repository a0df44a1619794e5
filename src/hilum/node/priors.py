"""Fetches priors of the studies that arrive, from a thread of its own."""

from datetime import timedelta
from typing import Final

from hilum.errors import DatabaseUnavailable, PacsError
from hilum.node.retrieve import Retriever
from hilum.node.steps import NodeContext
from hilum.pacs.query import RemoteStudy
from hilum.records import retrievals, studies, worklist
from hilum.records.retrievals import PriorSearch, Purpose
from hilum.runtime.background import BackgroundWork
from hilum.runtime.waits import BackOff
from hilum.telemetry.logs import get_log
from hilum.values.persons import names_somebody, one_person

LOOK_S: Final = 2.0
"""Seconds between two looks for studies whose priors are wanted."""

AT_ONCE: Final = 20
"""Studies of one look."""

BETWEEN_ATTEMPTS: Final = BackOff(30.0, 1800.0)
GIVE_UP_AFTER: Final = timedelta(hours=24)
"""Pauses between attempts to fetch priors, and for how long they are made."""

log = get_log(__name__)


class Priors:
    """Fetches priors of the studies that arrive. `tend` is for one thread.

    Raises
    ------
    SettingInvalid
        The address of a PACS is none, or a file for TLS cannot be used.
    """

    def __init__(self, context: NodeContext) -> None:
        self._context = context
        sources = [each for each in context.settings.pacs.query if each.priors]
        self._retrievers = [Retriever(context, each) for each in sources]
        self._work = BackgroundWork("priors", LOOK_S, self._turn)

    def tend(self) -> None:
        """Begin to fetch what is wanted; returns at once."""
        if self._retrievers:
            self._work.tend()

    def close(self) -> None:
        """Fetch no more; the studies of this turn are fetched first."""
        self._work.close()

    def _turn(self) -> None:
        try:
            now = self._context.now()
            with self._context.database.look() as connection:
                found = retrievals.due(connection, self._context.archive, now, AT_ONCE)
            for each in found:
                self._of(each)
        except DatabaseUnavailable as exc:
            log.warning("priors.wait", why=str(exc))

    def _of(self, search: PriorSearch) -> None:
        """Fetch the priors of one study, and write down how that went."""
        archive, now = self._context.archive, self._context.now()
        try:
            new = sum(self._from(retriever, search) for retriever in self._retrievers)
        except PacsError as exc:
            wait = timedelta(seconds=BETWEEN_ATTEMPTS.after(search.attempts + 1))
            again = now + wait if exc.retryable and now - search.asked < GIVE_UP_AFTER else None
            with self._context.database.transaction() as connection:
                retrievals.not_fetched(connection, archive, search, exc.problem, again)
            log.warning("priors.not_fetched", why=str(exc), attempt=search.attempts + 1)
            return
        with self._context.database.transaction() as connection:
            retrievals.fetched(connection, archive, search.study_instance_uid)
        if new:
            log.info("priors.fetched", images=new)

    def _from(self, retriever: Retriever, search: PriorSearch) -> int:
        source = retriever.source
        purpose = Purpose.BACKFILL if source.analyze_priors else Purpose.PRIOR
        return sum(
            retriever.fetch(each.study_instance_uid, purpose).new
            for each in self._priors(retriever, search.study_instance_uid)
        )

    def _priors(self, retriever: Retriever, study: str) -> list[RemoteStudy]:
        """Return the latest priors of a study; the Patient ID alone does not say whose they are."""
        with self._context.database.look() as connection:
            row = worklist.row(connection, self._context.archive, study)
        if row is None or not names_somebody(row.patient_id):
            return []
        person = studies.person_of(row)
        wanted = frozenset(self._context.settings.gate.modalities)
        found = [
            each
            for each in retriever.remote.studies({"PatientID": row.patient_id})
            if each.study_instance_uid != study
            and each.person.patient_id
            and one_person(each.person, person)
            and each.may_have(wanted)
            and each.date <= (row.study_date or each.date)
        ]
        return sorted(found, key=lambda each: each.date)[-retriever.source.priors :]
