"""Diseases that are drawn into a chest, each with the truth about itself."""

from hilum.phantom.findings.base import Disease
from hilum.phantom.findings.register import DISEASES, KINDS, LABELS, draw_diseases

__all__ = ["DISEASES", "KINDS", "LABELS", "Disease", "draw_diseases"]
