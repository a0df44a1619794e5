"""A small, valid, generated chest radiograph: the raw material of most tests."""

from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.dataset import FileMetaDataset
from pydicom.tag import Tag
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid

ROWS, COLUMNS = 320, 288
"""Larger than the 224 pixels that the gate asks for, and not square."""

IDENTITY: dict[str, Any] = {
    "SpecificCharacterSet": "ISO_IR 192",
    "PatientName": "Radiograph^Generated",
    "PatientID": "GENERATED-1",
    "PatientBirthDate": "19700101",
    "PatientSex": "O",
    "AccessionNumber": "A1",
    "StudyID": "1",
    "StudyDate": "20240102",
    "StudyTime": "101112",
    "SeriesDate": "20240102",
    "SeriesTime": "101112",
    "AcquisitionDate": "20240102",
    "AcquisitionTime": "101112",
    "ContentDate": "20240102",
    "ContentTime": "101112",
    "ReferringPhysicianName": "",
    "StudyDescription": "XR CHEST PA",
    "SeriesDescription": "Chest PA",
    "SeriesNumber": 1,
    "InstanceNumber": 1,
    "Manufacturer": "Generated",
    "ManufacturerModelName": "Generated DX",
    "DeviceSerialNumber": "1",
    "SoftwareVersions": "1",
}

DIGITAL_X_RAY: dict[str, Any] = {
    "Modality": "DX",
    "ImageType": ["ORIGINAL", "PRIMARY", ""],
    "PresentationIntentType": "FOR PRESENTATION",
    "BodyPartExamined": "CHEST",
    "ViewPosition": "PA",
    "PatientOrientation": ["L", "F"],
    "ImageLaterality": "U",
    "BurnedInAnnotation": "NO",
    "ImagerPixelSpacing": [0.8, 0.8],
    "DetectorType": "DIRECT",
    "PositionerType": "",
    "PixelIntensityRelationship": "LOG",
    "PixelIntensityRelationshipSign": -1,
    "RescaleIntercept": 0,
    "RescaleSlope": 1,
    "RescaleType": "US",
    "PresentationLUTShape": "IDENTITY",
    "LossyImageCompression": "00",
    "WindowCenter": 2048,
    "WindowWidth": 4096,
    "AcquisitionContextSequence": [],
}


def code(value: str, scheme: str, meaning: str) -> Dataset:
    """Return one item of a code sequence."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def thorax(rows: int = ROWS, columns: int = COLUMNS) -> NDArray[np.uint16]:
    """Return 12-bit pixels, shape ``(rows, columns)``: a bright spine between two dark lungs."""
    y, x = np.mgrid[0:rows, 0:columns] / np.array([rows, columns]).reshape(2, 1, 1)
    image = 900 + 2500 * np.exp(-(((x - 0.5) / 0.16) ** 2))
    for centre in (0.27, 0.73):
        image -= 700 * np.exp(-(((x - centre) / 0.13) ** 2) - ((y - 0.47) / 0.3) ** 2)
    return np.clip(image, 0, 4095).astype(np.uint16)


def make_radiograph(pixels: NDArray[np.uint16] | None = None, **attributes: Any) -> Dataset:
    """Return a valid Digital X-Ray image For Presentation of a chest, PA.

    Parameters
    ----------
    pixels
        Shape ``(rows, columns)``, 12 bits stored; `thorax` when None.
    attributes
        DICOM keyword → value, over the defaults; None removes the attribute.
        UIDs are new with each call unless given.
    """
    stored = thorax() if pixels is None else pixels
    radiograph = Dataset()
    radiograph.file_meta = FileMetaDataset()
    radiograph.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    chosen = {
        **IDENTITY,
        **DIGITAL_X_RAY,
        "SOPClassUID": DigitalXRayImageStorageForPresentation,
        "SOPInstanceUID": generate_uid(),
        "StudyInstanceUID": generate_uid(),
        "SeriesInstanceUID": generate_uid(),
        "AnatomicRegionSequence": [code("816094009", "SCT", "Chest")],
        "ViewCodeSequence": [code("272479007", "SCT", "postero-anterior")],
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": stored.shape[0],
        "Columns": stored.shape[1],
        "BitsAllocated": 16,
        "BitsStored": 12,
        "HighBit": 11,
        "PixelRepresentation": 0,
        "PixelData": stored.astype("<u2").tobytes(),
        **attributes,
    }
    for keyword, value in chosen.items():
        if value is not None:
            setattr(radiograph, keyword, value)
    for view in radiograph.get("ViewCodeSequence", []):
        view.setdefault("ViewModifierCodeSequence", [])
    radiograph.file_meta.MediaStorageSOPClassUID = radiograph.get("SOPClassUID")
    radiograph.file_meta.MediaStorageSOPInstanceUID = radiograph.get("SOPInstanceUID")
    return radiograph


def write_raw(dataset: Dataset, keyword: str, text: str) -> Dataset:
    """Write a value into `dataset` as it would come in a file, whatever its VR allows."""
    content = text.encode()
    content += b" " * (len(content) % 2)
    tag, vr = Tag(keyword), dictionary_VR(keyword)
    raw = RawDataElement(tag, vr, len(content), content, 0, False, True)
    dataset[tag] = raw
    return dataset


def dicom_file(dataset: Dataset) -> bytes:
    """Return `dataset` as the bytes of a DICOM file with preamble and meta information."""
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def upside_down(dataset: Dataset) -> Dataset:
    """Turn the pixels of a phantom over, about which its header says nothing."""
    stored = np.frombuffer(dataset.PixelData, "<u2").reshape(dataset.Rows, dataset.Columns)
    dataset.PixelData = stored[::-1].tobytes()
    return dataset
