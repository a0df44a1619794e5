"""Every table once. A column is explained here and nowhere else."""

from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    TypeDecorator,
    text,
)

from hilum.radiograph import ImageUIDs

METADATA: Final = MetaData()
ORDER: Final = ("rank", "due", "study_instance_uid")  # of the worklist


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


def _image_key() -> tuple[Column[str], ...]:
    """Return the columns that name an image as it lies in the archive."""
    names = ("archive", *ImageUIDs._fields)
    return tuple(Column(name, String, primary_key=True) for name in names)


def _mode() -> Column[str]:
    """Return the column that says how far what a line tells may get: a `NodeMode`."""
    return Column("mode", String, nullable=False, server_default="live")


FEED: Final = Table(
    "feed",
    METADATA,
    Column("archive", String, primary_key=True),
    Column("position", String, nullable=False, server_default=""),  # opaque
    comment="How far each archive's changes feed was followed.",
)

IMAGE: Final = Table(
    "image",
    METADATA,
    *_image_key(),
    Column("reference", String, nullable=False),  # what the archive calls it
    Column("file_digest", String),  # what tells its file from another one
    Column("urgency", String, nullable=False),  # urgent, routine, backfill
    Column("state", String, nullable=False),
    Column("reasons", JSON, nullable=False),  # [[code, text, source], …]
    Column("results", JSON, nullable=False),  # SOP Instance UIDs of what was stored for it
    Column("result_references", JSON),  # what the archive calls these
    Column("run", Integer, nullable=False),  # how often work on it was asked for
    Column("attempts", Integer, nullable=False),  # how often this run was begun
    Column("lost", Integer, nullable=False),  # how often its work vanished and was asked for again
    Column("arrived", Instant, nullable=False),
    Column("started", Instant),
    Column("settled", Instant),
    Column("model", String),  # which model read it, with its version
    Column("seconds", JSON),  # stage → seconds
    _mode(),
    comment="Outcome of each image: one line for each, whatever happens to its jobs.",
)
Index("image_by_state", *(IMAGE.c[n] for n in ("state", "archive", "arrived", "urgency", "mode")))
Index("image_by_end", IMAGE.c.state, IMAGE.c.settled, IMAGE.c.archive)
Index("image_by_arrival", IMAGE.c.archive, IMAGE.c.arrived)
Index("image_by_study", IMAGE.c.archive, IMAGE.c.study_instance_uid, IMAGE.c.arrived)
Index("image_by_uid", IMAGE.c.archive, IMAGE.c.sop_instance_uid)
Index("image_by_reference", IMAGE.c.archive, IMAGE.c.reference)

READING: Final = Table(
    "reading",
    METADATA,
    *_image_key(),
    Column("run", Integer, nullable=False),
    Column("document", LargeBinary, nullable=False),  # zlib of one hilum.reading/1 document
    Column("maps", LargeBinary, nullable=False),  # zlib of float16 (labels, height, width)
    Column("maps_shape", JSON, nullable=False),  # [labels, height, width]
    Column("field_of_view", JSON, nullable=False),  # part of the source matrix the maps cover
    _mode(),
    comment="What the model said about each image, and why, for the page.",
)

ANATOMY: Final = Table(
    "anatomy",
    METADATA,
    *_image_key(),
    Column("run", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),  # within the run, from 1
    Column("reference", String, nullable=False),  # what the archive calls the image
    Column("state", String, nullable=False),  # waiting, measured, failed
    Column("asked", Instant, nullable=False),  # the time that its results tell
    Column("why", String, nullable=False),  # why it failed, a message as JSON; empty: it did not
    Column("document", LargeBinary),  # zlib of JSON; none before it was measured
    Column("said", JSON, nullable=False),  # messages: what is said of it
    Column("results", JSON, nullable=False),  # SOP Instance UIDs
    comment="Lungs, heart and cardiothoracic ratio of images, where they were asked for.",
)
Index("anatomy_by_state", ANATOMY.c.state)

