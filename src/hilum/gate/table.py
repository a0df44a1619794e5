"""The rules of the gate in their order, which is that of the reasons in every report.

`REFUSAL_RULES` refuse an image, `WARNING_RULES` travel with it into every report. All are asked,
so that whoever corrects the sender needs one visit. The table in docs/gate.md is this one.
"""

from typing import Final

from hilum.gate import image_rules as image
from hilum.gate import patient_rules as patient

REFUSAL_RULES: Final = (
    image.not_an_image,
    image.own_result,
    image.modality,
    image.secondary_capture,
    image.processed_copy,
    image.for_processing,
    image.multi_frame,
    image.colour,
    image.too_small,
    image.aspect_ratio,
    patient.not_chest,
    patient.not_frontal,
    patient.too_young,
    patient.age_unreadable.refused,
    patient.quality_control,
    image.not_upright.refused,
    patient.body_part_unknown.refused,
    patient.view_unknown.refused,
)
"""What refuses an image; each broken rule is one reason."""

WARNING_RULES: Final = (
    patient.body_part_unknown.warned,
    patient.view_unknown.warned,
    patient.combined_parts,
    patient.body_part_contradiction,
    patient.view_contradiction,
    image.not_upright.warned,
    image.derived_secondary,
    patient.age_unknown,
    patient.age_unreadable.warned,
    patient.age_contradiction,
    patient.age_ignored,
)
"""What is read with a warning that every report repeats."""
