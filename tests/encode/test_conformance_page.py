"""docs/conformance.md says of codes and objects what the code says."""

from pathlib import Path

import pytest

from hilum.encode.codes import PRIVATE, load_codes
from hilum.encode.document import SOP_CLASSES
from hilum.encode.equipment import IMPLEMENTATION_CLASS_UID
from hilum.encode.key_objects import KEY_OBJECTS
from hilum.encode.parametric_map import PARAMETRIC_MAP
from hilum.encode.picture import PICTURE
from hilum.encode.presentation_state import PRESENTATION
from hilum.encode.report import REGIONS_SERIES, TEXT_SERIES
from hilum.encode.segmentation import SEGMENTATION
from hilum.settings import SRClass

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


@pytest.mark.parametrize(
    "kind", [PICTURE, SEGMENTATION, PRESENTATION, KEY_OBJECTS, PARAMETRIC_MAP], ids=lambda k: k.name
)
def test_page_has_every_object(kind):
    """SOP Class UID, number of the series and modality stand in one line."""
    assert f"| {kind.sop_class} | {kind.series} | {kind.modality} |" in PAGE


def test_page_has_every_report():
    """The coded report in each SOP Class that it can have, and the text report."""
    for sop_class in SOP_CLASSES.values():
        assert f"| {sop_class} | {REGIONS_SERIES} | SR |" in PAGE
    assert f"| {SOP_CLASSES[SRClass.ENHANCED]} | {TEXT_SERIES} | SR |" in PAGE
