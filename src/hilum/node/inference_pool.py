"""The inference pool: an image that breaks one worker takes nothing else with it.

Each worker is a pool of one process, so that workers share no pipe and no lock: whatever
happens to one, at whatever moment, the others do not notice. They are forked from a
process that has loaded the libraries once (multiprocessing's forkserver).
"""

import multiprocessing
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from concurrent.futures.process import BrokenProcessPool
from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path
from time import monotonic
from typing import Any, Final, Self, TypeVar

from pebble import CONSTS, ProcessExpired, ProcessPool

from hilum.errors import InferenceTimeout, InferenceWorkerDied
from hilum.node import PRELOADED, inference_process
from hilum.node.fair_queue import FairQueue, lent
from hilum.node.file_buffer import FileBuffer, buffer_folder
from hilum.node.processed import ProcessedImage
from hilum.reading import ModelIdentity
from hilum.runtime import fork_server
from hilum.runtime.cores import core_count
from hilum.settings import Settings
from hilum.telemetry.logs import line_sink

LOOK_S: Final = 0.5
"""Seconds between two looks whether the process that was asked still lives."""

HELLO_S: Final = 60.0
"""Longer than any model takes to load."""

GRACE_S: Final = 10.0
"""Longer than pebble takes to end a process whose time is over, and to say so."""

END_S: Final = 10.0
"""Longer than a pool takes to end, unless it never will."""

CONSTS.term_timeout = 0.1  # workers ignore SIGTERM: pebble asks, then kills

PAGE_S: Final = 30.0
"""Seconds that a picture for the page may take: nobody looks at a page for longer."""

PAGE_NICE: Final = 10
"""Of its process: images are read first, at nine tenths of a core that both want (sched(7))."""

T = TypeVar("T")


