"""PS3.16's concepts by pydicom's names, each looked up once.

A report names some 250 concepts, and pydicom searches its tables anew for each.
"""

from typing import Any, Final

from pydicom.sr.codedict import codes as tables
from pydicom.sr.coding import Code


class Scheme:
    """The concepts of one coding scheme, as attributes."""

    def __init__(self, table: Any) -> None:
        self._table = table

    def __getattr__(self, name: str) -> Code:
        """Return the concept called `name`; from then on it is an attribute like any other."""
        code: Code = getattr(self._table, name)
        setattr(self, name, code)
        return code


class codes:  # noqa: N801  stands where pydicom's `codes` would
    """The schemes that results name concepts of."""

    DCM: Final = Scheme(tables.DCM)
    SCT: Final = Scheme(tables.SCT)
    UCUM: Final = Scheme(tables.UCUM)
