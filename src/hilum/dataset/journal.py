"""The JSON document of ``hilum read``, written as it goes and safe at kill -9.

While files are read, each row is one line of ``FILE.partial``; when all are read the
rows become the document ``FILE`` in one rename. Reading the same files again after an
interruption takes the rows that are already there, if model and settings are the same.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from hilum.files.atomic import AtomicFile, interrupted, not_written, ordinary


class ReadingJournal:
    """Rows of one document that is being written.

    Parameters
    ----------
    head
        Everything of the document but its rows; rows of another head are not resumed.
    wanted
        What else is done with each file, e.g. that its results are stored: rows of a run
        that did not do it are not resumed either.
    resume
        Take the rows of an interrupted run; False begins anew.

    Attributes
    ----------
    done
        Key → status of the rows of an earlier, interrupted run.

    Raises
    ------
    SourceUnreadable
        The folder cannot be written to.
    """

    def __init__(
        self,
        path: Path,
        head: Mapping[str, Any],
        *,
        wanted: Mapping[str, Any] | None = None,
        resume: bool = True,
    ) -> None:
        self.path = path = ordinary(path)
        self.partial = path.with_name(path.name + ".partial")
        self._head = dict(head)
        self._first_line = self._line({"head": self._head, "wanted": dict(wanted or {})})
        rows = self._whole_lines() if resume else ()
        self.done = {key: str(row.get("status")) for key, row in rows}
        try:
            if self.done:
                self._cut_torn_line()
                self._file = self.partial.open("a", encoding="utf-8")
            else:
                self._file = self.partial.open("w", encoding="utf-8")
                self._write(self._first_line)
        except OSError as exc:
            raise not_written(path, exc) from exc

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        with suppress(OSError):  # what a full disk did not take was told when it was written
            self._file.close()

    def append(self, key: str, row: Mapping[str, Any]) -> None:
        """Add the row of one file; it is on disk when this returns.

        Raises
        ------
        SourceUnreadable
            It cannot be written; the rows before it stay.
        """
        try:
            self._write(self._line({"key": key, "row": row}))
        except OSError as exc:
            raise interrupted(self.partial, exc) from exc

    def finish(self) -> None:
        """Turn the rows into the document, in one rename.

        Raises
        ------
        SourceUnreadable
            The document cannot be written; its rows stay.
        """
        self._file.close()
        with AtomicFile(self.path) as out:
            head = json.dumps(self._head, indent=1, ensure_ascii=False)
            out.write(head.removesuffix("\n}") + ',\n "readings": [')
            for number, (_, row) in enumerate(self._whole_lines()):
                out.write(",\n  " if number else "\n  ")
                json.dump(row, out, ensure_ascii=False, allow_nan=False)
            out.write("\n ]\n}\n")
        self.partial.unlink()

    def _write(self, line: str) -> None:
        self._file.write(line)
        self._file.flush()
        os.fsync(self._file.fileno())

    @staticmethod
    def _line(line: Mapping[str, Any]) -> str:
        return json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n"

    def _whole_lines(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield (key, row) of each line that was written whole, under the same head."""
        if not self.partial.exists():
            return
        with self.partial.open(encoding="utf-8") as lines:
            if next(lines, "") != self._first_line:
                return
            for line in lines:
                if line.endswith("\n"):  # the last one may have been cut by a kill
                    entry = json.loads(line)
                    yield entry["key"], entry["row"]

    def _cut_torn_line(self) -> None:
        text = self.partial.read_bytes()
        whole = text.rfind(b"\n") + 1
        if whole != len(text):
            with self.partial.open("r+b") as file:
                file.truncate(whole)
