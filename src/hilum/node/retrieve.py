"""Copies images from other PACS into the archive.

What comes so is told apart from what is sent to the archive: it was expected, so a backfill's
images wait behind others, and priors are no work. An image counts as fetched once the archive
has it, whatever the other PACS says of its success.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from hilum.errors import PacsError, PacsUnavailable
from hilum.node.backfill import BackfillQuery
from hilum.node.steps import NodeContext
from hilum.pacs.query import open_query
from hilum.radiograph import ImageUIDs
from hilum.records import backfills, retrievals
from hilum.records.backfills import Progress
from hilum.records.retrievals import Purpose
from hilum.runtime.waits import wait_until
from hilum.settings.pacs import QuerySource, RetrieveBy
from hilum.values.hours import next_begin

ARRIVED_S: Final = 10.0
"""Seconds that the archive gets to show what the other PACS says it sent."""

IN_A_ROW: Final = 3
"""So many studies in a row cannot be fetched, and a backfill ends."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What became of one study."""

    study_instance_uid: str
    images: int
    """Images of the wanted modalities that it has."""
    new: int
    """How many of them were not in the archive."""
    error: PacsError | None = None
    """Why it is not there, or not whole."""


class Retriever:
    """Fetches studies from one other PACS. For one thread at a time.

    Raises
    ------
    SettingInvalid
        Its address is none, or a file for TLS cannot be used.
    """

    def __init__(self, context: NodeContext, source: QuerySource) -> None:
        self._context = context
        self.source: Final = source
        pacs = context.settings.pacs
        self.remote: Final = open_query(source, pacs)
        self._destination = source.destination or pacs.aet
        self._modalities = frozenset(context.settings.gate.modalities)

    def fetch(
        self, study_instance_uid: str, purpose: Purpose, modalities: frozenset[str] = frozenset()
    ) -> Fetched:
        """Fetch the images of a study that the archive lacks.

        Parameters
        ----------
        modalities
            Of their series; empty: those that the gate takes.

        Raises
        ------
        PacsError
            They did not all come.
        DatabaseUnavailable
            Nothing can be written down now; nothing was asked for.
        """
        images = self.remote.images(study_instance_uid, modalities or self._modalities)
        missing = [each for each in images if not self._is_there(each)]
        if not missing:
            return Fetched(study_instance_uid, len(images), 0)
        with self._context.database.transaction() as connection:
            now = self._context.now()
            retrievals.expect(connection, self._context.archive, missing, purpose, now)
        if self.source.retrieve is RetrieveBy.MOVE:
            self.remote.move(missing, self._destination)
        else:
            self.remote.get(missing, self._context.pacs.store)
        away = wait_until(
            lambda: [each for each in missing if not self._is_there(each)],
            lambda left: not left,
            timeout_s=ARRIVED_S,
            every_s=0.5,
            pause=self._context.pause,
        )
        if away:
            raise PacsUnavailable(
                "{count} of {all} images that {target} was asked for did not arrive.",
                'Check its log; with retrieve = "move", whether it sends {destination} to the PACS '
                "of hilum.",
                count=len(away),
                all=len(missing),
                target=self.remote.target,
                destination=self._destination,
            )
        return Fetched(study_instance_uid, len(images), len(missing))

    def _is_there(self, uids: ImageUIDs) -> bool:
        study, series, image = uids
        return bool(self._context.pacs.find_objects(image, study=study, series=series))


class RemoteBackfill:
    """Fetches what another PACS has of a period, day by day, and goes on where it stopped.

    A PACS may return as many answers as it likes to one question, and say nothing of the rest;
    a day of radiographs is within what they return.
    """

    def __init__(self, context: NodeContext, source: QuerySource, wanted: BackfillQuery) -> None:
        self._context = context
        self._retriever = Retriever(context, source)
        self._wanted = wanted
        self._key = backfills.key({"from": source.node, "query": wanted.key})
        with context.database.look() as connection:
            known = backfills.progress(connection, context.archive, self._key)
        self.progress = Progress() if known.finished is not None else known
        self.left: Final = [each for each in _days(wanted) if each > self.progress.after]

    def run(self, wait: Callable[[float], object]) -> Iterator[Fetched]:
        """Fetch study after study; one that fails is left for the next time.

        Parameters
        ----------
        wait
            Waits for some seconds: outside of the hours, and for the rate of the settings.

        Raises
        ------
        PacsError
            A PACS does not answer.
        DatabaseUnavailable
            The database cannot be used now.
        """
        whole, in_a_row = True, 0
        for day in self.left:
            self._wait_for_hours(wait)
            for study in self._studies(day):
                fetched = self._fetched(study)
                yield fetched
                whole = whole and fetched.error is None
                in_a_row = in_a_row + 1 if fetched.error is not None else 0
                if fetched.error is not None and in_a_row >= IN_A_ROW:
                    raise fetched.error
                self._wait_for_hours(wait)
                if fetched.new and (rate := self._retriever.source.images_per_minute):
                    wait(60.0 * fetched.new / rate)
            if whole:
                self._keep(replace(self.progress, after=day))
        if whole:
            self._keep(replace(self.progress, finished=self._context.now()))

    def _fetched(self, study: str) -> Fetched:
        try:
            wanted = frozenset(self._wanted.modalities)
            found = self._retriever.fetch(study, Purpose.BACKFILL, wanted)
        except PacsError as exc:
            self._context.pacs.capabilities()  # or is it the archive that is away?
            return Fetched(study, 0, 0, exc)
        before = self.progress
        self.progress = replace(
            before, studies=before.studies + 1, images=before.images + found.new
        )
        return found

    def _studies(self, day: str) -> list[str]:
        """Return the studies of one day; of any, where one study is asked for."""
        study = self._wanted.study_instance_uid
        keys = {"StudyInstanceUID": study} if study else {"StudyDate": day}
        return sorted(
            each.study_instance_uid
            for each in self._retriever.remote.studies(keys)
            if each.may_have(self._wanted.modalities)
        )

    def _wait_for_hours(self, wait: Callable[[float], object]) -> None:
        hours, now = self._retriever.source.hours, self._context.now()
        if hours is not None and (begin := next_begin(hours, now)) > now:
            wait((begin - now).total_seconds())

    def _keep(self, reached: Progress) -> None:
        self.progress = reached
        with self._context.database.transaction() as connection:
            backfills.keep(connection, self._context.archive, self._key, reached)


def _days(wanted: BackfillQuery) -> list[str]:
    """Return the days to ask for, ``YYYYMMDD``; one that is none for a study by its UID."""
    first, last = wanted.since, wanted.until
    if wanted.study_instance_uid is not None or first is None or last is None:
        return ["study"]
    count = (last - first).days + 1
    return [f"{first + timedelta(days=number):%Y%m%d}" for number in range(count)]
