"""A reader's review in OHIF: it can be read, and the model's regions stay where they were."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom import Dataset

from browser.ohif_server import EACH_RELEASE
from browser.results import WHEN, three_positives
from browser.viewer import Viewer
from hilum.encode import Assessed, Assessment, review_report
from hilum.settings import ReportSettings

pytestmark = pytest.mark.browser

Store = Callable[..., None]


def review(source: Dataset, judged: Dataset) -> Dataset:
    """Return a review that disagrees with one finding."""
    given = Assessment(
        "ana",
        (
            Assessed("Effusion", positive=True, opinion="agree"),
            Assessed("Cardiomegaly", positive=True, opinion="disagree"),
        ),
        missing=("Nodule",),
        comment="The heart is not enlarged on the lateral view.",
        labels=("Nodule",),
    )
    settings = ReportSettings()
    return review_report(source, given, key="k", when=WHEN, settings=settings, judged=judged)


@EACH_RELEASE
def test_review_reads_as_text(viewer: Viewer, store: Store, chest_path: Path) -> None:
    """Who judged, what is disagreed with, what is missing, and the comment."""
    results = three_positives(str(chest_path))
    report = review(results.source, results.coded)
    store(results.source, results.coded, report)
    viewer.open(report)
    text = viewer.text()

    assert "Reader: ana" in text
    assert "Cardiomegaly                 AI PRESENT    DISAGREES" in text
    assert "Nodule: MISSED BY THE AI" in text
    assert "not enlarged on the lateral view" in text


def test_regions_are_still_drawn(viewer: Viewer, store: Store, chest_path: Path) -> None:
    """With a review in the study the model's report opens as before."""
    results = three_positives(str(chest_path))
    store(results.source, results.picture, results.text, results.coded)
    store(review(results.source, results.coded))
    viewer.open(results.coded)

    assert 3 == len(viewer.outlines(3))
