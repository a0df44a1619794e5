"""Headers that real senders write, and readings of them: the raw material of the SR tests."""

from collections.abc import Callable, Sequence
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, dcmread

from hilum.eligibility import Reason
from hilum.encode import ResultContext, report_documents, to_bytes
from hilum.radiograph import PixelDecision, PixelPipeline, Radiograph
from hilum.reading import Finding, Heatmap, ModelIdentity, Reading, Region
from hilum.settings import ReportSettings, SREncoder
from invented import LABELS, centre_crop
from radiographs import dicom_file, make_radiograph

SHA256 = "56524913dd16a906422e8d8b66a7a5c46be1d82eb7ac012d8103776f1aa68899"

THREE = {"Effusion": 0.912, "Lung Opacity": 0.71, "Cardiomegaly": 0.663}

UNCERTAIN_VIEW = Reason("view_unknown", "the view is not stated")

INVERTED = PixelDecision("monochrome1_inverted", "MONOCHROME1: inverted")

LATERAL = Reason("not_frontal", "not a frontal view: View Position is LL", "PS3.3 C.8.11.5")

MINIMAL = (
    "SOPClassUID",
    "SOPInstanceUID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "Modality",
    "Rows",
    "Columns",
)
"""All that a header must have for its results to have a place and a size."""


def identity(**changes: Any) -> ModelIdentity:
    """Return the identity of a verified model, with `changes`."""
    facts: dict[str, Any] = {
        "name": "densenet121-res224-all",
        "version": "1.0",
        "sha256": SHA256,
        "verified": True,
        "demonstration": False,
        "input_size": 224,
    }
    return ModelIdentity(**{**facts, **changes})


def finding(label: str, score: float, operating_point: float = 0.1) -> Finding:
    """Return a finding whose raw value TorchXRayVision would scale to `score`."""
    if score < 0.5:
        raw = 2 * score * operating_point
    else:
        raw = operating_point + (2 * score - 1) * (1 - operating_point)
    return Finding(label, raw, operating_point, score)


def read(
    header: Dataset | None,
    scores: dict[str, float] | None = None,
    *,
    model: ModelIdentity | None = None,
    labels: Sequence[str] = LABELS,
    **changes: Any,
) -> Reading:
    """Return a reading of `header`: the named scores, and low ones for all other labels."""
    rows, columns = (10, 10) if header is None else (header.Rows, header.Columns)
    low = dict(zip(labels, np.random.default_rng(7).uniform(0.02, 0.45, len(labels)), strict=True))
    values = {**low, **(scores or {})}
    field = centre_crop(rows, columns)
    radiograph = Radiograph(
        np.zeros((rows, columns), np.float32),
        header,
        changes.get("pipeline", PixelPipeline.DISPLAY),
        changes.get("decisions", (INVERTED,)),
        changes.get("pixel_digest", "00" * 32),
    )
    return Reading(
        radiograph,
        model or identity(),
        tuple(finding(label, float(values[label])) for label in labels),
        tuple(Heatmap(label, np.zeros((7, 7), np.float32), field) for label in labels),
        changes.get("warnings", (UNCERTAIN_VIEW,)),
    )


def outline(header: Dataset, centre: tuple[float, float], radius: float) -> NDArray[np.float64]:
    """Return a closed outline of 33 points around `centre`, both in fractions of the image."""
    turn = np.linspace(0, 2 * np.pi, 33)
    unit = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    unit[-1] = unit[0]
    size = np.array([header.Columns, header.Rows])
    points: NDArray[np.float64] = (np.array(centre) + radius * unit) * size
    return points.round(1)


def regions_of(header: Dataset, *labels: str) -> tuple[Region, ...]:
    """Return a region for each label, in places of their own."""
    return tuple(
        Region(label, outline(header, (0.3 + 0.1 * number, 0.4 + 0.1 * number), 0.1))
        for number, label in enumerate(labels)
    )


def both_ways(
    reading: Reading,
    regions: Sequence[Region],
    when: datetime,
    settings: ReportSettings,
    **more: Any,
) -> list[tuple[bytes, bytes]]:
    """Return each report as a file, the way that hilum writes it and the way of highdicom."""
    by_highdicom = settings.model_copy(update={"encoder": SREncoder.HIGHDICOM})
    ours, theirs = (
        report_documents(ResultContext.of(reading, when=when, settings=each), regions, **more)
        for each in (settings, by_highdicom)
    )
    return list(zip(map(to_bytes, ours), map(to_bytes, theirs), strict=True))


def sent(header: Dataset) -> Dataset:
    """Return `header` as it arrives: read from the file that it was sent as."""
    return dcmread(BytesIO(dicom_file(header)), stop_before_pixels=True)


def generated(**attributes: Any) -> Dataset:
    """Return the header of the generated radiograph with `attributes`, as it arrives."""
    fixed = {
        "SOPInstanceUID": "1.2.826.0.1.3680043.8.498.1",
        "StudyInstanceUID": "1.2.826.0.1.3680043.8.498.2",
        "SeriesInstanceUID": "1.2.826.0.1.3680043.8.498.3",
    }
    return sent(make_radiograph(**{**fixed, **attributes}))


def real(chest: Path) -> Dataset:
    """Return the header of the real chest radiograph."""
    return dcmread(chest, stop_before_pixels=True)


def stripped(chest: Path) -> Dataset:
    """Return the header of the real chest radiograph with nothing that is optional."""
    full = real(chest)
    bare = Dataset()
    for keyword in MINIMAL:
        bare.add(full[keyword])
    return bare


ANONYMISED: dict[str, Any] = {
    "PatientName": "",
    "PatientID": "19999287",
    "PatientBirthDate": "",
    "PatientSex": "",
    "AccessionNumber": "",
    "StudyID": "",
    "StudyDate": "21780101",
    "StudyTime": "091215.453000",
    "Manufacturer": "",
    "ManufacturerModelName": None,
    "StudyDescription": None,
    "PatientIdentityRemoved": "YES",
    "DeidentificationMethod": "Removed names, shifted dates",
    "PatientOrientation": None,
    "ImagerPixelSpacing": None,
}
"""What MIMIC-CXR leaves of a header."""

SOURCES: dict[str, Callable[[Path], Dataset]] = {
    "digital-x-ray": lambda _: generated(),
    "computed-radiography": real,
    "stripped": stripped,
    "latin-1-name": lambda _: generated(
        SpecificCharacterSet="ISO_IR 100",
        PatientName="Conceição^João",
        StudyDescription="RX TÓRAX PA",
    ),
    "utf-8-name": lambda _: generated(
        SpecificCharacterSet="ISO_IR 192", PatientName="Conceição^João"
    ),
    "japanese-name": lambda _: generated(
        SpecificCharacterSet=["", "ISO 2022 IR 87"],
        PatientName="Yamada^Tarou=山田^太郎=やまだ^たろう",
    ),
    "no-request": lambda _: generated(StudyID=None, AccessionNumber=None),
    "anonymised": lambda _: generated(**ANONYMISED),
}
"""Name → header of a source, made from the path of the real chest radiograph."""
