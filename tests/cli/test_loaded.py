"""A command loads what it needs: what it never uses nobody waits for."""

import subprocess
import sys

import pytest

from radiographs import dicom_file, make_radiograph

READING = {"numpy", "pydicom", "onnxruntime"}
RECORDS = {"sqlalchemy"}
JOBS = {"dbos", "psycopg"}
PAGE = {"fastapi", "starlette", "uvicorn", "jinja2", "fido2", "joserfc"}
NETWORK = {"httpx", "pynetdicom"}
BARS = {"rich"}
"""What draws them; httpx loads it, too, where it is installed."""

SELDOM = {"highdicom", "pynetdicom", "reportlab", "zxcvbn", "pyarrow", "distributed", *BARS}
"""What some options, new passwords and bars of progress need."""

READ = """
import sys
from hilum.cli.main import main

main(sys.argv[1:], standalone_mode=False)
"""


def loaded(program: str, *arguments: str) -> set[str]:
    """Return the packages that a program has loaded at its end."""
    tell = "\nimport sys; print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)"
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
        ("running", PAGE | SELDOM - BARS),
        ("worker", PAGE | SELDOM - BARS),
    ],
)
def test_command_does_not_load_what_it_never_uses(module, never):
    """The page of a node is loaded beside its start, that of a worker is none."""
    assert not loaded(f"import hilum.cli.{module}") & never


def test_reading_a_file_loads_neither_records_nor_network_nor_bars(tmp_path):
    """From its start to its end: `hilum read` of one file waits for nothing else."""
    file = tmp_path / "one.dcm"
    file.write_bytes(dicom_file(make_radiograph()))

    there = loaded(READ, "read", "--model", "demonstration", str(file))

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
