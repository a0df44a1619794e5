"""The PACS: Orthanc, DICOMweb, DIMSE; credentials, TLS and HTTP."""

import sys
from typing import Final

COMMAND_LINE: Final = "httpx._main"
"""What httpx goes without where rich is not installed; with rich and pygments it is most of it."""

sys.modules.setdefault(COMMAND_LINE, None)  # type: ignore[arg-type]
