"""``hilum``: the door to every command, and the one place where errors become lines."""

import sys
from typing import Any, Final

import click

from hilum import RESEARCH_USE_ONLY, __version__
from hilum.errors import HilumError

FAILED: Final = 1
"""Exit status when something failed; 0 is all well, 2 (click's own) is wrong usage."""


class OneLineErrors(click.Group):
    """A group that prints a `HilumError` as one clear line instead of a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; turn our errors into a line on standard error and status 1."""
        try:
            return super().invoke(ctx)
        except HilumError as exc:
            click.echo(f"hilum: {exc}", err=True)
            sys.exit(FAILED)


@click.group(
    cls=OneLineErrors,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=RESEARCH_USE_ONLY,
)
@click.version_option(__version__, prog_name="hilum")
def main() -> None:
    """Read chest radiographs beside any PACS and write the answers back as DICOM."""
