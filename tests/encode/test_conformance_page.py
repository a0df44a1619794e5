"""docs/conformance.md says of the codes what the table says."""

from pathlib import Path

import pytest

from hilum.encode.codes import PRIVATE, load_codes
from hilum.encode.equipment import IMPLEMENTATION_CLASS_UID

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
