"""What a dataset says about its pixels, and whether that can be a radiograph."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pydicom import Dataset
from pydicom.uid import UID, ImplicitVRLittleEndian

from hilum.eligibility import Reason
from hilum.errors import RadiographRefused
from hilum.pixels.decisions import DecisionRecord
from hilum.settings import PixelSettings
from hilum.values.attributes import bytes_of, text_of, whole_of

GREY: Final = frozenset({"MONOCHROME1", "MONOCHROME2"})
"""Photometric Interpretations of one grey sample (PS3.3 C.7.6.3.1.2)."""

COLOURED: Final = frozenset(
    {"RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT", "YBR_PARTIAL_420", "YBR_PARTIAL_422"}
)
"""Those of three samples; a radiograph may still be grey in them."""

PALETTE: Final = "PALETTE COLOR"
"""One sample that points into three tables."""

CONTAINER_BITS: Final = frozenset({8, 16, 32})
"""Bits Allocated that are read; 1 is a bitmap, 12 is from before 1993."""

SAMPLES: Final = frozenset({1, 3})
"""Samples per Pixel that are read."""

MODULE: Final = "PS3.3 C.7.6.3"
"""The Image Pixel module."""


@dataclass(frozen=True, slots=True)
class ImagePixel:
    """The Image Pixel module (PS3.3 C.7.6.3), complete and plausible."""

    rows: int
    columns: int
    """Size of the matrix in pixels."""
    samples: int
    """1, or 3 for colour."""
    photometric: str
    """Photometric Interpretation, upper case."""
    bits_allocated: int
    bits_stored: int
    high_bit: int
    """Container, used bits and most significant used bit of one sample."""
    signed: bool
    """Whether the samples are two's complement."""
    by_plane: bool
    """Whether the colours are in three planes (Planar Configuration 1)."""
    syntax: UID
    syntax_assumed: bool
    """Whether the dataset did not say it."""
    little_endian: bool
    """Byte order of native pixels."""

    @property
    def count(self) -> int:
        """Number of samples."""
        return self.rows * self.columns * self.samples

    @property
    def length(self) -> int:
        """Bytes of the samples when they are not compressed."""
        return self.count * self.bits_allocated // 8


def describe(dataset: Dataset, settings: PixelSettings, record: DecisionRecord) -> ImagePixel:
    """Return what a dataset says about its pixels.

    Raises
    ------
    RadiographRefused
        It says too little, or something that is not one grey image of a size that is
        read. Colour spaces are let through: a grey picture can be stored in one.
    """
    image = _read(dataset)
    reasons = [*_absences(dataset, record), *_objections(image, dataset, settings, record)]
    if reasons:
        raise RadiographRefused(reasons)
    return image


def _read(dataset: Dataset) -> ImagePixel:
    syntax, assumed = transfer_syntax(dataset)
    allocated = whole_of(dataset, "BitsAllocated") or 0
    stored = whole_of(dataset, "BitsStored") or allocated
    high_bit = whole_of(dataset, "HighBit")
    return ImagePixel(
        rows=whole_of(dataset, "Rows") or 0,
        columns=whole_of(dataset, "Columns") or 0,
        samples=whole_of(dataset, "SamplesPerPixel") or 1,
        photometric=text_of(dataset, "PhotometricInterpretation"),
        bits_allocated=allocated,
        bits_stored=stored,
        high_bit=stored - 1 if high_bit is None else high_bit,
        signed=whole_of(dataset, "PixelRepresentation") == 1,
        by_plane=whole_of(dataset, "PlanarConfiguration") == 1,
        syntax=syntax,
        syntax_assumed=assumed,
        little_endian=_little_endian(dataset, syntax, assumed=assumed),
    )


def transfer_syntax(dataset: Dataset) -> tuple[UID, bool]:
    """Return the Transfer Syntax UID, and whether it had to be assumed.

    Files without meta information are common in teaching material; their pixels are
    native, since compressed ones are told apart by their first item.
    """
    meta = getattr(dataset, "file_meta", None)
    stated = text_of(meta, "TransferSyntaxUID") if meta is not None else ""
    return (UID(stated), False) if stated else (ImplicitVRLittleEndian, True)


def _known(syntax: UID) -> bool:
    return syntax.is_transfer_syntax and not syntax.is_private


def _little_endian(dataset: Dataset, syntax: UID, *, assumed: bool) -> bool:
    """Return the byte order of native pixels; without a syntax that of the dataset."""
    if assumed or not _known(syntax):
        return dataset.original_encoding[1] is not False
    return syntax.is_little_endian


def _absences(dataset: Dataset, record: DecisionRecord) -> Iterator[Reason]:
    """Yield what is not there, or several times."""
    if not bytes_of(dataset, "PixelData"):
        other = next((k for k in ("FloatPixelData", "DoubleFloatPixelData") if k in dataset), None)
        if other is None:
            yield record.reason("no_pixels", MODULE)
        else:
            yield record.reason("unsupported_pixels.float", "PS3.3 C.7.6.24", attribute=other)
    frames = whole_of(dataset, "NumberOfFrames") or 1
    if frames > 1:
        yield record.reason("multi_frame", "PS3.3 C.7.6.6", frames=frames)


def _objections(
    image: ImagePixel, dataset: Dataset, settings: PixelSettings, record: DecisionRecord
) -> Iterator[Reason]:
    """Yield every objection to the description itself."""
    rows, columns = image.rows, image.columns
    allocated, stored = image.bits_allocated, image.bits_stored
    for name, value in (("Rows", rows), ("Columns", columns), ("Bits Allocated", allocated)):
        if value < 1:
            yield record.reason("incomplete", MODULE, attribute=name)
    if rows * columns > settings.max_pixels:
        source = "setting pixels.max_pixels"
        size = {"rows": rows, "columns": columns, "limit": settings.max_pixels}
        yield record.reason("too_many_pixels", source, **size)
    if allocated > 0 and allocated not in CONTAINER_BITS:
        yield record.reason("unsupported_pixels", MODULE, allocated=allocated)
    elif allocated > 0 and not 1 <= stored <= allocated:
        bits = {"stored": stored, "allocated": allocated}
        yield record.reason("unsupported_pixels.stored", MODULE, **bits)
    if image.samples not in SAMPLES:
        yield record.reason("unsupported_pixels.samples", MODULE, samples=image.samples)
    if not _known(image.syntax):
        yield record.reason("undecodable.syntax", "PS3.5 10", syntax=image.syntax)
    yield from _colour_objections(image, dataset, record)


def _colour_objections(
    image: ImagePixel, dataset: Dataset, record: DecisionRecord
) -> Iterator[Reason]:
    source, photometric = "PS3.3 C.7.6.3.1.2", image.photometric
    coded = _known(image.syntax) and image.syntax.is_encapsulated  # the codestream knows better
    if not photometric:
        yield record.reason("unknown_photometric.missing", source)
    elif photometric not in GREY | COLOURED | {PALETTE}:
        yield record.reason("unknown_photometric", source, photometric=photometric)
    elif not coded and (photometric in COLOURED) != (image.samples == max(SAMPLES)):
        said = {"photometric": photometric, "samples": image.samples}
        yield record.reason("unsupported_pixels.contradiction", source, **said)
    elif photometric == PALETTE and "RedPaletteColorLookupTableDescriptor" not in dataset:
        yield record.reason("incomplete.palette", "PS3.3 C.7.9")
