"""A DICOM image becomes a Radiograph. Read this first: each line is a step of the display."""

from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.dataelem import DataElement, RawDataElement

from hilum.files.damage import Note, shown
from hilum.pixels.clipping import loss_by, note_destroyed, refuse_destroyed_palette
from hilum.pixels.colour import to_grey
from hilum.pixels.decisions import DecisionRecord
from hilum.pixels.decode import decode
from hilum.pixels.image import GREY, ImagePixel, describe
from hilum.pixels.modality import ModalityTransform, read_modality
from hilum.pixels.smoothness import refuse_noise
from hilum.pixels.stored import StoredPixels, believed_range, digest, interpret
from hilum.pixels.surroundings import note, note_crop, shutter_shapes, shuttered
from hilum.pixels.tone import LIMIT, Curve, Ramp, Tone, refuse_blank
from hilum.pixels.voi import Voi, read_vois, voi_count
from hilum.radiograph import PixelPipeline, Radiograph, Turn
from hilum.settings import PixelSettings
from hilum.values.attributes import element_of, number_of, text_of, values_of
from hilum.values.quoting import quoted

FULL_TURN: Final = 360
"""Degrees."""


def read_turn(dataset: Dataset, record: DecisionRecord) -> Turn:
    """Return what brings an image upright; none where the header does not tell.

    Field of View Rotation and Horizontal Flip say what was done to the detector's image
    before it was stored. They are not asked: Patient Orientation is of the stored one.
    """
    rotation, flip = (
        number_of(dataset, "ImageRotation") or 0,
        text_of(dataset, "ImageHorizontalFlip"),
    )
    if rotation % FULL_TURN or flip == "Y":
        record.add("display_turn_noted", rotation=f"{rotation:g}", flip=flip or "N")
    values = [str(value).strip(" \0") for value in values_of(dataset, "PatientOrientation")]
    said = quoted("\\".join(values))
    turn = Turn.stated(values)
    if turn is None:
        if any(values):
            record.add("orientation_unusable", said=said)
        return Turn()
    if turn != Turn():
        record.add("mirrored_upright" if turn.mirrors else "turned_upright", said=said)
    return turn


PIXEL_GROUP: Final = 0x7FE0
"""Group of Pixel Data, Float Pixel Data and their offset tables."""


def radiograph_from_dicom(
    dataset: Dataset, settings: PixelSettings, *, corrections: Iterable[Note] = ()
) -> Radiograph:
    """Turn a DICOM image into what the model may see.

    Parameters
    ----------
    dataset
        A whole image, with its Pixel Data read or deferred; not changed.
    settings
        Which pixel pipeline, and the limits.
    corrections
        What was put right in its file: the first of the decisions.

    Returns
    -------
    Radiograph
        Every decision that the pipeline took is in it.

    Raises
    ------
    RadiographRefused
        The image cannot or may not be turned into pixels; all reasons are named.

    Sources
    -------
    PS3.3 C.7.6.3, C.11.1, C.11.2, PS3.4 N.2; ``torchxrayvision.utils.read_xray_dcm``
    1.5.7. What is done in each case, and why: ``docs/pixels.md``.
    """
    record = DecisionRecord()
    for each in corrections:
        record.add(each.code, tag=shown(each.tag), at=each.at, count=each.count)
    image, stored = stored_pixels(dataset, settings, record)
    tone = display_of(dataset, stored, settings, record).tone
    if shown_inverted(dataset, stored.image, record):
        tone = tone.inverted()
    pixels = tone.render(stored.values)
    if stored.padding is not None:
        pixels[stored.padding] = -LIMIT
    if settings.pipeline is PixelPipeline.DISPLAY:
        close_shutters(pixels, dataset, stored.image, record)
    turn = read_turn(dataset, record)
    note(dataset, image, record)
    note_crop(image.rows, image.columns, record)
    return Radiograph(
        pixels,
        header_of(dataset),
        settings.pipeline,
        tuple(record.entries),
        digest(stored.values),
        turn,
    )


def stored_pixels(
    dataset: Dataset, settings: PixelSettings, record: DecisionRecord
) -> tuple[ImagePixel, StoredPixels]:
    """Return what a dataset says about its pixels, and its samples with their meaning.

    Raises
    ------
    RadiographRefused
        There are none that can be shown.
    """
    image = describe(dataset, settings, record)
    if image.syntax_assumed:
        record.add("syntax_assumed", syntax=image.syntax.name)
    decoded, image = decode(dataset, image, record)
    samples, grey = to_grey(decoded, image, dataset, record)
    refuse_destroyed_palette(decoded, samples, grey, settings, record)
    stored = interpret(samples, grey, dataset, record)
    refuse_blank(stored.least, stored.greatest, record)
    refuse_noise(stored.values, record)
    return image, stored


