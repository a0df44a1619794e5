"""The same reading for spreadsheets, for people, and for hospital information systems."""

from hilum.encode.forms.fhir import fhir
from hilum.encode.forms.table import csv_columns, csv_lines, csv_row
from hilum.encode.forms.text import text

__all__ = ["csv_columns", "csv_lines", "csv_row", "fhir", "text"]
