"""Small pictures of images on which model and label disagree."""

import base64
from io import BytesIO
from pathlib import Path
from typing import Final

from PIL import Image

from hilum import pixels
from hilum.errors import HilumError
from hilum.evaluation.headers import image_file
from hilum.explain.panel import shrunk
from hilum.files.candidate import FileKind, read_dicom
from hilum.files.find import file_candidate
from hilum.settings import PixelSettings

SIDE: Final = 200
"""Pixels of the longer side."""

QUALITY: Final = 80
"""Of the JPEG: some six kilobytes a picture."""


def thumbnail(path: str, folder: Path | None, settings: PixelSettings) -> str | None:
    """Return a picture of an image as a ``data:`` address, None where it cannot be shown.

    Parameters
    ----------
    path
        As the readings name it.
    folder
        Where the images lie now; None: where they were read.
    """
    file = image_file(path, folder)
    if file is None:
        return None
    candidate = file_candidate(file)
    try:
        if candidate.kind() is FileKind.DICOM:
            found = read_dicom(candidate)
            radiograph = pixels.radiograph_from_dicom(
                found.dataset, settings, corrections=found.corrections
            )
        else:
            radiograph = pixels.radiograph_from_picture(candidate.read(), settings)
    except HilumError:
        return None
    buffer = BytesIO()
    Image.fromarray(shrunk(radiograph, SIDE, SIDE)).save(buffer, "JPEG", quality=QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
