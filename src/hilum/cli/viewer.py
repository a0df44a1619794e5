"""``hilum viewer``: the viewer OHIF, which the page opens a study in."""

from pathlib import Path

import click

from hilum import RESEARCH_USE_ONLY
from hilum.cli.models import download_progress
from hilum.cli.terminal import echo
from hilum.node.viewer import VERSION, install
from hilum.settings import Settings


@click.group(epilog=RESEARCH_USE_ONLY)
def viewer() -> None:
    """Install the viewer OHIF, in which the page opens a study."""


@viewer.command("install")
@click.option(
    "--file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The package of OHIF, already on this machine, instead of a download.",
)
def install_viewer(file: Path | None) -> None:
    """Fetch OHIF from npm's registry (50 MB), or take it from a file.

    Either is accepted only if it is the release that hilum was tested with, by its SHA-256.
    """
    with download_progress("OHIF") as progress:
        folder = install(Settings.load().data_folder, file, progress)
    echo(
        "OHIF {version} is in {folder}. The page offers it from now on.",
        version=VERSION,
        folder=folder,
    )
