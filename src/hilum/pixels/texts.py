"""The texts of decisions and refusals on pixels, and the phrases within them.

``docs/pixels.md`` lists the decisions; the catalogues say all of it in other languages.
"""

from typing import Final

from hilum.language import Message

DECISIONS: Final = {
    "encoding_corrected": Message(
        "The data set is not written as its transfer syntax says; read as it is written."
    ),
    "bytes_after_data": Message("{count:,} bytes after the last data element are ignored."),
    "vr_restored": Message(
        "{count} data element(s) have a VR that is missing, unknown or out of place "
        "(first: {tag}, byte {at:,}); read by the dictionary."
    ),
    "delimiter_restored": Message(
        "{count} delimiter(s) of items or sequences are missing, wrong or out "
        "of place (first: byte {at:,}); read by what follows."
    ),
    "length_corrected": Message(
        "{count} length(s) are wrong (first: {tag}, byte {at:,}); read by the contents."
    ),
    "sequence_unread": Message(
        "{count} sequence(s) cannot be read (first: {tag}, byte {at:,}); ignored."
    ),
    "element_twice": Message(
        "{count} data element(s) are there twice with different values "
        "(first: {tag}); the first one counts."
    ),
    "syntax_assumed": Message("The transfer syntax is not stated; {syntax} is assumed."),
    "syntax_wrong": Message(
        "The transfer syntax says {said}, the pixels are {found} and read as that."
    ),
    "not_compressed": Message(
        "The transfer syntax says {said}, but the pixels are not compressed."
    ),
    "samples_wrong": Message(
        "The header says {said} sample(s) a pixel, {photometric}; the codestream has {found}."
    ),
    "colour_space_wrong": Message(
        "The header says {said}, the samples are {found} and read as that."
    ),
    "excess_pixel_data": Message(
        "Pixel Data holds {extra:,} bytes more than the image; they are ignored."
    ),
    "byte_order_wrong": Message("The pixels are an image only in the other byte order; swapped."),
    "bits_of_codestream": Message(
        "Bits Stored is {said}; the codestream has {found}, which hold the sign."
    ),
    "high_bit_ignored": Message(
        "High Bit is {high_bit} with {stored} bits stored, but the values lie in "
        "the lowest {stored} bits; not shifted."
    ),
    "high_bit_shifted": Message(
        "High Bit is {high_bit} with {stored} bits stored: shifted by {shift}."
    ),
    "overlay_bits_removed": Message("Bits above Bits Stored ({stored}) hold an overlay; removed."),
    "upper_bits_removed": Message(
        "Bits above Bits Stored ({stored}) do not continue the image; removed."
    ),
    "overlay_not_shown": Message("{count} overlay(s) beside the image are not shown to the model."),
    "values_above_bits_stored": Message(
        "Values reach {top}, beyond the {limit} of Bits Stored {stored}; all bits are kept."
    ),
    "stray_values_clipped": Message("{count:,} pixels are stray or overshoot: shown as {ceiling}."),
    "more_bits_used": Message("Scaled over {bits} bits, as the values need."),
    "fewer_bits_used": Message(
        "The image says {stored} bits, but its values need {bits} "
        "({low} to {top}); scaled over {bits} bits."
    ),
    "signed_pixels": Message("The pixels are signed; scaled over {low} to {high}."),
    "sign_extended": Message("The pixels are signed, {stored} bits; their sign was restored."),
    "sign_found": Message(
        "Pixel Representation is 0, but only signed values are an image; read as signed."
    ),
    "sign_ignored": Message(
        "Pixel Representation is 1, but only unsigned values are an image; read as unsigned."
    ),
    "padding_blackened": Message("{count:,} pixels are padding ({value}) and are shown black."),
    "padding_ignored": Message(
        "{share:.0%} of the pixels have the padding value {value}; it is not treated as padding."
    ),
    "palette_grey": Message("A grey palette of {entries} entries was applied."),
    "rgb_grey": Message("Stored as {photometric}, but grey: one channel taken."),
    "decimal_comma": Message(
        "{attribute} {said} was read as {read}: the comma is a decimal point."
    ),
    "number_repaired": Message("{attribute} {said} was read as {read}."),
    "number_unreadable": Message("{attribute} {said} cannot be read as a number and is ignored."),
    "spacing_ignored": Message(
        "{attribute} {said} is not a possible pixel spacing and is ignored."
    ),
    "rescale_applied": Message("Rescale slope {slope:g}, intercept {intercept:g} applied."),
    "rescale_invalid": Message("Rescale slope {slope:g} cannot be applied and is ignored."),
    "modality_lut_applied": Message("Modality LUT of {entries} entries, {bits} bits applied."),
    "modality_lut_invalid": Message("The Modality LUT cannot be used ({why}) and is ignored."),
    "voi_lut_applied": Message(
        "VOI LUT {number} of {count}, {entries} entries, {bits} bits applied."
    ),
    "voi_lut_invalid": Message("VOI LUT {number} cannot be used ({why}) and is ignored."),
    "window_applied": Message(
        "Window {number} of {count}: centre {center:g}, width {width:g}, {function}, applied."
    ),
    "window_invalid": Message(
        "Window {number} (centre {center:g}, width {width:g}, {function}) "
        "cannot be used and is ignored."
    ),
    "window_destroys": Message(
        "Window {number} (centre {center:g}, width {width:g}, {function}) would "
        "leave {shades} of 256 shades and make {share:.0%} of the middle of the image "
        "black or white: not applied."
    ),
    "voi_lut_destroys": Message(
        "VOI LUT {number} would leave {shades} of 256 shades and make "
        "{share:.0%} of the "
        "middle of the image black or white: not applied."
    ),
    "modality_lut_destroys": Message(
        "The Modality LUT leaves {shades} of 256 shades and makes "
        "{share:.0%} of the "
        "middle of the image black or white: taken back."
    ),
    "palette_destroys": Message(
        "The palette leaves {shades} of 256 shades and makes {share:.0%} of "
        "the middle "
        "of the image black or white."
    ),
    "pixel_range_used": Message(
        "No window or table can be applied; scaled over the range of the pixels."
    ),
    "voi_not_applied": Message(
        "{count} window(s) or VOI LUT(s) are there; the torchxrayvision pipeline applies none."
    ),
    "monochrome1_inverted": Message("MONOCHROME1, small values are bright: inverted."),
    "presentation_inverse": Message("Presentation LUT Shape is INVERSE: inverted."),
    "presentation_contradicts": Message(
        "Presentation LUT Shape {shape} contradicts {photometric}; inverted."
    ),
    "lut_values_above_bits": Message(
        "{lut} holds values to {top}, above its {said} bits; scaled over {bits} bits."
    ),
    "lut_fewer_bits_used": Message(
        "{lut} says {said} bits, its values need {bits}; scaled over {bits} bits."
    ),
    "shutter_applied": Message(
        "Display shutter {shape} applied: {count:,} pixels are shown black."
    ),
    "shutter_noted": Message("Display shutter {shape} is there and not applied."),
    "collimator_noted": Message(
        "Collimator {shape} is there; pixels outside it are shown as stored."
    ),
    "turned_upright": Message(
        "Patient Orientation is {said}: turned upright for the model; pictures "
        "and places are as stored."
    ),
    "mirrored_upright": Message(
        "Patient Orientation is {said}: mirrored upright for the model; pictures "
        "and places are as stored."
    ),
    "orientation_unusable": Message(
        "Patient Orientation {said} does not say which way is up; taken as upright."
    ),
    "display_turn_noted": Message(
        "Image Rotation {rotation} and Image Horizontal Flip {flip} belong to "
        "presentation states; not applied."
    ),
    "crop_leaves_out": Message(
        "The model sees the square in the middle: {share:.0%} of the image is outside it."
    ),
    "picture_turned": Message("The camera's orientation mark (EXIF {orientation}) was followed."),
    "transparency_ignored": Message("Parts of the picture are transparent; shown as stored."),
    "one_bit": Message("The picture is black and white only."),
    "lossy_compression": Message("Compressed with loss ({method})."),
}
"""Code → text; the values in braces come from the image."""

