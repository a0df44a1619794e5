"""What the demonstration sends: a real chest radiograph, phantoms, and files to be refused."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from pydicom import Dataset, dcmread
from pydicom.uid import generate_uid

from hilum.language import Message
from hilum.phantom import Phantom, make
from hilum.radiograph import ImageUIDs
from hilum.wording import FINDING_NAMES

CHEST: Final = "RG1_UNCR.dcm"
"""The chest radiograph of the samples."""

CUT_BYTES: Final = 100_000
"""The broken file ends after so many bytes, in the middle of its pixels."""


class Route(StrEnum):
    """How an image reaches the PACS."""

    C_STORE = "C-STORE"
    REST = "REST"


@dataclass(frozen=True, slots=True)
class DemoImage:
    """One file of the demonstration."""

    name: str
    """Name of the file, without its ending."""
    title: str
    """What it is, in words."""
    path: Path
    """Where it lies."""
    route: Route
    """How it is sent."""
    uids: ImageUIDs | None
    """What names it; None for what is no image."""
    truth: str = ""
    """What is to be found on a phantom, in words; empty for what is not one."""


PHANTOMS: Final = {
    "phantom-healthy": (4, ()),
    "phantom-effusion": (12, ("effusion",)),
    "phantom-pneumothorax": (7, ("pneumothorax",)),
}
"""Name → seed and findings of a phantom."""

LATERAL: Final = 4
"""Seed of the phantom that is seen from the side."""

VIEWS: Final = ("ViewPosition", "ViewCodeSequence", "PatientOrientation")
"""Attributes that tell the view."""


def samples_folder() -> Path | None:
    """Return the folder of the package pydicom-data, None where it is not installed."""
    if find_spec("data_store") is None:
        return None
    return Path(str(import_module("data_store").__file__)).parent / "data"


def demo_images(folder: Path) -> Iterator[DemoImage]:
    """Yield the images in the order in which they are sent; files that are made are in `folder`.

    Without the package of samples they are phantoms, and one that is cut off.
    """
    samples = samples_folder()
    if samples is not None:
        yield from _samples(samples, folder)
    for name, (seed, findings) in PHANTOMS.items():
        phantom = _phantom(name, make(seed, findings=findings), folder)
        yield phantom
    yield _lateral(folder)
    broken = folder / "broken.dcm"
    whole = phantom.path if samples is None else _find(samples, CHEST)
    broken.write_bytes(whole.read_bytes()[:CUT_BYTES])
    yield DemoImage("broken", Message("file that was cut off"), broken, Route.REST, None)


def _samples(samples: Path, folder: Path) -> Iterator[DemoImage]:
    """Yield the images of patients, which the package of samples has."""
    chest = _find(samples, CHEST)
    yield _image("chest", Message("chest radiograph (CR, uncompressed)"), chest, Route.C_STORE)
    copy = _under_other_uids(_find(samples, "RG1_J2KR.dcm"), folder / "chest-jpeg2000.dcm")
    yield _image("chest-jpeg2000", Message("the same as lossless JPEG 2000"), copy, Route.REST)
    leg = _find(samples, "RG3_UNCR.dcm")
    yield _image("leg", Message("radiograph of a leg"), leg, Route.C_STORE)
    yield _image("ct", Message("CT image"), _find(samples, "693_UNCR.dcm"), Route.C_STORE)
    yield _image("mr", Message("MR image"), _find(samples, "MR2_UNCR.dcm"), Route.C_STORE)


def _phantom(name: str, phantom: Phantom, folder: Path) -> DemoImage:
    """Write a phantom, and say what is to be found on it."""
    named = [FINDING_NAMES[label] for label in phantom.truth.labels]
    truth = Message.joined(", ", named) if named else Message("normal")
    return _written(name, phantom.dataset, truth, folder)


def _lateral(folder: Path) -> DemoImage:
    """Write a phantom from the side whose header says nothing of the view: its pixels do."""
    dataset = make(LATERAL, lateral=True).dataset
    for keyword in VIEWS:
        dataset.pop(keyword, None)
    dataset.StudyDescription = dataset.SeriesDescription = "PHANTOM CHEST"
    return _written("phantom-lateral", dataset, Message("lateral view"), folder)


def _written(name: str, dataset: Dataset, truth: str, folder: Path) -> DemoImage:
    path = folder / f"{name}.dcm"
    dataset.save_as(path, enforce_file_format=True)
    title = Message("phantom, {findings}", findings=truth)
    return DemoImage(name, title, path, Route.C_STORE, ImageUIDs.of(dataset), truth=truth)


def _find(folder: Path, name: str) -> Path:
    return next(folder.rglob(name))


def _image(name: str, title: str, path: Path, route: Route) -> DemoImage:
    header = dcmread(path, stop_before_pixels=True)
    return DemoImage(name, title, path, route, ImageUIDs.of(header))


def _under_other_uids(source: Path, target: Path) -> Path:
    """Write a copy whose study, series and instance are others, the same every time."""
    dataset = dcmread(source)
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
        derived = generate_uid(entropy_srcs=["hilum demo", str(dataset[keyword].value)])
        setattr(dataset, keyword, derived)
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.save_as(target)
    return target
