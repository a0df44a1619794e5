"""Planted offences: reports that every validator passes and no person can see."""

from collections.abc import Callable

import pytest
from highdicom import sr
from pydicom import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import generate_uid

from browser.ohif_server import EACH_RELEASE
from browser.viewer import Viewer

pytestmark = pytest.mark.browser


def image_level_report(radiograph: Dataset) -> Dataset:
    """Return a valid TID 1500 report whose only group has no region (TID 1501)."""
    device = sr.DeviceObserverIdentifyingAttributes(uid=generate_uid(), name="planted")
    score = sr.Measurement(name=codes.DCM.CertaintyOfFinding, value=91.2, unit=codes.UCUM.Percent)
    group = sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(generate_uid(), "planted"),
        finding_type=codes.SCT.PleuralEffusion,
        measurements=[score],
    )
    report = sr.MeasurementReport(
        observation_context=sr.ObservationContext(
            observer_device_context=sr.ObserverContext(codes.DCM.Device, device)
        ),
        procedure_reported=sr.CodedConcept("399208008", "SCT", "Plain chest X-ray"),
        imaging_measurements=[group],
    )
    return sr.Comprehensive3DSR(
        evidence=[radiograph],
        content=report,
        series_instance_uid=generate_uid(),
        series_number=1,
        sop_instance_uid=generate_uid(),
        instance_number=1,
        manufacturer="planted",
    )


def nameless_text_report(radiograph: Dataset) -> Dataset:
    """Return a valid report for the eye with one item that has no concept name."""
    report = sr.ContainerContentItem(sr.CodedConcept("18748-4", "LN", "Diagnostic imaging report"))
    source = sr.ImageContentItem(
        name=codes.DCM.SourceOfMeasurement,
        referenced_sop_class_uid=radiograph.SOPClassUID,
        referenced_sop_instance_uid=radiograph.SOPInstanceUID,
        relationship_type=sr.RelationshipTypeValues.CONTAINS,
    )
    report.ContentSequence = sr.ContentSequence([source], is_root=False)
    document = sr.EnhancedSR(
        evidence=[radiograph],
        content=report,
        series_instance_uid=generate_uid(),
        series_number=1,
        sop_instance_uid=generate_uid(),
        instance_number=1,
        manufacturer="planted",
    )
    del document.ContentSequence[0].ConceptNameCodeSequence
    return document


@EACH_RELEASE
def test_a_report_that_ohif_leaves_blank_is_noticed(
    tab: Viewer, store: Callable[..., None], radiograph: Dataset
) -> None:
    """A group without a region blanks the viewport, and OHIF says so to nobody."""
    report = image_level_report(radiograph)
    store(radiograph, report)
    tab.open(report)
    with pytest.raises(AssertionError, match="OHIF swallowed"):
        tab.outlines(1)


def test_a_text_that_turns_ohif_black_is_noticed(
    tab: Viewer, store: Callable[..., None], radiograph: Dataset
) -> None:
    """An item without a name takes the whole application down."""
    report = nameless_text_report(radiograph)
    store(radiograph, report)
    tab.open(report)
    with pytest.raises(AssertionError, match="OHIF swallowed"):
        tab.text()


def test_what_is_swallowed_is_complained_about(
    tab: Viewer, store: Callable[..., None], radiograph: Dataset
) -> None:
    """The line of the error boundary is heard even by a test that looks at nothing."""
    report = image_level_report(radiograph)
    store(radiograph, report)
    with tab.page.expect_console_message(lambda message: "Error Boundary" in message.text):
        tab.open(report)
    assert any("Error Boundary" in complaint for complaint in tab.complaints)
