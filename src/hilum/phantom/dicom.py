"""A drawing becomes a DICOM image, as a detector of one kind or another would store it."""

import datetime as dt
import uuid
from typing import Any, Final

import numpy as np
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
)

from hilum.phantom.exposure import STEPS, curve_index, tone_curve
from hilum.phantom.lateral import VIEW as LATERAL
from hilum.phantom.scene import Drawing, Scene, brightness

NAMESPACE: Final = uuid.UUID("a2f3a0b8-6f43-5d0e-9d53-0f0c3b6f7a51")
"""Of the UIDs of all phantoms."""

MODEL_VERSION: Final = "1"
"""Of the anatomy and physics: another version draws another chest from the same seed."""

STUDY_DATE: Final = dt.date(2024, 1, 2)
"""On which every phantom was taken."""

SECONDS_OF_A_DAY: Final = 86_400

VIEWS: Final = {
    "PA": ("272479007", "postero-anterior"),
    "AP": ("272481009", "antero-posterior"),
    LATERAL: ("399173006", "left lateral"),
}
"""View Position → code of SNOMED CT and its meaning (PS3.16 CID 4010)."""

EQUIPMENT: Final[dict[str, Any]] = {
    "Manufacturer": "hilum",
    "ManufacturerModelName": "phantom",
    "DeviceSerialNumber": "PHANTOM",
    "SoftwareVersions": MODEL_VERSION,
    "InstitutionName": "PHANTOM",
    "StationName": "PHANTOM",
}

DIGITAL_X_RAY: Final[dict[str, Any]] = {
    "PresentationIntentType": "FOR PRESENTATION",
    "ImageLaterality": "U",
    "DetectorType": "DIRECT",
    "PositionerType": "NONE",
    "PixelIntensityRelationship": "LOG",
    "PixelIntensityRelationshipSign": -1,
    "RescaleIntercept": 0,
    "RescaleSlope": 1,
    "RescaleType": "US",
    "AcquisitionContextSequence": [],
}
"""What a Digital X-Ray image has and a Computed Radiography image has not (PS3.3 C.8.11)."""


def uid(*parts: object) -> str:
    """Return a UID derived from `parts` (PS3.5 B.2)."""
    return f"2.25.{uuid.uuid5(NAMESPACE, '/'.join(str(part) for part in parts)).int}"


