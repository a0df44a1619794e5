"""``hilum demo``: see hilum at work, in one command; with ``--page`` on its page, until stopped."""

import importlib
import logging
import shutil
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import click

from hilum import RESEARCH_USE_ONLY, __version__
from hilum.cli.main import FAILED
from hilum.cli.models import pull_missing
from hilum.cli.running import model_lines, stop_on_signal, storescu
from hilum.cli.terminal import echo, say
from hilum.dataset.terminal import STATUS, model_line, summary
from hilum.demo import (
    DemoFolder,
    DemoImage,
    Shown,
    demo_images,
    run_demonstration,
    samples_folder,
)
from hilum.demo.run import demo_node, send
from hilum.errors import ModelError, WeightsMissing
from hilum.language import Message, of_environment
from hilum.node.begun import FRONT
from hilum.node.service import Service
from hilum.node.start import require_program
from hilum.outcome import Status
from hilum.predict import DEMONSTRATION, load_model
from hilum.reading import ModelIdentity
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


EXPECTED: Final = {"chest": Status.READ, "chest-jpeg2000": Status.READ, "broken": Status.FAILED}
"""How each image must end; others must be refused, but phantoms by a trained model only."""


@click.command("demo")
@click.option(
    "--out",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("demo"),
    show_default=True,
    help="Output folder; an earlier demonstration there is replaced.",
)
@click.option(
    "--page",
    is_flag=True,
    help="Instead of writing a folder, keep the throw-away PACS running with the node and its "
    "page: sign in, drop your own images, review the findings. Ctrl-C stops and deletes it.",
)
def demo(*, folder: Path, page: bool) -> None:
    """Demonstrate hilum end to end on a real chest radiograph.

    Starts a node with a PACS (Orthanc) that are thrown away afterwards, and sends them a real
    chest radiograph, phantoms whose truth is known, and images that must not be read; the node
    reads what may be read and stores the reports in the same studies, from where they are
    fetched back. Nothing on this machine is
    changed but the folder. With --page the same is shown on the page, until you stop it.

    Exit status: 0 when everything went as it should, 1 when something did not, 2 for wrong
    usage.
    """
    echo("hilum {version}. {statement}", version=__version__, statement=Message(RESEARCH_USE_ONLY))
    settings = Settings.load()
    require_program(settings)  # said before anything is downloaded
    if samples_folder() is None:
        echo("Phantoms only: a real radiograph comes with pip install 'hilum[demo]'.")
    settings, model = choose_model(settings)
    echo(model_line(model, of_environment()))
    if page:
        keep_page(settings)
    else:
        write_folder(folder, settings, model)


def write_folder(folder: Path, settings: Settings, model: ModelIdentity) -> None:
    """Let a node read each image, print its line, and write down what came of it."""
    written = DemoFolder(folder, model, settings.pixels.pipeline)
    logs.write_to_standard_error(settings.telemetry.log_format)
    logging.getLogger("hilum").setLevel(logging.ERROR)  # each image has its line
    with TemporaryDirectory(prefix="hilum-demo-images-") as made:
        shown = run_demonstration(
            settings,
            list(demo_images(Path(made))),
            started=lambda service: echo(pacs_line(service)),
            ended=lambda one: echo(line(one)),
        )
    if not shutil.which("dsrdump"):
        echo("\nThe reports are not there as text: dsrdump (package dcmtk) is not installed.")
    echo("\nLook at:")
    for path in written.write(shown):
        click.echo(f"  {path}")
    if not as_expected(shown, model):
        echo("hilum: the demonstration failed; see above.", err=True)
        sys.exit(FAILED)
    echo(
        "\nNext: {program} demo --page, to sign in, drop a file and review the result.",
        program=program(),
    )


def pacs_line(service: Service) -> str:
    """Return which PACS was started, and how it is called."""
    software, address = service.context.pacs.capabilities().software, service.address
    return say(
        "PACS: {software}, thrown away afterwards, {aet} on DICOM port {dicom_port}\n",
        software=software,
        aet=address.aet,
        dicom_port=address.dicom_port,
    )


def program() -> str:
    """Return how the person calls this program."""
    called = Path(sys.argv[0])
    return str(called) if called.name == "hilum" and not shutil.which("hilum") else "hilum"


def choose_model(settings: Settings) -> tuple[Settings, ModelIdentity]:
    """Return settings with TorchXRayVision's weights, or with the demonstration model."""
    try:
        return settings, load_model(settings).identity
    except WeightsMissing:
        pass
    try:
        pull_missing(settings)
        return settings, load_model(settings).identity
    except ModelError as exc:
        echo("{problem}\nThe demonstration model is used instead.", problem=exc.problem)
    instead = settings.changed("model", name=DEMONSTRATION, operating_points="default")
    return instead, load_model(instead).identity


def line(one: Shown) -> str:
    """Return the outcome of one image, as one line."""
    outcome = one.outcome
    language = of_environment()
    first = language.say(
        "{status:<9} {title:<37} over {route:<8} {summary}",
        status=STATUS[outcome.status],
        title=one.image.title,
        route=str(one.image.route),
        summary=summary(outcome, language),
    )
    below = []
    if one.image.truth:
        below.append(language.say("truth:        {truth}", truth=one.image.truth))
    if outcome.status is Status.READ:
        below += [language.say("warning:      {why}", why=each.text) for each in outcome.reasons]
    return "\n".join([first, *(f"{'':<47} {each}" for each in below)])


def as_expected(shown: list[Shown], model: ModelIdentity) -> bool:
    """Whether each image ended as an image of its kind must, with its results in the PACS."""
    return all(
        one.outcome.status is _expected(one.image, model)
        and bool(one.results) is (one.outcome.status is Status.READ)
        for one in shown
    )


def _expected(image: DemoImage, model: ModelIdentity) -> Status:
    if image.truth and model.demonstration:
        return Status.READ
    return EXPECTED.get(image.name, Status.REFUSED)
