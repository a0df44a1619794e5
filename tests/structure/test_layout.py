"""Who may know whom: rooms know the nouns and themselves, and only the path knows rooms."""

from collections.abc import Collection
from functools import cache
from pathlib import Path

import pytest

from source_tree import MODULES, ROOMS, SOURCE, WIRING, dotted, imported, libraries_in, rooms_in

WIRES = [path for path in MODULES if path.parent == SOURCE or path.parent.name in WIRING]
IN_ROOMS = [path for path in MODULES if path not in WIRES]
ROOT = {dotted(path): path for path in WIRES}

KEEPERS = {
    "onnxruntime": {"hilum.predict"},
    "highdicom": {"hilum.encode.plain"},
    "pynetdicom": {"hilum.pacs.send"},
    "dbos": {"hilum.jobs"},
    "sqlalchemy": {"hilum.records", "hilum.jobs"},
    "structlog": {"hilum.telemetry.logs"},
    "prometheus_client": {"hilum.telemetry.metrics"},
    "opentelemetry": {"hilum.telemetry.tracing"},
    "pebble": {"hilum.node"},
    "fastapi": {"hilum.web"},
    "starlette": {"hilum.web"},
    "uvicorn": {"hilum.web"},
    "jinja2": {"hilum.web"},
    "babel": {"hilum.web"},
    "joserfc": {"hilum.web"},
    "argon2": {"hilum.records"},
    "httpx": {
        *("hilum.pacs.orthanc.client", "hilum.pacs.http", "hilum.pacs.plain_http"),
        *("hilum.pacs.send", "hilum.files", "hilum.predict", "hilum.web"),
    },
}
"""Library → who may import it. predict downloads weights; show hands DICOMweb through."""


def room_of(path: Path, source: Path = SOURCE) -> str:
    """Return the room that a module is in."""
    return path.relative_to(source).parts[0]


def neighbours(path: Path, source: Path = SOURCE) -> set[str]:
    """Return the other rooms that a module of a room imports."""
    return rooms_in(imported(path, source)) - {room_of(path, source)}


def strangers(path: Path, source: Path = SOURCE) -> set[str]:
    """Return the libraries that a module imports and may not."""
    name = dotted(path, source)
    return {
        library
        for library in libraries_in(imported(path, source)) & KEEPERS.keys()
        if not any(f"{name}.".startswith(f"{keeper}.") for keeper in KEEPERS[library])
    }


@cache
def wiring() -> frozenset[str]:
    """Return the root modules that know rooms, directly or through each other."""
    reached = {name: imported(path) for name, path in ROOT.items()}
    known = {name for name, names in reached.items() if rooms_in(names)}
    while True:
        more = {name for name, names in reached.items() if back_doors(names, known)}
        if more <= known:
            return frozenset(known - {"hilum"})
        known |= more


def back_doors(names: set[str], wired: Collection[str]) -> set[str]:
    """Return the modules of `wired` that imported names lead to."""
    return {each for each in wired for found in names if reaches(found, each)}


def reaches(found: str, module: str) -> bool:
    """Return whether an imported name is a module or something in it."""
    return f"{found}.".startswith(f"{module}.")


@pytest.mark.parametrize("path", IN_ROOMS, ids=dotted)
def test_rooms_do_not_know_each_other(path: Path):
    """What a room needs from another is an argument, wired outside."""
    assert set() == neighbours(path)


@pytest.mark.parametrize("path", IN_ROOMS, ids=dotted)
def test_rooms_do_not_know_who_wires_them(path: Path):
    """A root module that knows rooms would let one room into another by the back door."""
    assert set() == back_doors(imported(path), wiring())


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_only_its_keeper_knows_a_library(path: Path):
    """A library that shapes a room stays in it."""
    assert set() == strangers(path)


@pytest.mark.parametrize("path", [p for p in MODULES if p.parent.name != "cli"], ids=dotted)
def test_nobody_knows_the_command_line(path: Path):
    """Only the start of the program imports it."""
    known = {found for found in imported(path) if reaches(found, "hilum.cli")}

    assert set() == known or path.name == "__main__.py"


def test_modules_were_found():
    """The tests above are about something."""
    assert {"arrive", "gate", "pixels", "predict", "explain", "encode", "store"} <= ROOMS
    assert len(IN_ROOMS) > 40
    assert "hilum.pipeline" in wiring()
    assert "hilum.errors" not in wiring()


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
        "from hilum import web as show",
        "import hilum.web.app",
        "import hilum.web as other",
        "from ..show import app",
        "from .. import show",
        "def f():\n    from hilum.web import app",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from hilum.web import app",
        "import importlib\nimportlib.import_module('hilum.web.app')",
        "from importlib import import_module\nimport_module('..show', __package__)",
        "__import__('hilum.web')",
    ],
)
def test_check_of_rooms_bites(tmp_path: Path, offence: str):
    """It sees a neighbour in every spelling."""
    source = tmp_path / "hilum"

    assert {"show"} == neighbours(plant(source, "gate/rules.py", offence), source)


def test_check_of_rooms_bites_in_a_folder_of_a_room(tmp_path: Path):
    """A relative import from deeper down is seen, too."""
    source = tmp_path / "hilum"
    path = plant(source, "gate/tables/rules.py", "from ...show import app")

    assert {"show"} == neighbours(path, source)


@pytest.mark.parametrize(
    "offence",
    ["from hilum import pipeline", "import hilum.pipeline", "from ..pipeline import read"],
)
def test_check_of_back_doors_bites(tmp_path: Path, offence: str):
    """It sees a wiring module in every spelling."""
    source = tmp_path / "hilum"
    path = plant(source, "gate/rules.py", offence)

    assert {"hilum.pipeline"} == back_doors(imported(path, source), wiring())


@pytest.mark.parametrize("allowed", ["from hilum.gate import rules", "from . import rules"])
def test_check_of_rooms_lets_a_room_know_itself(tmp_path: Path, allowed: str):
    """It does not bite for nothing."""
    source = tmp_path / "hilum"

    assert set() == neighbours(plant(source, "gate/table.py", allowed), source)


@pytest.mark.parametrize("library", KEEPERS)
def test_check_of_libraries_bites(tmp_path: Path, library: str):
    """Each library is seen outside its room, also by a name that only begins like it."""
    source = tmp_path / "hilum"
    offence = f"def f():\n    from {library}.parts import thing"

    assert {library} == strangers(plant(source, "storekeeper/door.py", offence), source)
    assert {library} == strangers(plant(source, "gate/door.py", offence), source)
