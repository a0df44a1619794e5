"""Who imports whom: packages point one way, and only one of them knows a library."""

import ast
import re
import runpy
from collections import Counter
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from source_tree import MODULES, SOURCE, dotted, imported, libraries_in, modules_in

MOST_AT_THE_ROOT = 12

BASE = "base"
"""What every package may import: the modules at the root but the pipeline, and `SHARED`."""

SHARED = frozenset({"files", "language", "runtime", "settings", "values"})

ALLOWED: dict[str, frozenset[str]] = {
    "anatomy": frozenset({"explain"}),
    "encode": frozenset(),
    "explain": frozenset(),
    "gate": frozenset(),
    "pacs": frozenset(),
    "phantom": frozenset(),
    "pixels": frozenset(),
    "predict": frozenset(),
    "records": frozenset(),
    "ingest": frozenset({"pacs"}),
    "pipeline": frozenset({"anatomy", "encode", "explain", "gate", "pixels", "predict"}),
    "telemetry": frozenset({"records"}),
    "deliveries": frozenset({"pacs"}),
    "dataset": frozenset({"encode", "explain", "ingest", "pacs", "pipeline"}),
    "evaluation": frozenset({"explain", "pixels"}),
    "export": frozenset({"encode", "explain", "pacs", "pipeline", "pixels", "records"}),
    "jobs": frozenset({"records", "telemetry"}),
    "web": frozenset({"pacs", "records", "telemetry"}),
    "quality": frozenset(
        {"encode", "pacs", "phantom", "pipeline", "predict", "records", "telemetry"}
    ),
    "node": frozenset(
        {
            "dataset",
            "deliveries",
            "encode",
            "explain",
            "export",
            "ingest",
            "jobs",
            "pacs",
            "pipeline",
            "pixels",
            "predict",
            "quality",
            "records",
            "telemetry",
            "web",
        }
    ),
    "demo": frozenset({"dataset", "encode", "node", "pacs", "phantom", "predict", "records"}),
    "doctor": frozenset({"deliveries", "node", "pacs", "predict", "records", "web"}),
    "cli": frozenset(
        {
            "dataset",
            "demo",
            "doctor",
            "encode",
            "evaluation",
            "export",
            "jobs",
            "node",
            "pacs",
            "phantom",
            "pipeline",
            "pixels",
            "predict",
            "quality",
            "records",
            "telemetry",
        }
    ),
}
"""Package → what it imports beside `BASE`; the picture in CONTRIBUTING.md shows the same."""

LIBRARIES = {
    "onnxruntime": {"hilum.predict"},
    "highdicom": {"hilum.encode.highdicom_encoder"},
    "reportlab": {"hilum.encode"},
    "apprise": {"hilum.telemetry"},
    "pynetdicom": {"hilum.pacs"},
    "dbos": {"hilum.jobs"},
    "sqlalchemy": {"hilum.records", "hilum.jobs"},
    "prometheus_client": {"hilum.telemetry"},
    "opentelemetry": {"hilum.telemetry"},
    "pebble": {"hilum.node"},
    "fastapi": {"hilum.web"},
    "starlette": {"hilum.web"},
    "uvicorn": {"hilum.web"},
    "jinja2": {"hilum.evaluation", "hilum.web"},
    "babel": {"hilum.language"},
    "joserfc": {"hilum.web"},
    "argon2": {"hilum.records"},
    "cryptography": {"hilum.records"},
    "fido2": {"hilum.web"},
    "pyarrow": {"hilum.dataset", "hilum.export", "hilum.files"},
    "distributed": {"hilum.dataset"},
    "httpx": {"hilum.deliveries", "hilum.pacs", "hilum.predict", "hilum.web"},
}
"""Library → packages that may import it: predict downloads weights, web relays DICOMweb."""


KNOW_ORTHANC = (
    "hilum.pacs.orthanc",
    "hilum.pacs.credentials",  # chooses the archive
    "hilum.pacs.send",  # chooses the sender
    "hilum.node.start",  # starts it
    "hilum.node.begun",
    "hilum.node.service",  # looks after it
    "hilum.doctor.pacs",  # checks it
    "hilum.doctor.node",
    "hilum.web.dicomweb",  # DICOMweb's paths begin alike
    "hilum.pacs.dicomweb",
    "hilum.doctor.dicomweb",
)
"""Who imports what is about Orthanc; all others know an `Archive` only."""

