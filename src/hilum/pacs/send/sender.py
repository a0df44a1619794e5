"""The interface of all senders: REST, STOW-RS and C-STORE."""

import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, Protocol

from hilum.errors import SourceUnreadable
from hilum.files.candidate import Candidate
from hilum.language import Message
from hilum.pacs.send.outcome import SendOutcome, SendStatus
from hilum.pacs.send.outgoing import Outgoing

AT_ONCE: Final = 4
"""Files on their way at the same time. More does not help one PACS on one disk."""

WINDOW: Final = 2
"""Files taken from the source for each one on its way, so that no sender waits."""

LAST_SAID_FIRST: Final = 10_000
"""Outcomes that may wait for that of a file before them."""


class Sender(Protocol):
    """One way to a PACS. Safe to call from several threads at once."""

    def check(self) -> None:
        """Make sure that the PACS is there and accepts the credentials.

        Raises
        ------
        PacsUnavailable
            No answer, or not now.
        PacsRefused
            It answers, but it is not what the address says, or does not let us in.
        """

    def expect(self, kinds: Iterable[tuple[str, str]]) -> None:
        """Note the SOP Class and Transfer Syntax UIDs of the files that will come."""

    def send(self, file: Outgoing) -> SendOutcome:
        """Send one file, its data set byte for byte; sending it again changes nothing.

        Never raises for what the PACS does: the outcome says it.
        """

    def close(self) -> None:
        """End the connections."""


def deliver(
    sources: Iterable[Candidate], sender: Sender, *, at_once: int = AT_ONCE
) -> Iterator[SendOutcome]:
    """Send each source and yield the outcome of it, in their order; `sender` stays open.

    Memory stays flat: `sources` is drawn from as the files go. A slow file holds back only
    what is said of those behind it, not their sending.
    """
    under_way: deque[Future[SendOutcome]] = deque()
    room = threading.Semaphore(WINDOW * at_once)
    with ThreadPoolExecutor(at_once, thread_name_prefix="send") as threads:
        try:
            for source in sources:
                room.acquire()
                under_way.append(threads.submit(send_one, source, sender))
                under_way[-1].add_done_callback(lambda _: room.release())
                while under_way and (under_way[0].done() or len(under_way) > LAST_SAID_FIRST):
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:  # Ctrl-C: what has not begun never begins
            threads.shutdown(cancel_futures=True)


def send_one(source: Candidate, sender: Sender) -> SendOutcome:
    """Send one source and return the outcome of it."""
    try:
        if not source.is_dicom():
            return SendOutcome(
                source.name,
                SendStatus.NOT_DICOM,
                Message("not a DICOM file"),
                expected=source.named,
            )
        file = Outgoing.from_bytes(source.read(), name=source.name, path=source.path)
    except SourceUnreadable as exc:
        return SendOutcome(source.name, SendStatus.FAILED, exc.message)
    return sender.send(file)
