"""Dask.distributed: shards are read by the workers of a scheduler, on any number of machines.

Dask starts workers anew that ended, and gives their shards to others. What it cannot know is
ours: after a shard ended some workers, it says `KilledWorker`, and the shard is cut. Workers
need the same hilum, model and settings, and see the sources under the same names; they write
nothing.
"""

import logging
import warnings
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
)
from hilum.language import Message

CONNECT_S: Final = 10.0
"""Seconds within which a scheduler answers."""

AHEAD: Final = 3
FEWEST: Final = 64
"""Shards that a scheduler has for each thread of its workers, and at least: what starts workers
when there is work looks at them."""


class DaskEngine:
    """Reads shards with the workers of a scheduler. Use as a context manager.

    Parameters
    ----------
    address
        Where the scheduler listens, as ``tcp://host:8786``.
    asked
        Description of the run; see `hilum.dataset.parts.DatasetRun.metadata`.

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

    def __init__(self, address: str, asked: bytes) -> None:
        self._dask = _distributed()
        self._address, self._asked = address, asked
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
        self._ended = self._dask.as_completed(loop=self._client.loop)
        self._shards: dict[Any, Shard] = {}
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
        threads: dict[str, int] = self._client.nthreads()
        return max(FEWEST, AHEAD * sum(threads.values()))

    def submit(self, shard: Shard) -> None:
        """Give the scheduler a shard."""
        future = self._client.submit(read_shard, shard.packed, self._asked, pure=False)
        self._shards[future] = shard
        self._ended.add(future)

    def wait(self) -> ShardEnd:
        """Wait for a shard.

        Raises
        ------
        SchedulerUnavailable
            The scheduler has ended, or does not answer any more.
        DatasetError
            A worker cannot read for this run.
        HilumError
            What a worker says against the run.
        """
        future = next(self._ended)
        shard = self._shards.pop(future)
        try:
            # a result that was lost with its worker is read anew, and waited for
            return ShardEnd(shard, future.result())
        except self._dask.KilledWorker:
            return ShardEnd(shard, None)
        except Exception as exc:
            if future.status == "error":  # the shard's, not the connection's
                raise _said(exc) from exc
            raise SchedulerUnavailable(
                "The Dask scheduler at {address} does not answer any more.",
                "What was read is kept. Start it again, then give the same command: it goes on "
                "from here.",
                address=self._address,
            ) from exc

    def _compare(self) -> int:
        """Let every worker load the model, and say whether it is the same; return how many."""
        answers: dict[str, Any] = self._client.run(_compared, self._asked, on_error="return")
        for failed in answers.values():
            if failed is not None:
                raise _said(failed)
        return len(answers)


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