REFUSALS: Final = {
    "no_pixels": Message("there is no Pixel Data in the object"),
    "multi_frame": Message("the image has {frames} frames, not one"),
    "incomplete": Message("{attribute} is missing or not a number"),
    "incomplete.palette": Message("the palette is missing"),
    "too_many_pixels": Message("{rows} × {columns} pixels are more than {limit:,}"),
    "too_many_pixels.picture": Message("the picture has {count:,} pixels, more than {limit:,}"),
    "unsupported_pixels": Message("Bits Allocated is {allocated}; 8, 16 and 32 are read"),
    "unsupported_pixels.stored": Message("Bits Stored is {stored} of {allocated} allocated"),
    "unsupported_pixels.samples": Message("Samples per Pixel is {samples}"),
    "unsupported_pixels.contradiction": Message(
        "{photometric} with {samples} samples a pixel contradicts itself"
    ),
    "unsupported_pixels.float": Message("the pixels are {attribute}"),
    "unknown_photometric": Message(
        "Photometric Interpretation is {photometric}, which is not read"
    ),
    "unknown_photometric.missing": Message("Photometric Interpretation is missing"),
    "truncated": Message("Pixel Data has {found:,} bytes, the image needs {needed:,}"),
    "undecodable": Message("the pixels, in {syntax}, cannot be decoded: {why}"),
    "undecodable.no_syntax": Message(
        "the pixels, without a transfer syntax, cannot be decoded: {why}"
    ),
    "undecodable.syntax": Message("the transfer syntax {syntax} is not known"),
    "undecodable.palette": Message("the palette cannot be applied: {why}"),
    "colour": Message("{count:,} pixels are in colour ({photometric})"),
    "blank": Message("the image is blank: every pixel is {value}"),
    "noise": Message(
        "the pixels are noise: roughness {roughness:.2f}, a radiograph has less than {limit}"
    ),
}
"""Code → text of the reasons why pixels are not read. What follows a point tells apart the
texts of one code."""

