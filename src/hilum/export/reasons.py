"""Why an image does not leave the site."""

from collections.abc import Mapping
from typing import Final

from hilum.eligibility import Reason
from hilum.language import Message

REASONS: Final[Mapping[str, Message]] = {
    "sop_class": Message("not a CR or DX image for presentation: SOP Class is {value}"),
    "modality": Message("Modality is neither CR nor DX"),
    "secondary_capture": Message("a secondary capture or a digitized film: {attribute}"),
    "burned_in": Message("Burned In Annotation is YES"),
    "burned_in_unknown": Message("Burned In Annotation is neither YES nor NO"),
    "recognizable": Message("Recognizable Visual Features is YES"),
    "several_frames": Message("more than one frame"),
    "colour": Message("the pixels are not grayscale"),
    "uid_missing": Message("the image lacks a UID"),
    "transfer_syntax": Message("the transfer syntax is not exported: {value}"),
    "unknown_value": Message("{attribute}, which decides how the image looks, has a value that is "
                             "not in the list of what may leave"),
    "pixel_data": Message("the pixel data cannot be written again without what is around them: "
                          "{why}"),
    "hidden_bits": Message("bits of the pixels beside the image are in use: they may hold an "
                           "overlay"),
    "pixels_changed": Message("the pixels would not be the same after the export"),
    "identifier_in_pixels": Message("an identifier of the patient is in the bytes of the pixel "
                                    "data"),
    "not_readable": Message("the image cannot be read: {why}"),
    "not_in_pacs": Message("the image is no longer in the PACS"),
    "not_reviewed": Message("nobody has released it yet"),
    "kept_back": Message("a person keeps it back"),
    "image_changed": Message("the image is another one than the one that was released"),
}  # fmt: skip
"""Code → text. None quotes a value of the image but for UIDs of the standard."""


class WithheldError(Exception):
    """The image does not leave the site.

    Parameters
    ----------
    code
        Why: one of `REASONS`.
    values
        What fills the gaps of its text.
    """

    def __init__(self, code: str, **values: object) -> None:
        text = REASONS[code].with_values(**values) if values else REASONS[code]
        self.reason: Final = Reason(code, text)
        super().__init__(code)
