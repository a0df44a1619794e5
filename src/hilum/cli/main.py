"""``hilum``: finds the command, and turns errors into one line each."""

import importlib
import sys
import warnings
from typing import Any, Final

import click

from hilum import RESEARCH_USE_ONLY, __version__
from hilum.cli import terminal
from hilum.cli.help import Translations, click_in, commands
from hilum.errors import HilumError
from hilum.language import of_environment

FAILED: Final = 1
"""Exit status when something failed; 0 is all well, 2 (click's own) is wrong usage."""


COMMANDS: Final = {
    "demo": "hilum.cli.demo",
    "up": "hilum.cli.up",
    "worker": "hilum.cli.worker",
    "backfill": "hilum.cli.backfill",
    "send": "hilum.cli.send",
    "read": "hilum.cli.read",
    "jobs": "hilum.cli.jobs",
    "models": "hilum.cli.models",
    "viewer": "hilum.cli.viewer",
    "users": "hilum.cli.users",
    "audit": "hilum.cli.audit",
    "alerts": "hilum.cli.alerts",
    "doctor": "hilum.cli.doctor",
    "selftest": "hilum.cli.selftest",
    "drift": "hilum.cli.drift",
    "phantom": "hilum.cli.phantom",
    "version": "hilum.cli.version",
}
"""Command → the module whose function of the same name it is, in the order of the help."""


TRANSLATIONS: Final = Translations()


class OneLineErrors(click.Group):
    """A group that prints a `HilumError` as one clear line instead of a traceback.

    A command's module is imported when the command is used: nobody waits for a network
    library to see the version.
    """

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command line on whatever terminal there is."""
        terminal.prepare()
        language = of_environment()
        TRANSLATIONS.say(self, language)
        try:
            with click_in(language):
                return super().main(*args, **kwargs)
        finally:
            TRANSLATIONS.take_back()

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        """Return the names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Return one command, None when there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(importlib.import_module(COMMANDS[cmd_name]), cmd_name)
        for each in commands(command):
            TRANSLATIONS.say(each, of_environment())
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; turn our errors into a line on standard error and status 1."""
        try:
            returned = super().invoke(ctx)
        except HilumError as exc:
            click.echo(f"hilum: {terminal.say(exc.message)}", err=True)
            sys.exit(FAILED)
        if terminal.output_failed():
            sys.exit(FAILED)
        return returned


@click.group(
    cls=OneLineErrors,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=RESEARCH_USE_ONLY,
)
@click.version_option(__version__, prog_name="hilum")
def main() -> None:
    """Analyze chest radiographs beside any PACS and store the results as DICOM."""
    # pydicom warns of a value that breaks the standard by quoting it: a patient's name, say
    warnings.filterwarnings("ignore", module=r"(pydicom|highdicom)\.")
