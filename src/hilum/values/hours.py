"""Hours of this machine's day, as settings write them: 22:00-06:30, also over midnight."""

from datetime import datetime, time, timedelta
from typing import Final

PATTERN: Final = r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$"


def end_of(hours: str, now: datetime) -> datetime | None:
    """Return when the hours end in which `now` is; None outside of them."""
    begin, end = _both(hours)
    local = now.astimezone()
    clock = local.time()
    inside = begin <= clock < end if begin <= end else clock >= begin or clock < end
    if not inside:
        return None
    return datetime.combine(local.date() + timedelta(days=clock >= end), end).astimezone()


def next_begin(hours: str, now: datetime) -> datetime:
    """Return `now` within the hours, else when they begin next."""
    if end_of(hours, now) is not None:
        return now
    begin, _ = _both(hours)
    local = now.astimezone()
    day = local.date() + timedelta(days=local.time() >= begin)
    return datetime.combine(day, begin).astimezone()


def _both(hours: str) -> tuple[time, time]:
    begin, end = (time.fromisoformat(each) for each in hours.split("-"))
    return begin, end
