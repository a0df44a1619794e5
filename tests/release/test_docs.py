"""The documentation: its site is built without a complaint, and its commands are hilum's."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import click
import pytest
import yaml

from hilum import MANUFACTURER, __version__
from hilum.cli.main import main
from source_tree import SOURCE

ROOT = SOURCE.parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])

FENCED = re.compile(r"^ *```\w*\n(.*?)^ *```", flags=re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`((?:[^`\n]|\n(?!\n))+)`")
PREFIX = r"(?:sudo -u hilum )?(?:[A-Z_]+=\S+ )*(?:/opt/hilum/bin/|\.venv/bin/|uvx )?hilum"
CONTAINER = (
    "docker (?:compose )?(?:exec|run --rm) hilum hilum"
    "|docker compose run --rm hilum|docker run --rm hilum:all"
)
CALL = re.compile(rf"^(?:\$ )?(?:{PREFIX}|{CONTAINER}) (?=[a-z-]+(?: |$))")
"""How a call begins, up to its first argument."""


def calls(text: str) -> Iterator[str]:
    """Yield the arguments of each call of hilum in a page, as they stand there."""
    blocks = FENCED.findall(text)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    lines += [each.replace("\n", " ") for each in INLINE.findall(FENCED.sub("", text))]
    for line in lines:
        for part in re.split(r"&&|;", re.sub(r"\s#.*", "", line)):
            found = CALL.match(part.strip())
            if found and part.strip() != MANUFACTURER:
                yield part.strip()[found.end() :]


def refused(arguments: str) -> str:
    """Return what is wrong with a call, nothing when click takes its command and options."""
    words = shlex.split(re.sub(r"[|>].*|[…\[\]]", "", arguments.replace("\\", "/")))
    command: click.Command = main
    context = click.Context(main, info_name="hilum")
    while isinstance(command, click.Group):
        if not words or words[0].startswith("-"):
            break
        below = command.get_command(context, words[0])
        if below is None:
            return f"no command {words[0]}"
        command, words = below, words[1:]
        context = click.Context(command, info_name=command.name, parent=context)
    try:
        command.make_parser(context).parse_args(list(words))
    except click.UsageError as exc:
        return "" if "requires an argument" in exc.format_message() else exc.format_message()
    return ""


def test_calls_are_found():
    """The test below is about something."""
    found = [call for page in PAGES for call in calls(page.read_text("utf-8"))]

    assert len(found) > 150
    assert refused("jobs --state failed")
    assert refused("fly")
    assert not refused("jobs list --state failed")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_are_hilums(page: Path):
    """Each command of a page is there, with its options."""
    wrong = {call: why for call in calls(page.read_text("utf-8")) if (why := refused(call))}

    assert not wrong


@pytest.mark.skipif(find_spec("sphinx") is None, reason="needs Sphinx: scripts/setup.sh dev")
def test_site_is_built_without_a_complaint(tmp_path):
    """Every link leads somewhere, and the reference is readable."""
    command = ["--quiet", "--fail-on-warning", "--keep-going", "--builder", "dummy", "-c", "docs"]
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *command, ".", tmp_path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (0, "") == (done.returncode, done.stderr)


def test_citation_names_this_version():
    """And what CFF 1.2 asks for."""
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))

    assert __version__ == cited["version"]
    assert {"cff-version", "message", "title", "authors"} <= cited.keys()
