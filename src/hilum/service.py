"""A node and the PACS that it works for, from start to stop: what `hilum up` runs."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

from hilum import credentials, encode
from hilum.arrive import earlier_results
from hilum.credentials import PacsAddress
from hilum.jobs.ledger import Ledger, ledger_file
from hilum.jobs.lock import locked
from hilum.logs import get_log
from hilum.model_watch import ModelWatch
from hilum.node.one_by_one import Node
from hilum.orthanc import Orthanc
from hilum.private import OWNER_FILE, writing_to
from hilum.settings import Settings
from hilum.store.orthanc_process import OrthancProcess

HEARTBEAT: Final = "heartbeat"
"""File of the data folder that is touched on every turn of the node's loop."""

OWN_PACS: Final = "own"
"""Name in the ledger of the Orthanc that hilum starts, whatever its port."""

log = get_log(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Service:
    """A PACS that answers and a node that is ready to follow it.

    Attributes
    ----------
    settings
        All settings.
    address
        How the PACS is called.
    watch
        The model, or why there is none.
    node
        Follows the PACS once its `run` is called.
    process
        The Orthanc that was started; None when the settings name one.
    """

    settings: Settings
    address: PacsAddress
    watch: ModelWatch
    node: Node
    process: OrthancProcess | None


def pacs_name(settings: Settings) -> str:
    """Return what the ledger calls the PACS of the settings."""
    return settings.pacs.url.rstrip("/") if settings.pacs.url is not None else OWN_PACS


@contextmanager
def started(settings: Settings, stop: threading.Event) -> Iterator[Service]:
    """Start what is to be started, and stop it at the end whatever happens.

    Call it from the main thread: Orthanc ends with the thread that started it.

    Parameters
    ----------
    settings
        All settings.
    stop
        When set, the start is broken off.

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
        The data folder can't be written to, or another setting can't be used.
    """
    encode.load_codes(settings.report.codes_file)  # a mistake is said now, not at the first report
    with ExitStack() as stack:
        stack.enter_context(locked(settings.data_folder))
        address = credentials.load_or_generate(settings)
        process: OrthancProcess | None = None
        if settings.pacs.url is None:
            process = stack.enter_context(OrthancProcess(settings, address))
            process.start(stop)
        orthanc = stack.enter_context(connect(address, settings))
        if not stop.is_set():
            orthanc.system()
        ledger = stack.enter_context(Ledger(ledger_file(settings.data_folder), pacs_name(settings)))
        watch = ModelWatch(settings, earlier=partial(earlier_results, orthanc))
        node = Node(
            orthanc,
            ledger,
            find_handler=watch,
            settings=settings.node,
            tend=_tender(settings, process, stop),
        )
        yield Service(settings, address, watch, node, process)


def connect(address: PacsAddress, settings: Settings) -> Orthanc:
    """Return a REST client of the PACS, logged in."""
    return address.connect(timeout_s=settings.pacs.timeout_s)


def _tender(
    settings: Settings, process: OrthancProcess | None, stop: threading.Event
) -> Callable[[], None]:
    """Return what the node does between images: give a sign of life, look after its PACS."""

    def tend() -> None:
        with writing_to(settings.data_folder):
            (settings.data_folder / HEARTBEAT).touch(OWNER_FILE)
        if process is None:
            return
        if process.revive(stop):
            log.warning("pacs.restarted", log=process.log)
        for refused in process.refused_associations():
            log.warning(
                "association.refused",
                aet=refused.aet,
                host=refused.host,
                remedy=f"add {refused.aet}@{refused.host} to pacs.allowed_aets, restart hilum up",
            )

    return tend
