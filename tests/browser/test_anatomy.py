"""What a person sees of the anatomy in OHIF, on the radiograph: masks, both widths, the ratio."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from pydicom import Dataset

from browser.ohif_server import EACH_RELEASE
from browser.viewer import PATIENCE_MS, Viewer
from hilum import encode, phantom, pipeline
from hilum.pixels import radiograph_from_dicom
from hilum.predict.segmentation import load_segmentation
from hilum.settings import PixelSettings, Settings

pytestmark = pytest.mark.browser

WHEN = datetime(2026, 1, 2, 10, 30, tzinfo=UTC)
LABELS = "[...document.querySelectorAll('.svg-layer tspan')].map(row => row.textContent)"


@pytest.fixture
def anatomy() -> tuple[Dataset, list[Dataset]]:
    """Return a phantom, and what is stored of its anatomy."""
    settings = Settings().changed("anatomy", model="demonstration-anatomy")
    source = phantom.make(64, findings=(), size=256).dataset
    radiograph = radiograph_from_dicom(source, PixelSettings())
    found = pipeline.find_anatomy(radiograph, load_segmentation(settings), settings)
    return source, encode.anatomy_objects(found, when=WHEN, settings=settings.report)


@EACH_RELEASE
def test_widths_and_ratio_are_drawn_on_the_radiograph(
    viewer: Viewer, store: Callable[..., None], anatomy: tuple[Dataset, list[Dataset]]
) -> None:
    """Each line with its number; the segmentation beside them keeps nothing from being shown."""
    source, objects = anatomy
    store(source, *objects)
    viewer.open(objects[-1])
    viewer.page.wait_for_function(f"{LABELS}.length >= 5", timeout=PATIENCE_MS)
    said = "\n".join(viewer.page.evaluate(LABELS))

    assert ["Heart", "Chest", "ratio: 0."] == [
        each for each in ("Heart", "Chest", "ratio: 0.") if each in said
    ]
    assert 2 == said.count(" mm")
    assert {each.SeriesDescription for each in objects} <= set(viewer.series())


def test_masks_are_drawn_on_the_radiograph(
    viewer: Viewer, store: Callable[..., None], anatomy: tuple[Dataset, list[Dataset]]
) -> None:
    """Both lungs and the heart, with the metadata that the page gives OHIF."""
    source, objects = anatomy
    store(source, *objects)
    viewer.open(objects[0])
    viewer.segments(3)