class Display(NamedTuple):
    """How stored values are shown, before any inversion."""

    tone: Tone
    modality: ModalityTransform
    """What values stand for; the identity where there is nothing, or it was taken back."""
    voi: Voi | None
    """The VOI LUT or window that `tone` is, None where all values are shown."""


def display_of(
    dataset: Dataset, stored: StoredPixels, settings: PixelSettings, record: DecisionRecord
) -> Display:
    """Return how stored values are shown, before any inversion.

    Raises
    ------
    RadiographRefused
        A window or table would destroy the image, and the site refuses such images.
    """
    image = stored.image
    if image.photometric not in GREY:  # PS3.3 C.11: colour has neither
        return Display(Ramp(*believed_range(stored, image, record)), ModalityTransform(), None)
    modality = read_modality(dataset, image, record)
    if settings.pipeline is PixelPipeline.DISPLAY:
        for voi in read_vois(dataset, modality, image, record):
            lost = loss_by(voi.tone, stored)
            if lost.bearable(settings):
                record.add(f"{voi.kind}_applied", **voi.facts)
                return Display(voi.tone, modality, voi)
            record.add(f"{voi.kind}_destroys", share=lost.share, shades=lost.shades, **voi.facts)
    elif count := voi_count(dataset):
        record.add("voi_not_applied", count=count)
    return full_range(modality, stored, settings, record)


def full_range(
    modality: ModalityTransform,
    stored: StoredPixels,
    settings: PixelSettings,
    record: DecisionRecord,
) -> Display:
    """Return what shows everything that the modality's output can be.

    Raises
    ------
    RadiographRefused
        A window or table would destroy the image, and the site refuses such images.
    """
    lookup = modality.lookup
    if lookup is not None:
        tone = Curve(lambda values: lookup.apply(values) / lookup.top)
        lost = loss_by(tone, stored)
        if lost.bearable(settings):
            return Display(tone, modality, None)
        record.add("modality_lut_destroys", share=lost.share, shades=lost.shades)
        modality = ModalityTransform()
    note_destroyed(settings, record)
    low, high = believed_range(stored, stored.image, record)
    return Display(Ramp(low, high) if modality.slope > 0 else Ramp(high, low), modality, None)


def shown_inverted(dataset: Dataset, image: ImagePixel, record: DecisionRecord) -> bool:
    """Whether small values are bright; MONOCHROME1 and INVERSE say the same, not twice."""
    shape = text_of(dataset, "PresentationLUTShape")
    if image.photometric == "MONOCHROME1":
        record.add("monochrome1_inverted")
        if shape == "IDENTITY":
            record.add("presentation_contradicts", shape=shape, photometric=image.photometric)
        return True
    if shape == "INVERSE":
        record.add("presentation_inverse")
    return shape == "INVERSE"


def close_shutters(
    pixels: NDArray[np.float32], dataset: Dataset, image: ImagePixel, record: DecisionRecord
) -> None:
    """Make black, in place, what a display shutter hides.

    Shape ``(rows, columns)``, in [-1024, 1024].
    """
    hidden = shuttered(dataset, image)
    if hidden is not None:
        pixels[hidden] = -LIMIT
        shape = ", ".join(shutter_shapes(dataset))
        record.add("shutter_applied", shape=shape, count=int(np.count_nonzero(hidden)))


def header_of(dataset: Dataset) -> Dataset:
    """Return the attributes without the pixels; elements are shared, not copied."""
    elements = {
        tag: _element_of(dataset, tag)
        for tag in dataset.keys()  # noqa: SIM118  a Dataset iterates over its elements
        if tag.group != PIXEL_GROUP
    }
    header = Dataset({tag: element for tag, element in elements.items() if element is not None})
    implicit, little = dataset.original_encoding
    header.set_original_encoding(implicit, little, dataset.original_character_set)
    if hasattr(dataset, "file_meta"):
        header.file_meta = dataset.file_meta
    return header


def _element_of(dataset: Dataset, tag: int) -> DataElement | RawDataElement | None:
    """Return an element as it is; a deferred one is read now, while its file is there."""
    element = dataset.get_item(tag, keep_deferred=True)
    if isinstance(element, RawDataElement) and element.value is None and element.length:
        return element_of(dataset, tag)
    return element
