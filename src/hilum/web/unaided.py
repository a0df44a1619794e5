"""The image first: what the model says is shown after the reader's own review, or when they ask."""

from http import HTTPStatus
from typing import Any, Final

from starlette.exceptions import HTTPException

from hilum.language import Message
from hilum.radiograph import ImageUIDs
from hilum.records import Connection, audit, reviews
from hilum.records.readings import StoredReading
from hilum.web import words
from hilum.web.context import WebContext
from hilum.web.sessions import Visitor
from hilum.wording import finding_name

IMAGE_FIRST: Final = Message("The findings are shown after your own review, or when you ask.")

UNSCORED: Final = {"score": "", "raw": "", "point": "", "bar": "", "course": "", "positive": False}
"""What is not shown of a finding."""


def findings_seen(
    connection: Connection, context: WebContext, who: Visitor, uids: ImageUIDs
) -> bool:
    """Return whether somebody need not or can no longer read an image without the findings."""
    if not who.unaided or audit.saw_findings(connection, context.archive, who.name, uids):
        return True
    given = reviews.on_image(connection, context.archive, uids)
    return any(each.reader == who.name for each in given)


def require_seen(context: WebContext, who: Visitor, uids: ImageUIDs) -> None:
    """Refuse what tells of the findings to somebody who reads the image first.

    Raises
    ------
    HTTPException
        They have neither reviewed it nor asked.
    """
    with context.database.look() as connection:
        if not findings_seen(connection, context, who, uids):
            raise HTTPException(HTTPStatus.NOT_FOUND, IMAGE_FIRST)


def findings(reading: StoredReading, who: Visitor) -> list[dict[str, Any]]:
    """Return the findings to answer, by name, without what the model says of them."""
    rows = [
        {
            **UNSCORED,
            "label": each["label"],
            "name": finding_name(each["label"], who.language),
            "answers": [
                (answer, word, answer, words.answered(each["label"], answer, who.language))
                for answer, word in words.ANSWERS.items()
            ],
        }
        for each in reading.document["readings"][0]["findings"]
    ]
    return sorted(rows, key=lambda row: str(row["name"]))
