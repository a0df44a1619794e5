"""The pipeline for one radiograph. Read this first: each step is a package."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from time import perf_counter

from PIL import Image
from pydicom import Dataset

from hilum import encode, explain, gate, pixels
from hilum.eligibility import Eligibility, Reason
from hilum.errors import EncodingFailed, RadiographRefused
from hilum.files import dicom
from hilum.files.damage import Note
from hilum.files.dicom import DicomFile
from hilum.gate.projection import projection
from hilum.outcome import Read, Refused, Written
from hilum.predict import Model, ReferenceFiles, ViewNetworks, load_model
from hilum.predict.network import engine
from hilum.predict.segmentation import SegmentationModel, load_segmentation
from hilum.radiograph import ModelInput, Radiograph
from hilum.reading import DECIMALS, ModelIdentity, Reading, ViewOpinion
from hilum.settings import Settings, ViewFromPixels
from hilum.structures import Anatomy
from hilum.values.texts import Decoded, decoded
from hilum.wording import anatomy_in_language, in_language, path_reason, pixel_doubts

load_engine = engine
"""Loads what runs networks before there is one: processes that are forked then share it."""

REFERRED_BY = ("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID")
"""Attributes of an image without which no result can say what it is about."""


@dataclass(frozen=True, slots=True, eq=False)
class PipelineContext:
    """What the pipeline needs beside an image: the loaded model and the settings."""

    model: Model
    """The loaded model."""
    settings: Settings
    """All settings."""
    in_demonstration: bool = False
    """True inside `hilum demo` only, whose archive is thrown away: there the demonstration model
    may read what it is given."""
    segmentation: SegmentationModel | None = None
    """The network for the anatomy; None where nobody asks for it."""
    reference: ReferenceFiles | None = None
    """Where the statistics of the reference images are; None where nobody asks for them."""
    views: ViewNetworks | None = None
    """The view network; None where nobody asks for it."""


def open_pipeline(
    settings: Settings, *, in_demonstration: bool = False, with_anatomy: bool = False
) -> PipelineContext:
    """Return a pipeline with the models of the settings, loaded and ready.

    Parameters
    ----------
    with_anatomy
        Whether lungs and heart are looked for in the same pass.

    Raises
    ------
    ModelError
        There is no such model, its weights are not here, or they are not what they were; the same
        of the view network where it is always asked.
    SettingInvalid
        The site's codes file cannot be used: said now, not at the first report.
    """
    encode.load_codes(settings.report.codes_file)
    model = load_model(settings)
    views = ViewNetworks(settings, demonstration=model.identity.demonstration)
    if settings.pixels.view_network is ViewFromPixels.ALWAYS:
        views.require()
    return PipelineContext(
        model,
        settings,
        in_demonstration=in_demonstration,
        segmentation=load_segmentation(settings) if with_anatomy else None,
        reference=ReferenceFiles(settings.data_folder, model.identity),
        views=views,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A radiograph that passed the gate, as the network takes it."""

    radiograph: Radiograph
    model_input: ModelInput
    warnings: tuple[Reason, ...]
    stated_view: str = ""
    """What the header says of the view; empty where it says nothing."""


Source = Dataset | DicomFile | bytes
"""A DICOM image made here, one that was read from a file, or the contents of a PNG or JPEG."""

Earlier = Callable[[Dataset], Sequence[Dataset]]
"""Header of an image → reports of ours that are in its study already."""


@dataclass(frozen=True, slots=True)
class Writing:
    """What is needed to encode results."""

    when: datetime
    """Time of the analysis, with its UTC offset: the same image at the same time gives the same
    bytes."""
    earlier: Earlier = lambda _: ()
    """Finds earlier reports, which the new ones name as predecessors; only asked for an image that
    was read."""


