"""Sends results on: to other archives by the PACS itself, and to systems beside it.

Each image and target is a job of its own, so a target that is away holds up nothing. It
is tried again after delays that grow, for a day, or as long as the settings say.
"""

from collections.abc import Sequence
from datetime import timedelta
from importlib import import_module
from typing import Final

from hilum.errors import (
    DeliveryError,
    DeliveryRefused,
    NotInPacs,
    PacsError,
    SettingInvalid,
)
from hilum.language import Message
from hilum.node.retrying_archive import retrying
from hilum.node.steps import NodeContext
from hilum.pacs.archive import Forwarding, TargetKind
from hilum.records import Connection, anatomies, forwards, images
from hilum.records.forwards import Forward, ForwardState
from hilum.records.images import ImageRecord
from hilum.runtime.waits import BackOff, wait_until
from hilum.telemetry import metrics
from hilum.telemetry.logs import get_log

BETWEEN_ATTEMPTS: Final = BackOff(10.0, 900.0)
"""A target that does not take results is tried again after so long, each time twice, up to this."""

GIVE_UP_AFTER: Final = timedelta(hours=24)
"""Since the image was settled; then sending has failed, and is listed as that."""

COMMITMENT_S: Final = 30.0
"""A target gets so long to say that it keeps what it took."""

DELIVER: Final = "hilum.node.deliver"

LOOK_S: Final = 0.5
"""Seconds between two looks for that answer."""

NO_SUCH: Final = {
    TargetKind.MODALITY: Message("The PACS has no modality called {name}."),
    TargetKind.PEER: Message("The PACS has no peer called {name}."),
}
"""Kind of a target that the PACS does not know → what is said of it."""

SENT: Final = frozenset({ForwardState.SENT, ForwardState.COMMITTED})

NOTHING: Final = Message("")
"""Nothing went wrong."""

log = get_log(__name__)


def parsed(target: str) -> tuple[TargetKind, str]:
    """Return kind and name of a target of the settings, which took no other form."""
    kind, _, name = target.partition(":")
    return TargetKind(kind), name


def _along(connection: Connection, forward: Forward) -> tuple[tuple[str, str], ...]:
    """Return UID and the archive's name of what was measured; none for a receiver of messages."""
    if forward.target.partition(":")[0] not in set(TargetKind):
        return ()
    found = anatomies.of_run(connection, forward.archive, forward.uids, forward.run)
    return () if found is None else tuple(zip(found.results, found.references, strict=True))


def _unless_late(
    connection: Connection,
    forward: Forward,
    state: ForwardState,
    along: Sequence[tuple[str, str]],
) -> ForwardState:
    """Return a state, or waiting where the anatomy was measured while the results went."""
    late = state in SENT and _along(connection, forward) != along
    return ForwardState.WAITING if late else state


class Forwarder:
    """Sends one image's results to one target. For any number of threads."""

    def __init__(self, context: NodeContext) -> None:
        self._context = context
        self._archive = retrying(context.pacs, context.pause)
        self._receivers = context.settings.deliveries.by_target
        # loads what makes messages, which takes a second and which few nodes need
        self._deliver = import_module(DELIVER).Deliverer(context) if self._receivers else None

    def __call__(self, forward: Forward, attempt: int) -> None:
        """Try once, and write down how it went; queue the next attempt where there is one."""
        with self._context.database.look() as connection:
            entry = images.entry(connection, forward.archive, forward.uids)
            line = forwards.entry(connection, forward)
            along = _along(connection, forward)
        if entry is None or entry.run != forward.run or line is None:
            return  # a newer run has results of its own
        if line.state is not ForwardState.WAITING:
            return  # an attempt that was asked for twice
        give_up_after = GIVE_UP_AFTER
        try:
            receiver = self._receivers.get(forward.target)
            if receiver is not None and self._deliver is not None:
                give_up_after = timedelta(hours=receiver.give_up_hours)
                with self._context.database.transaction() as connection:
                    forwards.begin(connection, forward)
                self._deliver(line, entry)
                state, why = ForwardState.SENT, NOTHING
            else:
                state, why = self._send(forward.target, entry, along)
        except DeliveryRefused as exc:
            state, why = ForwardState.FAILED, exc.problem
        except DeliveryError as exc:
            state, why = ForwardState.WAITING, exc.problem
        except (PacsError, SettingInvalid) as exc:
            state, why = ForwardState.WAITING, exc.message
        now = self._context.now()
        since = line.asked or entry.settled
        given_up = since is not None and now - since > give_up_after
        if state is ForwardState.WAITING and given_up:
            state = ForwardState.FAILED
        with self._context.database.transaction() as connection:
            state = _unless_late(connection, forward, state, along)
            if not forwards.change(connection, forward, state, why, now):
                return
            if state is ForwardState.WAITING:
                delay_s = BETWEEN_ATTEMPTS.after(attempt)
                self._context.queue.enqueue_forward(
                    connection, forward, now, attempt=attempt + 1, delay_s=delay_s
                )
        metrics.forwarded(state)
        write = log.info if state in SENT else log.warning
        write(
            "results.forwarded",
            state=state,
            target=forward.target,
            instance=entry.reference,
            attempt=attempt,
            why=why or "none",
        )

    def _send(
        self, target: str, entry: ImageRecord, along: Sequence[tuple[str, str]]
    ) -> tuple[ForwardState, Message]:
        kind, name = parsed(target)
        results = (*entry.result_references, *(reference for _, reference in along))
        uids = (*entry.results, *(uid for uid, _ in along))
        if self._context.settings.current().node.forward_images:
            results, uids = (entry.reference, *results), (entry.sop_instance_uid, *uids)
        if not self._archive.present(results).issuperset(uids):
            return ForwardState.FAILED, Message("The PACS does not hold the results any more.")
        forwarding = self._archive.capabilities().forwarding  # else the target is not to blame
        if forwarding is None:
            return ForwardState.FAILED, Message("This PACS cannot forward to other systems.")
        try:
            forwarding.send_on(kind, name, results)
        except NotInPacs:
            return ForwardState.WAITING, NO_SUCH[kind].with_values(name=name)
        if target not in self._context.settings.node.commit_targets or kind is TargetKind.PEER:
            return ForwardState.SENT, NOTHING
        return self._ask_commitment(forwarding, name, results)

    def _ask_commitment(
        self, forwarding: Forwarding, name: str, references: Sequence[str]
    ) -> tuple[ForwardState, Message]:
        """Return committed only when the target says that it keeps everything."""
        try:
            transaction = forwarding.ask_commitment(name, references)
            said = wait_until(
                lambda: forwarding.commitment(transaction),
                lambda said: said.kept is not None,
                timeout_s=COMMITMENT_S,
                every_s=LOOK_S,
                pause=self._context.pause,
            )
        except PacsError as exc:
            return ForwardState.SENT, Message(
                "Storage commitment could not be requested: {why}", why=exc.problem
            )
        if said.kept:
            return ForwardState.COMMITTED, NOTHING
        if said.kept is None:
            return ForwardState.SENT, Message(
                "No answer to the storage commitment request within {seconds:g} s.",
                seconds=COMMITMENT_S,
            )
        why = ", ".join(sorted(set(said.failures))) or Message("no reason given")
        return ForwardState.SENT, Message("Storage commitment was refused: {why}.", why=why)
