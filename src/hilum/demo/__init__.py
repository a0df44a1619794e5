"""``hilum demo``: the main job, end to end, in an archive that is thrown away afterwards."""

from hilum.demo.folder import DemoFolder
from hilum.demo.images import DemoImage, demo_images, samples_folder
from hilum.demo.run import Shown, run_demonstration

__all__ = ["DemoFolder", "DemoImage", "Shown", "demo_images", "run_demonstration", "samples_folder"]
