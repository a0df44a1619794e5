"""The rules of the gate, as a table: attributes, accepted values, source, condition.

`REFUSAL_RULES` refuse an image, `WARNING_RULES` travel with it into every report. All are asked,
so that whoever corrects the sender needs one visit. The table in docs/gate.md is this one.
"""

from typing import Final

from hilum import MANUFACTURER, PRODUCT
from hilum.gate import evidence, rules
from hilum.gate.rules import Rule
from hilum.values.ages import TAKEN, TAKEN_ABOUT

REFUSAL_RULES: Final = (
    Rule(
        "not_an_image",
        ("Rows", "Columns"),
        "present and above 0",
        "PS3.3 C.7.6.3",
        rules.not_an_image,
        of_images=False,
    ),
    Rule(
        "own_result",
        ("Manufacturer", "ManufacturerModelName", "ContributingEquipmentSequence"),
        f"neither {MANUFACTURER!r} nor {PRODUCT!r}",
        "PS3.3 C.7.5.1, C.12.1",
        rules.own_result,
        of_images=False,
    ),
    Rule(
        "modality",
        ("Modality",),
        "one of the setting gate.modalities, where NONE stands for a missing one",
        "PS3.3 C.7.3.1.1.1",
        rules.modality,
        of_images=False,
    ),
    Rule(
        "secondary_capture",
        ("SOPClassUID",),
        "no Secondary Capture, unless SC is in gate.modalities",
        "PS3.3 A.8; PS3.4 B.5",
        rules.secondary_capture,
    ),
    Rule(
        "processed_copy",
        ("ImageType", "DerivationDescription", *evidence.IMAGE_TEXTS),
        "no word for bone suppression or subtraction",
        "PS3.3 C.7.6.1",
        rules.processed_copy,
    ),
    Rule(
        "for_processing",
        ("PresentationIntentType", "SOPClassUID"),
        "FOR PRESENTATION or absent",
        "PS3.3 C.8.11.1",
        rules.for_processing,
    ),
    Rule("multi_frame", ("NumberOfFrames",), "1 or absent", "PS3.3 C.7.6.6", rules.multi_frame),
    Rule(
        "colour",
        ("PhotometricInterpretation",),
        "MONOCHROME1, MONOCHROME2; RGB, YBR and palette if the pixels turn out grey",
        "PS3.3 C.7.6.3.1.2",
        rules.colour,
    ),
    Rule("too_small", ("Rows", "Columns"), "at least gate.min_side", "our own", rules.too_small),
    Rule(
        "aspect_ratio",
        ("Rows", "Columns"),
        "no side longer than gate.max_aspect_ratio times the other",
        "our own",
        rules.aspect_ratio,
    ),
    Rule(
        "not_chest",
        (
            "BodyPartExamined",
            "AnatomicRegionSequence",
            *evidence.IMAGE_TEXTS,
            *evidence.STUDY_TEXTS,
        ),
        "the first that says anything says chest, and nothing else beside it",
        "PS3.3 C.7.3.1, 10.5; PS3.16 Annex L, CID 4009",
        rules.not_chest,
    ),
    Rule(
        "not_frontal",
        (
            "ViewPosition",
            "ViewCodeSequence",
            *evidence.IMAGE_TEXTS,
            "BodyPartExamined",
            "PatientOrientation",
            *evidence.STUDY_TEXTS,
        ),
        "the first that says anything says PA, AP or frontal",
        "PS3.3 C.8.1.1, C.8.11.5, C.7.6.1; PS3.16 CID 4010",
        rules.not_frontal,
    ),
    Rule(
        "too_young",
        ("PatientAge", "PatientBirthDate", *TAKEN, *TAKEN_ABOUT),
        "at least the model card's minimum age",
        "PS3.3 C.7.2.2, C.7.1.1; the model card",
        rules.too_young,
    ),
    Rule(
        "age_unreadable",
        ("PatientAge", "PatientBirthDate"),
        "can be read, if gate.unreadable_age is refuse and the model card has a minimum age",
        "the setting gate.unreadable_age",
        rules.if_refused("unreadable_age", rules.age_unreadable),
    ),
    Rule(
        "quality_control",
        (
            "QualityControlImage",
            "QualityControlSubject",
            "BodyPartExamined",
            *evidence.IMAGE_TEXTS,
            "PatientName",
            "PatientID",
        ),
        "not YES and no word for a phantom, unless the model is not for patients",
        "PS3.3 C.7.6.1, C.7.1.1",
        rules.quality_control,
    ),
    Rule(
        "not_upright",
        ("PatientOrientation",),
        "L\\F, or nothing that tells, if gate.not_upright is refuse",
        "PS3.3 C.7.6.1.1.1; the setting gate.not_upright",
        rules.if_refused("not_upright", rules.not_upright),
    ),
    Rule(
        "body_part_unknown",
        ("BodyPartExamined",),
        "anything that tells, and no unknown word, if gate.unknown_view is refuse",
        "the setting gate.unknown_view",
        rules.if_refused("unknown_view", rules.unknown("body_part")),
    ),
    Rule(
        "view_unknown",
        ("ViewPosition",),
        "anything that tells, and no unknown word, if gate.unknown_view is refuse",
        "the setting gate.unknown_view",
        rules.if_refused("unknown_view", rules.unknown("view")),
    ),
)
"""What refuses an image; each broken rule is one reason."""

