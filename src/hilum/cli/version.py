"""``hilum version``: versions, for bug reports."""

import platform
from importlib.metadata import version as version_of
from typing import Final

import click

from hilum import RESEARCH_USE_ONLY, __version__
from hilum.cli.terminal import echo

SAID: Final = ("onnxruntime", "pydicom", "imagecodecs", "numpy")
"""Libraries whose version may change what a person sees."""


@click.command()
def version() -> None:
    """Show the version of hilum and of its libraries."""
    click.echo(f"hilum {__version__}")
    click.echo(f"  Python {platform.python_version()}, {platform.system()} {platform.machine()}")
    for name in SAID:
        click.echo(f"  {name} {version_of(name)}")
    echo(RESEARCH_USE_ONLY)
