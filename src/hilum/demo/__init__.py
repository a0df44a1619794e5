"""``hilum demo``: the main job, end to end, in an archive that is thrown away afterwards."""

from hilum.demo.archive import Demonstration, Shown
from hilum.demo.folder import DemoFolder
from hilum.demo.images import DemoImage, demo_images, samples_folder

__all__ = ["DemoFolder", "DemoImage", "Demonstration", "Shown", "demo_images", "samples_folder"]
