"""What the benches and the scripts import is still there: most of them no test runs."""

import ast
import importlib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted([*ROOT.glob("bench/*.py"), *ROOT.glob("scripts/*.py")])


def imported_names(path: Path) -> Iterator[tuple[str, str]]:
    """Yield module and name of each import from hilum and from the helpers of the tests."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            root = node.module.partition(".")[0]
            ours = root == "hilum" or (ROOT / "tests" / f"{root}.py").exists()
            yield from ((node.module, alias.name) for alias in node.names if ours)


def is_there(module: str, name: str) -> bool:
    """Whether a module holds a name, be it a module within it."""
    found = importlib.import_module(module)
    within = hasattr(found, "__path__") and find_spec(f"{module}.{name}") is not None
    return hasattr(found, name) or within


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_that_each_name_a_script_imports_exists(path: Path) -> None:
    """A name that was moved or dropped is found here, not when a figure is wanted."""
    missing = [
        f"{module}.{name}" for module, name in imported_names(path) if not is_there(module, name)
    ]
    assert not missing
