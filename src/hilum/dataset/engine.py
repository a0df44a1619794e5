"""Where shards are read: by processes of this machine here, by Dask's in `cluster`."""

from dataclasses import dataclass
from multiprocessing import Pipe, get_all_start_methods, get_context
from multiprocessing.connection import Connection, wait
from typing import Any, Final, NamedTuple, Protocol, Self

from hilum.dataset.record import Row
from hilum.dataset.shards import Shard
from hilum.dataset.worker import serve
from hilum.errors import HilumError, WorkersDied
from hilum.runtime import fork_server

PRELOADED: Final = "hilum.dataset.preload"

FALSE_STARTS: Final = 3
"""Processes in a row that end before they are ready."""


class ShardEnd(NamedTuple):
    """What became of a shard."""

    shard: Shard
    rows: list[Row] | None
    """One a source; None when the process that read it ended."""


class DatasetEngine(Protocol):
    """Reads shards somewhere."""

    @property
    def room(self) -> int:
        """How many shards it takes at a time."""
        ...

    def submit(self, shard: Shard) -> None:
        """Begin to read a shard."""
        ...

    def wait(self) -> ShardEnd:
        """Wait for a shard that was submitted, whichever ends first.

        Raises
        ------
        HilumError
            The run cannot go on.
        """
        ...


@dataclass(slots=True, eq=False)
class LocalWorker:
    """One process of this machine."""

    process: Any
    connection: Connection
    shard: Shard | None = None
    ready: bool = False


class LocalEngine:
    """Reads shards with processes of this machine, one thread each. Use as a context manager.

    Parameters
    ----------
    asked
        Description of the run; see `hilum.dataset.parts.DatasetRun.metadata`.
    count
        How many processes.
    """

    def __init__(self, asked: bytes, count: int) -> None:
        self._asked, self.room = asked, count
        method = "forkserver" if "forkserver" in get_all_start_methods() else "spawn"
        self._processes: Any = get_context(method)  # each has its own Process
        if method == "forkserver":
            fork_server.begin(PRELOADED)
        self._false_starts = 0
        self._workers = [self._started() for _ in range(count)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.process.join()

    def submit(self, shard: Shard) -> None:
        """Begin to read a shard; there is a free process."""
        worker = next(worker for worker in self._workers if worker.shard is None)
        worker.shard = shard
        if worker.ready:
            self._give(worker)

    def wait(self) -> ShardEnd:
        """Wait for a shard.

        Raises
        ------
        WorkersDied
            Processes end before they are ready.
        HilumError
            What a process says against the run.
        """
        while True:
            for connection in wait([worker.connection for worker in self._workers]):
                worker = next(each for each in self._workers if each.connection is connection)
                end = self._heard(worker)
                if end is not None:
                    return end

    def _heard(self, worker: LocalWorker) -> ShardEnd | None:
        """Take what one process says, or that it ended; return its shard's end."""
        try:
            said = worker.connection.recv()
        except (EOFError, OSError):
            return self._replaced(worker)
        if isinstance(said, HilumError):
            raise said
        if said is None:
            worker.ready, self._false_starts = True, 0
            if worker.shard is not None:
                self._give(worker)
            return None
        shard, worker.shard = worker.shard, None
        return None if shard is None else ShardEnd(shard, said)

    def _replaced(self, worker: LocalWorker) -> ShardEnd | None:
        """Start another process in the place of one that ended."""
        worker.process.kill()
        worker.process.join()
        worker.connection.close()
        was_ready, shard = worker.ready, worker.shard
        anew = self._started()
        worker.process, worker.connection, worker.ready = anew.process, anew.connection, False
        if was_ready and shard is not None:
            worker.shard = None
            return ShardEnd(shard, None)
        self._false_starts += not was_ready
        if self._false_starts > FALSE_STARTS:
            raise WorkersDied(
                "The processes that read images end as they start.",
                "Check the kernel's log for lack of memory.",
            )
        return None

    def _give(self, worker: LocalWorker) -> None:
        assert worker.shard is not None, "whoever calls has looked"  # noqa: S101
        try:
            worker.connection.send_bytes(worker.shard.packed)
        except OSError:  # it has just ended: `wait` hears of it
            return

    def _started(self) -> LocalWorker:
        ours, theirs = Pipe()
        process = self._processes.Process(target=serve, args=(theirs, self._asked), daemon=True)
        process.start()
        theirs.close()
        return LocalWorker(process, ours)
