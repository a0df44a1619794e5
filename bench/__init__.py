"""What the docs claim about speed, memory and size, measured: ``make bench``.

Each module of this folder measures one package and has a function ``rows`` that yields
`Row`; ``python -m bench [NAME…]`` runs all of them, or those that are named.
"""

import os
import sys
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command line does

if sys.prefix != sys.base_prefix:
    # An activated environment puts pynetdicom's storescu before DCMTK's.
    _PROGRAMS = str(Path(sys.prefix, "bin"))
    os.environ["PATH"] = os.pathsep.join(
        each for each in os.environ["PATH"].split(os.pathsep) if each != _PROGRAMS
    )
