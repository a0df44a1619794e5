"""``hilum demo``: see the whole of hilum at work, in one command."""

import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import click

from hilum import RESEARCH_USE_ONLY, __version__
from hilum.cli.demo_page import keep_page
from hilum.cli.main import FAILED
from hilum.cli.models import pull_missing
from hilum.demo import DemoFolder, DemoImage, Demonstration, Shown, demo_images
from hilum.errors import ModelError, WeightsMissing
from hilum.outcome import Status
from hilum.pipeline import Reader, open_reader
from hilum.predict import DEMONSTRATION
from hilum.reading_table import model_line, summary
from hilum.settings import Settings

EXPECTED: Final = {
    "chest": Status.READ,
    "chest-jpeg2000": Status.READ,
    "broken": Status.FAILED,
}
"""How each image must end; others must be refused, but phantoms by a trained model only."""


@click.command("demo")
@click.option(
    "--out",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("demo"),
    show_default=True,
    help="Folder for everything that comes of it; an earlier demonstration there is replaced.",
)
@click.option(
    "--page",
    is_flag=True,
    help="Instead of writing a folder, keep the throw-away PACS running with the node and its "
    "page: sign in, drop images of your own, judge the answers. Ctrl-C stops and deletes it.",
)
def demo(*, folder: Path, page: bool) -> None:
    """Show the main job, end to end, on a real chest radiograph.

    Starts a PACS (Orthanc) that is thrown away afterwards, sends it a real chest radiograph,
    phantoms whose truth is known, and images that must not be read; reads what may be read,
    stores the reports in the same studies, and fetches them back. Nothing on this machine is
    changed but the folder. With --page the same is shown on the page, until you stop it.

    Exit status: 0 when everything went as it should, 1 when something did not, 2 for wrong
    usage.
    """
    click.echo(f"hilum {__version__}. {RESEARCH_USE_ONLY}")
    settings = Settings.load()
    reader = choose_reader(settings)
    click.echo(model_line(reader.model.identity))
    if page:
        keep_page(reader.settings)
    else:
        write_folder(folder, reader)


def write_folder(folder: Path, reader: Reader) -> None:
    """Read each image of the demonstration, print its line, and write down what came of it."""
    written = DemoFolder(folder, reader)
    with TemporaryDirectory(prefix="hilum-demo-images-") as made:
        images = list(demo_images(Path(made)))
        with Demonstration(reader.settings, reader) as demonstration:
            version = demonstration.orthanc.system()["Version"]
            click.echo(
                f"PACS: Orthanc {version}, thrown away afterwards, "
                f"{demonstration.address.aet} on DICOM port {demonstration.address.dicom_port}\n"
            )
            shown = []
            for one in demonstration.run(images):
                click.echo(line(one))
                shown.append(one)
    if not shutil.which("dsrdump"):
        click.echo("\nThe reports are not there as text: dsrdump (package dcmtk) is not installed.")
    click.echo("\nLook at:")
    for path in written.write(shown):
        click.echo(f"  {path}")
    if not as_expected(shown, reader):
        click.echo("hilum: the demonstration did not go as it should; see above.", err=True)
        sys.exit(FAILED)
    click.echo(f"\nNext: {program()} demo --page, to sign in, drop a file and judge the answer.")


def program() -> str:
    """Return how the person calls this program."""
    called = Path(sys.argv[0])
    return str(called) if called.name == "hilum" and not shutil.which("hilum") else "hilum"


def choose_reader(settings: Settings) -> Reader:
    """Return a reader with TorchXRayVision's weights, or with the demonstration model."""
    try:
        return open_reader(settings)
    except WeightsMissing:
        pass
    try:
        pull_missing(settings)
        return open_reader(settings)
    except ModelError as exc:
        click.echo(f"{exc.problem}\nThe demonstration model is used instead.")
    instead = settings.changed("model", name=DEMONSTRATION, operating_points="default")
    return open_reader(instead, in_demonstration=True)


def line(one: Shown) -> str:
    """Return what became of one image, as one line."""
    outcome = one.outcome
    said = summary(outcome)
    first = f"{outcome.status:<8} {one.image.title:<37} over {one.image.route:<8} {said}"
    return (
        f"{first}\n{'':<8} {'':<37} truth:        {one.image.truth}" if one.image.truth else first
    )


def as_expected(shown: list[Shown], reader: Reader) -> bool:
    """Whether each image ended as an image of its kind must, with its results in the PACS."""
    return all(
        one.outcome.status is _expected(one.image, reader)
        and bool(one.results) is (one.outcome.status is Status.READ)
        for one in shown
    )


def _expected(image: DemoImage, reader: Reader) -> Status:
    if image.truth and reader.model.identity.demonstration:
        return Status.READ
    return EXPECTED.get(image.name, Status.REFUSED)
