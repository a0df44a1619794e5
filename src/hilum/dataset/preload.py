"""What the fork server loads before it forks workers of a dataset run; see hilum.node.preload."""

import gc
import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy: a worker has one core
gc.disable()

import hilum.dataset.worker  # noqa: E402, F401  not before the collector is off
from hilum.pipeline import load_engine  # noqa: E402

load_engine()

gc.freeze()
gc.enable()
