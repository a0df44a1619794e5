"""From stored pixels to the model's input; every decision is recorded."""

from hilum.pixels.dicom import radiograph_from_dicom
from hilum.pixels.pictures import radiograph_from_picture
from hilum.pixels.resize import fit
from hilum.pixels.tone import present
from hilum.pixels.viewer import ViewerImage, viewer_image

__all__ = [
    "ViewerImage",
    "fit",
    "present",
    "radiograph_from_dicom",
    "radiograph_from_picture",
    "viewer_image",
]
