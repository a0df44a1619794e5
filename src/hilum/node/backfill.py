"""Queues what is in the archive already: study by study, and goes on where it stopped."""

from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from hilum.errors import NotInPacs
from hilum.node.intake import Facts, Intake
from hilum.node.steps import NodeContext
from hilum.records import Connection, backfills
from hilum.records.backfills import Progress
from hilum.records.states import Urgency
from hilum.settings.node import NodeMode


@dataclass(frozen=True, slots=True)
class BackfillQuery:
    """Which images."""

    since: date | None
    until: date | None
    """First and last Study Date; None: from the first, to the last."""
    modalities: tuple[str, ...]
    """Modality of their series: a CT has a thousand images that are no radiographs."""
    study_instance_uid: str | None = None
    """Only this study."""
    again: bool = False
    """Whether images that were read are read again, with the model in use."""
    urgency: Urgency = Urgency.BACKFILL
    """How soon they are read."""
    silent: bool = False
    """Whether the results are recorded for operators alone, whatever the node's mode; what got
    farther before is left alone. Otherwise, what got less far before is read again."""

    @property
    def query(self) -> dict[str, str]:
        """The question to the archive for studies, as DICOM asks it (PS3.4 C.2.2.2)."""
        found = {"StudyInstanceUID": self.study_instance_uid or ""}
        if self.since or self.until:
            found["StudyDate"] = f"{_dicom(self.since)}-{_dicom(self.until)}"
        return {name: value for name, value in found.items() if value}

    @property
    def key(self) -> str:
        """What was asked for, as one text that is always the same."""
        asked = {
            **self.query,
            "modalities": ",".join(sorted(self.modalities)),
            "again": str(self.again),
            **({"silent": "True"} if self.silent else {}),
        }
        return backfills.key(asked)


class Backfill:
    """One backfill, as far as it is.

    Raises
    ------
    PacsError
        The PACS does not answer.
    DatabaseUnavailable
        The database cannot be used now.
    """

    def __init__(self, context: NodeContext, wanted: BackfillQuery) -> None:
        self._context = context
        self._wanted = wanted
        self._intake = Intake(context)
        self._intake.mode = NodeMode.SILENT if wanted.silent else None
        self._intake.louder = True
        with context.database.look() as connection:
            known = backfills.progress(connection, context.archive, wanted.key)
        self.progress = Progress() if known.finished is not None else known
        studies = sorted(context.pacs.find_studies(wanted.query))
        self.left: Final = [study for study in studies if study > self.progress.after]

    def run(self) -> Iterator[int]:
        """Queue study after study; yield how many images each one added.

        Raises
        ------
        PacsError
            The PACS does not answer; what was yielded is queued, asking again goes on there.
        DatabaseUnavailable
            The database cannot be used now; the same holds.
        """
        for study in self.left:
            yield self._queue(study, self._found(study))
        with self._context.database.transaction() as connection:
            self.progress = replace(self.progress, finished=self._context.now())
            self._keep(connection)

    def _queue(self, study: str, found: Collection[Facts]) -> int:
        """Queue the images of one study, and write down that it is done."""
        now = self._context.now()
        with self._context.database.transaction() as connection:
            queued = sum(
                self._intake.take_up(
                    connection, facts, self._wanted.urgency, now, again=self._wanted.again
                )
                for facts in found
            )
            before = self.progress
            self.progress = Progress(study, before.studies + 1, before.images + queued)
            self._keep(connection)
        return queued

    def _keep(self, connection: Connection) -> None:
        backfills.keep(connection, self._context.archive, self._wanted.key, self.progress)

    def _found(self, study: str) -> list[Facts]:
        """Return the images of a study whose series are of the wanted modalities."""
        found: list[Facts | None] = []
        with suppress(NotInPacs):  # deleted meanwhile, here and below
            for series in self._context.pacs.series_of(study):
                wanted = series.modality in self._wanted.modalities
                for reference in series.references if wanted else ():
                    with suppress(NotInPacs):
                        found.append(self._intake.facts(reference))
        return [facts for facts in found if facts is not None]


def _dicom(day: date | None) -> str:
    return "" if day is None else day.strftime("%Y%m%d")
