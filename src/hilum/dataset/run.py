"""A dataset run: every source once, whatever ends on the way.

The driver alone writes, one part a shard; workers only answer. What was answered and not
written when it ends is read again, what was written is not.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic
from typing import Final

from hilum.dataset.engine import DatasetEngine
from hilum.dataset.parts import DatasetRun, drop_rows, resume, write_part
from hilum.dataset.record import Row, row_of
from hilum.dataset.shards import Shard, key_of
from hilum.eligibility import Reason
from hilum.errors import WorkersDied
from hilum.language import Message
from hilum.outcome import Outcome, Status

CRASHED: Final = Reason(
    "crashed",
    Message("reading it ended the process: it crashed, or took too much time or memory"),
)

HOPELESS: Final = 3
"""The first so many sources that are done all ended their process: it is not the sources."""


@dataclass(slots=True)
class Tally:
    """What a run has done so far."""

    total: int = 0
    """Sources of the run, with those that were read before."""
    counts: Counter[Status] = field(default_factory=Counter)
    """Status → images, with those that were read before."""
    before: int = 0
    """Images that were read before."""
    damaged: list[Path] = field(default_factory=list)
    """Parts that are made anew."""
    began: float = field(default_factory=monotonic)

    @property
    def done(self) -> int:
        """Images with a row."""
        return self.counts.total()

    @property
    def rate(self) -> float:
        """Images a second in this run."""
        return (self.done - self.before) / max(monotonic() - self.began, 1e-3)

    @property
    def left_s(self) -> float | None:
        """Seconds until the end at this rate; None as long as nothing is read."""
        return (self.total - self.done) / self.rate if self.rate else None


class DatasetWriter:
    """Takes the rows of one run, and writes each shard's as a part."""

    def __init__(self, folder: Path, run: DatasetRun, tally: Tally, about: Row) -> None:
        self._folder, self._run, self._about = folder, run, about
        self.tally: Final = tally

    def write(self, rows: list[Row]) -> None:
        """Write a part.

        Raises
        ------
        SourceUnreadable
            The disk is full, say.
        """
        write_part(self._folder, self._run, rows)
        self.tally.counts.update(Status(row["status"]) for row in rows)

    def write_crashed(self, shard: Shard) -> None:
        """Write the row of a source that ends whatever process reads it."""
        (candidate,) = shard.candidates()
        outcome = Outcome(candidate.name, Status.FAILED, reasons=(CRASHED,))
        self.write([row_of(outcome, None, self._about)])


def read_before(
    folder: Path, run: DatasetRun, tally: Tally, *, retry_failed: bool = False
) -> set[bytes]:
    """Count what a folder has of a run already; return the keys of its sources.

    Parameters
    ----------
    retry_failed
        Whether the rows of images that failed are taken out, so that these are read again.

    Raises
    ------
    SourceUnreadable
        The folder has results of another run.
    """
    done: set[bytes] = set()
    for part in resume(folder, run):
        if isinstance(part, Path):
            tally.damaged.append(part)
            continue
        rows = [(row["path"], Status(row["status"])) for row in part.table.to_pylist()]
        if retry_failed and any(status is Status.FAILED for _, status in rows):
            drop_rows(part, Status.FAILED)
            rows = [row for row in rows if row[1] is not Status.FAILED]
        done.update(key_of(path) for path, _ in rows)
        tally.counts.update(status for _, status in rows)
    tally.before = tally.done
    return done


def read_shards(
    shards: Iterable[Shard],
    engine: DatasetEngine,
    writer: DatasetWriter,
    told: Callable[[Tally], object],
) -> None:
    """Read and write every shard; whatever ends its process is cut, down to the one source.

    Parameters
    ----------
    told
        Hears how far it is after each part.

    Raises
    ------
    WorkersDied
        Whatever the workers are given, their processes end.
    HilumError
        The run cannot go on; what was written stays.
    """
    waiting = deque(shards)
    suspects: deque[Shard] = deque()
    in_work, condemned = 0, 0
    while waiting or suspects or in_work:
        while waiting and in_work < engine.room:
            engine.submit(waiting.popleft())
            in_work += 1
        if not in_work:
            engine.submit(replace(suspects.popleft(), alone=True))
            in_work += 1
        end = engine.wait()
        in_work -= 1
        if end.rows is not None:
            writer.write(end.rows)
        elif end.shard.count > 1:
            waiting.extendleft(end.shard.cut())
        elif not end.shard.alone:
            suspects.append(end.shard)
        else:
            condemned += 1
            if condemned == HOPELESS and writer.tally.done < HOPELESS:
                raise _hopeless()
            writer.write_crashed(end.shard)
        told(writer.tally)


def _hopeless() -> WorkersDied:
    return WorkersDied(
        "Whatever image they are given, the processes that read end.",
        "Check the memory of the workers, and the kernel's log.",
    )
