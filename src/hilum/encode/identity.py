"""Derived UIDs: the same input gives the same names, so doing it twice changes nothing."""

import hashlib
import json
from dataclasses import dataclass
from typing import Final
from uuid import UUID, uuid5

from pydicom import Dataset

from hilum.files.dicom import text
from hilum.radiograph import ImageUIDs
from hilum.reading import MEASURED, Reading

NAMESPACE: Final = UUID("97eef6c1-0923-4eff-8446-c8b24dba1ae2")
"""Random, chosen once. Changing it renames every result ever written."""

ENCODING_VERSION: Final = "9"
"""Raised when hilum writes the same reading down differently: new content, new UIDs."""


def derived_uid(*parts: str) -> str:
    """Return the UID that belongs to `parts`, the same on every machine.

    Sources
    -------
    PS3.5 B.2: a UUID written as a decimal integer under the root 2.25.
    """
    return f"2.25.{uuid5(NAMESPACE, json.dumps(parts)).int}"


@dataclass(frozen=True, slots=True)
class ResultIdentity:
    """What all results of one reading have in common."""

    source: ImageUIDs
    """The image: where one SOP Instance UID is in two studies, results differ all the same."""
    model_sha256: str
    """SHA-256 of the weights; empty when no model read the image."""
    settings_digest: str
    """Digest of everything else that changes the content."""

    def uid(self, kind: str) -> str:
        """Return the UID of the result, series or tracked thing called `kind`."""
        content = (self.model_sha256, self.settings_digest, ENCODING_VERSION)
        return derived_uid(*self.source, *content, kind)


def identify(reading: Reading, *choices: str) -> ResultIdentity:
    """Return the identity of the results of `reading`.

    The findings' values do not count: two machines may differ in the last bit, and
    must still write one result. What decides the values does: the stored pixels first,
    since an image may come again under the same UID with other pixels.

    Parameters
    ----------
    choices
        Settings that change the content, e.g. the language, or a code table's digest.

    Raises
    ------
    ValueError
        The radiograph has no header, hence no study to write into.
    """
    header, model = reading.header, reading.model
    decisive: list[object] = [
        patient_of(header),
        model.name,
        model.version,
        model.input_size,
        [[f.label, f.operating_point] for f in reading.findings],
        reading.radiograph.pipeline,
        reading.radiograph.pixel_digest,
        [[decision.code, decision.text] for decision in reading.radiograph.decisions],
        [warning.code for warning in reading.warnings if warning.code not in MEASURED],
        choices,
    ]
    if any(finding.probability for finding in reading.findings):
        decisive.append(model.operating_points.rpartition("@")[2])  # tells the curves, too
    if reading.reference is not None:
        decisive.append([reading.reference.statistics, reading.reference.limit])
    if reading.view is not None:
        decisive.append(reading.view.network)
    return ResultIdentity(ImageUIDs.of(header), model.sha256, digest(decisive))


def patient_of(header: Dataset) -> tuple[str, str]:
    """Return whose image it is: an anonymiser may leave all three UIDs and change only that."""
    return text(header, "PatientID"), text(header, "IssuerOfPatientID")


def digest(content: object) -> str:
    """Return the SHA-256 of anything that JSON can hold, as hexadecimal."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
