"""Say it in DICOM, JSON and plain text."""

from hilum.encode.report import refusal_document, report_documents, to_bytes

__all__ = ["refusal_document", "report_documents", "to_bytes"]
