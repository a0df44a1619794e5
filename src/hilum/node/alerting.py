"""Raises alerts for what a node notices, and sends them from a thread of its own."""

from datetime import timedelta
from time import monotonic
from typing import Final

from hilum import RESEARCH_USE_ONLY
from hilum.errors import DatabaseUnavailable, SettingInvalid
from hilum.language import Message
from hilum.node.steps import NodeContext
from hilum.records import Connection, agreement_watch, alerts, worklist
from hilum.records.alerts import AlertEvent, AlertRecord, AlertState
from hilum.records.drift import DriftLevel
from hilum.records.drift_watch import watched
from hilum.runtime.background import BackgroundWork
from hilum.runtime.waits import BackOff
from hilum.settings.alerts import AlertKind, AlertSettings
from hilum.telemetry.alerts import AlertTarget, targets
from hilum.telemetry.logs import get_log
from hilum.wording import FINDING_NAMES, person

LOOK_S: Final = 2.0
"""Seconds between two looks for what is to be sent."""

DRIFT_S: Final = 3600.0
"""Seconds between two looks whether a model has shifted."""

ATTEMPTS: Final = 6
BETWEEN_ATTEMPTS: Final = BackOff(60.0, 3600.0)
"""How often, and after which pauses, an alert is tried that a service did not take."""

TITLES: Final = {
    AlertKind.CRITICAL: Message("hilum: critical finding"),
    AlertKind.FAILURE: Message("hilum: images failed"),
    AlertKind.DRIFT: Message("hilum: the model's output has shifted"),
    AlertKind.AGREEMENT: Message("hilum: readers and AI disagree"),
    AlertKind.DISK: Message("hilum: disk space is low"),
}
"""Kind → subject."""

SAID: Final = ("month", "agree", "answers", "low", "high")
"""What an alert says of a finding on which readers disagree."""

log = get_log(__name__)


class Alerts:
    """Looks after disk and drift, and sends what was raised. `tend` is for one thread."""

    def __init__(self, context: NodeContext) -> None:
        self._context = context
        self._targets = {each.digest: each for each in targets(context.settings.alerts)}
        self._work = BackgroundWork("alerts", LOOK_S, self._turn)
        self._next_drift = 0.0
        for each in self._targets.values():
            each.check()

    @property
    def _settings(self) -> AlertSettings:
        return self._context.settings.current().alerts

    def tend(self) -> None:
        """Raise what is noticed, and begin to send; returns at once."""
        if self._targets:
            self._work.tend()

    def close(self) -> None:
        """Send no more; what is being sent ends first."""
        self._work.close()

    def _turn(self) -> None:
        try:
            now = self._context.now()
            with self._context.database.look() as connection:
                noticed = alerts.unknown(connection, self._noticed(connection))
                found = alerts.waiting(connection, now)
            if noticed:
                with self._context.database.transaction() as connection:
                    for event in noticed:
                        alerts.raise_alert(connection, event, self._settings, now)
            for alert in found:
                self._send(alert)
        except DatabaseUnavailable as exc:
            log.warning("alerts.wait", why=str(exc))

    def _noticed(self, connection: Connection) -> list[AlertEvent]:
        now, context = self._context.now(), self._context
        found = []
        if context.disk.low:
            free = context.disk.free_bytes / 1e9
            text = Message("{free:.1f} GB free: the node pauses", free=free)
            found.append(AlertEvent(AlertKind.DISK, f"{now:%Y-%m-%d}", text))
        if monotonic() >= self._next_drift:
            self._next_drift = monotonic() + DRIFT_S
            for each in watched(
                connection, context.archive, context.settings.current().constancy, now
            ):
                if count := each.count(DriftLevel.SHIFTED):
                    text = Message(
                        "{model}, {month}: {count} distribution has shifted.",
                        "{model}, {month}: {count} distributions have shifted.",
                        model=each.model,
                        month=each.month,
                        count=count,
                    )
                    event = f"{context.archive}|{each.model}|{each.month}"
                    found.append(AlertEvent(AlertKind.DRIFT, event, text))
            found += self._disagreements(connection)
        return found

    def _disagreements(self, connection: Connection) -> list[AlertEvent]:
        """Return what is told of findings on which readers agree less than is accepted."""
        now, archive = self._context.now(), self._context.archive
        accepted = self._context.settings.current().constancy
        return [
            AlertEvent(
                AlertKind.AGREEMENT,
                f"{archive}|{each.label}|{each.month}",
                Message(
                    "{finding}, {month}: readers agree in {agree} of {answers} answers"
                    " (95 % interval {low:.0%} to {high:.0%}).",
                    finding=FINDING_NAMES.get(each.label, each.label),
                    **{name: getattr(each, name) for name in SAID},
                ),
            )
            for each in agreement_watch.watched(connection, archive, accepted, now)
        ]

    def _send(self, alert: AlertRecord) -> None:
        """Send one; that it is being sent is written down before."""
        target = self._targets.get(alert.target)
        with self._context.database.transaction() as connection:
            if target is None:  # taken out of the settings since
                alerts.end(connection, alert, AlertState.FAILED)
                return
            if not alerts.begin(connection, alert):
                return
        try:
            taken = target.send(*self._words(alert))
        except SettingInvalid as exc:
            log.warning("alert.impossible", why=str(exc))
            taken = False
        again = not taken and alert.attempts + 1 < ATTEMPTS
        state = AlertState.SENT if taken else AlertState.WAITING if again else AlertState.FAILED
        wait = timedelta(seconds=BETWEEN_ATTEMPTS.after(alert.attempts + 1)) if again else None
        due = None if wait is None else self._context.now() + wait
        with self._context.database.transaction() as connection:
            alerts.end(connection, alert, state, due)
        self._tell(target, alert, state)

    def _tell(self, target: AlertTarget, alert: AlertRecord, state: AlertState) -> None:
        write = log.info if state is AlertState.SENT else log.warning
        write("alert.ended", kind=alert.kind, target=target.name, state=state)

    def _words(self, alert: AlertRecord) -> tuple[str, str]:
        """Return title and text; a patient is named only where the site says so."""
        say = self._settings.language.say
        lines = [say(alert.text), *self._place(alert)]
        lines += [say("Raised at {moment}.", moment=self._settings.language.moment(alert.raised))]
        return say(TITLES[alert.kind]), "\n".join([*lines, "", say(RESEARCH_USE_ONLY)])

    def _place(self, alert: AlertRecord) -> list[str]:
        """Return whom it is about and where to look, as far as the site lets it be said."""
        say, root = self._settings.language.say, self._context.settings.page.public_url or ""
        study = alert.study_instance_uid
        if not study or not self._settings.patient_data:
            return [root] if root else []
        with self._context.database.look() as connection:
            row = worklist.row(connection, self._context.archive, study)
        if row is None:
            return []
        whose = say(
            "Patient {name}, ID {patient_id}, accession number {accession}",
            name=person(row.patient_name),
            patient_id=row.patient_id,
            accession=row.accession_number or "–",
        )
        return [whose, f"{root}/studies/{study}" if root else study]
