"""What the docs claim about speed, memory and size, measured: ``make bench``.

Each module of this folder measures one package and has a function ``rows`` that yields
`Row`; ``python -m bench [NAME…]`` runs all of them, or those that are named.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command line does