PHRASES: Final = {
    "modality_lut": Message("The Modality LUT"),
    "palette": Message("The palette"),
    "voi_lut": Message("VOI LUT {number}"),
    "lut_descriptor": Message("its descriptor does not have three values"),
    "lut_bits": Message("its entries have {bits} bits"),
    "lut_short": Message("it has {found} bytes for {count} entries"),
    "lut_segments": Message("its segments cannot be expanded"),
    "value_range": Message("{low} to {high}"),
    "uncompressed": Message("uncompressed"),
    "codestream_shows": Message("{coding}, the codestream shows it"),
    "ratio": Message("{method}, ratio {ratio:g}:1"),
    "method_unknown": Message("method not stated"),
    "decoder": Message("the decoder says {error}"),
    "ends_early": Message("it ends early"),
    "header_ends_early": Message("its header ends early"),
    "no_codestream": Message("it is neither JPEG, JPEG-LS, JPEG 2000 nor RLE"),
    "no_frame": Message("it has no frame"),
    "fragments": Message("they are in {count:,} fragments, more than {limit:,}"),
    "no_marker": Message("a JPEG marker is missing"),
    "jpeg_process": Message("no decoder supports JPEG process SOF{process}"),
    "scan_first": Message("a scan comes before the frame header"),
    "no_size": Message("its image or tiles have no size"),
    "tiles": Message("it has {tiles} tiles, not 1 to {limit}"),
    "components_differ": Message("its components differ in depth or size"),
    "subsampled": Message("its components are subsampled"),
    "shape": Message("its shape is {found}, not {needed}"),
    "size": Message(
        "it holds {rows} × {columns} pixels, the header says {said_rows} × {said_columns}"
    ),
    "precision": Message("its samples have {bits} bits"),
    "samples": Message("it has {samples} samples a pixel"),
    "segments": Message("it has {found} segments, not {needed}"),
    "segment_short": Message("segment {number} has {found} bytes, not {needed}"),
}
"""Code → phrase in a text: what a table is called, or why something cannot be used."""
