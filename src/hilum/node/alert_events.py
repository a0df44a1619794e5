"""What people are told of the outcome of an image."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from hilum.language import Message
from hilum.records.alerts import AlertEvent
from hilum.records.images import ImageRecord, Settlement
from hilum.records.states import State, Urgency
from hilum.settings.alerts import AlertKind, AlertSettings
from hilum.wording import FINDING_NAMES


def of_outcome(
    image: ImageRecord,
    end: Settlement,
    document: Mapping[str, Any] | None,
    settings: AlertSettings,
    now: datetime,
) -> AlertEvent | None:
    """Return what people are told, None when it is nothing.

    Of an old image that somebody let be read nobody is woken, and of the demonstration model's
    findings neither.

    Parameters
    ----------
    document
        The reading, as hilum.reading/1; None when there is none.
    """
    if end.state is State.FAILED:
        why = end.reasons[0].text if end.reasons else Message("no reason given")
        text = Message("Images failed. The first: {why:clause}. See Operations.", why=why)
        return AlertEvent(AlertKind.FAILURE, f"{now:%Y-%m-%dT%H}", text)
    if document is None or document["model"]["demonstration"] or image.urgency is Urgency.BACKFILL:
        return None
    critical = [
        FINDING_NAMES.get(label, label)
        for label in (
            each["label"] for each in document["readings"][0]["findings"] if each["positive"]
        )
        if label in settings.critical_findings
    ]
    if not critical:
        return None
    text = Message(
        "{findings}: at or above the operating point of {model}.",
        findings=Message.joined(", ", critical),
        model=document["model"]["name"],
    )
    study = image.uids.study_instance_uid
    return AlertEvent(AlertKind.CRITICAL, f"{image.archive}|{study}", text, study)
