"""What of a node or a worker has begun before the rest of it is loaded; light to import."""

from concurrent.futures import Future
from dataclasses import dataclass
from typing import Final

from hilum.node.inference_pool import InferencePool
from hilum.pacs.credentials import PacsAddress
from hilum.pacs.orthanc.process import OrthancProcess
from hilum.settings import Settings

FRONT: Final = "hilum.node.web_server"
"""The module with the page; it takes a second to load."""

NODE: Final = "node"
WORKER: Final = "worker"


@dataclass(frozen=True, slots=True, eq=False)
class Begun:
    """What has begun of a node or a worker."""

    settings: Settings
    """All settings."""
    role: str
    """``node`` or ``worker``."""
    in_demonstration: bool
    """Whether the demonstration model may read what arrives."""
    address: PacsAddress
    """How the PACS is called."""
    pool: InferencePool
    """The inference pool."""
    warmed: Future[None]
    """Done once its processes are there, which go on to load the model."""
    process: OrthancProcess | None
    """The Orthanc that is starting; None when the settings name one."""
