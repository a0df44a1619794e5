"""CloudEvents 1.0: the outcome of one image as one JSON document (structured mode).

Whose image it is stays here unless the site says otherwise: the event names it by its UIDs.

Sources
-------
CloudEvents 1.0.2 (context attributes); its JSON event format.
"""

import json
from datetime import UTC
from typing import Any, Final

from hilum import PRODUCT
from hilum.encode.messages.outcome import ImageOutcome
from hilum.settings.deliveries import WebhookReceiver

ANALYZED: Final = f"{PRODUCT}.image.analyzed.v1"
NOT_ANALYZED: Final = f"{PRODUCT}.image.not_analyzed.v1"
"""Types of events."""

PATIENT: Final = {
    "patient_id": "PatientID",
    "issuer_of_patient_id": "IssuerOfPatientID",
    "patient_name": "PatientName",
    "birth_date": "PatientBirthDate",
    "sex": "PatientSex",
    "accession_number": "AccessionNumber",
}
"""Name in the event → attribute of the image."""


def message(outcome: ImageOutcome, receiver: WebhookReceiver) -> bytes:
    """Return the event."""
    uids = outcome.uids
    data: dict[str, Any] = {**uids._asdict(), "corrects_earlier": outcome.corrects}
    if outcome.document is not None:
        (row,) = outcome.document["readings"]
        data |= {name: outcome.document[name] for name in ("schema", "notice", "model")}
        data["analyzed_at"] = outcome.when.isoformat(timespec="seconds")
        data["findings"] = row["findings"]
    else:
        said = outcome.settings.language.say
        data["reasons"] = [{"code": each.code, "text": said(each.text)} for each in outcome.reasons]
    if receiver.patient_data:
        data["patient"] = {name: outcome.facts.get(said, "") for name, said in PATIENT.items()}
    event = {
        "specversion": "1.0",
        "id": str(outcome.id),
        "source": f"urn:{PRODUCT}:node",
        "type": NOT_ANALYZED if outcome.reading is None else ANALYZED,
        "subject": uids.study_instance_uid,
        "time": outcome.at.astimezone(UTC).isoformat(timespec="milliseconds"),
        "datacontenttype": "application/json",
        "data": data,
    }
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")