FORWARD: Final = Table(
    "forward",
    METADATA,
    *_image_key(),
    Column("target", String, primary_key=True),  # modality:NAME, peer:NAME, hl7:NAME, …
    Column("run", Integer, nullable=False),
    Column("state", String, nullable=False),  # waiting, sent, committed, failed
    Column("attempts", Integer, nullable=False),
    Column("why", String, nullable=False),  # the last error, a message as JSON; empty: none
    Column("changed", Instant, nullable=False),
    Column("asked", Instant),  # when sending was asked for: given up so long after; none: settled
    Column("about", JSON(none_as_null=True)),  # the image's header; none once sent, or not needed
    Column("corrects", Boolean, nullable=False, server_default=text("false")),  # an earlier run's
    comment="Results that are sent on to other PACS and systems.",
)
Index("forward_by_state", FORWARD.c.state, FORWARD.c.archive, FORWARD.c.changed)

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
    comment="Workers; a heartbeat that stops means that one died.",
)

ALERT: Final = Table(
    "alert",
    METADATA,
    Column("kind", String, primary_key=True),  # critical, failure, drift, disk
    Column("event", String, primary_key=True),  # what names it among those of its kind
    Column("target", String, primary_key=True),  # digest of where it is sent
    Column("study_instance_uid", String, nullable=False),  # empty when it is about none
    Column("text", JSON, nullable=False),  # a message: template, plural and values
    Column("raised", Instant, nullable=False),
    Column("due", Instant, nullable=False),  # not before: quiet hours, another attempt
    Column("state", String, nullable=False),  # waiting, sending, sent, failed
    Column("attempts", Integer, nullable=False),
    comment="Alerts: one line for each event and target, written before it is sent.",
)
Index("alert_by_state", ALERT.c.state, ALERT.c.due)
Index("alert_by_time", ALERT.c.raised)

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

EXPECTED: Final = Table(
    "expected",
    METADATA,
    *_image_key(),
    Column("purpose", String, nullable=False),  # backfill, prior
    Column("asked", Instant, nullable=False),
    comment="Images that were asked of another PACS and have not been taken up yet.",
)

