"""Attributes that every result has: patient, study, times, and the devices that made it.

`finish` is the last step of each kind of result, whatever library built the rest.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from functools import cache
from typing import Final

from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.sr.coding import Code
from pydicom.tag import BaseTag, Tag
from pydicom.uid import UID, ExplicitVRLittleEndian

from hilum import MANUFACTURER, PRODUCT, __version__
from hilum.encode.identity import derived_uid
from hilum.encode.source import (
    copy_element,
    fitting_character_set,
    is_undeclared,
    quiet_item,
    write_in_ascii,
)
from hilum.reading import ModelIdentity

IMPLEMENTATION_CLASS_UID: Final = UID("2.25.88122562894882106039905029639448442875")
"""Names hilum in the File Meta Information (PS3.7 D.3.3.2)."""

IMPLEMENTATION_VERSION_NAME: Final = f"HILUM_{__version__}"[:16]
"""Names the version of hilum there; 16 characters at most."""

ACQUISITION: Final = Code("109101", "DCM", "Acquisition Equipment")
PROCESSING: Final = Code("109102", "DCM", "Processing Equipment")

COPIED: Final = tuple(
    keyword
    for keywords in (
        # Patient (PS3.3 C.7.1.1)
        (
            "ReferencedPatientSequence PatientName PatientID IssuerOfPatientID TypeOfPatientID "
            "IssuerOfPatientIDQualifiersSequence PatientBirthDate PatientBirthTime PatientSex "
            "QualityControlSubject OtherPatientNames OtherPatientIDsSequence "
            "EthnicGroupCodeSequence PatientSpeciesDescription PatientSpeciesCodeSequence "
            "PatientBreedDescription PatientBreedCodeSequence BreedRegistrationSequence "
            "ResponsiblePerson ResponsiblePersonRole ResponsibleOrganization PatientComments "
            "PatientIdentityRemoved DeidentificationMethod DeidentificationMethodCodeSequence"
        ),
        # Clinical Trial Subject (C.7.1.3)
        (
            "ClinicalTrialSponsorName ClinicalTrialProtocolID ClinicalTrialProtocolName "
            "ClinicalTrialSiteID ClinicalTrialSiteName ClinicalTrialSubjectID "
            "ClinicalTrialSubjectReadingID ClinicalTrialProtocolEthicsCommitteeName "
            "ClinicalTrialProtocolEthicsCommitteeApprovalNumber"
        ),
        # General Study (C.7.2.1)
        (
            "StudyInstanceUID StudyDate StudyTime AccessionNumber IssuerOfAccessionNumberSequence "
            "ReferringPhysicianName ReferringPhysicianIdentificationSequence "
            "ConsultingPhysicianName StudyDescription ProcedureCodeSequence PhysiciansOfRecord "
            "ReferencedStudySequence StudyID RequestingService RequestingServiceCodeSequence "
            "ReasonForPerformedProcedureCodeSequence"
        ),
        # Patient Study (C.7.2.2)
        (
            "AdmittingDiagnosesDescription AdmittingDiagnosesCodeSequence PatientAge PatientSize "
            "PatientWeight PatientBodyMassIndex MedicalAlerts Allergies Occupation SmokingStatus "
            "AdditionalPatientHistory PregnancyStatus LastMenstrualDate PatientSexNeutered "
            "ReasonForVisit AdmissionID IssuerOfAdmissionIDSequence ServiceEpisodeID "
            "ServiceEpisodeDescription PatientState"
        ),
        # Clinical Trial Study (C.7.2.3)
        "ClinicalTrialTimePointID ClinicalTrialTimePointDescription",
    )
    for keyword in keywords.split()
)
"""Attributes of patient and study that every result repeats from its source."""

ACQUIRED_WITH: Final = (
    "Manufacturer",
    "InstitutionName",
    "InstitutionAddress",
    "StationName",
    "InstitutionalDepartmentName",
    "ManufacturerModelName",
    "DeviceSerialNumber",
    "SoftwareVersions",
    "DeviceUID",
)
"""Attributes of the modality that become its item of Contributing Equipment Sequence."""


def finish(
    result: Dataset,
    source: Dataset,
    *,
    model: ModelIdentity | None,
    when: datetime,
    series_description: str,
    texts: Iterable[str] = (),
) -> None:
    """Write patient, study, time and equipment into `result`, over what is there.

    Parameters
    ----------
    series_description
        64 characters at most; longer ones are cut.
    texts
        Other texts of ours that the character set must be able to hold.

    Raises
    ------
    ValueError
        `when` has no UTC offset.

    Sources
    -------
    PS3.3 C.7 and C.12.1; IHE AI Results 6.5.3.1 for the equipment.
    """
    _copy(COPIED, source, result)
    result.pop("SpecificCharacterSet", None)
    declared = fitting_character_set(source, [series_description, *texts])
    if declared:
        result.SpecificCharacterSet = declared
    moment = local_time(source, when)
    _write_times(result, moment)
    result.SeriesDescription = series_description[:64]
    result.Manufacturer = MANUFACTURER
    result.ManufacturerModelName = PRODUCT
    result.DeviceSerialNumber = serial_number(model)
    result.SoftwareVersions = software_versions(model)
    result.ContributingEquipmentSequence = [
        *source.get("ContributingEquipmentSequence", ()),
        *acquisition_equipment(source),
        processing_equipment(model, moment),
    ]
    if not declared and is_undeclared(source):
        write_in_ascii(result, source)
    _write_file_meta(result)


def local_time(source: Dataset, when: datetime) -> datetime:
    """Return `when` in the source's time zone, since one offset holds for all times of a file.

    Without an offset in the source, the node's own zone is taken to be the modality's.

    Raises
    ------
    ValueError
        `when` has no UTC offset.

    Sources
    -------
    PS3.3 C.12.1.1.8, Timezone Offset From UTC.
    """
    if when.utcoffset() is None:
        raise ValueError("the time of the analysis needs a UTC offset")
    stated = str(source.get("TimezoneOffsetFromUTC") or "").strip()
    try:
        offset = datetime.strptime(stated, "%z").utcoffset()
    except ValueError:  # absent or nonsense
        return when
    return when.astimezone(timezone(offset or timedelta(0)))


def algorithm_name(model: ModelIdentity) -> str:
    """Return the model's name for coded results, stamped when it is the demonstration's."""
    if not model.demonstration:
        return model.name[:64]
    return f"DEMONSTRATION {model.name.removeprefix('demonstration')}".rstrip()[:64]


def device_uid(model: ModelIdentity | None) -> str:
    """Return the UID of the observing device: another one for other weights (IHE AIR 6.5.3.1)."""
    if model is None:
        return derived_uid("device", PRODUCT, __version__)
    return derived_uid("device", model.name, model.version, model.sha256)


def serial_number(model: ModelIdentity | None) -> str:
    """Return what tells two devices of one name apart: the start of the weights' hash."""
    return f"{PRODUCT}-{__version__}" if model is None else model.sha256[:16]


