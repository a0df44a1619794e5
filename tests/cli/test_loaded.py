"""A command loads what it needs: what it never uses nobody waits for."""

import inspect
import subprocess
import sys

import click
import pytest
from fastapi.dependencies.models import Dependant

from hilum.cli.main import COMMANDS, described, main
from hilum.web.app import ROUTERS
from radiographs import dicom_file, make_radiograph

ENGINE = {"onnxruntime"}
READING = {"numpy", "pydicom", *ENGINE}
RECORDS = {"sqlalchemy"}
JOBS = {"dbos", "psycopg"}
PAGE = {"fastapi", "starlette", "uvicorn", "jinja2", "fido2", "joserfc"}
NETWORK = {"httpx", "pynetdicom"}
BARS = {"rich", "pygments"}
"""What draws them; httpx would load it, too, for a command line of its own."""

SELDOM = {"highdicom", "pynetdicom", "reportlab", "zxcvbn", "pyarrow", "distributed", *BARS}
"""What some options, new passwords and bars of progress need."""

COMPLETE = """
import click
from hilum.cli.main import main

offered = {each.value: each.help for each in main.shell_complete(click.Context(main), "re")}
assert offered["read"].startswith("Read chest radiographs")
"""

RUN = """
import sys
from hilum.cli.main import main

main(sys.argv[1:], standalone_mode=False)
"""


def loaded(program: str, *arguments: str) -> set[str]:
    """Return the packages that a program has loaded at its end."""
    tell = """
import sys
print(*{name.partition(".")[0] for name, module in sys.modules.items() if module}, file=sys.stderr)
"""
    done = subprocess.run(
        [sys.executable, "-c", program + tell, *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize(
    ("module", "never"),
    [
        ("main", READING | RECORDS | JOBS | PAGE | NETWORK | SELDOM),
        ("up", READING | RECORDS | JOBS | PAGE | NETWORK | SELDOM),
        ("version", READING | RECORDS | JOBS | PAGE | NETWORK | SELDOM),
        ("read", RECORDS | JOBS | PAGE | NETWORK | SELDOM),
        ("running", RECORDS | JOBS | ENGINE | PAGE | SELDOM),
        ("worker", RECORDS | JOBS | ENGINE | PAGE | SELDOM),
    ],
)
def test_command_does_not_load_what_it_never_uses(module, never):
    """Nor what it uses later: database and page of a node are loaded beside its start."""
    assert not loaded(f"import hilum.cli.{module}") & never


def test_page_of_a_node_loads_no_network_and_no_tokens():
    """Networks run in the processes that read; tokens come with the hospital's login."""
    assert not loaded("import hilum.node.web_server") & {*ENGINE, "joserfc", "reportlab", "zxcvbn"}


def test_page_prepares_little_for_each_of_its_routes():
    """FastAPI takes every dependency and answer of each route apart, while a node starts."""

    def parts(of: Dependant) -> int:
        return 1 + sum(map(parts, of.dependencies))

    routes = [each for router in ROUTERS for each in router.routes]

    assert sum(parts(each.dependant) for each in routes) <= 7 * len(routes)
    assert not any(each.response_fields for each in routes)


def test_list_of_commands_loads_none_of_them():
    """Neither for ``--help`` nor for a shell that completes a command's name."""
    assert not loaded(RUN, "--help") & {*READING, *RECORDS, *JOBS, *PAGE, *NETWORK}
    assert not loaded(COMPLETE) & {*READING, *RECORDS, *JOBS, *PAGE, *NETWORK}


@pytest.mark.parametrize("name", COMMANDS)
def test_list_of_commands_says_what_each_says_of_itself(name):
    """Though it is read from the source."""
    command = main.get_command(click.Context(main), name)

    assert described(name).help == inspect.cleandoc(command.help)


def test_reading_a_file_loads_neither_records_nor_network_nor_bars(tmp_path):
    """From its start to its end: `hilum read` of one file waits for nothing else."""
    file = tmp_path / "one.dcm"
    file.write_bytes(dicom_file(make_radiograph()))

    there = loaded(RUN, "read", "--model", "demonstration", str(file))

    assert READING <= there
    assert not there & (RECORDS | JOBS | PAGE | NETWORK | SELDOM)


def test_collector_does_not_look_at_what_a_command_has_loaded():
    """What is loaded stays; the collector is there for what a command makes."""
    program = """
import gc
from hilum.cli.main import main

main.get_command(None, "read")
assert gc.isenabled()
assert gc.get_freeze_count() > 10_000
"""

    loaded(program)
