"""Images whose work has ended, with what their study says: what an evaluation asks for."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, and_, select

from hilum.eligibility import Reason
from hilum.radiograph import ImageUIDs
from hilum.records.states import State
from hilum.records.stored_reading import ORIGIN, document_in
from hilum.records.tables import IMAGE, READING, STUDY
from hilum.settings.node import NodeMode

OF_STUDY: Final = ("patient_id", "sex", "age_years", "accession_number", "study_date")
COUNTED: Final = (State.STORED, State.REFUSED, State.FAILED)


@dataclass(frozen=True, slots=True, eq=False)
class SettledImage:
    """One image whose work has ended."""

    uids: ImageUIDs
    state: State
    reasons: tuple[Reason, ...]
    """Why it was not analyzed."""
    document: Mapping[str, Any] | None
    """The hilum.reading/1 document of its reading; None where it was not analyzed."""
    patient: str
    """Patient ID."""
    sex: str
    age_years: float | None
    accession_number: str
    study_date: str


def images(
    connection: Connection, archive: str, mode: NodeMode | None = None
) -> Iterator[SettledImage]:
    """Yield the images that this node analyzed, refused or failed to analyze, the last one last.

    Parameters
    ----------
    mode
        In which they came; None: any.
    """
    key = ("archive", *ImageUIDs._fields)
    same_image = and_(*(IMAGE.c[name] == READING.c[name] for name in key))
    same_study = and_(*(IMAGE.c[name] == STUDY.c[name] for name in key[:2]))
    asked = (
        select(
            *(IMAGE.c[name] for name in ImageUIDs._fields),
            *(IMAGE.c.state, IMAGE.c.reasons, READING.c.document),
            *(STUDY.c[name] for name in OF_STUDY),
        )
        .outerjoin(READING, same_image)
        .outerjoin(STUDY, same_study)
        .where(IMAGE.c.archive == archive, IMAGE.c.state.in_(COUNTED))
        .order_by(IMAGE.c.settled)
    )
    if mode is not None:
        asked = asked.where(IMAGE.c.mode == mode)
    for row in connection.execute(asked):
        state = State(row.state)
        document = None
        if state is State.STORED:
            document = None if row.document is None else document_in(row.document)
            if document is None or ORIGIN in document:
                continue  # another hilum's
        yield SettledImage(
            ImageUIDs(*(getattr(row, name) for name in ImageUIDs._fields)),
            state,
            tuple(Reason.of_stored(reason) for reason in row.reasons),
            document,
            row.patient_id or "",
            row.sex or "",
            row.age_years,
            row.accession_number or "",
            row.study_date or "",
        )
