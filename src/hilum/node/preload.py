"""What the fork server loads before it forks inference workers.

It stays for good in each of them, so the collector never looks at it: the load takes a sixth
less of the processor, and the workers go on sharing its memory.
"""

import gc

gc.disable()


import hilum.node.inference_process  # noqa: E402
import hilum.node.page_work  # noqa: E402
import hilum.node.process_file  # noqa: E402, F401
from hilum.pipeline import load_engine  # noqa: E402

load_engine()

gc.freeze()
gc.enable()
