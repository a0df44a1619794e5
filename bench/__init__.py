"""What the docs claim about speed, memory and size, measured: ``make bench``.

Each module of this folder measures one package and has a function ``rows`` that yields
`Row`; ``python -m bench [NAME…]`` runs all of them, or those that are named.
"""

import os
import sys
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command line does

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))  # helpers: orthanc_server, radiographs
from process_tools import without_environment

os.environ["PATH"] = without_environment(os.environ["PATH"])
