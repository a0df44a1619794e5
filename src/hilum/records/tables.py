"""Every table once. A column is explained here and nowhere else."""

from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import (
    JSON,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    TypeDecorator,
)

METADATA: Final = MetaData()


class Instant(TypeDecorator[datetime]):
    """A moment, kept as seconds since 1970 UTC so that both databases sort and index it."""

    impl = Double
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> float | None:  # noqa: ARG002
        """Return the number that is stored."""
        return None if value is None else value.timestamp()

    def process_result_value(self, value: float | None, dialect: Any) -> datetime | None:  # noqa: ARG002
        """Return the moment in UTC."""
        return None if value is None else datetime.fromtimestamp(value, UTC)


FEED: Final = Table(
    "feed",
    METADATA,
    Column("archive", String, primary_key=True),
    Column("sequence", Integer, nullable=False),
    Column("anchor", String, nullable=False),
    comment="How far each archive's changes feed was followed.",
)

IMAGE: Final = Table(
    "image",
    METADATA,
    Column("archive", String, primary_key=True),
    Column("sop_instance_uid", String, primary_key=True),
    Column("instance_id", String, nullable=False),  # Orthanc's identifier
    Column("study_instance_uid", String, nullable=False),
    Column("file_digest", String),  # Orthanc's MD5 of the file: a changed image has another
    Column("urgency", String, nullable=False),  # urgent, routine, backfill
    Column("state", String, nullable=False),
    Column("reasons", JSON, nullable=False),  # [[code, text, source], …]
    Column("results", JSON, nullable=False),  # SOP Instance UIDs of what was stored for it
    Column("run", Integer, nullable=False),  # how often work on it was asked for
    Column("attempts", Integer, nullable=False),  # how often this run was begun
    Column("arrived", Instant, nullable=False),
    Column("started", Instant),
    Column("settled", Instant),
    Column("model", String),  # which model read it, with its version
    Column("seconds", JSON),  # room → seconds
    comment="What became of each image: one line for each, whatever happens to its jobs.",
)
Index("image_by_state", IMAGE.c.archive, IMAGE.c.state, IMAGE.c.settled)
Index("image_by_arrival", IMAGE.c.archive, IMAGE.c.arrived)
Index("image_by_study", IMAGE.c.archive, IMAGE.c.study_instance_uid)
Index("image_by_instance", IMAGE.c.archive, IMAGE.c.instance_id)

READING: Final = Table(
    "reading",
    METADATA,
    Column("archive", String, primary_key=True),
    Column("sop_instance_uid", String, primary_key=True),
    Column("run", Integer, nullable=False),
    Column("document", LargeBinary, nullable=False),  # zlib of one hilum.reading/1 document
    Column("maps", LargeBinary, nullable=False),  # zlib of float16 (labels, height, width)
    Column("maps_shape", JSON, nullable=False),  # [labels, height, width]
    Column("field_of_view", JSON, nullable=False),  # part of the source matrix the maps cover
    comment="What the model said about each image, and why, for the page.",
)

FORWARD: Final = Table(
    "forward",
    METADATA,
    Column("archive", String, primary_key=True),
    Column("sop_instance_uid", String, primary_key=True),
    Column("target", String, primary_key=True),  # modality:NAME or peer:NAME
    Column("run", Integer, nullable=False),
    Column("state", String, nullable=False),  # waiting, sent, committed, failed
    Column("attempts", Integer, nullable=False),
    Column("why", String, nullable=False),  # the last error; empty when there is none
    Column("changed", Instant, nullable=False),
    comment="Results that are sent on to other PACS.",
)
Index("forward_by_state", FORWARD.c.archive, FORWARD.c.state)

WORKER: Final = Table(
    "worker",
    METADATA,
    Column("executor_id", String, primary_key=True),
    Column("host", String, nullable=False),
    Column("role", String, nullable=False),  # node, worker
    Column("model", String, nullable=False),  # empty while it has none
    Column("version", String, nullable=False),
    Column("started", Instant, nullable=False),
    Column("beat", Instant, nullable=False),  # by the database's clock
    comment="Processes that read; a beat that stops means that one died.",
)

BACKFILL: Final = Table(
    "backfill",
    METADATA,
    Column("archive", String, primary_key=True),
    Column("query", String, primary_key=True),  # canonical JSON of what was asked for
    Column("after", String, nullable=False),  # last study that was done, in sorted order
    Column("studies", Integer, nullable=False),
    Column("images", Integer, nullable=False),
    Column("finished", Instant),
    comment="How far each backfill is, so that a broken one goes on.",
)

AUDIT: Final = Table(
    "audit",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("at", Instant, nullable=False),
    Column("actor", String, nullable=False),  # node@host, a user's name, token NAME
    Column("action", String, nullable=False),  # image.read, study.viewed, user.signed_in, …
    Column("archive", String, nullable=False),
    Column("study_instance_uid", String, nullable=False),
    Column("sop_instance_uid", String, nullable=False),
    Column("detail", JSON, nullable=False),
    Column("chain", String, nullable=False),  # SHA-256 of this line and the chain before it
    comment="Who or what read which study. Lines are added, never changed.",
)
Index("audit_by_study", AUDIT.c.study_instance_uid)

STUDY: Final = Table(
    "study",
    METADATA,
    Column("archive", String, primary_key=True),
    Column("study_instance_uid", String, primary_key=True),
    Column("patient_name", String, nullable=False),
    Column("patient_id", String, nullable=False),
    Column("birth_date", String, nullable=False),
    Column("sex", String, nullable=False),
    Column("accession_number", String, nullable=False),
    Column("study_date", String, nullable=False),  # DICOM DA, empty when unknown
    Column("study_time", String, nullable=False),  # DICOM TM
    Column("description", String, nullable=False),
    Column("search", String, nullable=False),  # casefolded name, ID and accession number
    Column("arrived", Instant, nullable=False),  # its first image
    Column("changed", Instant, nullable=False),  # the last thing that happened to it
    Column("due", Instant, nullable=False),  # arrival and the wait its urgency allows: the order
    Column("urgency", String, nullable=False),
    Column("state", String, nullable=False),  # the one of its images' that matters most
    Column("images", Integer, nullable=False),
    Column("findings", JSON, nullable=False),  # highest of all images, positives first
    comment="The worklist: one line for each study.",
)
Index("study_by_due", STUDY.c.archive, STUDY.c.due, STUDY.c.study_instance_uid)
Index("study_by_state", STUDY.c.archive, STUDY.c.state, STUDY.c.due)
Index("study_by_date", STUDY.c.archive, STUDY.c.study_date)
Index("study_by_patient", STUDY.c.archive, STUDY.c.patient_id)

STUDY_FINDING: Final = Table(
    "study_finding",
    METADATA,
    Column("archive", String, primary_key=True),
    Column("label", String, primary_key=True),
    Column("study_instance_uid", String, primary_key=True),
    comment="Which findings are positive in which study, to filter by.",
)
