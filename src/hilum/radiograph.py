"""One image as the model may see it, and the facts about it."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from hilum import dicomfile


class PixelPipeline(StrEnum):
    """The two named ways from stored pixels to what the model sees (docs/pixels.md)."""

    DISPLAY = "display"
    """What the radiologist is shown: Modality LUT, VOI, presentation. The default."""
    TORCHXRAYVISION = "torchxrayvision"
    """What ``torchxrayvision.utils.read_xray_dcm`` gives, bit for bit."""


@dataclass(frozen=True, slots=True)
class PixelDecision:
    """One thing the pixel pipeline did or noticed; recorded in JSON and SR.

    Attributes
    ----------
    code
        Stable identifier for machines, e.g. ``"monochrome1_inverted"``.
    text
        The same in plain words, with the values that decided it.
    """

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class FieldOfView:
    """The part of the source matrix that the model sees, in source pixels.

    Attributes
    ----------
    top, left
        Zero-based row and column of the first pixel.
    height, width
        Extent in pixels.
    """

    top: int
    left: int
    height: int
    width: int


@dataclass(frozen=True, slots=True, eq=False)
class Radiograph:
    """One frontal chest radiograph, ready for a model.

    Attributes
    ----------
    pixels
        Shape ``(rows, columns)``, float32, unitless, in [-1024, 1024]; bone is bright.
    header
        The source's attributes without its pixels; None for PNG and JPEG, which have
        no patient, no study, and hence no DICOM results.
    pipeline
        Which pixel pipeline made `pixels`.
    decisions
        Everything the pipeline did or noticed, in order.
    pixel_digest
        SHA-256 of the stored pixels, hexadecimal, whatever coding they came in; empty for
        PNG and JPEG.
    """

    pixels: NDArray[np.float32]
    header: Dataset | None
    pipeline: PixelPipeline
    decisions: tuple[PixelDecision, ...] = ()
    pixel_digest: str = ""

    @property
    def rows(self) -> int:
        """Height of the source matrix in pixels."""
        return int(self.pixels.shape[0])

    @property
    def columns(self) -> int:
        """Width of the source matrix in pixels."""
        return int(self.pixels.shape[1])

    @property
    def sop_instance_uid(self) -> str | None:
        """SOP Instance UID of the source, None for PNG and JPEG."""
        return None if self.header is None else dicomfile.text(self.header, "SOPInstanceUID")


@dataclass(frozen=True, slots=True, eq=False)
class ModelInput:
    """A radiograph cropped and resized to what one network takes.

    Attributes
    ----------
    pixels
        Shape ``(size, size)``, float32, unitless, in [-1024, 1024].
    field_of_view
        The part of the source matrix that `pixels` covers.
    """

    pixels: NDArray[np.float32]
    field_of_view: FieldOfView
