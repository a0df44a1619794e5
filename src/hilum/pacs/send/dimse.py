"""Sending over the DICOM network: C-STORE as a service class user.

Each association proposes exactly the pairs of SOP class and transfer syntax that the files
need, one transfer syntax in each presentation context, so that the peer answers for each
pair and nothing is converted. Files go from disk as they are.

Sources
-------
PS3.7 9.1.1 (C-STORE), PS3.8 9.3.2 (at most 128 presentation contexts: odd numbers of one
byte).
"""

import ssl
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Final

from pydicom import Dataset
from pynetdicom import _config
from pynetdicom.association import Association
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]  # made at import

from hilum.errors import PacsError, PacsRefused, PacsUnavailable
from hilum.pacs.send.associations import OpenAssociation, Opener, Pair
from hilum.pacs.send.outcome import SendOutcome, SendStatus, meaning
from hilum.pacs.send.outgoing import MAX_UID_CHARACTERS, Outgoing
from hilum.pacs.send.target import DicomTarget

CALLING_AET: Final = "HILUM"
"""AE title that we call ourselves when none is given."""

MAX_CONTEXTS: Final = 128
"""Presentation contexts of one association (PS3.8 9.3.2.2)."""

MAX_LINES: Final = 32
"""Associations with one peer at the same time."""

PATIENCE_S: Final = 5.0
"""What a further association may take. Some peers serve one at a time and let others wait."""

UNANSWERED: Final = 4
"""So many files in a row without an answer, and no other is tried."""


