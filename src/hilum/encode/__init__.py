"""Results as files: DICOM objects, and the forms JSON, CSV, FHIR and plain text."""

from hilum.encode import forms
from hilum.encode.anatomy_report import anatomy_objects
from hilum.encode.codes import load_codes
from hilum.encode.extra_objects import extra_objects
from hilum.encode.file_writer import to_bytes
from hilum.encode.forms.json_document import (
    anatomy_document,
    document_head,
    document_row,
    document_schema,
    reading_document,
)
from hilum.encode.kinds import result_name
from hilum.encode.messages.outcome import image_facts
from hilum.encode.predecessors import earlier_reports
from hilum.encode.report import refusal_document, report_documents
from hilum.encode.result_context import ResultContext
from hilum.encode.review_report import Assessed, Assessment, review_report
from hilum.encode.secondary_capture import secondary_capture
from hilum.encode.stored_report import StoredReport, stored_report

__all__ = [
    "Assessed",
    "Assessment",
    "ResultContext",
    "StoredReport",
    "anatomy_document",
    "anatomy_objects",
    "document_head",
    "document_row",
    "document_schema",
    "earlier_reports",
    "extra_objects",
    "forms",
    "image_facts",
    "load_codes",
    "reading_document",
    "refusal_document",
    "report_documents",
    "result_name",
    "review_report",
    "secondary_capture",
    "stored_report",
    "to_bytes",
]
