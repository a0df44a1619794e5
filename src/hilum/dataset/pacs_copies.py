"""A period of another PACS as a source of a dataset run: its radiographs, copied by C-GET.

They are kept below the results, a folder a day; a day that is complete is not asked for again.
"""

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final, Self

from hilum.errors import PacsError, PacsUnavailable, SettingInvalid, SourceUnreadable
from hilum.files import dicom
from hilum.files.atomic import AtomicFile, not_written
from hilum.pacs.query import open_query, query_source
from hilum.radiograph import ImageUIDs
from hilum.settings import Settings
from hilum.settings.pacs import QuerySource, RetrieveBy
from hilum.values.hours import next_begin

FORM: Final = re.compile(r"pacs:([^/]+)/(\d{4}-\d\d-\d\d)(?:/(\d{4}-\d\d-\d\d))?")

IMAGES: Final = "_images"
COMPLETE: Final = "_copied"
"""Folders below the results: of the images, and of an empty file for each day that is complete.
Whoever reads the results' folder as one table passes over such names (pyarrow, Spark)."""

IN_A_ROW: Final = 3
"""So many studies in a row that do not come end the run."""

NAME_DIGITS: Final = 32


@dataclass(frozen=True, slots=True)
class PacsPeriod:
    """Days of one PACS."""

    source: QuerySource
    first: date
    last: date

    @classmethod
    def parse(cls, text: str, settings: Settings) -> Self:
        """Return what ``pacs:NAME/2026-01-01/2026-03-31`` names, or ``pacs:NAME/2026-01-01``.

        Raises
        ------
        SettingInvalid
            It is written otherwise, there is no such PACS, or it only sends copies elsewhere.
        """
        said = FORM.fullmatch(text)
        try:
            days = [date.fromisoformat(each) for each in said.groups()[1:] if each] if said else []
        except ValueError:
            days = []
        if said is None or not days or days[0] > days[-1]:
            raise SettingInvalid(
                "{text} names no period of a PACS.",
                "Write pacs:NAME/2026-01-01/2026-03-31, with a name of pacs.query or an address "
                "AET@HOST:PORT.",
                text=text,
            )
        source = query_source(settings, said[1])
        if source.retrieve is not RetrieveBy.GET:
            raise SettingInvalid(
                "{name} gives copies by C-MOVE, which a dataset run cannot receive.",
                "Copy them into hilum's PACS with hilum backfill --from, or set retrieve to get.",
                name=said[1],
            )
        return cls(source, days[0], days[-1])


class PacsCopies:
    """Copies the radiographs of a period into a folder.

    Parameters
    ----------
    results
        Folder of the run.
    wait
        Waits for some seconds: outside of the PACS's hours, and for its rate.

    Attributes
    ----------
    folder
        Where the images are.
    failed
        Studies that did not come.
    """

    def __init__(
        self,
        period: PacsPeriod,
        settings: Settings,
        results: Path,
        wait: Callable[[float], object],
    ) -> None:
        self._period, self._wait = period, wait
        name = hashlib.sha256(period.source.node.encode()).hexdigest()[:NAME_DIGITS]
        self.folder: Final = results / IMAGES / name
        self._complete = results / COMPLETE / name
        self._modalities = settings.gate.modalities
        self._remote = open_query(period.source, settings.pacs)
        self.failed = 0
        self._in_a_row = 0

    def run(self) -> Iterator[PacsError | int]:
        """Copy what is missing; yield of each study how many images came, or why it did not come.

        Raises
        ------
        PacsError
            The PACS does not answer, or studies in a row did not come.
        SourceUnreadable
            The folder cannot be written to.
        """
        for number in range((self._period.last - self._period.first).days + 1):
            day = f"{self._period.first + timedelta(days=number):%Y%m%d}"
            if not (self._complete / day).exists():
                yield from self._copy_day(day, self.folder / day)

    def _copy_day(self, day: str, folder: Path) -> Iterator[PacsError | int]:
        for each in (folder, self._complete):
            try:
                each.mkdir(parents=True, exist_ok=True)
            except OSError as exc:
                raise not_written(each, exc) from exc
        before = self.failed
        self._wait_for_hours()
        for study in self._remote.studies({"StudyDate": day}):
            if not study.may_have(self._modalities):
                continue
            try:
                yield self._copy_study(study.study_instance_uid, folder)
                self._in_a_row = 0
            except PacsError as exc:
                self.failed += 1
                self._in_a_row += 1
                if self._in_a_row >= IN_A_ROW:
                    raise
                yield exc
            self._wait_for_hours()
        today = f"{datetime.now(UTC).astimezone():%Y%m%d}"
        if self.failed == before and day < today:  # more may come of a day that is not over
            with AtomicFile(self._complete / day):
                pass

    def _copy_study(self, study: str, folder: Path) -> int:
        def keep(content: bytes) -> None:
            try:
                uids = ImageUIDs.of(dicom.parse(content, name="the copy", header_only=True))
                if uids in images:
                    with AtomicFile(_path(folder, uids)) as file:
                        file.write(content)
            except SourceUnreadable as exc:
                raise PacsUnavailable(exc.problem, exc.remedy) from exc

        images = self._remote.images(study, self._modalities)
        missing = [each for each in images if not _path(folder, each).exists()]
        if missing:
            self._remote.get(missing, keep)
            away = [each for each in missing if not _path(folder, each).exists()]
            if away:
                raise PacsUnavailable(
                    "{count} of {all} images that {target} was asked for did not arrive.",
                    "Its log says more.",
                    count=len(away),
                    all=len(missing),
                    target=self._remote.target,
                )
            if rate := self._period.source.images_per_minute:
                self._wait(60.0 * len(missing) / rate)
        return len(missing)

    def _wait_for_hours(self) -> None:
        hours, now = self._period.source.hours, datetime.now(UTC)
        if hours is not None and (begin := next_begin(hours, now)) > now:
            self._wait((begin - now).total_seconds())


def _path(folder: Path, uids: ImageUIDs) -> Path:
    """Return where an image is kept: a UID of another PACS is no file name."""
    name = hashlib.sha256("\0".join(uids).encode()).hexdigest()[:NAME_DIGITS]
    return folder / f"{name}.dcm"
