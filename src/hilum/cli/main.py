"""``hilum``: finds the command, says its help in the terminal's language, its errors in a line."""

import ast
import gc
import gettext
import importlib
import inspect
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import click
from click.shell_completion import CompletionItem

from hilum import RESEARCH_USE_ONLY, __version__
from hilum.cli import terminal
from hilum.errors import HilumError, NotOnThisSystem
from hilum.language import ENGLISH, Language, of_environment
from hilum.language.language import translations

VERBATIM: Final = "\b"
"""Click's mark of a paragraph that is not wrapped; ``\\b`` in a catalogue."""

Owner = click.Command | click.Parameter


def commands(command: click.Command) -> Iterator[click.Command]:
    """Yield a command and all below it."""
    yield command
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            if (below := command.get_command(click.Context(command), name)) is not None:
                yield from commands(below)


def texts_of(command: click.Command) -> Iterator[tuple[Owner, str, str]]:
    """Yield each text of a command's help, with whose it is and the name that it has there."""
    owners: tuple[Owner, ...] = (command, *command.get_params(click.Context(command)))
    for owner in owners:
        for name in ("help", "epilog"):
            if text := getattr(owner, name, None):
                yield owner, name, inspect.cleandoc(text).replace(VERBATIM, "\\b")


@contextmanager
def click_in(language: Language) -> Iterator[None]:
    """Let click say usage, options and errors in a language.

    It asks gettext, which looks for compiled catalogues in a folder of the system.
    """
    told = translations(language)
    before = {name: vars(gettext)[name] for name in ("dgettext", "dngettext")}

    def one(_domain: str | None, text: str) -> str:
        return told.gettext(text) if text else text  # the empty text is a catalogue's head

    def several(_domain: str | None, text: str, plural: str, count: int) -> str:
        return told.ngettext(text, plural, count)

    vars(gettext).update(dgettext=one, dngettext=several)
    try:
        yield
    finally:
        vars(gettext).update(before)


class Translations:
    """Says the help of commands in a language, until it is taken back."""

    def __init__(self) -> None:
        self._before: dict[tuple[Owner, str], str] = {}

    def say(self, command: click.Command, language: Language) -> None:
        """Say the help of one command."""
        if language == ENGLISH:
            return
        with click_in(ENGLISH):  # which makes the help of --help when it is first asked for
            texts = list(texts_of(command))
        for owner, name, text in texts:
            if (owner, name) not in self._before:
                self._before[owner, name] = vars(owner)[name]
                vars(owner)[name] = language.say(text).replace("\\b", VERBATIM)

    def take_back(self) -> None:
        """Make every help English again."""
        for (owner, name), text in self._before.items():
            vars(owner)[name] = text
        self._before.clear()


FAILED: Final = 1
"""Exit status when something failed; 0 is all well, 2 (click's own) is wrong usage."""


COMMANDS: Final = {
    "demo": "hilum.cli.demo",
    "up": "hilum.cli.up",
    "worker": "hilum.cli.worker",
    "backfill": "hilum.cli.backfill",
    "send": "hilum.cli.send",
    "read": "hilum.cli.read",
    "dataset": "hilum.cli.dataset",
    "labels": "hilum.cli.labels",
    "evaluate": "hilum.cli.evaluate",
    "export": "hilum.cli.export",
    "jobs": "hilum.cli.jobs",
    "deliveries": "hilum.cli.deliveries",
    "models": "hilum.cli.models",
    "points": "hilum.cli.points",
    "viewer": "hilum.cli.viewer",
    "users": "hilum.cli.users",
    "audit": "hilum.cli.audit",
    "alerts": "hilum.cli.alerts",
    "doctor": "hilum.cli.doctor",
    "selftest": "hilum.cli.selftest",
    "drift": "hilum.cli.drift",
    "phantom": "hilum.cli.phantom",
    "bundle": "hilum.cli.bundle",
    "version": "hilum.cli.version",
}
"""Command → the module whose function of the same name it is, in the order of the help."""


LINUX_ONLY: Final = frozenset(
    {"demo", "up", "worker", "backfill", "dataset", "doctor", "selftest", "viewer"}
)
"""Commands of the node and of datasets, which need what only Linux has."""

LINUX: Final = sys.platform == "linux"

TRANSLATIONS: Final = Translations()


def on_linux_only(name: str) -> click.Command:
    """Return what takes a command's place on Windows and macOS: it says where the command runs."""

    @click.command(
        name,
        help=terminal.say("Runs on Linux only."),
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    )
    def elsewhere() -> None:
        raise NotOnThisSystem(
            "hilum {command} runs on Linux only.",
            "On Windows use WSL2, on Windows or macOS Docker (docs/windows.md, docs/macos.md).",
            command=name,
        )

    return elsewhere


def loaded(name: str) -> ModuleType:
    """Return the module of a command.

    It stays, with all that it imports, so the collector does not look at it, neither now nor
    ever after: that would be a sixth of the time until a command begins.
    """
    if name in sys.modules:
        return sys.modules[name]
    collects = gc.isenabled()
    gc.disable()
    try:
        module = importlib.import_module(name)
        gc.freeze()
    finally:
        if collects:
            gc.enable()
    return module


def described(name: str) -> click.Command:
    """Return what stands for a command in a list: its name and its help, without its module.

    The help is read from the source; loading all modules would take a hundred times as long.
    """
    path = Path(__file__).with_name(f"{COMMANDS[name].rpartition('.')[2]}.py")
    for each in ast.parse(path.read_bytes()).body:
        if isinstance(each, ast.FunctionDef) and each.name == name:
            return click.Command(name, help=ast.get_docstring(each))
    raise LookupError(name)


class OneLineErrors(click.Group):
    """A group that prints a `HilumError` as one clear line instead of a traceback.

    A command's module is imported when the command is used: nobody waits for a network
    library to see the version, or which commands there are.
    """

    _listing = False
    """Whether commands are only named and described."""

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
        command: click.Command
        if cmd_name in LINUX_ONLY and not LINUX:
            command = on_linux_only(cmd_name)
        elif self._listing:
            command = described(cmd_name)
        else:
            command = getattr(loaded(COMMANDS[cmd_name]), cmd_name)
        for each in commands(command):
            TRANSLATIONS.say(each, of_environment())
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of all commands."""
        with self._only_listed():
            super().format_commands(ctx, formatter)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the commands that begin so, for a shell."""
        with self._only_listed():
            return super().shell_complete(ctx, incomplete)

    @contextmanager
    def _only_listed(self) -> Iterator[None]:
        self._listing = True
        try:
            yield
        finally:
            self._listing = False

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
