"""Where are lungs and heart, and how wide are they? From masks to lines on the source's pixels."""

from hilum.anatomy.contours import contours
from hilum.anatomy.find import NetworkMasks, find
from hilum.anatomy.ratio import cardiothoracic_ratio

__all__ = ["NetworkMasks", "cardiothoracic_ratio", "contours", "find"]
