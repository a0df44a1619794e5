"""Read many files: decoding overlaps the network, memory stays flat, no file is lost."""

import logging
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from time import perf_counter
from typing import Final

from hilum import dicomfile, pipeline
from hilum.arrive import Candidate, Kind, read_dicom
from hilum.errors import HilumError, RadiographRefused
from hilum.outcome import Outcome, Status
from hilum.pipeline import Prepared, Reader
from hilum.verdict import Reason

log = logging.getLogger(__name__)

DECODERS: Final = 2
"""Files that are decoded while the network looks at another one: enough to keep it busy."""


Ending = tuple[Status, tuple[Reason, ...]]
"""How an attempt ended without a reading, and why."""


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """A file after all that needs no model.

    Attributes
    ----------
    end
        What the network takes, or how the attempt ended already.
    sop_instance_uid
        SOP Instance UID, None when there is none.
    seconds
        Time that opening, gate and pixels took.
    """

    end: Prepared | Ending
    sop_instance_uid: str | None
    seconds: float


def read_many(candidates: Iterable[Candidate], reader: Reader) -> Iterator[Outcome]:
    """Read files in their order; at most a few are in memory at a time.

    Parameters
    ----------
    candidates
        Files, as `hilum.arrive.find_candidates` names them.
    reader
        The model and the settings.

    Yields
    ------
    Outcome
        One a file: read, refused or failed.
    """
    with ThreadPoolExecutor(max_workers=DECODERS, thread_name_prefix="decode") as pool:
        ahead: deque[tuple[Candidate, Future[Opened]]] = deque()
        for candidate in candidates:
            ahead.append((candidate, pool.submit(open_one, candidate, reader)))
            if len(ahead) > DECODERS:
                waiting, future = ahead.popleft()
                yield close_one(waiting, future.result(), reader)
        while ahead:
            waiting, future = ahead.popleft()
            yield close_one(waiting, future.result(), reader)


def open_one(candidate: Candidate, reader: Reader) -> Opened:
    """Open one file and take it through the gate and the pixels."""
    start = perf_counter()
    end: Prepared | Ending
    uid: str | None = None
    try:
        kind = candidate.kind()
        if kind is Kind.PICTURE:
            end = pipeline.prepare_picture(candidate.read(), reader)
        elif kind is Kind.DICOM:
            dataset = read_dicom(candidate)
            uid = dicomfile.text(dataset, "SOPInstanceUID") or None
            end = pipeline.prepare(dataset, reader)
        else:
            end = _neither(candidate)
    except RadiographRefused as exc:
        end = Status.REFUSED, exc.reasons
    except HilumError as exc:
        end = Status.FAILED, (Reason("unreadable", str(exc)),)
    except Exception as exc:  # one broken file must not end the reading of a folder
        log.exception("batch.bug")
        end = Status.FAILED, (_bug(exc),)
    return Opened(end, uid, perf_counter() - start)


def close_one(candidate: Candidate, opened: Opened, reader: Reader) -> Outcome:
    """Let the model see what was opened, and say what became of the file."""
    seconds = {"prepare": opened.seconds}
    if not isinstance(opened.end, Prepared):
        status, reasons = opened.end
        return Outcome(
            candidate.name, status, opened.sop_instance_uid, reasons=reasons, seconds=seconds
        )
    start = perf_counter()
    reading = pipeline.predict(opened.end, reader)
    return Outcome(
        candidate.name,
        Status.READ,
        opened.sop_instance_uid,
        reasons=reading.warnings,
        reading=reading,
        seconds=seconds | {"predict": perf_counter() - start},
    )


def _neither(candidate: Candidate) -> Ending:
    """Say that a file is no image; only a file that was named itself counts as a failure."""
    reason = Reason("not_an_image", "neither DICOM, PNG nor JPEG")
    return (Status.FAILED if candidate.named else Status.REFUSED), (reason,)


def _bug(exc: Exception) -> Reason:
    return Reason(
        "bug", f"hilum has a fault that this file shows ({type(exc).__name__}); please report it"
    )
