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

from hilum.pacs.archive import Commitment, TargetKind
from hilum.pacs.orthanc.client import Orthanc, understood

FOLDERS: Final = {TargetKind.MODALITY: "modalities", TargetKind.PEER: "peers"}
"""Kind of another archive → where Orthanc's REST API has those of that kind."""

KEPT: Final = {"Success": True, "Failure": False}
"""Status of a commitment → whether all is kept; of any other, nobody knows yet."""

SEND_S: Final = 600.0
"""Seconds that another archive gets to take what Orthanc sends it."""


@dataclass(frozen=True, slots=True)
class OrthancForwarding:
    """Keeps the promises of `hilum.pacs.archive.Forwarding`."""

    orthanc: Orthanc
    """Which Orthanc sends; a name is what its configuration calls another archive."""

    def send_on(self, kind: TargetKind, name: str, references: Sequence[str]) -> None:
        """Let Orthanc send, and wait until it has."""
        self.orthanc.json(
            "POST",
            f"/{FOLDERS[kind]}/{quote(name, safe='')}/store",
            json={"Resources": list(references), "Synchronous": True},
            timeout_s=SEND_S,
        )

    @understood()
    def ask_commitment(self, name: str, references: Sequence[str]) -> str:
        """Let Orthanc ask a modality."""
        answer = self.orthanc.json(
            "POST",
            f"/modalities/{quote(name, safe='')}/storage-commitment",
            json={"Resources": list(references)},
            timeout_s=SEND_S,
        )
        return str(answer["ID"])

    @understood()
    def commitment(self, transaction: str) -> Commitment:
        """Return what the modality said so far."""
        answer = self.orthanc.json("GET", f"/storage-commitment/{transaction}")
        failures = answer.get("Failures", ())
        said = [str(failure.get("Description", "no reason")) for failure in failures]
        return Commitment(KEPT.get(str(answer["Status"])), tuple(said))
