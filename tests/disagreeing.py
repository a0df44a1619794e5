"""Readers who disagree with the model."""

from datetime import datetime

from hilum.records import Connection, reviews
from hilum.records.review import ReaderAnswer, Review, ReviewedFinding
from image_names import image_uids


def disagreed(connection: Connection, archive: str, now: datetime, images: int = 8) -> None:
    """Let Ana say of as many images that the effusion on them is none."""
    absent = ReviewedFinding("Effusion", ReaderAnswer.ABSENT, True, 0.9, 0.5, 0.9)
    for number in range(images):
        uids = image_uids(f"1.9.{number}", "1.9")
        said = (now, "ana", "m 1", "ab", (absent,), ("rib notching",), "", f"2.25.{number}")
        reviews.add(connection, archive, Review(*uids, *said))
