"""Results of two images have two UIDs, whatever the images have in common."""

import pytest
from pydicom import Dataset

from hilum.eligibility import Reason
from hilum.encode import refusal_document
from hilum.encode.identity import identify
from hilum.encode.review_report import Assessment, review_report
from hilum.pixels import radiograph_from_dicom
from hilum.settings import PixelSettings
from invented import make_reading
from radiographs import make_radiograph

OTHERS = {
    "another study": {"StudyInstanceUID": "1.2.40.2"},
    "another series": {"SeriesInstanceUID": "1.2.40.3"},
    "another image": {"SOPInstanceUID": "1.2.40.4"},
    "another patient under the same UIDs": {"PatientID": "ANON77"},
    "another issuer": {"IssuerOfPatientID": "B"},
    "UIDs that say the same together": {"StudyInstanceUID": "1.2.40", "SeriesInstanceUID": "1"},
}
"""What is other in the second image → its attributes."""

UIDS = {"StudyInstanceUID": "1.2.40.1", "SeriesInstanceUID": "1.2", "SOPInstanceUID": "1.2.40.9"}

other = pytest.mark.parametrize("other", OTHERS.values(), ids=list(OTHERS))


def image(**changes: str) -> Dataset:
    """Return an image of the same pixels with other attributes."""
    return make_radiograph(**{**UIDS, "PatientID": "R1", **changes})


@other
def test_results_have_other_uids(other):
    """The same pixels, model and settings: the image alone differs."""
    one, another = (
        identify(make_reading(radiograph_from_dicom(each, PixelSettings()))).uid("text report")
        for each in (image(), image(**other))
    )

    assert one != another


@other
def test_refusals_have_other_uids(other, when, settings):
    """For the same reasons."""
    one, another = (
        refusal_document(each, [Reason("lateral", "a lateral view")], when=when, settings=settings)
        for each in (image(), image(**other))
    )

    assert one.SOPInstanceUID != another.SOPInstanceUID
    assert one.SeriesInstanceUID != another.SeriesInstanceUID


def test_reviews_have_other_uids(when, settings):
    """Of one reader, by one form that was copied."""
    said = Assessment("ana", (), (), "blurred")
    one, another = (
        review_report(each, said, key="k", when=when, settings=settings)
        for each in (image(), image(**OTHERS["another study"]))
    )

    assert one.SOPInstanceUID != another.SOPInstanceUID


def test_another_name_of_the_patient_keeps_them():
    """A name that was put right is no other image."""
    one, another = (
        identify(make_reading(radiograph_from_dicom(image(PatientName=name), PixelSettings()))).uid(
            "text report"
        )
        for name in ("Roe^Richard", "ROE^RICHARD")
    )

    assert one == another
