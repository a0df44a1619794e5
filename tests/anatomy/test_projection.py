"""PA or AP, as headers say it."""

import pytest
from pydicom import Dataset

from hilum.gate.projection import projection
from hilum.structures import Projection
from radiographs import code


def header(**attributes: object) -> Dataset:
    """Return a header with these attributes."""
    made = Dataset()
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return made


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"ViewPosition": "PA"}, Projection.PA),
        ({"ViewPosition": "AP"}, Projection.AP),
        ({"ViewPosition": "AP", "SeriesDescription": "Chest PA"}, Projection.AP),
        ({"ViewPosition": "", "SeriesDescription": "W033 Tórax a.p."}, Projection.UNKNOWN),
        ({"SeriesDescription": "CHEST_AP_PORTABLE"}, Projection.AP),
        ({"SeriesDescription": "Tórax póstero-anterior"}, Projection.PA),
        ({"SeriesDescription": "Chest PA or AP"}, Projection.UNKNOWN),
        ({"SeriesDescription": "Chest PAIN"}, Projection.UNKNOWN),
        ({"ViewPosition": "LL"}, Projection.OTHER),
        ({"PatientOrientation": ["A", "F"]}, Projection.OTHER),
        ({}, Projection.UNKNOWN),
    ],
)
def test_header_names_the_view(attributes: dict[str, object], expected: Projection):
    """View Position first, then codes, then descriptions; never a guess."""
    assert expected is projection(header(**attributes))


def test_code_names_the_view():
    """The meaning of a code of CID 4010 counts where View Position is silent."""
    item = code("399348003", "SCT", "antero-posterior")

    assert Projection.AP is projection(header(ViewPosition="", ViewCodeSequence=[item]))


def test_picture_has_none():
    """A PNG has no header, hence no view."""
    assert Projection.UNKNOWN is projection(None)
