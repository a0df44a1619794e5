"""Runs a node in the foreground, and prints what a person must know of it."""

import importlib
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from hilum import RESEARCH_USE_ONLY, __version__
from hilum.cli.terminal import echo, say
from hilum.errors import ModelError
from hilum.language import Message
from hilum.node.begun import FRONT
from hilum.node.start import require_startable, started
from hilum.pacs import credentials
from hilum.settings import Settings
from hilum.telemetry import logs

if TYPE_CHECKING:
    from hilum.node.service import Service

STATEMENT = Message(RESEARCH_USE_ONLY)

ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C, a service manager's stop, and a terminal that was closed."""


def run_node(*, pull: bool) -> None:
    """Run a node until somebody stops it.

    Parameters
    ----------
    pull
        First get the model's weights, if they are not here.

    Raises
    ------
    HilumError
        It cannot be started; see `hilum.node.start.started`.
    """
    settings = Settings.load()
    if pull:
        require_startable(settings)
        get_weights(settings)
    logs.write_to_standard_error(settings.telemetry.log_format)
    with ExitStack() as stack:
        stop = stack.enter_context(stop_on_signal())
        service = stack.enter_context(started(settings, stop))
        page: list[str] = []
        if settings.page.enabled and not stop.is_set():
            front = importlib.import_module(FRONT)
            page = stack.enter_context(front.page(service))
        if not stop.is_set():
            echo(banner(service, page))
        service.run(stop)
    echo("hilum has stopped.")


def get_weights(settings: Settings) -> None:
    """Get the weights if they are missing; without them the node keeps its images unread."""
    from hilum.cli.models import pull_missing  # noqa: PLC0415  loads a network library
    from hilum.predict import find_card, is_installed  # noqa: PLC0415

    try:
        if not is_installed(
            find_card(settings.model.name, settings.data_folder), settings.data_folder
        ):
            pull_missing(settings)
    except ModelError as exc:
        echo(exc.message)


@contextmanager
def stop_on_signal() -> Iterator[threading.Event]:
    """Yield an event that Ctrl-C or SIGTERM sets; the second one ends the process at once."""
    stop = threading.Event()
    before = {each: signal.getsignal(each) for each in ENDING_SIGNALS}
    if before[signal.SIGHUP] is signal.SIG_IGN:  # nohup: it is to outlive its terminal
        del before[signal.SIGHUP]

    def ask_to_stop(number: int, _: FrameType | None) -> None:
        stop.set()
        signal.signal(number, signal.SIG_DFL)

    for each in before:
        signal.signal(each, ask_to_stop)
    try:
        yield stop
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def banner(service: "Service", page: Sequence[str] = ()) -> str:
    """Return what a person needs to know once everything runs."""
    address = service.address
    head = say("hilum {version}. {statement}", version=__version__, statement=STATEMENT)
    lines = [head, ""]
    if service.process is None:
        lines += [say("  PACS      {url} (yours, from the settings)", url=address.url)]
    else:
        lines += [
            say(
                "  send to   AE title {aet}, port {port} of this machine\n"
                "            e.g. {storescu}, or hilum send IMAGE.dcm\n"
                "  from      {senders}\n"
                "  browse    {url}/app/explorer.html, from this machine only\n"
                "  log in    user {user}, password in {file}\n"
                "  PACS log  {log}",
                aet=address.aet,
                port=address.dicom_port,
                storescu=storescu(service),
                senders=_senders(service.settings),
                url=address.url,
                user=address.username,
                file=credentials.credentials_file(service.settings.data_folder),
                log=service.process.log,
            )
        ]
    lines += [*page, *model_lines(service)]
    return "\n".join([*lines, "", say("Ctrl-C stops it.")])


def model_lines(service: "Service") -> list[str]:
    """Return which model reads, or why none does."""
    model = service.watch.model
    if model is None:
        missing = service.watch.missing or ""
        return [
            say(
                "  model     none yet. {missing}\n"
                "            Images are kept and will be read when there is one.",
                missing=missing,
            )
        ]
    verified, unverified = Message("verified"), Message("NOT VERIFIED: trust on first use")
    trust = verified if model.verified else unverified
    return [
        say(
            "  model     {name} {version} ({trust}), {workers} workers",
            name=model.name,
            version=model.version,
            trust=trust,
            workers=service.pool.count,
        )
    ]


def storescu(service: "Service") -> str:
    """Return the command that sends an image from this machine."""
    address = service.address
    return f"storescu -aec {address.aet} {address.dicom_host} {address.dicom_port} IMAGE.dcm"


def _senders(settings: Settings) -> Message:
    if settings.pacs.open_to_any_aet:
        return Message("anywhere, any AE title (pacs.open_to_any_aet)")
    if settings.pacs.allowed_aets:
        titles = ", ".join(settings.pacs.allowed_aets)
        return Message("{titles}, and DICOM tools on this machine", titles=titles)
    return Message(
        "DICOM tools on this machine; for others set pacs.allowed_aets, e.g. CR_ROOM_1@192.0.2.10"
    )
