"""Keys of studies and images: the one place that knows what identifies an image.

An image is named as it lies in the archive, by archive, study, series and SOP Instance UID
together: half-done anonymisers and moved studies leave one SOP Instance UID in two studies.
"""

from typing import Any

from sqlalchemy import ColumnElement, Row, Table, bindparam

from hilum.radiograph import ImageUIDs


def of_study(table: Table) -> tuple[ColumnElement[bool], ...]:
    """Return the condition that a line is about the study of `study_values`."""
    return (
        table.c.archive == bindparam("of_archive"),
        table.c.study_instance_uid == bindparam("of_study"),
    )


def of_image(table: Table) -> tuple[ColumnElement[bool], ...]:
    """Return the condition that a line is about the image of `image_values`."""
    return (
        *of_study(table),
        table.c.series_instance_uid == bindparam("of_series"),
        table.c.sop_instance_uid == bindparam("of_image"),
    )


def study_values(archive: str, study_instance_uid: str) -> dict[str, Any]:
    """Return the values of `of_study`."""
    return {"of_archive": archive, "of_study": study_instance_uid}


def image_values(archive: str, uids: ImageUIDs) -> dict[str, Any]:
    """Return the values of `of_image`."""
    return {
        **study_values(archive, uids.study_instance_uid),
        "of_series": uids.series_instance_uid,
        "of_image": uids.sop_instance_uid,
    }


def uids_of(row: Row[*tuple[Any, ...]]) -> ImageUIDs:
    """Return the image that a line is about."""
    return ImageUIDs(row.study_instance_uid, row.series_instance_uid, row.sop_instance_uid)
