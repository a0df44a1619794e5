"""Result forms beside DICOM: JSON, CSV, FHIR and plain text."""

from typing import Final

from hilum.encode.forms import csv_table, fhir, json_document, pdf, plain_text
from hilum.encode.forms.form import Form, FormSource

__all__ = ["FORMS", "Form", "FormSource"]

FORMS: Final[dict[str, Form]] = {
    module.FORM.name: module.FORM for module in (json_document, csv_table, fhir, plain_text, pdf)
}
"""Name → form: what `hilum read --out` writes, the page offers and the API answers with."""
