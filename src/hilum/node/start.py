"""The start of a node or a worker: what takes long by itself has begun before the rest is loaded.

To load the database, the job engine and the page takes a processor longer than all else together.
Meanwhile Orthanc starts, and the inference workers load the model, on another one.
"""

import importlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final

from hilum.files.private import make_folder
from hilum.jobs.lock import locked
from hilum.node.begun import NODE, Begun
from hilum.node.inference_pool import InferencePool
from hilum.pacs import credentials
from hilum.pacs.orthanc.ports import require_free
from hilum.pacs.orthanc.process import OrthancProcess, find_program
from hilum.settings import Settings
from hilum.telemetry.tracing import tracing

if TYPE_CHECKING:
    from hilum.node.service import Service

REST: Final = "hilum.node.service"
"""The module with all that is not here; it takes a second to load."""


def require_startable(settings: Settings) -> None:
    """Raise what would keep a node from starting, before anything that takes long is done.

    Raises
    ------
    HilumError
        See `started`.
    """
    make_folder(settings.data_folder)
    with locked(settings.data_folder):
        _require_ports(settings)


def require_program(settings: Settings) -> None:
    """Raise `ProgramNotInstalled` when the Orthanc that a node starts is not there."""
    find_program(settings.pacs.program)


def _require_ports(settings: Settings) -> None:
    if settings.pacs.url is None:
        require_program(settings)
        if not credentials.pid_file(settings.data_folder).exists():  # else an orphan may have them
            require_free("pacs.http_port", settings.pacs.http_port)
            require_free("pacs.dicom_port", settings.pacs.dicom_port)
    if settings.page.enabled and settings.page.port:
        require_free("page.port", settings.page.port, settings.page.host)


@contextmanager
def started(
    settings: Settings, stop: threading.Event, *, role: str = NODE, in_demonstration: bool = False
) -> Iterator["Service"]:
    """Start what is to be started, and stop it at the end whatever happens.

    Call it from the main thread: Orthanc ends with the thread that started it.

    Parameters
    ----------
    stop
        When set, the start is broken off.
    role
        ``node`` follows the PACS and reads; ``worker`` only reads.
    in_demonstration
        True for `hilum demo --page` only, whose archive is thrown away: there the
        demonstration model may read what arrives. No setting leads here.

    Raises
    ------
    AlreadyRunning
        Another node uses the data folder.
    NodeError
        Orthanc can't be started: it is missing, its port is taken, or it ended.
    PacsUnavailable
        The PACS of the settings gave no answer.
    PacsRefused
        It does not take the user name or password, or is no Orthanc.
    SettingInvalid
        The data folder can't be written to, the database belongs to another PACS, or
        another setting can't be used.
    """
    with ExitStack() as stack:
        make_folder(settings.data_folder)
        if role == NODE:
            stack.enter_context(locked(settings.data_folder))
            _require_ports(settings)
        stack.enter_context(tracing(settings.telemetry.otlp_endpoint))
        address = credentials.load_or_generate(settings)
        pool = stack.enter_context(InferencePool(settings, in_demonstration=in_demonstration))
        warming = stack.enter_context(ThreadPoolExecutor(1, "model"))
        warmed = warming.submit(pool.warm)
        process: OrthancProcess | None = None
        if settings.pacs.url is None and role == NODE:
            process = stack.enter_context(OrthancProcess(settings, address))
            process.begin()
        begun = Begun(settings, role, in_demonstration, address, pool, warmed, process)
        yield stack.enter_context(importlib.import_module(REST).joined(begun, stop))
