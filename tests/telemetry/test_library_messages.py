"""The words of the libraries whose logs are shown still stand where they are looked for."""

import ast
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from hilum.telemetry.library_messages import LEVELS, words_of
from hilum.telemetry.logs import LIBRARIES

LOGGERS = {"logger", "LOGGER", "dbos_logger", "_logger"}
"""What the libraries call their loggers, at the end of a dotted name."""


def calls_of_loggers(library: str) -> Iterator[tuple[Path, ast.Call]]:
    """Yield the calls with which a library says a text of its own."""
    spec = find_spec(library)
    assert spec is not None
    for folder in spec.submodule_search_locations or []:
        for file in sorted(Path(folder).rglob("*.py")):
            if "tests" in file.parts:
                continue
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if (
                    isinstance(node, ast.Call)
                    and isinstance(node.func, ast.Attribute)
                    and node.func.attr in LEVELS
                    and ast.unparse(node.func.value).rpartition(".")[2] in LOGGERS
                    and node.args
                    and isinstance(node.args[0], ast.Constant | ast.JoinedStr)
                ):
                    yield file, node


@pytest.mark.parametrize(("library", "least"), [("pydicom", 10), ("pynetdicom", 100), ("dbos", 50)])
def test_texts_of_a_library_are_found_in_its_source(library: str, least: int):
    """Each text beside a call of a logger is read; a library that logs otherwise shows here."""
    found = list(calls_of_loggers(library))
    silent = [
        f"{file}:{call.lineno}"
        for file, call in found
        if not words_of(str(file), call.lineno).strip(" …")
    ]

    assert [] == silent
    assert len(found) >= least


def test_libraries_named_in_the_log_are_installed():
    """One that is renamed would go on with handlers of its own."""
    assert all(find_spec(name.partition(".")[0]) for name in LIBRARIES)
