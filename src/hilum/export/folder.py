"""The folder of an export: one key's, one selection's, whole or marked as unfinished.

Each image is a few files and one record; what a run has done, the next one need not do again.
The tables are made of the records at the end, in the order of the pseudonyms: the same images
give the same bytes, however often the work was broken off.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from typing import Any, Final

from hilum.errors import SourceUnreadable
from hilum.files.atomic import AtomicFile, not_written
from hilum.files.private import make_private
from hilum.language import Message

MANIFEST: Final = "manifest.json"
RECORDS: Final = ".records"
"""Folder of the records while the export is not complete."""

FOLDERS: Final = ("images", "reports", "pictures")
"""What holds files of single images."""

ANOTHER: Final = Message("Choose a new folder.")


class ExportFolder:
    """One folder that an export writes.

    Parameters
    ----------
    head
        What must be the same for an export to go on in a folder: its key, its selection.

    Raises
    ------
    SourceUnreadable
        It holds something else, another key's or another selection's export, or cannot be
        written.
    """

    def __init__(self, path: Path, head: Mapping[str, str]) -> None:
        self.path = path
        self._head = dict(head)
        with writing(path):
            before = self._manifest()
            make_private(path)
            if before is None or before.get("complete"):
                rmtree(path / RECORDS, ignore_errors=True)
            make_private(path / RECORDS)
        self._write_manifest({"complete": False})

    def _manifest(self) -> dict[str, Any] | None:
        """Return what an earlier run wrote; None in a new or empty folder."""
        path = self.path / MANIFEST
        if not path.exists():
            if self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir())):
                raise SourceUnreadable(
                    "{path} is not empty, and not an export of hilum.", ANOTHER, path=self.path
                )
            return None
        try:
            found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            found = {}
        if found.get("key") != self._head["key"]:
            raise SourceUnreadable(
                "{path} is an export with another key.",
                "Choose a new folder, or name that key with --key.",
                path=self.path,
            )
        if {name: found.get(name) for name in self._head} != self._head:
            raise SourceUnreadable(
                "{path} is an export of another selection, or with other options.",
                ANOTHER,
                path=self.path,
            )
        return found

    def record(self, image: str) -> dict[str, Any] | None:
        """Return what an unfinished run wrote about an image, None for nothing."""
        path = self.path / RECORDS / f"{image}.json"
        if not path.exists():
            return None
        with writing(self.path):
            found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        there = all((self.path / name).is_file() for name in found["files"])
        return found if there else None

    def put(self, image: str, files: Mapping[str, bytes], record: Mapping[str, Any]) -> None:
        """Write the files of one image, then its record.

        Raises
        ------
        SourceUnreadable
            They cannot be written.
        """
        for name, content in files.items():
            self._write(name, content)
        self._write(f"{RECORDS}/{image}.json", _json({**record, "files": sorted(files)}))

    def finish(
        self,
        images: Iterable[str],
        tables: Mapping[str, bytes],
        said: Mapping[str, Any],
    ) -> None:
        """Write the tables and the manifest; what belongs to no image of this run goes.

        Parameters
        ----------
        images
            Files of single images.
        tables
            All other files.
        said
            What the manifest says of the export.
        """
        kept = set(images)
        with writing(self.path):
            for folder in FOLDERS:
                for path in sorted((self.path / folder).rglob("*"), reverse=True):
                    if path.is_dir():
                        if not any(path.iterdir()):
                            path.rmdir()
                    elif path.relative_to(self.path).as_posix() not in kept:
                        path.unlink()
            for path in self.path.iterdir():
                if path.is_file() and path.name not in {MANIFEST, *tables}:
                    path.unlink()
        for name, content in tables.items():
            self._write(name, content)
        self._write_manifest({**said, "complete": True})
        with writing(self.path):
            rmtree(self.path / RECORDS)

    def _write_manifest(self, said: Mapping[str, Any]) -> None:
        self._write(MANIFEST, _json({**self._head, **said}))

    def _write(self, name: str, content: bytes) -> None:
        path = self.path / name
        with writing(path):
            make_private(path.parent)
        with AtomicFile(path) as file:
            file.write(content)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the file system says about `path` into our error.

    Raises
    ------
    SourceUnreadable
        It cannot be read or written.
    """
    try:
        yield
    except OSError as exc:
        raise not_written(path, exc) from exc


def _json(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()