ORTHANC_PATH = re.compile(
    r"/(instances|tools|changes|modalities|peers|system|statistics|plugins|patients)([/?]|$)"
)
"""A path of its REST API, but those that the page and DICOMweb have too."""

FOR_TYPES = {"marker": {"hilum.phantom.scene"}}
"""Module → what it imports for the type checker alone."""


def package_of(name: str) -> str:
    """Return the package that a module counts as."""
    parts = [*name.split("."), "", ""]
    if parts[1] == "__main__":
        return "cli"
    return parts[1] if parts[1] in ALLOWED else BASE


def is_ours(name: str, source: Path) -> bool:
    """Return whether a dotted name leads into a package or module of the source."""
    parts = name.split(".")
    if parts[0] != "hilum" or len(parts) == 1:
        return False
    return (source / parts[1]).exists() or (source / f"{parts[1]}.py").exists()


def packages_of(path: Path, source: Path = SOURCE, ours: Path = SOURCE) -> set[str]:
    """Return the packages that a module imports, its own and the base left out."""
    found = {package_of(name) for name in imported(path, source) if is_ours(name, ours)}
    return found - {BASE, package_of(dotted(path, source))}


def foreign_libraries(path: Path, source: Path = SOURCE) -> set[str]:
    """Return the libraries that a module imports and may not."""
    name = dotted(path, source)
    return {
        library
        for library in libraries_in(imported(path, source)) & LIBRARIES.keys()
        if not any(f"{name}.".startswith(f"{home}.") for home in LIBRARIES[library])
    }


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_imports_point_the_allowed_way(path: Path):
    """A module imports what its package may; the base imports nothing but itself."""
    allowed = ALLOWED.get(package_of(dotted(path)), frozenset())

    assert set() == packages_of(path) - allowed


def test_table_allows_no_more_than_is_used():
    """A permission that nobody uses is taken out."""
    used: dict[str, set[str]] = {name: set() for name in ALLOWED}
    for path in MODULES:
        used.setdefault(package_of(dotted(path)), set()).update(packages_of(path))

    assert {n: set(allowed) for n, allowed in ALLOWED.items()} == {n: used[n] for n in ALLOWED}


def test_packages_form_no_circle():
    """There is an order in which each package imports only earlier ones."""
    assert len(ALLOWED) == len(list(TopologicalSorter(ALLOWED).static_order()))


def test_modules_form_no_circle():
    """Neither do single modules; what a package's own ``__init__`` gathers is left out."""
    names = {dotted(path) for path in MODULES}
    graph = {
        dotted(path): modules_in(imported(path), names)
        - {dotted(path)}
        - FOR_TYPES.get(path.stem, set())
        for path in MODULES
        if path.name != "__init__.py"
    }

    list(TopologicalSorter(graph).static_order())


def test_check_of_circles_bites():
    """A circle is an error."""
    with pytest.raises(CycleError):
        list(TopologicalSorter({"a": {"b"}, "b": {"a"}}).static_order())


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_only_its_package_knows_a_library(path: Path):
    """A library that shapes a package stays in it."""
    assert set() == foreign_libraries(path)


def knows_orthanc(path: Path, source: Path = SOURCE) -> list[str]:
    """Return what a module imports or says that is Orthanc's own."""
    name = dotted(path, source)
    if any(f"{name}.".startswith(f"{home}.") for home in KNOW_ORTHANC):
        return []
    tree = ast.parse(path.read_text(encoding="utf-8"))
    said = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    paths = [each for each in said if isinstance(each, str) and ORTHANC_PATH.match(each)]
    return paths + sorted(
        each for each in imported(path, source) if each.startswith("hilum.pacs.orthanc")
    )


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_only_who_starts_or_checks_orthanc_knows_it(path: Path):
    """All others would work with another archive."""
    assert [] == knows_orthanc(path)


