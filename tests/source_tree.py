"""The source as data, for the tests of its structure."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src" / "hilum"
MODULES = sorted(SOURCE.rglob("*.py"))


def dotted(path: Path, source: Path = SOURCE) -> str:
    """Return the name of the module at `path`, e.g. ``hilum.gate.rules``."""
    parts = path.relative_to(source.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def imported(path: Path, source: Path = SOURCE) -> set[str]:
    """Return every dotted name that a module imports, however it is spelled.

    ``from a import b`` gives ``a.b``, since b may be a module; relative imports are made
    absolute; ``import_module("a")`` and ``__import__("a")`` count; so do imports inside
    functions. Imports for the type checker alone count as well.
    """
    package = path.relative_to(source.parent).parent.parts
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            around = package[: len(package) - node.level + 1] if node.level else ()
            base = [*around, *filter(None, [node.module])]
            names |= {".".join([*base, alias.name]) for alias in node.names}
        elif isinstance(node, ast.Call):
            names |= set(_imported_by_call(node, package))
    return names


def _imported_by_call(node: ast.Call, package: tuple[str, ...]) -> Iterator[str]:
    called = node.func.attr if isinstance(node.func, ast.Attribute) else None
    called = node.func.id if isinstance(node.func, ast.Name) else called
    if called not in {"import_module", "__import__"} or not node.args:
        return
    name = node.args[0]
    if isinstance(name, ast.Constant) and isinstance(name.value, str):
        rest = name.value.lstrip(".")
        level = len(name.value) - len(rest)
        around = package[: len(package) - level + 1] if level else ()
        yield ".".join([*around, *filter(None, [rest])])


def libraries_in(names: set[str]) -> set[str]:
    """Return the top-level packages of dotted names."""
    return {name.split(".")[0] for name in names}


def modules_in(names: set[str], known: set[str]) -> set[str]:
    """Return the modules of ours that imported names lead to: the longest one of each."""
    found = set()
    for name in names:
        parts = name.split(".")
        beginnings = (".".join(parts[:length]) for length in range(len(parts), 1, -1))
        found |= {next((each for each in beginnings if each in known), "")} - {""}
    return found
