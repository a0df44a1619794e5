"""Anatomy and view network cost nothing where nobody asks for them."""

import subprocess
import sys

READ = """
import sys
from hilum import phantom, pipeline
from hilum.predict import network
from hilum.settings import Settings

opened, session = [], network.open_session
network.open_session = lambda *given: opened.append(1) or session(*given)
context = pipeline.open_pipeline(Settings().changed("model", name="demonstration"))
pipeline.process(phantom.make(3, size=256).dataset, context)
print(len(opened), [name for name in sys.modules if name.startswith("hilum.anatomy")])
"""


def test_image_is_read_with_one_network_and_no_module_of_the_anatomy():
    """By default: one session of ONNX Runtime, and nothing of the package was imported."""
    told = subprocess.run([sys.executable, "-c", READ], capture_output=True, text=True, check=False)

    assert "1 []" == told.stdout.strip(), told.stderr
