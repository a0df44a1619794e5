"""Dask.distributed: shards are read by the workers of a scheduler, on any number of machines.

Dask starts workers anew that ended, and gives their shards to others. What it cannot know is
ours: after a shard ended some workers, it says `KilledWorker`, and the shard is cut. Workers
need the same hilum, model and settings, and see the sources under the same names; they write
nothing.
"""

import logging
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any, Final, Self

from hilum.dataset.engine import ShardEnd
from hilum.dataset.shards import Shard
from hilum.dataset.worker import read_shard, ready
from hilum.errors import (
    DatasetError,
    HilumError,
    ProgramNotInstalled,
    SchedulerUnavailable,
    WorkerDiffers,
    WorkersDied,
)
from hilum.language import Message

CONNECT_S: Final = 10.0
"""Seconds within which a scheduler answers."""

LOOK_S: Final = 5.0
"""Nothing has ended for so many seconds: are there workers?"""

RESTART_S: Final = 15.0
"""Dask starts a worker again within this, so nobody is told."""

AHEAD: Final = 3
FEWEST: Final = 64
"""Shards that a scheduler has for each thread of its workers, and at least: what starts workers
when there is work looks at them."""


@dataclass(frozen=True, slots=True)
class Patience:
    """What happens while a scheduler has no worker: Dask itself waits without end or word."""

    most_s: float | None = None
    """Seconds until the run ends; None: never."""
    tell: Callable[[Message], object] = str
    """Hears that there is no worker, once each time."""


ENDLESS: Final = Patience()
"""Waits, and says nothing."""