def software_versions(model: ModelIdentity | None) -> list[str]:
    """Return the versions of hilum and of the model."""
    node = f"{PRODUCT} {__version__}"
    return [node] if model is None else [node, f"{model.name} {model.version}"[:64]]


def acquisition_equipment(source: Dataset) -> list[Dataset]:
    """Return the modality as an item of Contributing Equipment Sequence, if it says what it is."""
    if not source.get("Manufacturer"):
        return []
    item = quiet_item(
        PurposeOfReferenceCodeSequence=[code_item(ACQUISITION)],
        ContributionDescription="Acquisition equipment of the source image",
    )
    _copy(ACQUIRED_WITH, source, item)
    return [item]


def processing_equipment(model: ModelIdentity | None, when: datetime) -> Dataset:
    """Return model and node as an item of Contributing Equipment Sequence.

    Sources
    -------
    IHE AI Results 6.5.3.1; the values equal those of the device observer in the report.
    """
    return quiet_item(
        Manufacturer=MANUFACTURER,
        ManufacturerModelName=PRODUCT if model is None else algorithm_name(model),
        DeviceSerialNumber=serial_number(model),
        SoftwareVersions=__version__ if model is None else model.version,
        DeviceUID=device_uid(model),
        # Without an offset: (0008,0201) has it, and dcmpschk 3.6.7 rejects one here.
        ContributionDateTime=when.strftime("%Y%m%d%H%M%S"),
        ContributionDescription="Chest radiograph analysis, research use only",
        PurposeOfReferenceCodeSequence=[code_item(PROCESSING)],
    )


def code_item(code: Code) -> Dataset:
    """Return `code` as the item of a code sequence (PS3.3 8.8)."""
    return quiet_item(
        CodeValue=code.value,
        CodingSchemeDesignator=code.scheme_designator,
        CodeMeaning=code.meaning,
    )


def _copy(keywords: tuple[str, ...], source: Dataset, result: Dataset) -> None:
    """Copy attributes of the source that it has; `result` is changed in place."""
    for tag in _tags(keywords):
        if tag in source:
            result.add(copy_element(source[tag]))


@cache
def _tags(keywords: tuple[str, ...]) -> tuple[BaseTag, ...]:
    """Return the tags of attributes: finding them takes longer than copying the values."""
    return tuple(map(Tag, keywords))


def _write_times(result: Dataset, when: datetime) -> None:
    day, clock = when.strftime("%Y%m%d"), when.strftime("%H%M%S")
    for stem in ("InstanceCreation", "Series", "Content"):
        setattr(result, f"{stem}Date", day)
        setattr(result, f"{stem}Time", clock)
    if "PresentationCreationDate" in result:
        result.PresentationCreationDate, result.PresentationCreationTime = day, clock
    if "DateOfSecondaryCapture" in result:
        result.DateOfSecondaryCapture, result.TimeOfSecondaryCapture = day, clock
    result.TimezoneOffsetFromUTC = when.strftime("%z")[:5]


def _write_file_meta(result: Dataset) -> None:
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\x00\x01"
    meta.MediaStorageSOPClassUID = result.SOPClassUID
    meta.MediaStorageSOPInstanceUID = result.SOPInstanceUID
    previous = getattr(result, "file_meta", None)
    meta.TransferSyntaxUID = (
        ExplicitVRLittleEndian if previous is None else previous.TransferSyntaxUID
    )
    meta.ImplementationClassUID = IMPLEMENTATION_CLASS_UID
    meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME
    result.file_meta = meta
