"""What every imaging measurement report has: procedure, image library, tracking, source image.

Sources
-------
PS3.16 TID 1500, 1600, 1602; CID 29.
"""

from typing import Final

from pydicom.sr.coding import Code

from hilum.encode.content import (
    Container,
    Item,
    NumericValue,
    Relation,
    Text,
    UIDReference,
    codes,
    reference,
)
from hilum.encode.identity import ResultIdentity
from hilum.encode.result_context import ResultContext

MODALITIES: Final = {
    "CR": "Computed Radiography",
    "DX": "Digital Radiography",
    "RF": "Radiofluoroscopy",
    "RG": "Radiographic imaging",
    "XA": "X-Ray Angiography",
}
"""Modality of a source → Code Meaning (PS3.16 CID 29)."""


def procedure(context: ResultContext) -> Item:
    """Return the imaging procedure that was analysed, not the analysis (IHE AIR)."""
    reported = next(
        (
            Code(item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning)
            for item in context.source.get("ProcedureCodeSequence", ())
            if all(item.get(k) for k in ("CodeValue", "CodingSchemeDesignator", "CodeMeaning"))
        ),
        context.codes.concept("plain_chest_radiograph"),
    )
    return Item(codes.DCM.ProcedureReported, reported, Relation.HAS_CONCEPT_MOD)


def image_library(context: ResultContext) -> Item:
    """Return the source image with its size; viewers look here for what a report is about."""
    modality = str(context.source.get("Modality", ""))
    acquisition = Relation.HAS_ACQ_CONTEXT
    pixels = context.codes.concept("pixels")
    rows, columns = context.reading.radiograph.rows, context.reading.radiograph.columns
    image = Item(context.codes.concept("source"), reference(context.source)).having(
        Item(codes.DCM.Modality, Code(modality, "DCM", MODALITIES[modality]), acquisition)
        if modality in MODALITIES
        else None,
        Item(codes.DCM.PixelDataRows, NumericValue(rows, pixels), acquisition),
        Item(codes.DCM.PixelDataColumns, NumericValue(columns, pixels), acquisition),
    )
    group = Item(codes.DCM.ImageLibraryGroup, Container()).having(image)
    return Item(codes.DCM.ImageLibrary, Container()).having(group)


def tracking(
    identity: ResultIdentity,
    identifier: str,
    kind: str,
    relation: Relation = Relation.HAS_OBS_CONTEXT,
) -> tuple[Item, Item]:
    """Return what names one observation in all results: for people, and as a derived UID."""
    uid = UIDReference(identity.uid(f"tracking {kind}"))
    return (
        Item(codes.DCM.TrackingIdentifier, Text(identifier), relation),
        Item(codes.DCM.TrackingUniqueIdentifier, uid, relation),
    )


def selected_from(context: ResultContext) -> Item:
    """Return the image on whose pixels coordinates are."""
    return Item(codes.DCM.OriginalSource, reference(context.source), Relation.SELECTED_FROM)