class InferencePool:
    """All inference workers of one node or `hilum worker`. Safe for several threads."""

    def __init__(self, settings: Settings, *, in_demonstration: bool = False) -> None:
        cores = core_count()
        self.count: Final = settings.node.inference_workers or cores
        self._timeout_s = settings.node.inference_timeout_s
        threads = settings.model.threads or max(1, cores // self.count)
        own = settings.changed("model", threads=threads)
        fork_server.begin(PRELOADED)
        spare = buffer_folder(settings.data_folder)
        self._workers = [
            InferenceWorker(own, spare, in_demonstration=in_demonstration)
            for _ in range(self.count)
        ]
        self._line = FairQueue(self._workers)
        # by itself: whoever looks at many large pictures takes no worker from images
        self._for_page = InferenceWorker(
            own, spare, in_demonstration=in_demonstration, niceness=PAGE_NICE
        )
        self._page_line = FairQueue([self._for_page])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def warm(self) -> None:
        """Start all processes and let them load the model; returns once they are forked."""
        for worker in self._workers:
            worker.warm()

    def close(self) -> None:
        """End all workers, whatever they do."""
        for worker in (*self._workers, self._for_page):
            worker.close()

    def hello(self) -> ModelIdentity:
        """Return which model reads.

        Raises
        ------
        ModelError
            There is none, or it cannot be used.
        SettingInvalid
            The site's codes file cannot be used.
        InferenceWorkerDied, InferenceTimeout
            The process ended or hung while it loaded the model.
        """
        with lent(self._line) as worker:
            return worker.call(HELLO_S, inference_process.hello)

    def read(
        self,
        file: bytes,
        earlier: Sequence[bytes],
        when: datetime,
        self_test: str | None = None,
        *,
        urgent: bool = False,
    ) -> ProcessedImage:
        """Analyze one file; waits for a free worker, an urgent one before others.

        Raises
        ------
        InferenceWorkerDied
            The worker ended; a new one takes its place.
        InferenceTimeout
            It took longer than ``node.inference_timeout_s`` and was ended.
        """
        with lent(self._line, urgent=urgent) as worker:
            return worker.hand_over(
                file, self._timeout_s, inference_process.read, tuple(earlier), when, self_test
            )

    def document(self, file: bytes, name: str) -> Mapping[str, Any]:
        """Return what is found on a file of any kind, as a hilum.reading/1 document.

        Raises
        ------
        ModelError
            There is no usable model.
        InferenceWorkerDied, InferenceTimeout
            See `read`.
        """
        with lent(self._line) as worker:
            return worker.hand_over(file, self._timeout_s, inference_process.document, name)

    def page(self, function: Callable[..., Any], file: bytes, *arguments: Any) -> Any:
        """Return what a function of `hilum.node.page_work` makes of a file for the page.

        Raises
        ------
        SourceUnreadable, RadiographRefused
            The file is damaged, or has no pixels that can be shown.
        InferenceWorkerDied, InferenceTimeout
            See `read`.
        """
        most = min(PAGE_S, self._timeout_s)
        with lent(self._page_line) as worker:
            return worker.hand_over(file, most, inference_process.page, function, *arguments)


class InferenceWorker:
    """One worker process; when it ends, the next call starts a new one."""

    def __init__(
        self, settings: Settings, spare: Path, *, in_demonstration: bool, niceness: int = 0
    ) -> None:
        self.buffer: Final = FileBuffer(spare)
        self._settings = settings
        self._in_demonstration = in_demonstration
        self._niceness = niceness
        self._pool = self._new_pool()
        self._closed = False

    def warm(self) -> None:
        """Let the process start and load the model, without waiting for it."""
        self._pool.schedule(inference_process.hello)

    def hand_over(
        self, file: bytes, timeout_s: float, function: Callable[..., T], *arguments: Any
    ) -> T:
        """Return what the function says of a file, whose path it is given first; see `call`."""
        try:
            with self.buffer.holding(file) as path:
                return self.call(timeout_s, function, path, *arguments)
        except (FileNotFoundError, PermissionError):
            self.buffer.close()  # a sandbox in which no process opens what is another's
        with self.buffer.holding(file) as path:
            return self.call(timeout_s, function, path, *arguments)

    def call(self, timeout_s: float, function: Callable[..., T], *arguments: Any) -> T:
        """Return what the function says in the process; start another one if it had ended.

        Raises
        ------
        InferenceWorkerDied
            It ended on the way.
        InferenceTimeout
            It took too long.
        """
        try:
            return self._call(timeout_s, function, *arguments)
        except BrokenProcessPool as exc:  # it had ended before, with nothing to do
            if self._closed:
                raise _died() from exc
            self._replace()
        try:
            return self._call(timeout_s, function, *arguments)
        except BrokenProcessPool as exc:
            self._replace()
            raise _died() from exc

    def close(self) -> None:
        """End the process, and give back what it read from."""
        self._closed = True
        _ending(self._pool).join(END_S)
        self.buffer.close()

    def _call(self, timeout_s: float, function: Callable[..., T], *arguments: Any) -> T:
        try:
            future: Future[T] = self._pool.schedule(function, args=arguments, timeout=timeout_s)
        except RuntimeError as exc:  # pebble has seen already that the process ended
            raise BrokenProcessPool from exc
        deadline = monotonic() + timeout_s + GRACE_S
        while not wait([future], timeout=LOOK_S).done:
            if not self._pool.active and not future.done():
                raise BrokenProcessPool  # the process ended before pebble took the task up
            if monotonic() > deadline:  # it ended between taking the task and saying so
                self._replace()
                raise _too_slow(timeout_s)
        try:
            return future.result()
        except ProcessExpired as exc:
            self._replace()
            raise _died() from exc
        except TimeoutError as exc:
            self._replace()
            raise _too_slow(timeout_s) from exc

    def _replace(self) -> None:
        """Take another pool: a process that was killed may have left half an answer in its pipe.

        Nobody waits for the old one, which waits for the other half.
        """
        _ending(self._pool)
        self._pool = self._new_pool()

    def _new_pool(self) -> ProcessPool:
        return ProcessPool(
            max_workers=1,
            initializer=_initialize,
            initargs=(self._settings, line_sink(), self._in_demonstration, self._niceness),
            context=multiprocessing.get_context("forkserver"),
        )


def _initialize(
    settings: Settings,
    lines: Connection,
    in_demonstration: bool,  # noqa: FBT001  pebble's call
    niceness: int,
) -> None:
    os.nice(niceness)
    inference_process.initialize(settings, lines, in_demonstration=in_demonstration)


def _ending(pool: ProcessPool) -> threading.Thread:
    """End a pool; return who sees to it."""

    def end() -> None:
        pool.stop()  # type: ignore[no-untyped-call]
        pool.join()

    thread = threading.Thread(target=end, name="end of a worker", daemon=True)
    thread.start()
    return thread


def _died() -> InferenceWorkerDied:
    return InferenceWorkerDied(
        "The process that read it ended.",
        "Check the kernel's log for lack of memory, and the image.",
    )


def _too_slow(timeout_s: float) -> InferenceTimeout:
    return InferenceTimeout(
        "Reading took longer than {timeout_s:g} s (node.inference_timeout_s) and was ended.",
        "Check the image; raise the setting if your images are very large.",
        timeout_s=timeout_s,
    )
