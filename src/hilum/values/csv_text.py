"""Tables as CSV, which no spreadsheet runs.

Sources
-------
RFC 4180. OWASP, "CSV Injection": spreadsheets run text that begins like a formula.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from typing import Final

FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""Beginnings that a spreadsheet takes for a formula."""


def harmless(value: object) -> object:
    """Return what somebody else wrote so that no spreadsheet runs it; anything else as it is."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def true_or_false(value: bool) -> str:  # noqa: FBT001  the value itself is what is written
    """Return a yes or no as our tables write it."""
    return "true" if value else "false"


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> str:
    """Return rows as CSV, the names of the columns first; what a row does not say is empty."""
    buffer = StringIO(newline="")
    writer = csv.DictWriter(buffer, columns, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()
