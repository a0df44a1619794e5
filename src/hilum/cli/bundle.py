"""``hilum bundle``: everything for an installation on a machine without a network."""

import hashlib
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import click

from hilum import RESEARCH_USE_ONLY, __version__
from hilum.cli.models import FILE, download_progress
from hilum.cli.terminal import echo
from hilum.errors import ModelError, ProgramNotInstalled, SourceUnreadable
from hilum.files.atomic import not_written
from hilum.node import viewer
from hilum.predict import find_card
from hilum.predict.acquire import weights_place
from hilum.predict.download import Download, Expected
from hilum.settings import Settings

HERE: Final = Path(__file__).parent
LOCKED: Final = (HERE / "requirements.txt", HERE.parents[2] / "requirements" / "demo.txt")
"""The locked requirements: where a wheel has them, and where a checkout has."""

INSTALLER: Final = "install.sh"
SUMS: Final = "SHA256SUMS"


@click.command("bundle", epilog=RESEARCH_USE_ONLY)
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--wheel", type=FILE, help="hilum's own wheel, instead of the package index's.")
@click.option(
    "--python", metavar="VERSION", help="Python of the other machine, e.g. 3.13, if not this one."
)
@click.option(
    "--platform",
    "platforms",
    multiple=True,
    metavar="TAG",
    help="Platform of the other machine as pip names it, e.g. manylinux_2_28_aarch64, if not this "
    "one. May be repeated.",
)
@click.option(
    "--image",
    "images",
    multiple=True,
    metavar="NAME",
    help="A Docker image of this machine to include, e.g. hilum:all. May be repeated.",
)
def bundle(
    folder: Path,
    *,
    wheel: Path | None,
    python: str | None,
    platforms: tuple[str, ...],
    images: tuple[str, ...],
) -> None:
    """Collect all that hilum needs for a machine without a network.

    FOLDER gets hilum and its Python packages (checked by their hashes), the viewer OHIF, the
    weights of the model of the settings, and a script: there, run `sh install.sh`.
    """
    settings = Settings.load()
    if find_spec("pip") is None:
        raise ProgramNotInstalled(
            "pip is not installed beside hilum.", "Use pip install hilum, or uvx --with pip hilum."
        )
    try:
        folder.mkdir(parents=True)
        shutil.copy(HERE / INSTALLER, folder)
        shutil.copy(next(path for path in LOCKED if path.exists()), folder / "requirements.txt")
    except FileExistsError as exc:
        raise SourceUnreadable(
            "{folder} exists already.", "Name a new folder.", folder=folder
        ) from exc
    except OSError as exc:
        raise not_written(folder, exc) from exc
    fetch_packages(folder, wheel, python, platforms)
    fetch_viewer(folder)
    fetch_weights(settings, folder / "weights")
    for number, image in enumerate(images):
        run(["docker", "save", "--output", str(folder / f"image-{number}.tar"), image])
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    sums = "".join(line_of(path, folder) for path in files)
    (folder / SUMS).write_text(sums, "utf-8", newline="\n")
    size = sum(path.stat().st_size for path in files)
    echo(
        "{folder}: {size:.0f} MB. Copy it to the other machine, and run there: sh install.sh",
        folder=folder,
        size=size / 1e6,
    )


def fetch_packages(
    folder: Path, wheel: Path | None, python: str | None, platforms: tuple[str, ...]
) -> None:
    """Put hilum and the packages that it is locked to into ``wheels``."""
    wheels = folder / "wheels"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"]
    pip += ["--only-binary", ":all:", "--dest", str(wheels)]
    pip += ["--python-version", python] if python else []
    pip += [part for each in platforms for part in ("--platform", each)]
    run([*pip, "--require-hashes", "--requirement", str(folder / "requirements.txt")])
    if wheel is None:
        run([*pip, "--no-deps", f"hilum=={__version__}"])
    else:
        shutil.copy(wheel, wheels)


def fetch_viewer(folder: Path) -> None:
    """Fetch OHIF's package, or say that it is not to be had."""
    expected = Expected(viewer.SIZE, viewer.SHA256)
    try:
        with download_progress("OHIF") as progress:
            Download(viewer.PACKAGE, folder / "ohif.tgz", expected, progress).run()
    except ModelError as exc:
        for begun in folder.glob("ohif.tgz*"):
            begun.unlink()
        left_out("OHIF", exc)


def fetch_weights(settings: Settings, folder: Path) -> None:
    """Fetch the weights of the settings' model as they are published, or say why not."""
    card = find_card(settings.model.name, settings.data_folder)
    if card.weights.url is None:
        return
    expected = Expected(card.weights.size, card.weights.sha256)
    folder.mkdir()
    try:
        place = weights_place(card, settings)
        if isinstance(place, Path):
            expected.check(Path(shutil.copy(place, folder)))
            return
        with download_progress(card.name) as progress:
            Download(place, folder / place.rpartition("/")[2], expected, progress).run()
    except (ModelError, OSError) as exc:
        shutil.rmtree(folder)
        left_out(card.name, exc)


def left_out(what: str, why: Exception) -> None:
    """Say that something is not in the bundle."""
    said = why.problem if isinstance(why, ModelError) else str(why)
    echo("{what} is not in the bundle: {why}", what=what, why=said, err=True)


def run(command: list[str]) -> None:
    """Run a program whose own words say what is wrong.

    Raises
    ------
    ProgramNotInstalled
        It is not there or did not succeed.
    """
    try:
        subprocess.run(command, check=True)
    except (OSError, subprocess.CalledProcessError) as exc:
        raise ProgramNotInstalled(
            "{command} failed.", "Its message is above.", command=" ".join(command[:4])
        ) from exc


def line_of(path: Path, folder: Path) -> str:
    """Return a file's line of `sha256sum`."""
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return f"{sha256}  {path.relative_to(folder).as_posix()}\n"
