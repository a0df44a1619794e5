"""``hilum demo --page``: the demonstration stays, with the page on it, until it is stopped."""

import importlib
import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Final

from hilum.cli.running import model_lines, stop_on_signal, storescu
from hilum.cli.terminal import echo, say
from hilum.demo import demo_images
from hilum.demo.node import demo_node
from hilum.demo.run import send
from hilum.language import Message
from hilum.node.service import FRONT, Service
from hilum.settings import Settings
from hilum.telemetry import logs

TRUTH: Final = Message("truth: {truth}")


def keep_page(settings: Settings) -> None:
    """Show the demonstration on the page; returns once everything is stopped and deleted.

    Parameters
    ----------
    settings
        The user's, with the model that is to read.

    Raises
    ------
    NodeError
        Orthanc is not installed or does not start.
    """
    logs.write_to_standard_error(settings.telemetry.log_format)
    logging.getLogger("hilum").setLevel(logging.WARNING)  # the page tells the rest
    with ExitStack() as stack:
        stop = stack.enter_context(stop_on_signal())
        service = stack.enter_context(demo_node(settings, stop))
        if not stop.is_set():
            front = importlib.import_module(FRONT)
            page = stack.enter_context(front.page(service))
            for line in sent(service, stop):
                echo(line)
            if not stop.is_set():
                echo(banner(service, page))
        service.run(stop)
    echo("hilum has stopped. The demonstration folder was deleted.")


def sent(service: Service, stop: threading.Event) -> Iterator[str]:
    """Send the images of the demonstration; yield of each, as a line, whether it arrived."""
    folder = service.settings.data_folder / "images"
    folder.mkdir()
    for image in demo_images(folder):
        if stop.is_set():
            return
        why = send(image, service.address)
        line = say(
            "{sent:<9} {title:<37} over {route:<8}",
            sent=Message("not sent") if why else Message("sent"),
            title=image.title,
            route=str(image.route),
        )
        if why:
            yield f"{line} {say(why)}"
        else:
            truth = image.truth or "–"
            yield f"{line} {say(TRUTH, truth=truth)}"


def banner(service: Service, page: Sequence[str]) -> str:
    """Return where everything is, once it runs."""
    address = service.address
    lines = [
        "",
        say("Open the page and sign in. Drop images of your own under Files: they are read too."),
        say("Each study has its findings, a heatmap for each, and a form for your review."),
        "",
        *page,
        say(
            "  send to   AE title {aet}, port {port} of this machine\n            e.g. {storescu}",
            aet=address.aet,
            port=address.dicom_port,
            storescu=storescu(service),
        ),
        *model_lines(service),
    ]
    model = service.watch.model
    if model is not None and model.demonstration:
        lines += [say("            DEMONSTRATION: it was not trained on patients.")]
    lines += [say("  folder    {folder}, deleted at the end", folder=service.settings.data_folder)]
    return "\n".join([*lines, "", say("Ctrl-C stops it.")])