WARNING_RULES: Final = (
    Rule(
        "body_part_unknown",
        ("BodyPartExamined",),
        "anything that tells, and no unknown word, if gate.unknown_view is read",
        "the setting gate.unknown_view",
        rules.if_read("unknown_view", rules.unknown("body_part")),
    ),
    Rule(
        "view_unknown",
        ("ViewPosition",),
        "anything that tells, and no unknown word, if gate.unknown_view is read",
        "the setting gate.unknown_view",
        rules.if_read("unknown_view", rules.unknown("view")),
    ),
    Rule(
        "combined_parts",
        ("BodyPartExamined", "AnatomicRegionSequence", *evidence.IMAGE_TEXTS),
        "the chest alone, if gate.combined_parts is read",
        "the setting gate.combined_parts",
        rules.combined_parts,
    ),
    Rule(
        "body_part_contradiction",
        ("BodyPartExamined", "AnatomicRegionSequence", *evidence.IMAGE_TEXTS),
        "all that is about this image agrees",
        "PS3.3 C.7.3.1, 10.5",
        rules.contradiction("body_part", "chest"),
    ),
    Rule(
        "view_contradiction",
        ("ViewPosition", "ViewCodeSequence", *evidence.IMAGE_TEXTS, "PatientOrientation"),
        "all that is about this image agrees",
        "PS3.3 C.8.11.5",
        rules.contradiction("view", "frontal"),
    ),
    Rule(
        "not_upright",
        ("PatientOrientation",),
        "L\\F, or nothing that tells, if gate.not_upright is turn",
        "PS3.3 C.7.6.1.1.1; the setting gate.not_upright",
        rules.if_read("not_upright", rules.not_upright),
    ),
    Rule(
        "derived_secondary",
        ("ImageType",),
        "the second value is not SECONDARY",
        "PS3.3 C.7.6.1.1.2",
        rules.derived_secondary,
    ),
    Rule(
        "age_unknown",
        ("PatientAge", "PatientBirthDate", *TAKEN, *TAKEN_ABOUT),
        "known, if the model card has a minimum age",
        "PS3.3 C.7.2.2, C.7.1.1; the model card",
        rules.age_unknown,
    ),
    Rule(
        "age_unreadable",
        ("PatientAge", "PatientBirthDate"),
        "can be read, if gate.unreadable_age is read and the model card has a minimum age",
        "the setting gate.unreadable_age",
        rules.if_read("unreadable_age", rules.age_unreadable),
    ),
    Rule(
        "age_contradiction",
        ("PatientAge", "PatientBirthDate", *TAKEN, *TAKEN_ABOUT),
        "age and birth date agree within a year, and lie on one side of the minimum age",
        "PS3.3 C.7.2.2, C.7.1.1",
        rules.age_contradiction,
    ),
    Rule(
        "age_ignored",
        ("PatientAge", "PatientBirthDate"),
        "both can be read and can be right",
        "PS3.5 6.2",
        rules.age_ignored,
    ),
)
"""What is read with a warning that every report repeats."""
