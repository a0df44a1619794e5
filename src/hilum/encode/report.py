"""Reading → two structured reports; refusal → one. The entry point to the SR modules."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from pydicom import Dataset

from hilum import PRODUCT, __version__
from hilum.eligibility import Reason
from hilum.encode.codes import load_codes
from hilum.encode.encoders import build
from hilum.encode.identity import ResultIdentity, digest, patient_of
from hilum.encode.kinds import REGIONS_REPORT, TEXT_REPORT
from hilum.encode.predecessors import predecessor
from hilum.encode.regions_report import RegionsReport
from hilum.encode.report_document import ReportDocument
from hilum.encode.result_context import ResultContext
from hilum.encode.source import as_source
from hilum.encode.text_report import findings_tree, refusal_tree
from hilum.files.dicom import REGIONS_TITLE
from hilum.language import in_ascii
from hilum.radiograph import ImageUIDs
from hilum.reading import Region
from hilum.settings import ReportSettings, SRClass


def report_documents(
    context: ResultContext,
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
    reading, settings, identity = context.reading, context.settings, context.identity
    say = settings.language.say_ascii
    counts = {"positive": len(reading.positives), "all": len(reading.findings)}
    titles = [context.codes.concept(name).value for name in ("title", "demonstration_title")]
    text = ReportDocument(
        root=findings_tree(reading, context.codes, settings.language),
        sop_class=SRClass.ENHANCED,
        uid=identity.uid(TEXT_REPORT.name),
        series_uid=identity.uid(TEXT_REPORT.series_name),
        series_number=TEXT_REPORT.series,
        description=context.stamp + say("AI findings: {positive} of {all}", **counts),
        evidence=(context.source,),
        codes=context.codes,
        model=reading.model,
        when=context.when,
        predecessor=predecessor(predecessors, titles, uid=identity.uid(TEXT_REPORT.name)),
    )
    described = (
        say("AI regions: {positive} of {all}", **counts)
        if reading.positives
        else say("AI regions: none")
    )
    explanations = () if visual_explanation is None else (visual_explanation,)
    coded = replace(
        text,
        root=RegionsReport(context, visual_explanation).tree(regions),
        sop_class=settings.sr_class,
        uid=identity.uid(REGIONS_REPORT.name),
        series_uid=identity.uid(REGIONS_REPORT.series_name),
        series_number=REGIONS_REPORT.series,
        description=context.stamp + described,
        evidence=(context.source, *explanations),
        predecessor=predecessor(
            predecessors, [REGIONS_TITLE], uid=identity.uid(REGIONS_REPORT.name)
        ),
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