PRIOR_SEARCH: Final = Table(
    "prior_search",
    METADATA,
    Column("archive", String, primary_key=True),
    Column("study_instance_uid", String, primary_key=True),
    Column("asked", Instant, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due", Instant),  # of the next attempt; none: given up
    Column("why", JSON, nullable=False),  # the last error, a message; empty: none
    comment="Studies whose priors are to be fetched; deleted once they are.",
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

AUDIT_SENT: Final = Table(
    "audit_sent",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=False),  # 1: there is one repository
    Column("line", Integer, nullable=False),  # number of the last one that arrived
    comment="How far the audit trail was sent to an audit record repository.",
)

STUDY: Final = Table(
    "study",
    METADATA,
    Column("archive", String, primary_key=True),
    Column("study_instance_uid", String, primary_key=True),
    Column("patient_name", String, nullable=False),
    Column("patient_id", String, nullable=False),
    Column("issuer", String, nullable=False),  # of the Patient ID
    Column("whole_name", String, nullable=False),  # with all its groups
    Column("birth_date", String, nullable=False),
    Column("age_years", Double),  # at the date of the image; none when its header does not tell
    Column("sex", String, nullable=False),
    Column("accession_number", String, nullable=False),
    Column("study_date", String, nullable=False),  # DICOM DA, empty when unknown
    Column("study_time", String, nullable=False),  # DICOM TM
    Column("description", String, nullable=False),
    Column("arrived", Instant, nullable=False),  # its first image
    Column("changed", Instant, nullable=False),  # the last thing that happened to it
    Column("rank", Integer, nullable=False),  # `hilum.records.studies.Rank`
    Column("due", Instant, nullable=False),  # arrival and the wait its findings allow
    Column("urgency", String, nullable=False),
    Column("state", String, nullable=False),  # the one of its images' that matters most
    Column("reasons", JSON, nullable=False),  # [[code, text], …] of that state
    Column("images", Integer, nullable=False),
    Column("positives", Integer, nullable=False),  # findings that are positive in any image
    Column("findings", JSON, nullable=False),  # [[label, score, positive], …] highest of all images
    Column("model", JSON),  # {name, version, verified, demonstration}; none before a reading
    Column("cover", String, nullable=False),  # SOP Instance UID of the image to show it by
    Column("cover_series", String, nullable=False),  # and its series
    Column("reviewed", Instant),  # when a reader last reviewed it
    Column("warnings", JSON, nullable=False, server_default="[]"),  # codes of StudyWarning
    _mode(),
    comment="The worklist: one line for each study.",
)
Index("study_in_order", STUDY.c.archive, STUDY.c.rank, STUDY.c.due, STUDY.c.study_instance_uid)
Index("study_by_state", STUDY.c.archive, STUDY.c.state, STUDY.c.rank, STUDY.c.due)
Index("study_by_arrival", *(STUDY.c[n] for n in ("archive", "rank", "arrived", ORDER[-1])))
Index("study_by_date", *(STUDY.c[n] for n in ("archive", "study_date", *ORDER)))
Index("study_by_change", STUDY.c.archive, STUDY.c.changed)
Index("study_by_patient", STUDY.c.archive, STUDY.c.patient_id)

STUDY_FINDING: Final = Table(
    "study_finding",
    METADATA,
    Column("archive", String, primary_key=True),
    Column("label", String, primary_key=True),
    Column("study_instance_uid", String, primary_key=True),
    Column("rank", Integer, nullable=False, server_default=text("0")),
    Column("due", Instant, nullable=False, server_default=text("0")),  # both the study's
    comment="Which findings are positive in which study, to filter by.",
)
Index("study_finding_in_order", *(STUDY_FINDING.c[n] for n in ("archive", "label", *ORDER)))
Index("study_finding_by_study", STUDY_FINDING.c.archive, STUDY_FINDING.c.study_instance_uid)

Word = String().with_variant(String(collation="C"), "postgresql")
"""Text that sorts by its code points in both databases, so that a range finds a prefix."""

STUDY_WORD: Final = Table(
    "study_word",
    METADATA,
    Column("archive", String, primary_key=True),
    Column("word", Word, primary_key=True),  # folded: small letters without accents
    Column("study_instance_uid", String, primary_key=True),
    comment="Words of names, IDs and accession numbers, to search by their beginnings.",
)
Index("study_word_by_study", *(STUDY_WORD.c[n] for n in ("archive", "study_instance_uid", "word")))

STUDY_ATTRIBUTE: Final = Table(
    "study_attribute",
    METADATA,
    Column("archive", String, primary_key=True),
    Column("study_instance_uid", String, primary_key=True),
    Column("attribute", String, primary_key=True),  # institution, physician, label
    Column("value", String, primary_key=True),  # see limits.folded
    comment="What a study is known by, where users are limited to some.",
)

THUMBNAIL: Final = Table(
    "thumbnail",
    METADATA,
    *_image_key(),
    Column("picture", LargeBinary, nullable=False),  # WebP; empty when none can be made
    comment="Small pictures of images, made once.",
)

CLAIM: Final = Table(
    "claim",
    METADATA,
    Column("archive", String, primary_key=True),
    Column("study_instance_uid", String, primary_key=True),
    Column("reader", String, nullable=False),  # user name
    Column("at", Instant, nullable=False),  # when the page of the study was last heard of
    comment="Who reads which study at the moment.",
)

REVIEW: Final = Table(
    "review",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("archive", String, nullable=False),
    Column("study_instance_uid", String, nullable=False),
    Column("series_instance_uid", String, nullable=False),
    Column("sop_instance_uid", String, nullable=False),
    Column("at", Instant, nullable=False),
    Column("month", String, nullable=False),  # of `at`, in UTC, YYYY-MM: to count by
    Column("reader", String, nullable=False),  # user name
    Column("model", String, nullable=False),  # name and version
    Column("model_sha256", String, nullable=False),
    Column("demonstration", Boolean, nullable=False),  # whether it is the demonstration model
    Column("missing", JSON, nullable=False),  # findings that the model does not look for, in words
    Column("comment", String, nullable=False),
    Column("report", String, nullable=False, unique=True),  # SOP Instance UID of its SR
    Column("unaided", Boolean, nullable=False, server_default=text("false")),  # findings not shown
    _mode(),
    comment="Reviews of the model's findings by readers. Rows are added, never changed.",
)
Index("review_by_study", REVIEW.c.archive, REVIEW.c.study_instance_uid)

REVIEW_FINDING: Final = Table(
    "review_finding",
    METADATA,
    Column("number", Integer, primary_key=True),  # of the review
    Column("label", String, primary_key=True),
    Column("answer", String, nullable=False),  # present, absent, unsure
    Column("positive", Boolean, nullable=False),  # what the model had said
    Column("raw", Double, nullable=False),
    Column("operating_point", Double, nullable=False),
    Column("score", Double, nullable=False),
    comment="The reviews, one line for each finding that the reader judged.",
)

EXPORT_RELEASE: Final = Table(
    "export_release",
    METADATA,
    *_image_key(),
    Column("state", String, nullable=False),  # shown, released, kept_back
    Column("digest", String, nullable=False),  # SHA-256 of the stored pixels that were looked at
    Column("actor", String, nullable=False),  # who decided
    Column("at", Instant, nullable=False),
    comment="Which images may leave for research, as a person decided.",
)

USER: Final = Table(
    "user_account",
    METADATA,
    Column("name", String, primary_key=True),  # casefolded
    Column("role", String, nullable=False),  # viewer, reader, operator
    Column("password", String, nullable=False),  # argon2id, encoded; empty: cannot sign in by one
    Column("subject", String, unique=True),  # issuer|sub of OpenID Connect; none: a local user
    Column("created", Instant, nullable=False),
    Column("signed_in", Instant),
    Column("unlocked", Instant),  # when an operator let them try again
    Column("totp", String, nullable=False, server_default=""),  # secret, encrypted; empty: none
    Column("totp_step", Integer, nullable=False, server_default=text("0")),  # last one used
    Column("recovery", JSON, nullable=False, server_default="[]"),  # SHA-256 of unused codes
    Column("limits", JSON, nullable=False, server_default="[]"),  # see limits.StudyLimits.texts
    comment="Who may sign in.",
)

SESSION: Final = Table(
    "session",
    METADATA,
    Column("key", String, primary_key=True),  # SHA-256 of what the cookie says
    Column("name", String, nullable=False),
    Column("csrf", String, nullable=False),
    Column("began", Instant, nullable=False),
    Column("seen", Instant, nullable=False),
    Column("confirmed", Instant),  # when the password was last given; none: never here
    Column("address", String, nullable=False, server_default=""),  # where it began
    Column("agent", String, nullable=False, server_default=""),  # browser and system
    comment="Who is signed in; a line goes with sign-out, password change, role change.",
)
Index("session_by_name", SESSION.c.name)

TOKEN: Final = Table(
    "token",
    METADATA,
    Column("name", String, primary_key=True),
    Column("key", String, unique=True, nullable=False),  # SHA-256 of the token
    Column("role", String, nullable=False),
    Column("created", Instant, nullable=False),
    Column("expires", Instant),  # none: never
    Column("used", Instant),
    Column(
        "owner", String, nullable=False, server_default=""
    ),  # user name; who has gone: worthless
    comment="API tokens.",
)
Index("token_by_owner", TOKEN.c.owner)

DEVICE: Final = Table(
    "device",
    METADATA,
    Column("key", String, primary_key=True),  # SHA-256 of what the browser's cookie says
    Column("name", String, primary_key=True),  # who signed in there
    Column("seen", Instant, nullable=False),
    comment="Browsers in which a user has signed in: strangers' failures do not hold them up.",
)
Index("device_by_name", DEVICE.c.name)

PASSKEY: Final = Table(
    "passkey",
    METADATA,
    Column("key", String, primary_key=True),  # credential ID, base 64
    Column("owner", String, nullable=False),  # user name
    Column("handle", String, nullable=False),  # random name of the owner, for their devices
    Column("title", String, nullable=False),  # what the owner calls it
    Column("host", String, nullable=False),  # name of the page where it works
    Column("credential", LargeBinary, nullable=False),  # attested credential data: ID, public key
    Column("signatures", BigInteger, nullable=False),  # that it has counted; 0: it does not count
    Column("created", Instant, nullable=False),
    Column("used", Instant),
    comment="Passkeys (WebAuthn).",
)
Index("passkey_by_owner", PASSKEY.c.owner)

LOGIN_ATTEMPT: Final = Table(
    "login_attempt",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("at", Instant, nullable=False),
    Column("name", String, nullable=False),  # SHA-256: people type passwords into this field
    Column("address", String, nullable=False),
    comment="Sign-ins that did not succeed, for as long as they are counted.",
)
Index("login_attempt_by_time", LOGIN_ATTEMPT.c.at)
