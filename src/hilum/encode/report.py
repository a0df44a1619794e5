"""Reading → two structured reports; refusal → one. The entry point to the SR modules."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from io import BytesIO

from pydicom import Dataset, dcmwrite

from hilum import PRODUCT, __version__
from hilum.eligibility import Reason
from hilum.encode.codes import load_codes
from hilum.encode.document import ReportDocument
from hilum.encode.encoders import build
from hilum.encode.identity import ResultIdentity, digest, patient_of
from hilum.encode.kinds import REGIONS_REPORT, TEXT_REPORT
from hilum.encode.material import Material
from hilum.encode.predecessors import predecessor
from hilum.encode.regions_report import RegionsReport
from hilum.encode.source import as_source
from hilum.encode.text_report import findings_tree, refusal_tree
from hilum.language import in_ascii
from hilum.radiograph import ImageUIDs
from hilum.reading import Region
from hilum.settings import ReportSettings, SRClass


def report_documents(
    of: Material,
    regions: Sequence[Region],
    *,
    visual_explanation: Dataset | None = None,
    predecessors: Sequence[Dataset] = (),
) -> tuple[Dataset, ...]:
    """Write one reading down as structured reports.

    Parameters
    ----------
    regions
        Outlines of the positive findings, in source pixels.
    visual_explanation
        The picture of the heatmaps that the coded report refers to.
    predecessors
        Earlier reports on the same image, the newest first (`earlier_reports`); each new
        one names the first of its kind.

    Returns
    -------
    tuple of Dataset
        The text report, then the coded one. Same input, same bytes.

    Raises
    ------
    EncodingFailed
        A region cannot be drawn, or highdicom does not take the report.
    ValueError
        `when` has no UTC offset.
    """
    reading, settings, identity = of.reading, of.settings, of.identity
    say = settings.language.say_ascii
    counts = {"positive": len(reading.positives), "all": len(reading.findings)}
    text = ReportDocument(
        root=findings_tree(reading, of.codes, settings.language),
        sop_class=SRClass.ENHANCED,
        uid=identity.uid(TEXT_REPORT.name),
        series_uid=identity.uid(TEXT_REPORT.series_name),
        series_number=TEXT_REPORT.series,
        description=of.stamp + say("AI findings: {positive} of {all}", **counts),
        evidence=(of.source,),
        codes=of.codes,
        model=reading.model,
        when=of.when,
        predecessor=predecessor(predecessors, coded=False, uid=identity.uid(TEXT_REPORT.name)),
    )
    described = (
        say("AI regions: {positive} of {all}", **counts)
        if reading.positives
        else say("AI regions: none")
    )
    explanations = () if visual_explanation is None else (visual_explanation,)
    coded = replace(
        text,
        root=RegionsReport(of, visual_explanation).tree(regions),
        sop_class=settings.sr_class,
        uid=identity.uid(REGIONS_REPORT.name),
        series_uid=identity.uid(REGIONS_REPORT.series_name),
        series_number=REGIONS_REPORT.series,
        description=of.stamp + described,
        evidence=(of.source, *explanations),
        predecessor=predecessor(predecessors, coded=True, uid=identity.uid(REGIONS_REPORT.name)),
    )
    return build(text, settings.encoder), build(coded, settings.encoder)


def refusal_document(
    header: Dataset, reasons: Sequence[Reason], *, when: datetime, settings: ReportSettings
) -> Dataset:
    """Write down why an image was not read: a text report that makes no statement on findings.

    Raises
    ------
    EncodingFailed
        highdicom does not take the report.
    SettingInvalid
        The site's codes file cannot be used.
    ValueError
        `when` has no UTC offset.
    """
    codes = load_codes(settings.codes_file)
    source = as_source(header)
    said = [settings.language.code, codes.digest, [r.code for r in reasons]]
    decisive = [PRODUCT, __version__, patient_of(header), *said]
    identity = ResultIdentity(ImageUIDs.of(source), "", digest(decisive))
    return build(
        ReportDocument(
            root=refusal_tree(reasons, codes, settings.language),
            sop_class=SRClass.ENHANCED,
            uid=identity.uid("refusal"),
            series_uid=identity.uid("refusal series"),
            series_number=TEXT_REPORT.series,
            description=settings.language.say_ascii(
                "AI: not analyzed ({reason})", reason=_gist(reasons[0])
            ),
            evidence=(source,),
            codes=codes,
            model=None,
            when=when,
        ),
        settings.encoder,
    )


def _gist(reason: Reason) -> str:
    """Return what comes before a reason's details, in the ASCII of Series Descriptions."""
    return in_ascii(reason.text.partition(":")[0])


def to_bytes(dataset: Dataset) -> bytes:
    """Return an instance as a DICOM file (PS3.10), the same bytes every time."""
    buffer = BytesIO()
    dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()
