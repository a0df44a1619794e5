"""Where did it look? Heatmaps, regions and the overlay picture."""

from hilum.explain.outline import outlines, regions
from hilum.explain.overlay import overlay, png
from hilum.explain.saliency import heat, relative, sample

__all__ = ["heat", "outlines", "overlay", "png", "regions", "relative", "sample"]
