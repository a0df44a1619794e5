"""What a person sees of our results in OHIF: outlines with their names, and the text."""

from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import pytest
from pydicom import dcmread

from browser.ohif_server import EACH_RELEASE
from browser.results import (
    WHEN,
    Results,
    none_positive,
    one_positive,
    three_positives,
    two_regions_of_one,
)
from browser.viewer import Viewer
from hilum import explain
from hilum.eligibility import Reason
from hilum.encode import ResultContext, extra_objects, load_codes, refusal_document
from hilum.language import ENGLISH
from hilum.settings import ExtraObject, ReportSettings
from hilum.wording import finding_name, raw_texts, score_text

pytestmark = pytest.mark.browser

Store = Callable[..., None]


OPERATING_POINT = "Operating point: 0.50 {score}"
BESIDE = 60
"""Pixels of the screen from a region to its label, at most."""


def label_of(finding: str, score: str) -> tuple[str, str]:
    """Return the lines that stand beside a positive finding's region."""
    return (f"{load_codes().score(finding).meaning}: {score}", OPERATING_POINT)


def rows_of(text: str) -> list[tuple[str, ...]]:
    """Return the table of a text report: finding, score, result, raw value, operating point."""
    lines = (line for line in text.splitlines() if {"PRESENT", "absent"} & set(line.split()))
    return [tuple(line.rsplit(maxsplit=4)) for line in lines]


@EACH_RELEASE
def test_three_positives_are_three_named_outlines(
    viewer: Viewer, store: Store, chest_path: Path
) -> None:
    """Each positive finding's region lies on the radiograph, with score and operating point."""
    results = three_positives(str(chest_path))
    store(results.source, results.coded)
    viewer.open(results.coded)
    labels = {outline.label for outline in viewer.outlines(3).values()}
    assert {
        label_of("Effusion", "0.91 {score}"),
        label_of("Lung Opacity", "0.71 {score}"),
        label_of("Cardiomegaly", "0.66 {score}"),
    } == labels


def test_labels_can_be_read(viewer: Viewer, store: Store, chest_path: Path) -> None:
    """Each is beside its region, not cut off at the viewport's border, and on no other one."""
    viewer.page.set_viewport_size({"width": 1120, "height": 720})  # a small screen
    results = three_positives(str(chest_path))
    store(results.source, results.coded)
    viewer.open(results.coded)
    outlines = viewer.outlines(3).values()
    boxes = [outline.label_box for outline in outlines]
    for outline in outlines:
        left, top, right, bottom = outline.label_box
        (west, north), (east, south) = outline.points.min(axis=0), outline.points.max(axis=0)
        assert max(left - east, west - right, top - south, north - bottom) < BESIDE
    height, width, _ = viewer.image().shape
    for left, top, right, bottom in boxes:
        assert left >= 0
        assert top >= 0
        assert right <= width
        assert bottom <= height
    for (left, top, right, bottom), other in combinations(boxes, 2):
        assert other[2] <= left or right <= other[0] or other[3] <= top or bottom <= other[1]


def test_one_positive_is_one_outline(viewer: Viewer, store: Store, chest_path: Path) -> None:
    """A single positive finding is drawn, and no negative one is."""
    results = one_positive(str(chest_path))
    store(results.source, results.coded)
    viewer.open(results.coded)
    labels = [outline.label for outline in viewer.outlines(1).values()]
    assert [label_of("Effusion", "0.91 {score}")] == labels


def test_two_regions_of_one_finding_are_both_drawn(
    viewer: Viewer, store: Store, chest_path: Path
) -> None:
    """OHIF merges regions that share a tracking UID; ours do not."""
    results = two_regions_of_one(str(chest_path))
    store(results.source, results.coded)
    viewer.open(results.coded)
    labels = [outline.label for outline in viewer.outlines(2).values()]
    assert [label_of("Lung Opacity", "0.71 {score}")] * 2 == labels


@EACH_RELEASE
def test_no_positive_is_a_frame_that_says_so(
    viewer: Viewer, store: Store, chest_path: Path
) -> None:
    """The field that the model saw is framed; a report without a region would be blank."""
    results = none_positive(str(chest_path))
    store(results.source, results.coded)
    viewer.open(results.coded)
    labels = [outline.label for outline in viewer.outlines(1).values()]
    assert [("No AI finding - highest score: 0.46 {score}", OPERATING_POINT)] == labels


