"""What an export is made from: a node and its archive, or DICOM files and `hilum read`'s JSON."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np

from hilum.errors import SourceUnreadable
from hilum.files.errors import read_errors
from hilum.files.find import find_candidates
from hilum.outcome import Status
from hilum.pacs.archive import Archive
from hilum.radiograph import FieldOfView, ImageUIDs
from hilum.records import Database, readings, releases, reviews
from hilum.records.keys import uids_of
from hilum.records.releases import ExportQuery
from hilum.records.review import Review
from hilum.records.stored_reading import StoredReading

FILES: Final = "files"
"""Name, in the records, of files that are in no archive."""

AT_ONCE: Final = 500
"""Images whose lines are fetched at a time."""


@dataclass(frozen=True, slots=True, eq=False)
class ExportImage:
    """One image that may be exported."""

    name: str
    """What to call it on the site's own terminal."""
    fetch: Callable[[], bytes]
    """Returns its file; raises `SourceUnreadable` or `PacsError`."""
    uids: ImageUIDs | None = None
    """Its UIDs, where they are known before it is fetched."""
    when: datetime | None = None
    """When it was analyzed, where that is known."""


class ExportSource(Protocol):
    """Where images, readings and reviews come from."""

    @property
    def archive(self) -> str:
        """Name of the archive in the records."""

    def images(self) -> Iterator[ExportImage]:
        """Yield the images, always in the same order."""

    def reading(self, uids: ImageUIDs) -> StoredReading | None:
        """Return the reading of an image, None without one."""

    def reviews(self, uids: ImageUIDs) -> list[Review]:
        """Return all reviews of an image, the oldest first."""


@dataclass(frozen=True, slots=True)
class NodeSource:
    """The images of a node's archive."""

    database: Database
    archive: str
    pacs: Archive
    wanted: ExportQuery
    max_bytes: int
    """Of a file that is fetched."""

    def images(self) -> Iterator[ExportImage]:
        """Yield the images that the query finds."""
        after: ImageUIDs | None = None
        while True:
            with self.database.look() as connection:
                rows = releases.images(
                    connection, self.archive, self.wanted, after=after, size=AT_ONCE
                )
            for row in rows:
                after = uids_of(row)
                fetch = partial(self.pacs.fetch, row.reference, max_bytes=self.max_bytes)
                yield ExportImage(after.sop_instance_uid, fetch, after, row.settled)
            if len(rows) < AT_ONCE:
                return

    def reading(self, uids: ImageUIDs) -> StoredReading | None:
        """Return the reading that this node made."""
        with self.database.look() as connection:
            found = readings.get(connection, self.archive, uids)
        return None if found is None or found.origin is not None else found

    def reviews(self, uids: ImageUIDs) -> list[Review]:
        """Return the reviews of the page."""
        with self.database.look() as connection:
            return reviews.on_image(connection, self.archive, uids)[::-1]


@dataclass(frozen=True, slots=True)
class FileSource:
    """Files and folders, and what `hilum read --json` said of them."""

    paths: tuple[Path, ...]
    rows: dict[ImageUIDs, dict[str, Any]] = field(default_factory=dict)
    """Image → a document of one row."""
    archive: str = FILES

    def images(self) -> Iterator[ExportImage]:
        """Yield every file behind the paths."""
        for candidate in find_candidates(self.paths):
            yield ExportImage(candidate.name, candidate.read)

    def reading(self, uids: ImageUIDs) -> StoredReading | None:
        """Return what the JSON says, which has no maps."""
        document = self.rows.get(uids)
        if document is None:
            return None
        count = len(document["readings"][0]["findings"])
        return StoredReading(document, np.zeros((count, 0, 0), np.float16), FieldOfView(0, 0, 0, 0))

    def reviews(self, uids: ImageUIDs) -> list[Review]:  # noqa: ARG002  the page alone has some
        """Return none."""
        return []


def documents(paths: Iterable[Path]) -> dict[ImageUIDs, dict[str, Any]]:
    """Return the rows of documents of `hilum read`, those of images that were read.

    Raises
    ------
    SourceUnreadable
        A file cannot be read, or is something else.
    """
    found = {}
    for path in paths:
        with read_errors(str(path)):
            content = path.read_bytes()
        try:
            document = json.loads(content)
            head = {name: document[name] for name in ("schema", "software", "model")}
            for row in document["readings"]:
                if row["status"] == Status.READ:
                    uids = ImageUIDs(*(row[name] or "" for name in ImageUIDs._fields))
                    found[uids] = {**head, "readings": [row]}
        except (ValueError, KeyError, TypeError) as exc:
            raise SourceUnreadable(
                "{path} is not a document of hilum read.",
                "Name the file that hilum read --json wrote.",
                path=path,
            ) from exc
    return found
