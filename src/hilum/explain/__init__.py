"""Where did it look? Heatmaps, regions and the overlay picture."""

from hilum.explain.outline import field_frame, outlines, regions
from hilum.explain.saliency import heat, relative, sample

__all__ = ["field_frame", "heat", "outlines", "regions", "relative", "sample"]
