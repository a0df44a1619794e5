"""Count the labels of the public datasets as TorchXRayVision does, for tests/evaluation.

Runs in the reference environment: ``.reference/bin/python scripts/reference_labels.py`` prints
tests/evaluation/label_counts.json. Every image counts: all views, and all of each patient.
"""

import json
import re
import sys
import tempfile
from inspect import getsource
from typing import Any

import numpy as np
from torchxrayvision_reference import import_torchxrayvision

xrv = import_torchxrayvision()

ALL = {"views": ["*"], "unique_patients": False}
DATASETS: dict[str, tuple[Any, dict[str, Any], tuple[str, ...]]] = {
    "NIH ChestX-ray14": (xrv.datasets.NIH_Dataset, ALL, ("Data_Entry_2017_v2020.csv.gz",)),
    "Google NIH": (
        xrv.datasets.NIH_Google_Dataset, ALL, ("google2019_nih-chest-xray-labels.csv.gz",),
    ),
    "PadChest": (
        xrv.datasets.PC_Dataset, ALL, ("PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv.gz",),
    ),
    "CheXpert": (xrv.datasets.CheX_Dataset, ALL, ("chexpert_train.csv.gz",)),
    "RSNA": (
        xrv.datasets.RSNA_Pneumonia_Dataset, {"views": ["*"]},
        ("kaggle_stage_2_train_labels.csv.zip",
         "kaggle_stage_2_train_images_dicom_headers.csv.gz"),
    ),
    "SIIM": (
        xrv.datasets.SIIM_Pneumothorax_Dataset, {}, ("siim-pneumothorax-train-rle.csv.gz",),
    ),
    "VinDr-CXR": (xrv.datasets.VinDr_Dataset, {}, ("vinbigdata-train.csv.gz",)),
    "Open-i": (
        xrv.datasets.Openi_Dataset, ALL, ("NLMCXR_reports.tgz", "nlmcxr_dicom_metadata.csv.gz"),
    ),
}  # fmt: skip
"""Dataset → class, arguments and files."""


def counted(name: str, folder: str) -> dict[str, Any]:
    """Return the files of a dataset, and label → images with it and without."""
    make, arguments, files = DATASETS[name]
    dataset = make(imgpath=folder, **arguments)
    labels = np.asarray(dataset.labels)
    if name == "SIIM":  # a row an outline: an image may have several
        keys = dataset.csv["ImageId"].to_numpy()
        labels = np.stack([labels[keys == key].max(axis=0) for key in dict.fromkeys(keys)])
    counts = {
        str(label): [int((column == value).sum()) for value in (1, 0)]
        for label, column in zip(dataset.pathologies, labels.T, strict=True)
    }
    return {"files": files, "images": len(labels), "labels": counts}


def main() -> None:
    """Print the counts of the datasets that are named, or of all."""
    names = sys.argv[1:] or list(DATASETS)
    source = getsource(xrv.datasets.PC_Dataset)
    broken = re.findall(r'"(\d+_[\w-]+\.png)"', source)
    with tempfile.TemporaryDirectory() as folder:
        found = {name: counted(name, folder) for name in names}
    print(json.dumps({"datasets": found, "broken": broken}, indent=1))


if __name__ == "__main__":
    main()