def test_further_objects_leave_the_rest_readable(
    viewer: Viewer, store: Store, chest_path: Path
) -> None:
    """Objects that OHIF cannot show for a radiograph do not keep it from showing the others."""
    results = three_positives(str(chest_path))
    further = extra_objects(
        ResultContext.of(
            results.reading, when=WHEN, settings=ReportSettings(objects=tuple(ExtraObject))
        ),
        explain.regions(results.reading),
        heat=explain.heat,
        picture=results.picture,
    )
    store(results.source, results.picture, results.text, results.coded, *further)
    viewer.open(results.coded)
    assert 3 == len(viewer.outlines(3))
    assert {instance.SeriesDescription for instance in further} <= set(viewer.series())


def test_nobody_is_asked_to_edit_the_regions(
    viewer: Viewer, store: Store, chest_path: Path
) -> None:
    """OHIF offers to turn some shapes into measurements of its own; ours stay as they are."""
    results = three_positives(str(chest_path))
    store(results.source, results.coded)
    viewer.open(results.coded)
    viewer.outlines(3)
    assert "continue tracking" not in viewer.page.inner_text("body")


@pytest.mark.parametrize("results_of", [three_positives, one_positive, none_positive])
@EACH_RELEASE
def test_the_text_lists_every_finding(
    viewer: Viewer, store: Store, chest_path: Path, results_of: Callable[[str], Results]
) -> None:
    """All findings are there with score, operating point and result, and no row is wrapped."""
    results = results_of(str(chest_path))
    store(results.source, results.text)
    viewer.open(results.text)
    text = viewer.text()
    expected = [
        (
            finding_name(finding.label, ENGLISH),
            score_text(finding, ENGLISH),
            "PRESENT" if finding.positive else "absent",
            *raw_texts(finding, ENGLISH),
        )
        for finding in results.reading.ranked
    ]
    assert expected == rows_of(text)
    assert f"{len(results.reading.positives)} of 18 findings" in text
    assert viewer.fits('[data-cy="viewport-grid"] pre')


def test_the_text_says_what_it_is_not(viewer: Viewer, store: Store, chest_path: Path) -> None:
    """Research only, no medical device, no probability: a person reads it in the viewer."""
    results = three_positives(str(chest_path))
    store(results.source, results.text)
    viewer.open(results.text)
    text = viewer.text()
    assert "research use only" in text.splitlines()[0]
    assert "Not a medical device" in text
    assert "A score is not a probability." in text


def test_portuguese_reads_as_written(viewer: Viewer, store: Store, chest_path: Path) -> None:
    """Accents survive the way through the PACS to the screen."""
    results = three_positives(str(chest_path), language="pt")
    store(results.source, results.text)
    viewer.open(results.text)
    text = viewer.text()
    assert "3 de 18 achados no ponto de operação ou acima" in text
    assert "Um escore não é uma probabilidade." in text


@EACH_RELEASE
def test_a_refusal_says_why(viewer: Viewer, store: Store, chest_path: Path) -> None:
    """A person who looks for findings learns that there are none, and the reason."""
    source = dcmread(chest_path)
    reason = Reason("not_frontal", "not a frontal view: View Position is LL")
    refusal = refusal_document(source, [reason], when=WHEN, settings=ReportSettings())
    store(source, refusal)
    viewer.open(refusal)
    text = viewer.text()
    assert "NOT ANALYZED BY THE AI" in text
    assert reason.text in text
    assert "Findings were not assessed." in text
    assert [] == rows_of(text)


def test_the_study_browser_tells_the_result(viewer: Viewer, store: Store, chest_path: Path) -> None:
    """The list beside the image says how many findings there are before anything is opened."""
    results = three_positives(str(chest_path))
    store(*results[:1], results.picture, results.text, results.coded)
    viewer.open(results.source)
    viewer.image()
    shown = set(viewer.series())
    assert {"AI findings: 3 of 18", "AI regions: 3 of 18"} <= shown
    assert any(name.startswith("AI picture: 3 of 18") for name in shown)
