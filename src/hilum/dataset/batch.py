"""Read many files: two at a time, in order, with flat memory; no file is lost."""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from time import perf_counter
from typing import Final

from pydicom import Dataset

from hilum import pipeline
from hilum.eligibility import Reason
from hilum.errors import EncodingFailed, HilumError, PacsError
from hilum.files.candidate import Candidate, FileKind, read_dicom
from hilum.language import Message
from hilum.outcome import Outcome, Refused, Status
from hilum.pipeline import PipelineContext, Writing
from hilum.radiograph import ImageUIDs
from hilum.wording import path_reason

log = logging.getLogger(__name__)

AT_ONCE: Final = 2
"""Files in work at a time: one is decoded while the network looks at the other."""


def read_many(
    candidates: Iterable[Candidate],
    context: PipelineContext,
    *,
    writing: Callable[[], Writing] | None = None,
) -> Iterator[Outcome]:
    """Read files in their order; at most a few are in memory at a time.

    Parameters
    ----------
    writing
        Returns what the results of one file need, asked when its turn comes; None when only
        the findings are wanted.

    Yields
    ------
    Outcome
        One a file: read, refused or failed.

    Raises
    ------
    PacsUnavailable
        Earlier reports are asked of a PACS that does not answer now.
    """
    with ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="read") as pool:
        ahead: deque[Future[Outcome]] = deque()
        for candidate in candidates:
            ahead.append(pool.submit(read_one, candidate, context, writing))
            if len(ahead) > AT_ONCE:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


def read_one(
    candidate: Candidate, context: PipelineContext, writing: Callable[[], Writing] | None = None
) -> Outcome:
    """Read one file; see `read_many`."""
    return read_with_header(candidate, context, writing)[0]


def read_with_header(
    candidate: Candidate, context: PipelineContext, writing: Callable[[], Writing] | None = None
) -> tuple[Outcome, Dataset | None]:
    """Read one file; also return the attributes of a DICOM file, as they stand in it.

    Raises
    ------
    HilumError
        What can be tried again: the archive or an object store does not answer now.
    """
    start = perf_counter()
    header: Dataset | None = None
    try:
        now = None if writing is None else writing()
        kind = candidate.kind()
        if kind is FileKind.PICTURE:
            result = pipeline.process(candidate.read(), context, writing=now)
        elif kind is FileKind.DICOM:
            file = read_dicom(candidate)
            header = file.dataset
            result = pipeline.process(file, context, writing=now)
        else:
            return _neither(candidate), None
    except HilumError as exc:
        if exc.retryable:
            raise
        written = isinstance(exc, EncodingFailed | PacsError)
        code = "not_written" if written else "unreadable"
        return _failed(candidate, header, Reason(code, exc.message)), header
    except MemoryError:
        return _failed(candidate, header, path_reason("inference_memory")), header
    except Exception as exc:  # one broken file must not end the reading of a folder
        log.exception("batch.bug")
        return _failed(candidate, header, _bug(exc)), header
    seconds = {**result.seconds, "all": perf_counter() - start}
    uids = None if header is None else ImageUIDs.of(header)
    if isinstance(result, Refused):
        refused = Outcome(candidate.name, Status.REFUSED, uids, result.reasons, seconds=seconds)
        return refused, header
    warnings = result.reading.warnings
    return Outcome(candidate.name, Status.READ, uids, warnings, result, seconds=seconds), header


def _neither(candidate: Candidate) -> Outcome:
    """Say that a file is no image; only a file that was named itself counts as a failure."""
    reason = Reason("not_an_image", Message("neither DICOM, PNG nor JPEG"))
    status = Status.FAILED if candidate.named else Status.REFUSED
    return Outcome(candidate.name, status, reasons=(reason,))


def _failed(candidate: Candidate, header: Dataset | None, reason: Reason) -> Outcome:
    uids = None if header is None else ImageUIDs.of(header)
    return Outcome(candidate.name, Status.FAILED, uids, reasons=(reason,))


def _bug(exc: Exception) -> Reason:
    return Reason(
        "bug",
        Message(
            "hilum failed on this file because of a bug ({kind}); please report it",
            kind=type(exc).__name__,
        ),
    )
