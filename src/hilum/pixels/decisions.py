"""Every decision of the pixel pipelines: its code, and its text with the values."""

from dataclasses import dataclass, field
from string import Formatter
from typing import Any, Final

from hilum.pixels.portuguese import PORTUGUESE
from hilum.radiograph import PixelDecision
from hilum.settings import ReasonLanguage

SWAPPED: Final = str.maketrans(",.", ".,")
"""Point and comma change places in Portuguese numbers."""

TEXTS: Final = {
    "encoding_corrected": "The data set is not written as its transfer syntax says; "
    "read as it is written.",
    "bytes_after_data": "{count:,} bytes after the last data element are ignored.",
    "vr_restored": "{count} data element(s) have a VR that is missing, unknown or out of place "
    "(first: {tag}, byte {at:,}); read by the dictionary.",
    "delimiter_restored": "{count} delimiter(s) of items or sequences are missing, wrong or out "
    "of place (first: byte {at:,}); read by what follows.",
    "length_corrected": "{count} length(s) are wrong (first: {tag}, byte {at:,}); "
    "read by the contents.",
    "sequence_unread": "{count} sequence(s) cannot be read (first: {tag}, byte {at:,}); ignored.",
    "element_twice": "{count} data element(s) are there twice with different values "
    "(first: {tag}); the first one counts.",
    "syntax_assumed": "The transfer syntax is not said; {syntax} is assumed.",
    "syntax_wrong": "The transfer syntax says {said}, the pixels are {found} and read as that.",
    "not_compressed": "The transfer syntax says {said}, but the pixels are not compressed.",
    "samples_wrong": "The header says {said} sample(s) a pixel, {photometric}; "
    "the codestream has {found}.",
    "colour_space_wrong": "The header says {said}, the samples are {found} and read as that.",
    "excess_pixel_data": "Pixel Data holds {extra:,} bytes more than the image; they are ignored.",
    "byte_order_wrong": "The pixels are an image only in the other byte order; swapped.",
    "bits_of_codestream": "Bits Stored is {said}; the codestream has {found}, which hold the sign.",
    "high_bit_ignored": "High Bit is {high_bit} with {stored} bits stored, but the values lie in "
    "the lowest {stored} bits; not shifted.",
    "high_bit_shifted": "High Bit is {high_bit} with {stored} bits stored: shifted by {shift}.",
    "overlay_bits_removed": "Bits above Bits Stored ({stored}) hold an overlay; removed.",
    "upper_bits_removed": "Bits above Bits Stored ({stored}) do not continue the image; removed.",
    "overlay_not_shown": "{count} overlay(s) beside the image are not shown to the model.",
    "values_above_bits_stored": "Values reach {top}, beyond the {limit} of Bits Stored {stored}; "
    "all bits are kept.",
    "stray_values_clipped": "{count:,} pixels are stray or overshoot: shown as {ceiling}.",
    "more_bits_used": "Scaled over {bits} bits, as the values need.",
    "fewer_bits_used": "The image says {stored} bits, but its values need {bits} "
    "({low} to {top}); scaled over {bits} bits.",
    "signed_pixels": "The pixels are signed; scaled over {low} to {high}.",
    "sign_extended": "The pixels are signed, {stored} bits; their sign was restored.",
    "sign_found": "Pixel Representation is 0, but only signed values are an image; read as signed.",
    "sign_ignored": "Pixel Representation is 1, but only unsigned values are an image; "
    "read as unsigned.",
    "padding_blackened": "{count:,} pixels are padding ({value}) and are shown black.",
    "padding_ignored": "{share:.0%} of the pixels have the padding value {value}; "
    "it is not taken for padding.",
    "palette_grey": "A grey palette of {entries} entries was applied.",
    "rgb_grey": "Stored as {photometric}, but grey: one channel taken.",
    "decimal_comma": "{attribute} {said} was read as {read}: the comma is a decimal point.",
    "number_repaired": "{attribute} {said} was read as {read}.",
    "number_unreadable": "{attribute} {said} cannot be read as a number and is ignored.",
    "spacing_ignored": "{attribute} {said} is no spacing that pixels can have and is ignored.",
    "rescale_applied": "Rescale slope {slope:g}, intercept {intercept:g} applied.",
    "rescale_invalid": "Rescale slope {slope:g} cannot be applied and is ignored.",
    "modality_lut_applied": "Modality LUT of {entries} entries, {bits} bits applied.",
    "modality_lut_invalid": "The Modality LUT cannot be used ({why}) and is ignored.",
    "voi_lut_applied": "VOI LUT {number} of {count}, {entries} entries, {bits} bits applied.",
    "voi_lut_invalid": "VOI LUT {number} cannot be used ({why}) and is ignored.",
    "window_applied": "Window {number} of {count}: centre {center:g}, width {width:g}, "
    "{function}, applied.",
    "window_invalid": "Window {number} (centre {center:g}, width {width:g}, {function}) "
    "cannot be used and is ignored.",
    "window_destroys": "Window {number} (centre {center:g}, width {width:g}, {function}) would "
    "leave {shades} of 256 shades and make {share:.0%} of the middle of the image black or white: "
    "not applied.",
    "voi_lut_destroys": "VOI LUT {number} would leave {shades} of 256 shades and make "
    "{share:.0%} of the "
    "middle of the image black or white: not applied.",
    "modality_lut_destroys": "The Modality LUT leaves {shades} of 256 shades and makes "
    "{share:.0%} of the "
    "middle of the image black or white: taken back.",
    "palette_destroys": "The palette leaves {shades} of 256 shades and makes {share:.0%} of "
    "the middle "
    "of the image black or white.",
    "pixel_range_used": "No window or table can be applied; scaled over the range of the pixels.",
    "voi_not_applied": "{count} window(s) or VOI LUT(s) are there; the torchxrayvision "
    "pipeline applies none.",
    "monochrome1_inverted": "MONOCHROME1, small values are bright: inverted.",
    "presentation_inverse": "Presentation LUT Shape is INVERSE: inverted.",
    "presentation_contradicts": "Presentation LUT Shape {shape} contradicts {photometric}; "
    "inverted.",
    "lut_values_above_bits": "{lut} holds values to {top}, above its {said} bits; "
    "scaled over {bits} bits.",
    "lut_fewer_bits_used": "{lut} says {said} bits, its values need {bits}; "
    "scaled over {bits} bits.",
    "shutter_applied": "Display shutter {shape} applied: {count:,} pixels are shown black.",
    "shutter_noted": "Display shutter {shape} is there and not applied.",
    "collimator_noted": "Collimator {shape} is there; pixels outside it are shown as stored.",
    "turned_upright": "Patient Orientation is {said}: turned upright for the model; pictures "
    "and places are as stored.",
    "mirrored_upright": "Patient Orientation is {said}: mirrored upright for the model; pictures "
    "and places are as stored.",
    "orientation_unusable": "Patient Orientation {said} does not say which way is up; "
    "taken as upright.",
    "display_turn_noted": "Image Rotation {rotation} and Image Horizontal Flip {flip} belong to "
    "presentation states; not applied.",
    "crop_leaves_out": "The model sees the square in the middle: {share:.0%} of the image is "
    "outside it.",
    "picture_turned": "The camera's orientation mark (EXIF {orientation}) was followed.",
    "transparency_ignored": "Parts of the picture are transparent; shown as stored.",
    "one_bit": "The picture is black and white only.",
    "lossy_compression": "Compressed with loss ({method}).",
}
"""Code → text in English; the values in braces come from the image. Its twin is PORTUGUESE."""


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """The decisions taken on one image, in order.

    Attributes
    ----------
    language
        Language of their texts.
    """

    language: ReasonLanguage = ReasonLanguage.ENGLISH
    entries: list[PixelDecision] = field(default_factory=list)

    def add(self, code: str, **values: object) -> None:
        """Add the decision `code` with the values that its text names."""
        self.entries.append(self.told(code, **values))

    def told(self, code: str, **values: object) -> PixelDecision:
        """Return a decision without adding it."""
        if self.language is ReasonLanguage.PORTUGUESE:
            text = Portuguese().format(PORTUGUESE[code], **values)
        else:
            text = TEXTS[code].format(**values)
        return PixelDecision(code, text)


class Portuguese(Formatter):
    """Writes numbers as in Brazil: 1.234,5."""

    def format_field(self, value: Any, format_spec: str) -> str:
        """Return one value of a text."""
        written = str(super().format_field(value, format_spec))
        return written.translate(SWAPPED) if isinstance(value, int | float) else written
