"""The PACS: Orthanc, DICOMweb, DIMSE; credentials, TLS and HTTP."""

import sys
from typing import Final

COMMAND_LINE: Final = "httpx._main"
"""The command line of httpx, which does without it where rich is missing.

Nobody here calls it, and rich and pygments take longer to import than the rest of httpx.
"""

sys.modules.setdefault(COMMAND_LINE, None)  # type: ignore[arg-type]
