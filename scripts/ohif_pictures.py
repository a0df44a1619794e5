"""Draw the pictures of docs/viewers.md: our results in OHIF, in a real browser.

    PYTHONPATH=tests .venv/bin/python scripts/ohif_pictures.py [NAME…]

Needs what the browser tests need (scripts/setup.sh dev), and writes docs/images/ohif-*.png.
The findings are made up; the radiograph is the real one of the package pydicom-data.
"""

import io
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import data_store
from PIL import Image
from playwright.sync_api import sync_playwright
from pydicom import Dataset, dcmread

from browser.ohif_server import RELEASES, running_ohif
from browser.results import WHEN, none_positive, three_positives
from browser.viewer import Viewer, launch
from hilum import phantom, pipeline
from hilum.eligibility import Reason
from hilum.encode import anatomy_objects, refusal_document
from hilum.pixels import radiograph_from_dicom
from hilum.predict.segmentation import load_segmentation
from hilum.settings import ReportSettings, Settings
from orthanc_server import OrthancServer, running_orthanc
from radiographs import dicom_file

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "images"
WINDOW = {"width": 1120, "height": 720}
LIMIT = 200_000
"""Bytes of one picture at most."""

COLOURS = (256, 192, 128, 96, 64, 56, 48, 32)
"""Greys of the radiograph and colours of the heatmap: as many as the limit allows."""

RATIO = "document.querySelectorAll('.svg-layer tspan').length >= 5"

Scene = tuple[Dataset, list[Dataset], Callable[[Viewer], object]]


def scenes(chest: str) -> dict[str, Scene]:
    """Return name → what is opened, what is stored, what is waited for."""
    three, none = three_positives(chest), none_positive(chest)
    source = dcmread(chest)
    reason = Reason("not_frontal", "not a frontal view: View Position is LL")
    refusal = refusal_document(source, [reason], when=WHEN, settings=ReportSettings())
    found = [three.source, three.picture, three.text, three.coded]
    empty = [none.source, none.picture, none.text, none.coded]
    return {
        "regions": (three.coded, found, lambda viewer: viewer.outlines(3)),
        "text": (three.text, found, Viewer.text),
        "picture": (three.picture, found, Viewer.image),
        "none": (none.coded, empty, lambda viewer: viewer.outlines(1)),
        "refused": (refusal, [source, refusal], Viewer.text),
        **anatomy_scenes(),
    }


def anatomy_scenes() -> dict[str, Scene]:
    """Return the scenes of a phantom's lungs, heart and cardiothoracic ratio."""
    settings = Settings().changed("anatomy", model="demonstration-anatomy")
    source = phantom.make(64, findings=["cardiomegaly"]).dataset
    radiograph = radiograph_from_dicom(source, settings.pixels)
    found = pipeline.find_anatomy(radiograph, load_segmentation(settings), settings)
    masks, report = anatomy_objects(found, when=WHEN, settings=settings.report)
    objects = [source, masks, report]
    return {
        "anatomy": (masks, objects, lambda viewer: viewer.segments(3)),
        "ratio": (report, objects, lambda viewer: viewer.page.wait_for_function(RATIO)),
    }


def save(name: str, screenshot: bytes) -> None:
    """Write one screenshot with as many colours as fit."""
    picture = Image.open(io.BytesIO(screenshot)).convert("RGB")
    for colours in COLOURS:
        packed = io.BytesIO()
        reduced = picture.quantize(
            colours, Image.Quantize.MEDIANCUT, kmeans=5, dither=Image.Dither.NONE
        )
        reduced.save(packed, "PNG", optimize=True)
        if packed.tell() <= LIMIT:
            break
    path = FOLDER / f"ohif-{name}.png"
    path.write_bytes(packed.getvalue())
    print(f"{path.relative_to(ROOT)}: {colours} colours, {packed.tell() // 1000} kB")


def take(viewer: Viewer, server: OrthancServer, scene: Scene) -> bytes:
    """Store a scene, open it, and return the window as PNG once it is complete."""
    opened, stored, ready = scene
    server.clear()
    with server.client() as orthanc:
        for instance in stored:
            orthanc.request("POST", "/instances", content=dicom_file(instance))
    viewer.open(opened)
    ready(viewer)
    viewer.thumbnails()
    return viewer.screenshot()


def main() -> None:
    """Take every picture."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    chest = next((Path(data_store.__file__).parent / "data").rglob("RG1_UNCR.dcm"))
    with (
        tempfile.TemporaryDirectory() as folder,
        running_orthanc(Path(folder)) as server,
        running_ohif(server, next(iter(RELEASES.values()))) as address,
        sync_playwright() as playwright,
    ):
        chromium = launch(playwright)
        every = scenes(str(chest))
        for name, scene in ((name, every[name]) for name in sys.argv[1:] or every):
            viewer = Viewer(chromium.new_page(viewport=WINDOW), address)
            save(name, take(viewer, server, scene))
        chromium.close()


if __name__ == "__main__":
    main()
