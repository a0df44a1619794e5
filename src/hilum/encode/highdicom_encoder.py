"""Structured reports built by highdicom: the reference for hilum's own encoder.

Used where ``report.encoder`` is "highdicom". The tests compare `hilum.encode.report_document` with
it byte by byte, and ``bench/encode.py`` measures what the difference is worth.
"""

from typing import Final

from highdicom.sr import (
    CodeContentItem,
    Comprehensive3DSR,
    ComprehensiveSR,
    ContainerContentItem,
    ContentItem,
    ContentSequence,
    EnhancedSR,
    ImageContentItem,
    NumContentItem,
    PnameContentItem,
    ScoordContentItem,
    TextContentItem,
    UIDRefContentItem,
)
from pydicom import Dataset
from pydicom.sr.coding import Code

from hilum import MANUFACTURER
from hilum.encode.content import (
    Container,
    ImageReference,
    Item,
    NumericValue,
    PersonName,
    Polyline,
    Text,
    UIDReference,
)
from hilum.encode.report_document import ReportDocument, complete
from hilum.settings import SRClass

CONSTRUCTORS: Final = {
    SRClass.COMPREHENSIVE_3D: Comprehensive3DSR,
    SRClass.COMPREHENSIVE: ComprehensiveSR,
    SRClass.ENHANCED: EnhancedSR,
}
"""Setting → highdicom's class."""


def build(document: ReportDocument) -> Dataset:
    """Return the report as highdicom makes it, completed like the fast one.

    Raises
    ------
    ValueError
        highdicom finds something wrong with the content or the evidence.
    """
    result: Dataset = CONSTRUCTORS[document.sop_class](
        evidence=list(document.evidence),
        content=content_item(document.content),
        series_instance_uid=document.series_uid,
        series_number=document.series_number,
        sop_instance_uid=document.uid,
        instance_number=1,
        manufacturer=MANUFACTURER,
        manufacturer_model_name="overwritten",
        software_versions="overwritten",
        device_serial_number="overwritten",
        is_complete=True,
        # highdicom 0.28 rejects code extensions; `complete` declares the right one.
        specific_character_set="ISO_IR 192",
        previous_versions=None if document.predecessor is None else [document.predecessor],
    )
    complete(result, document)
    return result


def content_item(item: Item) -> ContentItem:
    """Return one item of the tree, with all below it, as highdicom's object."""
    made = _without_children(item)
    if item.children:
        made.ContentSequence = ContentSequence(
            [content_item(child) for child in item.children], is_root=False
        )
    return made


def _without_children(item: Item) -> ContentItem:
    name, relation = item.name, item.relation
    match item.value:
        case Container(template):
            made: ContentItem = ContainerContentItem(name, False, template, relation)  # noqa: FBT003
        case Text(text):
            made = TextContentItem(name, text, relation)
        case PersonName(person):
            made = PnameContentItem(name, person, relation)
        case UIDReference(uid):
            made = UIDRefContentItem(name, uid, relation)
        case NumericValue(number, unit):
            made = NumContentItem(name, number, unit, relationship_type=relation)
        case ImageReference(sop_class, sop_instance):
            made = ImageContentItem(name, sop_class, sop_instance, relationship_type=relation)
        case Polyline(points):
            made = ScoordContentItem(name, "POLYLINE", points, relationship_type=relation)
        case Code():
            made = CodeContentItem(name, item.value, relation)
    return made
