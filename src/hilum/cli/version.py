"""``hilum version``: versions, for bug reports."""

import platform
from importlib.metadata import version as version_of
from typing import Final

import click

from hilum import RESEARCH_USE_ONLY, __version__
from hilum.cli.terminal import echo
from hilum.runtime.engine_wheels import engine_wheels

SAID: Final = ("pydicom", "imagecodecs", "numpy")
"""Libraries whose version may change what a person sees, beside ONNX Runtime."""


@click.command()
def version() -> None:
    """Show the version of hilum and of its libraries."""
    click.echo(f"hilum {__version__}")
    click.echo(f"  Python {platform.python_version()}, {platform.system()} {platform.machine()}")
    libraries = engine_wheels() | {name: version_of(name) for name in SAID}
    for name, said in libraries.items():
        click.echo(f"  {name} {said}")
    echo(RESEARCH_USE_ONLY)
