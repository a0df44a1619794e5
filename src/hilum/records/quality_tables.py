"""Tables of the constancy check, of drift, and of what operators set.

A column is explained here and nowhere else.
"""

from typing import Final

from sqlalchemy import JSON, Column, Double, Index, Integer, LargeBinary, String, Table

from hilum.records.tables import METADATA, Instant

DRIFT_COUNT: Final = Table(
    "drift_count",
    METADATA,
    Column("archive", String, primary_key=True),
    Column("model", String, primary_key=True),
    Column("window", String, primary_key=True),  # first, or a month such as 2026-03
    Column("kind", String, primary_key=True),  # image, score, distance, refusal, decision
    Column("subject", String, primary_key=True),  # a label, a code; empty for image
    Column("bin", Integer, primary_key=True),  # of scores, distances; 0 for what is only counted
    Column("count", Integer, nullable=False),
    comment="Histograms of what a model said: they do not grow with the images.",
)

FEATURE_SAMPLE: Final = Table(
    "feature_sample",
    METADATA,
    Column("archive", String, primary_key=True),
    Column("model", String, primary_key=True),  # name, version, weights, pixel pipeline
    Column("place", Integer, primary_key=True),  # of so many: see feature_samples
    Column("features", LargeBinary, nullable=False),  # little-endian float16
    comment="Features of recent images, a sample of bounded size for each model.",
)

CONSTANCY_REFERENCE: Final = Table(
    "constancy_reference",
    METADATA,
    Column("model", String, primary_key=True),  # its name
    Column("recorded", Instant, nullable=False),
    Column("answer", JSON, nullable=False),  # as constancy.Answer writes itself
    comment="What each model said of the self-test's phantom when that was recorded.",
)

CONSTANCY_RUN: Final = Table(
    "constancy_run",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("archive", String, nullable=False),
    Column("mode", String, nullable=False),  # live, offline
    Column("began", Instant, nullable=False),
    Column("expires", Instant, nullable=False),  # until when its phantom may be read
    Column("ended", Instant),
    Column("study_instance_uid", String, nullable=False),
    Column("sop_instance_uid", String, nullable=False),
    Column("pixels", String, nullable=False),  # SHA-256 of the phantom's stored pixels
    Column("state", String, nullable=False),  # running, ok, recorded, alarm
    Column("model", String, nullable=False),  # name and version; empty until it answered
    Column("lines", JSON, nullable=False),  # lines for people, alarms first
    Column("worst", Double),  # largest shift of a raw value; none without a comparison
    Column("seconds", JSON, nullable=False),  # stage → seconds
    comment="The last self-tests, newest last.",
)
Index("constancy_run_by_image", CONSTANCY_RUN.c.archive, CONSTANCY_RUN.c.sop_instance_uid)
Index("constancy_run_by_time", CONSTANCY_RUN.c.archive, CONSTANCY_RUN.c.began)

PAGE_VALUES: Final = Table(
    "page_values",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=False),  # 1: there is one line
    Column("chosen", JSON, nullable=False),  # section → name → value
    comment="What operators set on the page, for workers on other machines.",
)

POINTS_USED: Final = Table(
    "points_used",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("at", Instant, nullable=False),
    Column("actor", String, nullable=False),  # user name
    Column("name", String, nullable=False),  # as results say it
    Column("document", String, nullable=False),  # the whole file; empty: a set of the model's card
    comment="Operating points that were put to use, the last ones last. Rows are added only.",
)
