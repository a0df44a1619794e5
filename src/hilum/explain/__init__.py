"""Where did it look? Heatmaps, regions and the overlay picture."""

from hilum.explain.outline import field_frame, outlines, regions
from hilum.explain.saliency import heat, relative, sample
from hilum.explain.sheet import overlay, png

__all__ = ["field_frame", "heat", "outlines", "overlay", "png", "regions", "relative", "sample"]