class Stopwatch:
    """Measures the seconds that each stage takes."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = perf_counter()

    def lap(self, part: str) -> None:
        """Record the time since the previous stage ended."""
        now = perf_counter()
        self.seconds[part] = round(now - self._last, 4)
        self._last = now


def process(
    source: Source,
    context: PipelineContext,
    *,
    writing: Writing | None = None,
    self_test: bool = False,
) -> Read | Refused:
    """Process one image: gate, pixels, network, results.

    Parameters
    ----------
    writing
        What the results need; None when only the findings are wanted.
    self_test
        See `prepare`.

    Raises
    ------
    EncodingFailed
        The image lacks a UID, so that no result can refer to it.
    HilumError
        Whatever `writing.earlier` raises.
    """
    watch = Stopwatch()
    corrections: tuple[Note, ...] = ()
    if isinstance(source, DicomFile):
        source, corrections = source.dataset, source.corrections
    try:
        if isinstance(source, bytes):
            prepared = prepare_picture(source, context)
        else:
            prepared = prepare(source, context, corrections=corrections, self_test=self_test)
    except RadiographRefused as exc:
        watch.lap("prepare")
        reasons = in_language(context.settings.report.language, exc.reasons)
        told: tuple[Dataset, ...] = ()
        if writing is not None and isinstance(source, Dataset):
            told = report_refusal(source, reasons, context.settings, when=writing.when)
        return Refused(reasons, told, watch.seconds)
    watch.lap("prepare")
    reading = predict(prepared, context)
    watch.lap("predict")
    found = None
    if context.segmentation is not None:
        found = find_anatomy(
            reading.radiograph, context.segmentation, context.settings, reading=reading
        )
        watch.lap("anatomy")
    written = None
    if writing is not None:
        written = write(reading, context.settings, writing, found)
        watch.lap("report")
    return Read(reading, written, watch.seconds, found)


def prepare(
    dataset: Dataset,
    context: PipelineContext,
    *,
    corrections: Iterable[Note] = (),
    self_test: bool = False,
) -> Prepared:
    """Take one image through the gate and read its pixels: all that needs no model.

    Parameters
    ----------
    self_test
        Whether this is the phantom of a self-test of this installation: the only image for
        quality control that a model for patients reads.

    Raises
    ------
    RadiographRefused
        The gate or the pixels said no; every reason is named.
    """
    image = with_text_decoded(dataset, context.settings)
    eligibility = judge(image.dataset, context, self_test=self_test)
    if not eligibility.accepted:
        raise RadiographRefused(eligibility.objections)
    language = context.settings.report.language
    radiograph = pixels.radiograph_from_dicom(
        image.dataset, context.settings.pixels, corrections=corrections
    )
    decisions = in_language(language, (*image.decisions, *radiograph.decisions))
    radiograph = replace(radiograph, decisions=decisions)
    model_input = pixels.fit(radiograph, context.model.identity.input_size)
    warnings = in_language(language, eligibility.warnings)
    return Prepared(radiograph, model_input, warnings, gate.stated_view(image.dataset))


def with_text_decoded(dataset: Dataset, settings: Settings) -> Decoded:
    """Return an image with its text decoded, as everything that looks at it needs it."""
    return decoded(dataset, settings.pacs.default_character_set)


def judge(header: Dataset, context: PipelineContext, *, self_test: bool = False) -> Eligibility:
    """Ask the gate; add the objection that only the choice of model makes."""
    eligibility = gate.judge(
        header,
        context.settings.gate,
        min_age_years=context.model.card.min_age_years,
        clinical_model=not (context.model.identity.demonstration or self_test),
    )
    if may_read(header, context):
        return eligibility
    objection = path_reason("demonstration_model")
    return Eligibility((*eligibility.objections, objection), eligibility.warnings)


def may_read(header: Dataset | None, context: PipelineContext) -> bool:
    """Whether this model may see this image at all (design: safety).

    The demonstration model reads phantoms and quality-control images anywhere, and
    anything else only inside `hilum demo`.
    """
    networks = (context.model, context.segmentation)
    return all(
        _may_see(header, each.identity, in_demonstration=context.in_demonstration)
        for each in networks
        if each is not None
    )


def require_visible(header: Dataset, network: ModelIdentity, *, in_demonstration: bool) -> None:
    """Raise `RadiographRefused` for an image that a network may not see; see `may_read`."""
    if not _may_see(header, network, in_demonstration=in_demonstration):
        raise RadiographRefused((path_reason("demonstration_model"),))


def _may_see(header: Dataset | None, network: ModelIdentity, *, in_demonstration: bool) -> bool:
    if not network.demonstration or in_demonstration:
        return True
    return header is not None and header.get("QualityControlImage") == "YES"


def prepare_picture(file: bytes, context: PipelineContext) -> Prepared:
    """Develop a PNG or JPEG, about which nothing is known but its pixels.

    Raises
    ------
    RadiographRefused
        The picture is in colour, too small or broken.
    """
    if not may_read(None, context):
        raise RadiographRefused((path_reason("demonstration_model"),))
    radiograph = pixels.radiograph_from_picture(file, context.settings.pixels)
    rows, columns = radiograph.pixels.shape
    eligibility = gate.judge_picture(rows, columns, context.settings.gate)
    if not eligibility.accepted:
        raise RadiographRefused(eligibility.objections)
    model_input = pixels.fit(radiograph, context.model.identity.input_size)
    language = context.settings.report.language
    radiograph = replace(radiograph, decisions=in_language(language, radiograph.decisions))
    unknown = in_language(language, (path_reason("picture_without_header"),))
    return Prepared(radiograph, model_input, unknown)


def predict(prepared: Prepared, context: PipelineContext) -> Reading:
    """Let the model see a prepared radiograph."""
    seen = context.model.read(prepared.model_input)
    reference = None
    if context.reference is not None and seen.features is not None:
        limit = context.settings.model.unusual_percentile
        reference = context.reference.judge(seen.features, prepared.radiograph.pipeline, limit)
    view = _view(prepared, context)
    doubts = in_language(context.settings.report.language, pixel_doubts(reference, view))
    return Reading(
        prepared.radiograph,
        context.model.identity,
        seen.findings,
        seen.heatmaps,
        prepared.warnings + doubts,
        reference,
        seen.features,
        view,
    )


def _view(prepared: Prepared, context: PipelineContext) -> ViewOpinion | None:
    """Return what the view network says; None where it is not asked, or is not there."""
    codes = {warning.code for warning in prepared.warnings}
    asked = context.settings.pixels.view_network
    network = None if context.views is None else context.views.asked(asked, codes)
    if network is None:
        return None
    seen, size = prepared.model_input, network.identity.input_size
    if seen.pixels.shape[0] != size:
        seen = pixels.fit(prepared.radiograph, size)
    frontal = round(network.frontal(seen), DECIMALS)
    return ViewOpinion(frontal, network.identity.key, prepared.stated_view)


def find_anatomy(
    radiograph: Radiograph,
    segmentation: SegmentationModel,
    settings: Settings,
    *,
    reading: Reading | None = None,
) -> Anatomy:
    """Look for lungs and heart on a radiograph, and measure the cardiothoracic ratio.

    Parameters
    ----------
    reading
        What the model found on it, whose sites are narrowed.
    """
    from hilum import anatomy  # noqa: PLC0415  where nobody asks for it, it costs nothing

    seen = pixels.fit(radiograph, segmentation.identity.input_size)
    masks = anatomy.NetworkMasks(
        segmentation.identity, segmentation.structures, segmentation.masks(seen), seen
    )
    found = anatomy.find(
        radiograph,
        masks,
        projection=projection(radiograph.header),
        settings=settings.anatomy,
        reading=reading,
    )
    return anatomy_in_language(settings.report.language, found)


def draw(reading: Reading, settings: Settings, *, when: datetime) -> Image.Image:
    """Return the overlay sheet of one reading, in colour."""
    return explain.overlay(reading, when=when, language=settings.report.language)


def write(
    reading: Reading, settings: Settings, writing: Writing, found: Anatomy | None = None
) -> Written:
    """Draw the overlay of one reading, and write it down as DICOM where it has a study.

    Parameters
    ----------
    found
        The anatomy of the same radiograph, to be written down too.

    Raises
    ------
    EncodingFailed
        The image lacks a UID, so that nothing can refer to it.
    """
    header, when = reading.radiograph.header, writing.when
    sheet = draw(reading, settings, when=when)
    if header is None:
        return Written(when, sheet, ())
    earlier = writing.earlier(header)
    objects = report(reading, settings, when=when, earlier=earlier, sheet=sheet)
    if found is not None:
        objects += encode.anatomy_objects(found, when=when, settings=settings.report)
    return Written(when, sheet, objects)


def report(
    reading: Reading,
    settings: Settings,
    *,
    when: datetime,
    earlier: Sequence[Dataset] = (),
    sheet: Image.Image | None = None,
) -> tuple[Dataset, ...]:
    """Write one reading down as DICOM, in the order in which it must be stored.

    Parameters
    ----------
    when
        Time of the analysis, with its UTC offset.
    earlier
        Reports of ours that are in the study already: a newer one names those on the
        same image as its predecessors.
    sheet
        What `draw` gave for the same reading and time, where the caller has it already.

    Returns
    -------
    tuple of Dataset
        The picture first, then the objects that the site asks for, the reports last:
        whatever refers to another comes after it.

    Raises
    ------
    EncodingFailed
        The image lacks a UID, so that nothing can refer to it.
    """
    _require_identity(reading.radiograph.header)
    regions = explain.regions(reading)
    if sheet is None:
        sheet = draw(reading, settings, when=when)
    result_context = encode.ResultContext.of(reading, when=when, settings=settings.report)
    picture = encode.secondary_capture(sheet, result_context)
    extras = encode.extra_objects(result_context, regions, heat=explain.heat, picture=picture)
    documents = encode.report_documents(
        result_context,
        regions,
        visual_explanation=picture,
        predecessors=encode.earlier_reports(reading.header, earlier),
    )
    return (picture, *extras, *documents)


def _require_identity(header: Dataset | None) -> None:
    """Raise `EncodingFailed` for an image to which no result can refer."""
    missing = [name for name in REFERRED_BY if header is None or not dicom.text(header, name)]
    if missing:
        raise EncodingFailed(
            "The image has no {missing}, so no DICOM result can refer to it.",
            "Export it again from the PACS, or read it without --out and --store.",
            missing=", ".join(missing),
        )


def report_refusal(
    header: Dataset, reasons: tuple[Reason, ...], settings: Settings, *, when: datetime
) -> tuple[Dataset, ...]:
    """Write a refusal down as DICOM where the site wants it in the PACS, else nothing."""
    if not settings.report.report_refusals:
        return ()
    source = with_text_decoded(header, settings).dataset
    return (encode.refusal_document(source, reasons, when=when, settings=settings.report),)
