"""What a node installs: each package has its reason, and nothing else is imported."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.metadata import packages_distributions

import pytest

from source_tree import MODULES, SOURCE, dotted, imported, libraries_in

ROOT = SOURCE.parents[1]
RECORD = (ROOT / "docs" / "decisions" / "0015-what-a-node-installs.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
NEEDED = {re.split(r"[<>=\[]", each)[0] for each in PROJECT["dependencies"]}
LISTED = set(re.findall(r"^\| ([a-z0-9-]+) \| [\d.]+ \| .+ \|$", RECORD, flags=re.MULTILINE))

WITH_ANOTHER = {
    "starlette": "fastapi",
    "pydantic": "fastapi",
    "pydantic-core": "fastapi",
    "psycopg": "dbos",
    "markupsafe": "jinja2",
    "h11": "uvicorn",
}
"""Package → the one that brings it along and could not do without."""

EXTRAS = {
    "apprise": {"hilum.telemetry.alerts"},
    "distributed": {"hilum.dataset.cluster"},
    "highdicom": {"hilum.encode.highdicom_encoder"},
    "opentelemetry-api": {"hilum.telemetry.tracing"},
    "opentelemetry-sdk": {"hilum.telemetry.tracing"},
    "opentelemetry-exporter-otlp-proto-http": {"hilum.telemetry.tracing"},
    "pyarrow": {"hilum.dataset.schema", "hilum.export.tables", "hilum.files.remote"},
    "pydicom-data": {"hilum.demo.images"},
}
"""Package of an extra → the modules that import it when it is asked for."""


@cache
def owners() -> Mapping[str, list[str]]:
    """Return the packages that each top-level name comes from."""
    return packages_distributions()


def test_every_package_has_its_reason():
    """The record of the decision lists the run-time dependencies, and no other."""
    assert LISTED == NEEDED


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_only_what_is_needed_is_imported(path):
    """A module imports packages that a node has, or that of an extra where it may."""
    for library in libraries_in(imported(path)) - {"hilum"}:
        packages = {name.lower().replace("_", "-") for name in owners().get(library, ())}
        allowed = NEEDED | WITH_ANOTHER.keys()
        allowed |= {name for name, modules in EXTRAS.items() if dotted(path) in modules}
        assert not packages or packages & allowed, library


def test_all_is_imported_without_the_extras():
    """A node without highdicom, scipy and the tracing packages starts: nothing needs them."""
    names = [dotted(path) for path in MODULES if path.stem != "__main__"]
    names.remove("hilum.encode.highdicom_encoder")
    program = (
        "import sys, importlib\n"
        "for missing in ('highdicom', 'scipy', 'opentelemetry.sdk', 'data_store', 'apprise',\n"
        "                'torch', 'pyarrow', 'distributed'):\n"
        "    sys.modules[missing] = None\n"
        "for name in sys.argv[1:]:\n"
        "    importlib.import_module(name)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program, *names], capture_output=True, text=True, check=False
    )

    assert (0, "") == (done.returncode, done.stderr)
