"""The same reading for programs, spreadsheets, people and hospital information systems."""

from typing import Final

from hilum.encode.forms import document, fhir, table, text
from hilum.encode.forms.form import Form, FormSource

__all__ = ["FORMS", "Form", "FormSource"]

FORMS: Final[dict[str, Form]] = {
    module.FORM.name: module.FORM for module in (document, table, fhir, text)
}
"""Name → form: what `hilum read --out` writes, the page offers and the API answers with."""
