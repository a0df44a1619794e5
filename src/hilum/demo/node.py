"""A node in a folder that is deleted when it stops.

The one node whose demonstration model may read what it is sent: its archive is its own
and goes with it.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from hilum.errors import PortTaken
from hilum.node.service import Service, started
from hilum.pacs import credentials
from hilum.predict import models_folder
from hilum.settings import (
    ConstancySettings,
    NodeSettings,
    OidcSettings,
    PacsSettings,
    PageSettings,
    Settings,
    TelemetrySettings,
)

ATTEMPTS: Final = 5
"""Another program may take a port between its choice and Orthanc's start."""


@contextmanager
def demo_node(settings: Settings, stop: threading.Event, *, page: bool = True) -> Iterator[Service]:
    """Start a node that touches nothing outside its own folder; delete that at the end.

    See `own_settings` for what of the user's settings holds here.

    Raises
    ------
    NodeError
        Orthanc is not installed or does not start.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="hilum-demo-")))
        models = models_folder(settings.data_folder)
        if models.is_dir():
            models_folder(folder).symlink_to(models.resolve(), target_is_directory=True)
        for attempt in range(1, ATTEMPTS + 1):
            own = own_settings(settings, folder).changed("page", enabled=page)
            try:
                service = stack.enter_context(started(own, stop, in_demonstration=True))
            except PortTaken:  # by another program, since it was found free
                if attempt == ATTEMPTS:
                    raise
                continue
            yield service
            return


def own_settings(settings: Settings, folder: Path) -> Settings:
    """Return the settings of a node that reaches nothing outside `folder`.

    What the user's settings say of model, pixels, gate, reports and worklist holds here as
    well. What names another database, archive, machine or user does not: results of a
    demonstration go nowhere else, and nobody but this machine reaches its page.
    """
    http_port, dicom_port = free_ports(2)
    pacs, node, page = settings.pacs, settings.node, settings.page
    return settings.model_copy(
        update={
            "data_folder": folder,
            "pacs": PacsSettings(
                program=pacs.program,
                http_port=http_port,
                dicom_port=dicom_port,
                timeout_s=pacs.timeout_s,
            ),
            "node": NodeSettings(
                inference_workers=node.inference_workers,
                inference_timeout_s=node.inference_timeout_s,
                inference_memory_bytes=node.inference_memory_bytes,
                max_file_bytes=node.max_file_bytes,
                min_free_bytes=node.min_free_bytes,
            ),
            "page": PageSettings(
                port=page.port if _is_free(page.port) else 0, ohif_folder=page.ohif_folder
            ),
            "oidc": OidcSettings(),
            "telemetry": TelemetrySettings(log_format=settings.telemetry.log_format),
            "constancy": ConstancySettings(),
        }
    )


def _is_free(port: int) -> bool:
    """Whether the page can listen on a port of this machine now."""
    try:
        with socket.create_server((PageSettings().host, port)):
            return True
    except OSError:
        return False


def free_ports(count: int) -> list[int]:
    """Return ports on which nothing listens now."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind((credentials.LOOPBACK, 0))
        return [int(one.getsockname()[1]) for one in sockets]