class DimseSender:
    """Keeps the promises of `Sender` with C-STORE."""

    def __init__(
        self,
        target: DicomTarget,
        *,
        calling_aet: str = CALLING_AET,
        timeout_s: float = 30.0,
        context: ssl.SSLContext | None = None,
    ) -> None:
        # pynetdicom's documented switch for sending a file's bytes without decoding them
        _config.STORE_SEND_CHUNKED_DATASET = True
        self._target = target
        self._timeout_s = timeout_s
        self._opener = Opener(target, calling_aet=calling_aet, timeout_s=timeout_s, context=context)
        self._changed = threading.Condition()
        self._idle: list[OpenAssociation] = []
        self._lines = 0  # idle ones and those in use
        self._opened = 0
        self._most = MAX_LINES
        self._unanswered = 0
        self._pairs: dict[Pair, None] = {}  # in the order in which they were met

    def check(self) -> None:
        """Make sure that the peer is there and accepts our association: C-ECHO."""
        echo = Pair(str(Verification), "1.2.840.10008.1.2")
        line = self._opener.open(frozenset({echo}))
        try:
            if line.accepted:  # else: it stores, though it cannot be asked
                line.association.send_c_echo()
        finally:
            line.association.release()

    def expect(self, kinds: Iterable[tuple[str, str]]) -> None:
        """Note what will come, so that few associations carry all of it."""
        with self._changed:
            self._pairs |= dict.fromkeys(Pair(*kind) for kind in kinds)

    def send(self, file: Outgoing) -> SendOutcome:
        """Send one file; the outcome says what the peer did with it."""
        pair = Pair(file.sop_class_uid, file.transfer_syntax_uid)
        longest = max(map(len, (*pair, file.sop_instance_uid)))
        if longest > MAX_UID_CHARACTERS:
            return file.ended(
                SendStatus.REFUSED,
                "One of its UIDs has {longest} characters, and C-STORE carries "
                "{max_uid_characters} at most. Send it over HTTP, or export it again.",
                longest=longest,
                max_uid_characters=MAX_UID_CHARACTERS,
            )
        if self._unanswered >= UNANSWERED:
            return file.ended(
                SendStatus.FAILED,
                "Not sent: {target} did not answer {unanswered} files in a row.",
                target=self._target,
                unanswered=UNANSWERED,
            )
        try:
            return self._sent(file, pair)
        except PacsError as exc:
            return file.lost(exc)

    def close(self) -> None:
        """Release the associations."""
        with self._changed:
            idle, self._idle = self._idle, []
            self._lines -= len(idle)
        for line in idle:
            line.association.release()

    def _sent(self, file: Outgoing, pair: Pair) -> SendOutcome:
        """Send one file on an association, on a second one if the first was idle and is gone."""
        while True:
            line, idle = self._borrow(pair)
            if pair not in line.accepted:
                self._give_back(line)
                return file.ended(
                    SendStatus.REFUSED,
                    "{target} does not accept {pair}.",
                    target=self._target,
                    pair=pair,
                )
            begun = monotonic()
            with on_disk(file) as path:
                answer = store(line.association, path)
            if "Status" in answer:
                self._unanswered = 0
                self._give_back(line)
                sent, detail = meaning(int(answer.Status))
                detail = "" if sent is SendStatus.STORED else detail
                return file.ended(sent, detail)
            line.association.abort()  # it may not know yet that it is over
            self._give_back(line)
            if monotonic() - begun >= self._timeout_s:
                self._unanswered += 1
                waited = f"{self._timeout_s:g} s"
                return file.ended(
                    SendStatus.FAILED,
                    "{target} did not answer within {waited}.",
                    target=self._target,
                    waited=waited,
                )
            if not idle:
                return file.ended(
                    SendStatus.FAILED,
                    "{target} closed the connection while the file was being sent.",
                    target=self._target,
                )

    def _borrow(self, pair: Pair) -> tuple[OpenAssociation, bool]:
        """Return an association on which `pair` was proposed, and whether it was there already.

        A peer that does not open another one while it has some is asked for no more: whoever
        needs one waits for those.
        """
        while True:
            with self._changed:
                self._pairs.setdefault(pair)
                line, superseded = self._taken(pair)
                while line is None and not superseded and self._lines >= self._most:
                    self._changed.wait()
                    line, superseded = self._taken(pair)
                others = self._lines
                proposed = self._proposal(pair)
                self._lines += line is None
                self._opened += line is None
                opened = self._opened
            for each in superseded:
                each.association.release()
            if line is not None:
                return line, True
            try:
                patience = min(PATIENCE_S, self._timeout_s) if others else None
                return self._opener.open(proposed, patience_s=patience), False
            except PacsUnavailable:
                with self._changed:
                    self._lines -= 1
                    self._changed.notify()
                    if not others and opened == self._opened:
                        raise  # it was alone: no other one is why
                    self._most = max(self._lines, 1)
            except PacsRefused:
                with self._changed:
                    self._lines -= 1
                    self._changed.notify()
                raise

    def _taken(self, pair: Pair) -> tuple[OpenAssociation | None, list[OpenAssociation]]:
        """Return an idle association for `pair`; without one, those to be released for it."""
        alive = [line for line in self._idle if line.association.is_established]
        self._lines -= len(self._idle) - len(alive)
        self._idle = alive
        for line in self._idle:
            if pair in line.proposed:
                self._idle.remove(line)
                return line, []
        wider = self._proposal(pair)
        surplus = [line for line in self._idle if line.proposed < wider]
        if not surplus and self._lines >= self._most:
            surplus = self._idle[:1]
        self._idle = [line for line in self._idle if line not in surplus]
        self._lines -= len(surplus)
        return None, surplus

    def _proposal(self, pair: Pair) -> frozenset[Pair]:
        """Return the pairs that an association for `pair` carries."""
        pairs = list(self._pairs)
        first = pairs.index(pair) // MAX_CONTEXTS * MAX_CONTEXTS
        return frozenset(pairs[first : first + MAX_CONTEXTS])

    def _give_back(self, line: OpenAssociation) -> None:
        with self._changed:
            if line.association.is_established:
                self._idle.append(line)
            else:
                self._lines -= 1
            self._changed.notify()


@contextmanager
def on_disk(file: Outgoing) -> Iterator[Path]:
    """Give the path of a file with exactly the bytes to be sent, made for the time if need be."""
    if file.path is not None:
        yield file.path
        return
    with tempfile.NamedTemporaryFile(suffix=".dcm") as copy:
        copy.write(file.content)
        copy.flush()
        yield Path(copy.name)


def store(association: Association, path: Path) -> Dataset:
    """Send one C-STORE request and return its response, empty when there was none."""
    try:
        return association.send_c_store(path)
    except RuntimeError:  # the association ended since it was looked at
        return Dataset()
