"""Where did it look? Heatmaps, regions and the overlay picture."""

from hilum.explain.anatomy_sheet import anatomy_sheet
from hilum.explain.outline import outlines, regions
from hilum.explain.overlay import overlay, png
from hilum.explain.saliency import heat, relative, sample

__all__ = ["anatomy_sheet", "heat", "outlines", "overlay", "png", "regions", "relative", "sample"]
