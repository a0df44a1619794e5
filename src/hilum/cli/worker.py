"""``hilum worker``: analyze images for a node, on this or another host."""

import importlib
from contextlib import ExitStack

import click

from hilum import __version__
from hilum.cli.main import main
from hilum.cli.running import STATEMENT, model_lines, stop_on_signal
from hilum.cli.terminal import echo, say
from hilum.errors import SettingInvalid
from hilum.node.begun import FRONT, WORKER
from hilum.node.start import started
from hilum.settings import Settings
from hilum.telemetry import logs


@main.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="Answer /metrics, /healthz and /readyz there, at page.host; off by default.",
)
def worker(port: int | None) -> None:
    """Read images that a node takes up; any number of workers share the work.

    Needs node.database, the PostgreSQL of the node, and pacs.url with its password: the
    PACS of the node. Models are read from this machine's data folder. Ctrl-C finishes the
    images in work; whatever else is waiting is read by the others.
    """
    settings = Settings.load()
    if settings.node.database is None:
        raise SettingInvalid(
            "Workers share their work in a PostgreSQL database, and node.database is not set.",
            "Set it to the one of the node, as postgresql://user:password@host/name.",
        )
    logs.write_to_standard_error(settings.telemetry.log_format)
    with ExitStack() as stack:
        stop = stack.enter_context(stop_on_signal())
        service = stack.enter_context(started(settings, stop, role=WORKER))
        if port is not None and not stop.is_set():
            front = importlib.import_module(FRONT)
            click.echo(f"  probes    {stack.enter_context(front.probes(service, port))}")
        if not stop.is_set():
            version = __version__
            head = say("hilum {version} worker. {statement}", version=version, statement=STATEMENT)
            lines = [head, ""]
            lines += [f"  PACS      {service.address.url}", *model_lines(service)]
            click.echo("\n".join([*lines, "", say("Ctrl-C stops it.")]))
        service.run(stop)
    echo("hilum has stopped.")
