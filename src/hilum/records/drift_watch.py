"""Drift by model: a month against the reference.

For the command line, the operations page, Prometheus and the doctor alike.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from hilum.language import Language, Message
from hilum.records import drift
from hilum.records.drift import FIRST, DriftKind, DriftLevel, DriftLimits, Shift
from hilum.settings.constancy import ConstancySettings
from hilum.wording import REFERENCE, finding_name

SHIFTS: Final = {
    DriftKind.SCORE: Message("median raw value {now}, was {before}"),
    DriftKind.DISTANCE: Message("median {now} of the reference images are nearer, was {before}"),
    DriftKind.REFUSAL: Message("refused: {now} of images, was {before}"),
    DriftKind.DECISION: Message("pixels: {now} of images, was {before}"),
}
"""What is compared → what is said of it."""

LEVELS: Final[Mapping[str, Message]] = {
    DriftLevel.SHIFTED: Message("shifted"),
    DriftLevel.MOVING: Message("drifting"),
    DriftLevel.SAME: Message("as before"),
    DriftLevel.TOO_FEW: Message("too few images"),
}
"""How far a distribution moved → its word."""

LOUD: Final = (DriftLevel.SHIFTED, DriftLevel.MOVING)
"""Levels that need attention, the worse first."""


@dataclass(frozen=True, slots=True)
class DriftComparison:
    """A month of one model against its reference."""

    model: str
    """See `ModelIdentity.key`."""
    month: str
    images: int
    """What is compared, and how many images it has."""
    reference: str
    reference_images: int
    """What it is compared with: a window, and its images; 0 when there is no such window."""
    shifts: tuple[Shift, ...]
    """Each distribution, what moved most first."""

    @property
    def fewest(self) -> int:
        """How many images the smaller side has."""
        return min(self.images, self.reference_images)

    @property
    def loud(self) -> list[Shift]:
        """Those that shifted or move."""
        return [shift for shift in self.shifts if shift.level in LOUD]

    def count(self, level: DriftLevel) -> int:
        """Return of how many distributions that is said."""
        return sum(shift.level == level for shift in self.shifts)


def limits_of(settings: ConstancySettings) -> DriftLimits:
    """Return the limits of the settings."""
    return DriftLimits(settings.drift_least_images, settings.drift_moving, settings.drift_shifted)


def compared(
    connection: Connection,
    archive: str,
    settings: ConstancySettings,
    *,
    model: str = "",
    month: str | None = None,
    reference: str | None = None,
) -> Iterator[DriftComparison]:
    """Yield the comparison of each model that was asked for.

    Parameters
    ----------
    model
        How a model's name begins.
    month
        Which one to look at. None: see `month_to_tell_of`.
    reference
        With what it is compared; None: with that of the settings.
    """
    against = reference or settings.drift_reference
    for name, windows in drift.windows(connection, archive).items():
        months = [window for window in windows if window != FIRST]
        if not name.startswith(model) or (month and month not in months):
            continue
        now = month or month_to_tell_of(connection, archive, name, months, settings)
        yield DriftComparison(
            name,
            now,
            drift.images(connection, archive, name, now),
            against,
            drift.images(connection, archive, name, against),
            tuple(
                drift.compare(
                    drift.counts(connection, archive, name, against),
                    drift.counts(connection, archive, name, now),
                    limits_of(settings),
                )
            ),
        )


def month_to_tell_of(
    connection: Connection, archive: str, model: str, months: list[str], settings: ConstancySettings
) -> str:
    """Return a model's newest month, or the one before while the newest has too few images.

    Else an alarm would end by itself with the month.
    """
    newest = months[-1]
    for month in reversed(months[-2:]):
        if drift.images(connection, archive, model, month) >= settings.drift_least_images:
            return month
    return newest


def watched(
    connection: Connection, archive: str, settings: ConstancySettings, now: datetime
) -> list[DriftComparison]:
    """Return the comparison of each model that read in this month or the one before.

    A model that was replaced long ago raises no alarm for ever.
    """
    first = now.astimezone(UTC).replace(day=1)
    since = (first - timedelta(days=1)).strftime("%Y-%m")
    newest = {
        model: max(window for window in windows if window != FIRST)
        for model, windows in drift.windows(connection, archive).items()
    }
    found = compared(connection, archive, settings)
    return [each for each in found if newest[each.model] >= since]


def shift_words(shift: Shift, language: Language) -> tuple[str, str]:
    """Return what a distribution is of, and what it was and is, in a language."""
    is_score = shift.kind is DriftKind.SCORE
    subject = finding_name(shift.subject, language) if is_score else shift.subject
    if shift.kind is DriftKind.DISTANCE:
        subject = language.say(REFERENCE)

    def shown(value: float) -> str:
        if math.isnan(value):
            return "–"
        return language.number(float(f"{value:.2g}"), 6) if is_score else language.share(value)

    values = {"now": shown(shift.now), "before": shown(shift.before)}
    return subject, language.say(SHIFTS[shift.kind], **values)
