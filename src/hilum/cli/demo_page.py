"""``hilum demo --page``: the demonstration stays, with the page on it, until it is stopped."""

import importlib
import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack

import click

from hilum.cli.running import model_lines, stop_on_signal, storescu
from hilum.demo import demo_images, samples_folder
from hilum.demo.node import demo_node
from hilum.demo.run import send
from hilum.node.service import FRONT, Service
from hilum.settings import Settings
from hilum.telemetry import logs


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
    ProgramNotInstalled
        The package with the sample images is not installed.
    """
    samples_folder()
    logs.write_to_standard_error(settings.telemetry.log_format)
    logging.getLogger("hilum").setLevel(logging.WARNING)  # the page tells the rest
    with ExitStack() as stack:
        stop = stack.enter_context(stop_on_signal())
        service = stack.enter_context(demo_node(settings, stop))
        if not stop.is_set():
            front = importlib.import_module(FRONT)
            page = stack.enter_context(front.page(service))
            for line in sent(service, stop):
                click.echo(line)
            if not stop.is_set():
                click.echo(banner(service, page))
        service.run(stop)
    click.echo("hilum has stopped. The demonstration's folder is deleted.")


def sent(service: Service, stop: threading.Event) -> Iterator[str]:
    """Send the images of the demonstration; yield of each, as a line, whether it arrived."""
    folder = service.settings.data_folder / "images"
    folder.mkdir()
    for image in demo_images(folder):
        if stop.is_set():
            return
        why = send(image, service.address)
        line = f"{'not sent' if why else 'sent':<8} {image.title:<37} over {image.route:<8}"
        truth = f"truth: {image.truth}" if image.truth else ""
        yield f"{line} {why or truth}".rstrip()


def banner(service: Service, page: Sequence[str]) -> str:
    """Return where everything is, once it runs."""
    address = service.address
    lines = [
        "",
        "Open the page and sign in. Drop images of your own under Files: they are read too.",
        "Each study has its findings, a heatmap for each, and a form for your review.",
        "",
        *page,
        f"  send to   AE title {address.aet}, port {address.dicom_port} of this machine",
        f"            e.g. {storescu(service)}",
        *model_lines(service),
    ]
    model = service.watch.model
    if model is not None and model.demonstration:
        lines += ["            DEMONSTRATION: it has learned nothing about patients."]
    lines += [f"  folder    {service.settings.data_folder}, deleted at the end"]
    return "\n".join([*lines, "", "Ctrl-C stops it."])
