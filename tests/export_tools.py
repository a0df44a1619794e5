"""What tests of the export are made of: a source in memory, and an export of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydicom import Dataset

from hilum.export import preview
from hilum.export.folder import ExportFolder
from hilum.export.key import SiteKey
from hilum.export.run import Export, ExportOptions
from hilum.export.sources import ExportImage, FileSource
from hilum.files import dicom
from hilum.radiograph import ImageUIDs
from hilum.records import Database, releases
from hilum.records.releases import Release, ReleaseState
from hilum.records.review import Review
from hilum.records.stored_reading import StoredReading
from hilum.settings import Settings

KEY = SiteKey(bytes(range(32)))
WHEN = datetime(2024, 3, 4, 15, 16, 17, tzinfo=UTC)
ARCHIVE = "somewhere"
PLAIN = ExportOptions()


@dataclass
class MemorySource:
    """Files in a list."""

    files: list[bytes]
    readings: Callable[[ImageUIDs], StoredReading | None] = lambda _: None
    given: Callable[[ImageUIDs], list[Review]] = lambda _: []
    archive: str = ARCHIVE
    fetch: Callable[[bytes], bytes] = lambda file: file
    named: list[ImageUIDs] = field(default_factory=list)

    def images(self) -> Iterator[ExportImage]:
        for number, file in enumerate(self.files):
            header = dicom.parse(file, name="it")
            yield ExportImage(
                str(number), lambda file=file: self.fetch(file), ImageUIDs.of(header), WHEN
            )

    def reading(self, uids: ImageUIDs) -> StoredReading | None:
        return self.readings(uids)

    def reviews(self, uids: ImageUIDs) -> list[Review]:
        return self.given(uids)


def release(
    database: Database,
    file: bytes,
    settings: Settings,
    state: ReleaseState = ReleaseState.RELEASED,
    **other: str,
) -> None:
    """Release an image, as a person does who looked at it."""
    found = preview.original(file, settings)
    uids = ImageUIDs.of(found.header)
    made = Release(*uids, state, other.get("digest", found.digest), "somebody", WHEN)
    with database.transaction() as connection:
        releases.put(connection, other.get("archive", ARCHIVE), made)


def export(
    source: MemorySource | FileSource,
    folder: Path,
    database: Database,
    settings: Settings,
    options: ExportOptions = PLAIN,
    *,
    key: SiteKey = KEY,
    **more: Any,
) -> tuple[Export, list[str]]:
    """Return an export that was run, and why each image did not leave, in order; empty: it did."""
    head = {"hilum_export": "1", "key": key.id, "selection": "all"}
    work = Export(source, key, ExportFolder(folder, head), database, settings, options, **more)
    return work, [reason.code if reason else "" for _, reason in work.run()]


def everything_in(folder: Path) -> dict[str, bytes]:
    """Return name → content of all files of a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def only_image(folder: Path) -> tuple[Path, Dataset]:
    """Return the one image of an export."""
    (path,) = (folder / "images").rglob("*.dcm")
    return path, dicom.parse(path.read_bytes(), name="the exported image")
