"""The image first: what the model says is shown after the reader's own review, or when they ask.

Of images of the audit mode only after it.
"""

from http import HTTPStatus
from typing import Any, Final

from starlette.exceptions import HTTPException

from hilum.language import Message
from hilum.records import Connection, audit, reviews
from hilum.records.accounts import Role
from hilum.records.images import ImageRecord
from hilum.records.stored_reading import StoredReading
from hilum.settings.node import NodeMode
from hilum.web import words
from hilum.web.context import WebContext
from hilum.web.sessions import Visitor
from hilum.wording import finding_name

IMAGE_FIRST: Final = Message("The findings are shown after your own review, or when you ask.")

UNSCORED: Final = {"score": "", "raw": "", "point": "", "bar": "", "course": "", "positive": False}
"""What is not shown of a finding."""


def may_ask(who: Visitor, mode: NodeMode) -> bool:
    """Return whether somebody is shown the findings of a mode without a review of their own."""
    return mode is NodeMode.LIVE or who.may(Role.OPERATOR)


def findings_seen(
    connection: Connection, context: WebContext, who: Visitor, image: ImageRecord
) -> bool:
    """Return whether somebody need not or can no longer read an image without the findings."""
    archive, uids = context.archive, image.uids
    if may_ask(who, image.mode) and (
        not who.unaided or audit.saw_findings(connection, archive, who.name, uids)
    ):
        return True
    given = reviews.on_image(connection, archive, uids)
    return any(each.reader == who.name for each in given)


def require_seen(context: WebContext, who: Visitor, image: ImageRecord) -> None:
    """Refuse what tells of the findings to somebody who reads the image first.

    Raises
    ------
    HTTPException
        They have neither reviewed it nor asked.
    """
    with context.database.look() as connection:
        if not findings_seen(connection, context, who, image):
            why = IMAGE_FIRST if may_ask(who, image.mode) else words.AFTER_REVIEW
            raise HTTPException(HTTPStatus.NOT_FOUND, why)


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