class DaskEngine:
    """Reads shards with the workers of a scheduler. Use as a context manager.

    Parameters
    ----------
    address
        Where the scheduler listens, as ``tcp://host:8786``.
    asked
        Description of the run; see `hilum.dataset.parts.DatasetRun.metadata`.
    patience
        How long to wait for workers.

    Attributes
    ----------
    dashboard
        Address of the scheduler's page.
    workers
        How many workers it had at the start.

    Raises
    ------
    ProgramNotInstalled
        Dask.distributed is not installed.
    SchedulerUnavailable
        No scheduler answers.
    WorkerDiffers
        A worker would not give the same results.
    """

    def __init__(self, address: str, asked: bytes, patience: Patience = ENDLESS) -> None:
        self._dask = _distributed()
        self._address, self._asked, self._patience = address, asked, patience
        logging.getLogger("distributed").setLevel(logging.CRITICAL)  # we say it in one line
        try:
            with warnings.catch_warnings(action="ignore"):  # versions of libraries
                self._client = self._dask.Client(address, timeout=CONNECT_S, set_as_default=False)
        except (OSError, ValueError) as exc:
            raise SchedulerUnavailable(
                "No Dask scheduler answers at {address}.",
                "Start one with `dask scheduler`, and give the address that it says.",
                address=address,
            ) from exc
        self.dashboard: Final[str] = self._client.dashboard_link
        self._ended: SimpleQueue[Any] = SimpleQueue()
        self._shards: dict[Any, Shard] = {}
        self._idle_since: float | None = None
        self._told = False
        try:
            self.workers = self._compare()
        except DatasetError:
            self._client.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    @property
    def room(self) -> int:
        """How many shards the scheduler is given at a time; workers come and go."""
        return max(FEWEST, AHEAD * self._threads())

    def submit(self, shard: Shard) -> None:
        """Give the scheduler a shard."""
        future = self._client.submit(read_shard, shard.packed, self._asked, pure=False)
        self._shards[future] = shard
        future.add_done_callback(self._ended.put)

    def wait(self) -> ShardEnd:
        """Wait for a shard.

        Raises
        ------
        SchedulerUnavailable
            The scheduler has ended, or does not answer any more.
        WorkersDied
            There has been no worker for too long.
        DatasetError
            A worker cannot read for this run.
        HilumError
            What a worker says against the run.
        """
        future = self._next()
        shard = self._shards.pop(future)
        while True:
            try:
                # a result that was lost with its worker is read anew, and waited for
                return ShardEnd(shard, future.result(LOOK_S))
            except self._dask.KilledWorker:
                return ShardEnd(shard, None)
            except Exception as exc:
                if future.status == "error":  # the shard's, not the connection's
                    raise _said(exc) from exc
                if not isinstance(exc, TimeoutError):
                    raise self._gone() from exc
            self._look()

    def _next(self) -> Any:
        """Wait until a shard has ended."""
        while True:
            try:
                future = self._ended.get(timeout=LOOK_S)
            except Empty:
                self._look()
            else:
                self._idle_since, self._told = None, False
                return future

    def _look(self) -> None:
        """Say that there is no worker; end the run when there has been none for too long."""
        if self._threads():
            self._idle_since, self._told = None, False
            return
        now = monotonic()
        self._idle_since = self._idle_since or now
        idle, most = now - self._idle_since, self._patience.most_s
        if most is not None and idle >= most:
            raise WorkersDied(
                "The Dask scheduler at {address} has no worker.",
                "What was read is kept. Start workers, then give the same command: it goes on from "
                "here.",
                address=self._address,
            )
        if idle >= RESTART_S and not self._told:
            self._told = True
            self._patience.tell(self._waiting())

    def _waiting(self) -> Message:
        if self._patience.most_s is None:
            return Message(
                "The Dask scheduler at {address} has no worker. Start one with `dask worker "
                "{address} --nthreads 1`; this run waits for it.",
                address=self._address,
            )
        return Message(
            "The Dask scheduler at {address} has no worker. Start one with `dask worker {address} "
            "--nthreads 1`; this run ends after {minutes:g} minutes without any.",
            address=self._address,
            minutes=self._patience.most_s / 60,
        )

    def _threads(self) -> int:
        """Return how many threads the workers have."""
        try:
            threads: dict[str, int] = self._client.nthreads()
        except (OSError, AttributeError, RuntimeError) as exc:  # Dask's, as the moment is
            raise self._gone() from exc
        return sum(threads.values())

    def _gone(self) -> SchedulerUnavailable:
        return SchedulerUnavailable(
            "The Dask scheduler at {address} does not answer any more.",
            "What was read is kept. Start it again, then give the same command: it goes on "
            "from here.",
            address=self._address,
        )

    def _compare(self) -> int:
        """Let every worker load the model, and say whether it is the same; return how many.

        A worker that ends meanwhile has not answered; the one in its place compares with its first
        shard.
        """
        try:
            answers = self._client.run(_compared, self._asked, on_error="return").values()
        except (OSError, AttributeError, RuntimeError) as exc:
            raise self._gone() from exc
        for failed in answers:
            if failed is not None and not isinstance(failed, OSError):
                raise _said(failed)
        return sum(failed is None for failed in answers)


def _compared(asked: bytes) -> None:
    ready(asked)


def _said(failed: BaseException) -> HilumError:
    """Return what a worker says, as an error of ours."""
    if isinstance(failed, HilumError):
        return failed
    if isinstance(failed, ImportError):
        return WorkerDiffers(
            "A worker has no hilum, or another one: {why}.",
            "Install the same hilum, model and settings on every machine.",
            why=Message.clause(str(failed)),
        )
    return DatasetError(
        "A worker cannot read: {why}.",
        "See the worker's log.",
        why=Message.clause(f"{type(failed).__name__} {failed}"),
    )


def _distributed() -> Any:
    try:
        import distributed  # noqa: PLC0415  an extra, and a second to load
    except ImportError as exc:
        raise ProgramNotInstalled(
            "For --scheduler, Dask is needed.",
            "Install it on every machine: pip install 'hilum[dataset]'.",
        ) from exc
    return distributed
