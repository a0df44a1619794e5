"""What every message about one image is made from, and how it is kept until it is sent."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pydicom import Dataset
from pydicom.multival import MultiValue

from hilum.eligibility import Reason
from hilum.encode.codes import CodeTable, load_codes
from hilum.encode.identity import derived_uid
from hilum.encode.source import as_source, write_quietly
from hilum.radiograph import ImageUIDs
from hilum.reading import Reading
from hilum.settings import ReportSettings

ATTRIBUTES: Final = (
    "SOPClassUID",
    "SOPInstanceUID",
    "SeriesInstanceUID",
    "StudyInstanceUID",
    "Modality",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "StudyDescription",
    "AccessionNumber",
    "PatientName",
    "PatientID",
    "IssuerOfPatientID",
    "PatientBirthDate",
    "PatientSex",
    "ReferringPhysicianName",
    "InstitutionName",
    "StationName",
    "AdmissionID",
    "PlacerOrderNumberImagingServiceRequest",
    "FillerOrderNumberImagingServiceRequest",
    "RequestedProcedureID",
    "RequestedProcedureDescription",
)
"""Attributes of an image that a message may tell."""

PROCEDURES: Final = ("RequestedProcedureCodeSequence", "ProcedureCodeSequence")
PROCEDURE: Final = {
    "ProcedureCode": "CodeValue",
    "ProcedureMeaning": "CodeMeaning",
    "ProcedureScheme": "CodingSchemeDesignator",
}
"""Name among the facts → attribute of the procedure's code."""

FACTS: Final = (*ATTRIBUTES, *PROCEDURE)
"""Names of what is kept of an image."""


def image_facts(header: Dataset) -> dict[str, str]:
    """Return what messages need of an image, attribute → text; what it lacks is left out.

    Parameters
    ----------
    header
        Its attributes, with text decoded.
    """
    source = as_source(header)
    requests = source.get("RequestAttributesSequence") or [Dataset()]
    found = {each: source.get(each) or requests[0].get(each) for each in ATTRIBUTES}
    for name in PROCEDURES:
        for code in (source.get(name) or requests[0].get(name) or ())[:1]:
            found |= {fact: code.get(keyword) for fact, keyword in PROCEDURE.items()}
    return {name: _text(value) for name, value in found.items() if value}


def _text(value: object) -> str:
    values = value if isinstance(value, MultiValue) else [value]
    return "\\".join(map(str, values)).strip(" \0")


def header_of(facts: Mapping[str, str]) -> Dataset:
    """Return the attributes of `image_facts` as a data set."""
    header = Dataset()
    write_quietly(header, **{name: facts[name] for name in ATTRIBUTES if name in facts})
    return header


@dataclass(frozen=True, slots=True, eq=False)
class ImageOutcome:
    """The outcome of one image, as a system beside the PACS is told of it."""

    id: UUID
    """Names the message, the same at each attempt."""
    at: datetime
    """When the image was settled."""
    when: datetime
    """Time of the analysis, with its UTC offset."""
    facts: Mapping[str, str]
    """See `image_facts`."""
    reading: Reading | None
    """What the model says of it, with a header of `facts`; None where it was not analyzed."""
    document: Mapping[str, Any] | None
    """The same as a hilum.reading/1 document."""
    reasons: tuple[Reason, ...]
    """Why it was not analyzed."""
    corrects: bool
    """Whether the system may know what an earlier analysis said."""
    settings: ReportSettings
    """Language and codes."""

    @property
    def codes(self) -> CodeTable:
        """The codes of the settings."""
        return load_codes(self.settings.codes_file)

    @property
    def uids(self) -> ImageUIDs:
        """What names the image."""
        return ImageUIDs.of(header_of(self.facts))

    def uid(self, kind: str) -> str:
        """Return the UID of a part of what is told of this image, whatever model said it."""
        return derived_uid(*self.uids, "told", kind)
