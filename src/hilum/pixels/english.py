"""What is said about pixels, in English: decisions, refusals and the phrases within them.

Its twin is `portuguese`; a test holds that both have the same codes with the same gaps, and
``docs/pixels.md`` lists this one.
"""

from typing import Final

DECISIONS: Final = {
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
"""Code → text; the values in braces come from the image."""

REFUSALS: Final = {
    "no_pixels": "there is no Pixel Data in the object",
    "multi_frame": "the image has {frames} frames, not one",
    "incomplete": "{attribute} is missing or not a number",
    "incomplete.palette": "the palette is missing",
    "too_many_pixels": "{rows} × {columns} pixels are more than {limit:,}",
    "too_many_pixels.picture": "the picture has {count:,} pixels, more than {limit:,}",
    "unsupported_pixels": "Bits Allocated is {allocated}; 8, 16 and 32 are read",
    "unsupported_pixels.stored": "Bits Stored is {stored} of {allocated} allocated",
    "unsupported_pixels.samples": "Samples per Pixel is {samples}",
    "unsupported_pixels.contradiction": "{photometric} with {samples} samples a pixel "
    "contradicts itself",
    "unsupported_pixels.float": "the pixels are {attribute}",
    "unknown_photometric": "Photometric Interpretation is {photometric}, which is not read",
    "unknown_photometric.missing": "Photometric Interpretation is missing",
    "truncated": "Pixel Data has {found:,} bytes, the image needs {needed:,}",
    "undecodable": "the pixels, in {syntax}, cannot be decoded: {why}",
    "undecodable.no_syntax": "the pixels, without a transfer syntax, cannot be decoded: {why}",
    "undecodable.syntax": "the transfer syntax {syntax} is not known",
    "undecodable.palette": "the palette cannot be applied: {why}",
    "colour": "{count:,} pixels are in colour ({photometric})",
    "blank": "the image is blank: every pixel is {value}",
    "noise": "the pixels are noise: roughness {roughness:.2f}, a radiograph has less than {limit}",
}
"""Code → text of the reasons why pixels are not read. What follows a point tells apart the
texts of one code."""

PHRASES: Final = {
    "modality_lut": "The Modality LUT",
    "palette": "The palette",
    "voi_lut": "VOI LUT {number}",
    "lut_descriptor": "its descriptor does not have three values",
    "lut_bits": "its entries have {bits} bits",
    "lut_short": "it has {found} bytes for {count} entries",
    "lut_segments": "its segments cannot be expanded",
    "value_range": "{low} to {high}",
    "uncompressed": "uncompressed",
    "codestream_shows": "{coding}, the codestream shows it",
    "ratio": "{method}, ratio {ratio:g}:1",
    "method_unknown": "method not said",
    "decoder": "the decoder says {error}",
    "ends_early": "it ends early",
    "header_ends_early": "its header ends early",
    "no_codestream": "it is neither JPEG, JPEG-LS, JPEG 2000 nor RLE",
    "no_frame": "it has no frame",
    "fragments": "they are in {count:,} fragments, more than {limit:,}",
    "no_marker": "a JPEG marker is missing",
    "jpeg_process": "nobody decodes JPEG process SOF{process}",
    "scan_first": "a scan comes before the frame header",
    "no_size": "its image or tiles have no size",
    "tiles": "it has {tiles} tiles, not 1 to {limit}",
    "components_differ": "its components differ in depth or size",
    "subsampled": "its components are subsampled",
    "shape": "its shape is {found}, not {needed}",
    "size": "it holds {rows} × {columns} pixels, the header says {said_rows} × {said_columns}",
    "precision": "its samples have {bits} bits",
    "samples": "it has {samples} samples a pixel",
    "segments": "it has {found} segments, not {needed}",
    "segment_short": "segment {number} has {found} bytes, not {needed}",
}
"""Code → phrase in a text: what a table is called, or why something cannot be used."""
