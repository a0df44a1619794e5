"""Stored pixels become what the model sees, by rule and on record."""

from hilum.pixels.dicom import develop
from hilum.pixels.pictures import develop_picture
from hilum.pixels.resize import fit
from hilum.pixels.tone import present

__all__ = ["develop", "develop_picture", "fit", "present"]
