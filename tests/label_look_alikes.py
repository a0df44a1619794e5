"""Label files that look like the public ones, with invented rows; and readings to go with them."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

STANFORD = (
    "No Finding,Enlarged Cardiomediastinum,Cardiomegaly,Lung Opacity,Lung Lesion,Edema,"
    "Consolidation,Pneumonia,Atelectasis,Pneumothorax,Pleural Effusion,Pleural Other,Fracture,"
    "Support Devices"
)

NIH = """Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Sex,View Position
90000001_000.png,Cardiomegaly|Effusion,0,90000001,57,M,PA
90000001_001.png,No Finding,1,90000001,58,M,AP
90000002_000.png,Nodule,0,90000002,31,F,PA
"""

GOOGLE = """Image Index,Patient ID,Airspace opacity,Nodule or mass,Fracture,Pneumothorax
90000001_000.png,90000001,YES,NO,NO,YES
"""

PADCHEST = """,ImageID,StudyDate_DICOM,PatientID,PatientBirth,Projection,Labels
0,1_a.png,20140915,p1,1930.0,PA,"['pseudonodule', 'kyphosis']"
1,1_b.png,20150914,p2,1929.0,L,"['nodule', 'pleural effusion', 'chest drain tube']"
2,1_c.png,20150914,p3,1929.0,AP_horizontal,"['subcutaneous emphysema', 'air bronchogram']"
3,1_d.png,20150914,p4,2012.0,PA,['normal']
4,1_e.png,20150914,p5,1950.0,PA,
5,1_f.png,20150914,p6,1950.0,PA,"['exclude', 'mass']"
"""

CHEXPERT = f"""Path,Sex,Age,Frontal/Lateral,AP/PA,{STANFORD}
CheXpert-v1.0-small/train/patient90001/study1/view1_frontal.jpg,Female,68,Frontal,AP,1.0,,,,,,,,,0.0,,,,1.0
CheXpert-v1.0-small/train/patient90002/study2/view1_frontal.jpg,Male,0,Frontal,PA,,,-1.0,1.0,,-1.0,,,,,1.0,,1.0,
CheXpert-v1.0-small/train/patient90002/study2/view2_lateral.jpg,Male,87,Lateral,,,,-1.0,1.0,,,,,,0.0,1.0,,,
"""

MIMIC = f"""subject_id,study_id,{STANFORD}
90000032,50000001,1.0,,,,,,,,,,,,,1.0
90000033,50000002,,,1.0,,,-1.0,,,,0.0,1.0,,,
"""

MIMIC_METADATA = """dicom_id,subject_id,study_id,ViewPosition,Rows,Columns,StudyDate
aaaa-1,90000032,50000001,PA,10,10,21800506
bbbb-1,90000033,50000002,AP,10,10,21800507
bbbb-2,90000033,50000002,LATERAL,10,10,21800507
"""

RSNA = """patientId,x,y,width,height,Target
9000-a,,,,,0
9000-b,1.0,2.0,3.0,4.0,1
9000-b,5.0,6.0,7.0,8.0,1
"""

RSNA_HEADERS = """,BodyPartExamined,Filename,Modality,PatientAge,PatientID,PatientSex,ViewPosition
0,CHEST,9000-a.dcm,CR,43,9000-a,F,AP
1,CHEST,9000-b.dcm,CR,155,9000-b,M,PA
"""

SIIM = """ImageId, EncodedPixels
1.2.3.900.1,-1
1.2.3.900.2,557374 2 1015 8
1.2.3.900.2,600000 2 1015 8
"""

VINDR = """image_id,class_name,class_id,rad_id,x_min,y_min,x_max,y_max
90a,No finding,14,R1,,,,
90a,No finding,14,R2,,,,
90a,Pleural effusion,10,R3,1,2,3,4
90b,Pleural effusion,10,R1,1,2,3,4
90b,Pleural effusion,10,R1,5,6,7,8
90b,Pleural effusion,10,R2,1,2,3,4
90b,Cardiomegaly,3,R3,1,2,3,4
"""

FILES = {
    "NIH ChestX-ray14": NIH,
    "Google NIH": GOOGLE,
    "PadChest": PADCHEST,
    "CheXpert": CHEXPERT,
    "MIMIC-CXR": MIMIC,
    "RSNA": RSNA,
    "SIIM": SIIM,
    "VinDr-CXR": VINDR,
}
"""Dataset → a label file like its own."""

MODEL = {
    "name": "densenet121-res224-all",
    "version": "v1",
    "sha256": "a" * 64,
    "verified": True,
    "demonstration": False,
    "input_size": 224,
    "operating_points": "default",
}


def reading_row(path: str, scores: Mapping[str, float], uid: str = "") -> dict[str, Any]:
    """Return one row of a document as `hilum read --json` writes it."""
    findings = [
        {"label": label, "raw": score / 10, "operating_point": 0.05, "score": score,
         "positive": score >= 0.5}
        for label, score in scores.items()
    ]  # fmt: skip
    return {
        "path": path,
        "study_instance_uid": None,
        "series_instance_uid": None,
        "sop_instance_uid": uid or None,
        "status": "read",
        "reasons": [],
        "findings": findings,
    }


def document(rows: Sequence[Mapping[str, Any]], **changed: Any) -> dict[str, Any]:
    """Return a document as `hilum read --json` writes it."""
    return {
        "schema": "hilum.reading/1",
        "model": MODEL | changed,
        "pixel_pipeline": "display",
        "readings": list(rows),
    }


def simulated(
    count: int,
    seed: int,
    *,
    worse: str = "",
    prevalence: float = 0.2,
    findings: Sequence[str] = ("Effusion",),
) -> tuple[dict[str, Any], str]:
    """Return readings and a site's own label file of invented patients.

    Parameters
    ----------
    worse
        Manufacturer whose images the model reads worse; the others are A, B and C.
    """
    random = np.random.default_rng(seed)
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(["file", "patient", "sex", "age", "view", "manufacturer", "date", *findings])
    rows = []
    for number in range(count):
        maker = "ABC"[random.integers(3)]
        truth = {label: bool(random.random() < prevalence) for label in findings}
        gap = 0.6 if maker == worse else 2.0
        scores = {
            label: float(1 / (1 + np.exp(-(gap * shown - gap / 2 + random.normal()))))
            for label, shown in truth.items()
        }
        rows.append(reading_row(f"images/{number:06}.dcm", scores, f"1.2.3.{number}"))
        writer.writerow(
            [f"{number:06}.dcm", f"P{number // 2}", "MF"[random.integers(2)],
             random.integers(18, 95), ("PA", "AP")[random.integers(2)], maker,
             f"2026-{random.integers(1, 7):02}-15", *(int(shown) for shown in truth.values())]
        )  # fmt: skip
    return document(rows), table.getvalue()


def written(folder: Path, readings: Mapping[str, Any], labels: str) -> tuple[Path, Path]:
    """Write readings and labels into a folder; return their paths."""
    paths = folder / "readings.json", folder / "labels.csv"
    paths[0].write_text(json.dumps(readings), encoding="utf-8")
    paths[1].write_text(labels, encoding="utf-8")
    return paths