def test_root_has_few_modules():
    """The nouns and the pipeline: everything else is in a package."""
    assert len(list(SOURCE.glob("*.py"))) <= MOST_AT_THE_ROOT


def test_every_package_is_in_the_table():
    """A new package says what it may import."""
    folders = {path.parent.name for path in SOURCE.glob("*/__init__.py")}

    assert folders == ALLOWED.keys() - {"pipeline"} | SHARED


def test_no_class_name_is_used_twice():
    """One word has one meaning."""
    names = Counter(
        node.name
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
    )

    assert [] == [name for name, count in names.items() if count > 1]


def test_picture_is_what_the_source_says():
    """CONTRIBUTING.md has the output of scripts/layout_picture.py."""
    root = SOURCE.parents[1]
    drawn = runpy.run_path(str(root / "scripts" / "layout_picture.py"))

    assert drawn["picture"]() in (root / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert drawn["layout"]() == ALLOWED


def plant(source: Path, name: str, offence: str) -> Path:
    """Write a module with an offence into a tree like ours."""
    path = source / name
    path.parent.mkdir(parents=True)
    path.write_text(offence)
    return path


@pytest.mark.parametrize(
    "offence",
    [
        "from hilum.web.app import page",
        "from hilum.web import app",
        "from hilum import web",
        "import hilum.web.app",
        "import hilum.web as other",
        "from ..web import app",
        "from .. import web",
        "def f():\n    from hilum.web import app",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from hilum.web import app",
        "import importlib\nimportlib.import_module('hilum.web.app')",
        "from importlib import import_module\nimport_module('..web', __package__)",
        "__import__('hilum.web')",
    ],
)
def test_check_of_imports_bites(tmp_path: Path, offence: str):
    """It sees a package in every spelling."""
    source = tmp_path / "hilum"

    assert {"web"} == packages_of(plant(source, "gate/rules.py", offence), source)


@pytest.mark.parametrize(
    "offence",
    ["from hilum import pipeline", "import hilum.pipeline", "from ..pipeline import read"],
)
def test_check_sees_the_pipeline(tmp_path: Path, offence: str):
    """The pipeline is at the root, and yet not for everybody."""
    source = tmp_path / "hilum"

    assert {"pipeline"} == packages_of(plant(source, "gate/rules.py", offence), source)


def test_check_bites_in_a_folder_of_a_package(tmp_path: Path):
    """A relative import from deeper down is seen, too."""
    source = tmp_path / "hilum"
    path = plant(source, "gate/tables/rules.py", "from ...web import app")

    assert {"web"} == packages_of(path, source)


@pytest.mark.parametrize(
    "allowed", ["from hilum.gate import rules", "from . import rules", "from hilum import errors"]
)
def test_check_lets_a_package_know_itself_and_the_base(tmp_path: Path, allowed: str):
    """It does not bite for nothing."""
    source = tmp_path / "hilum"

    assert set() == packages_of(plant(source, "gate/table.py", allowed), source)


@pytest.mark.parametrize(
    "offence",
    [
        "from hilum.pacs.orthanc.client import Orthanc",
        "from hilum.pacs import orthanc",
        "def f(a):\n    return a.request('GET', '/instances')",
        "def f(a, each):\n    return a.json('GET', f'/instances/{each}/file')",
    ],
)
def test_check_of_orthanc_bites(tmp_path: Path, offence: str):
    """It sees an import and a path."""
    source = tmp_path / "hilum"

    assert knows_orthanc(plant(source, "web/study.py", offence), source)
    assert not knows_orthanc(plant(source, "pacs/orthanc/x.py", offence), source)


@pytest.mark.parametrize("library", LIBRARIES)
def test_check_of_libraries_bites(tmp_path: Path, library: str):
    """Each library is seen outside its package, also in one whose name begins like it."""
    source = tmp_path / "hilum"
    offence = f"def f():\n    from {library}.parts import thing"

    assert {library} == foreign_libraries(plant(source, "pacsx/http.py", offence), source)
    assert {library} == foreign_libraries(plant(source, "gate/http.py", offence), source)