def code(value: str, meaning: str) -> Dataset:
    """Return one SNOMED CT code."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "SCT", meaning
    return item


def to_dicom(scene: Scene, drawing: Drawing) -> Dataset:
    """Return a drawing as an image For Presentation, DX or CR, with an invented identity."""
    dataset = Dataset()
    attributes = identity(scene, drawing) | image(scene, drawing) | stored(scene, drawing)
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    if "VOILUTSequence" in dataset:
        dataset.VOILUTSequence[0]["LUTDescriptor"].VR = "US"
        dataset.VOILUTSequence[0]["LUTData"].VR = "OW"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    return dataset


def identity(scene: Scene, drawing: Drawing) -> dict[str, Any]:
    """Return who and when: all invented, the same for the same phantom."""
    patient, seed = scene.patient, scene.seed
    kinds = ",".join(type(disease).__name__ for disease in scene.diseases)
    kinds += patient.view if patient.view == LATERAL else ""  # another image of the same patient
    parts = (MODEL_VERSION, scene.population, seed, kinds, drawing.shown.shape)
    time = str(dt.timedelta(seconds=seed * 37 % SECONDS_OF_A_DAY)).replace(":", "").zfill(6)
    born = STUDY_DATE.year - patient.age - 1
    date = STUDY_DATE.strftime("%Y%m%d")
    return {
        "SpecificCharacterSet": "ISO_IR 192",
        "PatientName": f"PHANTOM^{seed}",
        "PatientID": f"PHANTOM-{seed}",
        "PatientBirthDate": f"{born}0701",
        "PatientSex": patient.sex,
        "PatientAge": f"{patient.age:03d}Y",
        "AccessionNumber": f"PHANTOM-{seed % 10**8}",
        "ReferringPhysicianName": "",
        "StudyID": "PHANTOM",
        "SeriesNumber": 1,
        "InstanceNumber": 1,
        "StudyInstanceUID": uid("study", *parts),
        "SeriesInstanceUID": uid("series", *parts),
        "SOPInstanceUID": uid("image", *parts),
        "StudyDescription": f"PHANTOM CHEST {patient.view}",
        "SeriesDescription": f"Phantom chest {patient.view}",
        "ImageComments": "PHANTOM: a generated image, of nobody",
        "QualityControlImage": "YES",
        **{f"{when}Date": date for when in ("Study", "Series", "Acquisition", "Content")},
        **{f"{when}Time": time for when in ("Study", "Series", "Acquisition", "Content")},
        **EQUIPMENT,
    }


def image(scene: Scene, drawing: Drawing) -> dict[str, Any]:
    """Return what kind of image it is."""
    view = scene.patient.view
    spacing = [round(drawing.spacing, 4)] * 2
    common: dict[str, Any] = {
        "Modality": scene.technique.modality,
        "ImageType": ["ORIGINAL", "PRIMARY", ""],
        "BodyPartExamined": "CHEST",
        "ViewPosition": view,
        "PatientOrientation": ["P" if view == LATERAL else "L", "F"],
        "BurnedInAnnotation": "NO",
        "ImagerPixelSpacing": spacing,
        "KVP": 120,
        "LossyImageCompression": "00",
    }
    if scene.technique.modality == "CR":
        return common | {"SOPClassUID": ComputedRadiographyImageStorage}
    projection = code(*VIEWS[view])
    projection.ViewModifierCodeSequence = []
    return common | {
        **DIGITAL_X_RAY,
        "SOPClassUID": DigitalXRayImageStorageForPresentation,
        "AnatomicRegionSequence": [code("43799004", "Thorax")],
        "ViewCodeSequence": [projection],
        "PresentationLUTShape": "INVERSE" if scene.technique.inverted else "IDENTITY",
    }


def stored(scene: Scene, drawing: Drawing) -> dict[str, Any]:
    """Return the pixels, and the window or table that shows them as they are meant."""
    technique = scene.technique
    top = (1 << technique.bits) - 1
    if technique.lookup:
        # The table has STEPS entries at most: what it is asked for must be one of them.
        values = curve_index(drawing.shown)
        values = np.where(drawing.inside, values, STEPS - 1 if technique.white_border else 0)
        np.maximum(values, (drawing.marked * (STEPS - 1)).astype(np.uint16), out=values)
        levels = min(STEPS, top + 1)
        pixels = (values >> (STEPS // levels).bit_length() - 1).astype(np.uint16)
        shown = table(scene, levels)
        last = levels - 1
    else:
        picture = brightness(scene, drawing)
        picture *= np.float32(top)
        pixels = np.rint(picture, out=picture).astype(np.uint16)
        shown = {"WindowCenter": (top + 1) / 2, "WindowWidth": top + 1}
        last = top
    if technique.inverted:
        pixels = np.uint16(last) - pixels
    rows, columns = pixels.shape
    return shown | {
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME1" if technique.inverted else "MONOCHROME2",
        "Rows": rows,
        "Columns": columns,
        "BitsAllocated": 16,
        "BitsStored": technique.bits,
        "HighBit": technique.bits - 1,
        "PixelRepresentation": 0,
        "PixelData": pixels.astype("<u2").tobytes(),
    }


def table(scene: Scene, levels: int) -> dict[str, Any]:
    """Return the tone curve as a VOI LUT for stored values 0 to ``levels - 1``."""
    curve = tone_curve(scene.technique)[:: STEPS // levels]
    if scene.technique.inverted:
        curve = (1 - curve)[::-1]
    entries = np.rint(curve * 65535).astype("<u2")
    item = Dataset()
    item.LUTDescriptor = [levels, 0, 16]
    item.LUTExplanation = "Phantom"
    item.LUTData = entries.tobytes()
    return {"VOILUTSequence": [item]}
