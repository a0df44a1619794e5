"""Agreement with readers month by month, and whether it left what the site accepts."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from hilum.records import reviews
from hilum.records.reviews import Agreement
from hilum.settings.constancy import ConstancySettings


@dataclass(frozen=True, slots=True)
class LeftAgreement:
    """A finding with which readers agreed too seldom in a month, or too often."""

    label: str
    month: str
    agree: int
    answers: int
    """Of so many answers, those that are unsure left out."""
    low: float
    high: float
    """The 95 % interval of their share, which lies outside what is accepted."""


def outside(counted: Iterable[Agreement], settings: ConstancySettings) -> list[LeftAgreement]:
    """Return the months of findings whose interval lies wholly outside the accepted one."""
    least, most = settings.agreement_accepted
    found = []
    for each in counted:
        if each.interval is not None:
            low, high = each.interval
            if high < least or low > most:
                found.append(
                    LeftAgreement(each.label, each.month, each.agree, each.answers, low, high)
                )
    return found


def watched(
    connection: Connection, archive: str, settings: ConstancySettings, now: datetime
) -> list[LeftAgreement]:
    """Return those of this month and the one before; an old one raises no alarm for ever."""
    if settings.agreement_accepted == (0.0, 1.0):
        return []
    first = now.astimezone(UTC).replace(day=1)
    since = f"{first - timedelta(days=1):%Y-%m}"
    counted = reviews.agreement(connection, archive)
    return outside((each for each in counted if each.month >= since), settings)
