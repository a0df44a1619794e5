"""docs/conformance.md says of codes and objects what the code says."""

from pathlib import Path

import pytest
from pydicom import Dataset

from hilum.encode.codes import PRIVATE, load_codes
from hilum.encode.equipment import IMPLEMENTATION_CLASS_UID
from hilum.encode.kinds import KINDS, REGIONS_REPORT, REVIEW, result_name
from hilum.encode.report_document import SOP_CLASSES

PAGE = (Path(__file__).parents[2] / "docs" / "conformance.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("label", "entry"), load_codes().findings.items())
def test_page_has_every_label(label, entry):
    """Each label's code and site is a line of the page."""
    site = load_codes().sites[entry.site].meaning
    assert f'| {label} | {entry.value} {entry.scheme} "{entry.meaning}" | {site} |' in PAGE


def test_page_has_every_private_concept():
    """Each private concept is a line of the page, and the scheme's UID is there."""
    table = load_codes()
    private = [e for e in table.concepts.values() if e.scheme == PRIVATE]

    assert private
    assert all(f"| `{entry.value}` | {entry.meaning} |" in PAGE for entry in private)
    assert table.schemes[PRIVATE].uid in PAGE


def test_page_names_the_implementation():
    """The Implementation Class UID that files carry is the page's."""
    assert f"`{IMPLEMENTATION_CLASS_UID}`" in PAGE


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.sop_class], ids=lambda k: k.name)
def test_page_has_every_object(kind):
    """SOP Class UID, number of the series and modality stand in one line."""
    assert f"| {kind.sop_class} | {kind.series} | {kind.modality} |" in PAGE


def test_page_has_every_report():
    """The coded report in each SOP Class that it can have."""
    for sop_class in SOP_CLASSES.values():
        assert f"| {sop_class} | {REGIONS_REPORT.series} | SR |" in PAGE


@pytest.mark.parametrize("kind", [REGIONS_REPORT, REVIEW], ids=lambda k: k.name)
def test_page_has_every_number(kind):
    """What follows the settings has a line with its number, too."""
    assert f"| {kind.series} | {kind.modality} |" in PAGE


@pytest.mark.parametrize("field", ["name", "series", "file_name"])
def test_no_two_kinds_share(field):
    """Each kind has a name, a series and a file of its own."""
    assert len(KINDS) == len({getattr(kind, field) for kind in KINDS})


def test_file_is_named_after_its_kind():
    """Each map has a number of its own; what is no result of ours is named by its modality."""
    named = [Dataset(), Dataset(), Dataset()]
    for dataset, (series, modality) in zip(
        named, [(907, "OT"), (911, "SR"), (1, "DX")], strict=True
    ):
        dataset.SeriesNumber, dataset.InstanceNumber, dataset.Modality = series, 3, modality

    assert ["activation-3.pm", "review.sr", "dx"] == [result_name(each) for each in named]
