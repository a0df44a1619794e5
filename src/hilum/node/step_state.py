"""What the steps of the work on one image remember of it, as little JSON."""

from base64 import b64decode, b64encode
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from hilum.eligibility import Reason
from hilum.jobs.workflow import END, StepState
from hilum.node.processed import ProcessedImage
from hilum.outcome import Status
from hilum.records import drift
from hilum.records.images import Settlement
from hilum.records.states import State
from hilum.records.stored_reading import CompressedReading, StoredReading, squeezed, whole

STATE_OF: Final = {
    Status.READ: State.STORED,
    Status.REFUSED: State.REFUSED,
    Status.FAILED: State.FAILED,
}
"""Status of an answer → state of the image once its results are in the PACS."""


def answer_state(answer: ProcessedImage) -> StepState:
    """Return what the step state keeps of an answer."""
    sample = answer.sample
    return {
        "status": answer.status.value,
        "reasons": _reasons(answer.reasons),
        "results": [result.sop_instance_uid for result in answer.results],
        "by": answer.model,
        "reading": None if answer.reading is None else packed(answer.reading),
        **({} if answer.about is None else {"about": dict(answer.about)}),
        **({} if sample is None else {"sample": [sample[0], b64encode(sample[1]).decode()]}),
    }


def job_end(state: State, *reasons: Reason) -> StepState:
    """Return what sends a job to its last step."""
    return {END: state.value, "reasons": _reasons(reasons), "results": []}


def _reasons(reasons: Sequence[Reason]) -> list[list[Any]]:
    return [reason.stored for reason in reasons]


def settlement(done: StepState, reading: StoredReading | None) -> Settlement:
    """Return how the work on an image ended."""
    state = done[END] if END in done else STATE_OF[Status(done["status"])]
    model = {} if reading is None else reading.document["model"]
    return Settlement(
        State(state),
        tuple(Reason.of_stored(reason) for reason in done.get("reasons", ())),
        tuple(done.get("results", ())),
        tuple(done.get("stored_as", ())),
        f"{model['name']} {model['version']}" if model else None,
        done.get("seconds", {}),
    )


def drift_sample(
    done: StepState, end: Settlement, reading: StoredReading | None, now: datetime
) -> drift.DriftSample | None:
    """Return what is counted of an image, so that drift is seen; None when no model saw it."""
    if not done.get("by") or end.state not in {State.STORED, State.REFUSED}:
        return None
    codes = [reason.code for reason in end.reasons] if end.state is State.REFUSED else []
    return drift.seen_in(done["by"], now, None if reading is None else reading.document, codes)


def feature_sample(done: StepState) -> tuple[str, bytes] | None:
    """Return under which name an image's features are kept, and these; None where they are not."""
    key, features = done.get("sample") or (None, "")
    return None if key is None else (key, b64decode(features))


def packed(reading: StoredReading) -> list[Any]:
    """Return a reading as little JSON, for the step state."""
    document, maps, *rest = squeezed(reading)
    return [b64encode(document).decode(), b64encode(maps).decode(), *rest]


def unpacked(packet: Sequence[Any]) -> StoredReading:
    """Return the reading of a step state."""
    document, maps, *rest = packet
    return whole(CompressedReading(b64decode(document), b64decode(maps), *rest))
