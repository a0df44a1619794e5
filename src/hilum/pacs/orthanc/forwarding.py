"""How Orthanc reaches other archives: C-STORE, peer transfer, storage commitment.

Sources
-------
Orthanc Book, "REST API of Orthanc": sending to modalities and peers; "Storage commitment".
DICOM PS3.4 Annex J: only a success of all instances is a commitment.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from hilum.pacs.orthanc.client import Orthanc

MODALITY: Final = "modality"
PEER: Final = "peer"

FOLDERS: Final = {MODALITY: "modalities", PEER: "peers"}
"""Kind of another archive → where Orthanc's REST API has those of that kind."""

SEND_S: Final = 600.0
"""Seconds that another archive gets to take what Orthanc sends it."""


@dataclass(frozen=True, slots=True)
class Commitment:
    """What another archive said when it was asked whether it keeps instances."""

    status: str
    """``"Pending"``, ``"Success"`` or ``"Failure"``."""
    failures: tuple[str, ...]
    """Why, one for each instance that it does not keep."""


def send_on(orthanc: Orthanc, kind: str, name: str, instance_ids: Sequence[str]) -> None:
    """Let Orthanc send instances to another archive, and wait until it has.

    Parameters
    ----------
    orthanc
        Which Orthanc sends.
    kind
        `MODALITY` (C-STORE) or `PEER` (another Orthanc's REST API).
    name
        What Orthanc's own configuration calls it.
    instance_ids
        Orthanc's identifiers.

    Raises
    ------
    PacsUnavailable
        The other archive did not take all of them.
    NotInPacs
        Orthanc knows no archive of that name, or not all instances.
    """
    orthanc.json(
        "POST",
        f"/{FOLDERS[kind]}/{quote(name, safe='')}/store",
        json={"Resources": list(instance_ids), "Synchronous": True},
        timeout_s=SEND_S,
    )


def ask_commitment(orthanc: Orthanc, name: str, instance_ids: Sequence[str]) -> str:
    """Ask a modality whether it keeps instances; return the transaction to look at later.

    Raises
    ------
    PacsUnavailable
        The modality did not take the question.
    """
    answer = orthanc.json(
        "POST",
        f"/modalities/{quote(name, safe='')}/storage-commitment",
        json={"Resources": list(instance_ids)},
        timeout_s=SEND_S,
    )
    return str(answer["ID"])


def commitment(orthanc: Orthanc, transaction: str) -> Commitment:
    """Return what a modality said so far to a question of `ask_commitment`."""
    answer = orthanc.json("GET", f"/storage-commitment/{transaction}")
    said = [str(failure.get("Description", "no reason")) for failure in answer.get("Failures", ())]
    return Commitment(str(answer["Status"]), tuple(said))
