"""Tells systems beside the PACS of one image: makes the message anew, the same each time."""

from collections import Counter
from datetime import datetime
from typing import Final

from hilum.deliveries import mllp, web
from hilum.encode.messages import cloud_event, fhir_transaction, hl7
from hilum.encode.messages.outcome import ImageOutcome, header_of
from hilum.errors import DeliveryRefused
from hilum.language import Message
from hilum.node.steps import NodeContext
from hilum.records import readings
from hilum.records.forwards import ForwardEntry
from hilum.records.images import ImageRecord
from hilum.records.restored import restored
from hilum.records.states import State
from hilum.runtime.waits import BackOff
from hilum.settings.deliveries import FhirReceiver, Hl7Receiver, WebhookReceiver

WHILE_AWAY: Final = BackOff(1.0, 60.0)
"""Between two messages to a receiver that did not take the last ones: it is not flooded."""

GONE: Final = Message("The findings of the image are no longer kept.")


class Deliverer:
    """Sends messages to the receivers of the settings. For any number of threads.

    Raises
    ------
    SettingInvalid
        A mapping file cannot be used.
    """

    def __init__(self, context: NodeContext) -> None:
        self._context = context
        settings = context.settings.deliveries
        self.receivers: Final = settings.by_target
        self._in_a_row: Counter[str] = Counter()
        self._fhir = {each.target: web.FhirSender(each) for each in settings.fhir}
        for each in settings.hl7:
            hl7.load_mapping(each.mapping_file)

    def __call__(self, entry: ForwardEntry, image: ImageRecord) -> None:
        """Try once to hand over the message.

        Raises
        ------
        DeliveryError
            The receiver did not take it.
        SettingInvalid
            A file of the settings cannot be used.
        """
        receiver = self.receivers[entry.forward.target]
        outcome = self._outcome(entry, image)
        if failed := self._in_a_row[receiver.target]:
            self._context.pause(WHILE_AWAY.after(failed))  # its slot is its own
        self._in_a_row[receiver.target] += 1
        match receiver:
            case Hl7Receiver():
                mllp.send(receiver, hl7.message(outcome, receiver), hl7.message_id(outcome))
            case WebhookReceiver():
                event = cloud_event.message(outcome, receiver)
                web.send_event(receiver, event, str(outcome.id), self._context.now())
            case FhirReceiver():
                self._fhir[receiver.target].send(fhir_transaction.message(outcome, receiver))
        del self._in_a_row[receiver.target]

    def _outcome(self, entry: ForwardEntry, image: ImageRecord) -> ImageOutcome:
        about, forward = entry.about, entry.forward
        with self._context.database.look() as connection:
            kept = readings.get(connection, forward.archive, forward.uids)
        stored = image.state is State.STORED
        if about is None or image.settled is None or (stored and kept is None):
            raise DeliveryRefused(GONE)
        reading = document = None
        if stored and kept is not None:
            document = kept.document
            reading = restored(kept, header_of(about), about["pixel_digest"])
        return ImageOutcome(
            forward.message_id,
            image.settled.astimezone(),
            datetime.fromisoformat(about["when"]),
            about,
            reading,
            document,
            image.reasons,
            entry.corrects,
            self._context.settings.current().report,
        )
