"""The budgets that keep the source readable."""

import ast
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from source_tree import MODULES, dotted

MAX_FILE_LINES = 450
MAX_BODY_LINES = 60
MAX_PARAMETERS = 8
MAX_BROAD_EXCEPTS = 3
"""Of the whole source: where a fault of ours must not take others with it."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def parsed(path: Path) -> ast.Module:
    """Return the syntax tree of a module."""
    return ast.parse(path.read_text(encoding="utf-8"))


def functions(tree: ast.Module) -> Iterator[Function]:
    """Yield every function and method."""
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def file_too_long(path: Path) -> list[str]:
    """Return the length of a file that is over budget."""
    lines = len(path.read_text(encoding="utf-8").splitlines())
    return [f"{lines} lines"] if lines > MAX_FILE_LINES else []


def long_bodies(path: Path) -> list[str]:
    """Return the functions whose body, without its docstring, is over budget."""
    return [f.name for f in functions(parsed(path)) if body_lines(f) > MAX_BODY_LINES]


def body_lines(function: Function) -> int:
    """Return the lines of a body from the first statement after the docstring to the last."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return 0 if not body else (body[-1].end_lineno or 0) - body[0].lineno + 1


def wide_signatures(path: Path) -> list[str]:
    """Return the functions with too many parameters, self and cls apart."""
    return [
        function.name
        for function in functions(parsed(path))
        if len(parameters(function)) > MAX_PARAMETERS and not is_command(function)
    ]


def parameters(function: Function) -> list[str]:
    """Return the names of a function's parameters, self and cls apart."""
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return [argument.arg for argument in named if argument.arg not in {"self", "cls"}]


def is_command(function: Function) -> bool:
    """Return whether a function is a click command, whose parameters are its options."""
    return any("command" in ast.unparse(decorator) for decorator in function.decorator_list)


def broad_excepts(path: Path) -> list[str]:
    """Return the handlers that catch everything and go on."""
    return [
        f"line {node.lineno}"
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.ExceptHandler) and is_broad(node) and not ends_with_raise(node)
    ]


def is_broad(handler: ast.ExceptHandler) -> bool:
    """Return whether a handler is bare or names Exception or BaseException."""
    if handler.type is None:
        return True
    return any(
        isinstance(node, ast.Name) and node.id in {"Exception", "BaseException"}
        for node in ast.walk(handler.type)
    )


def ends_with_raise(handler: ast.ExceptHandler) -> bool:
    """Return whether a handler only cleans up: it raises again what it caught."""
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def prints(path: Path) -> list[str]:
    """Return the calls of print."""
    return [
        f"line {node.lineno}"
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
    ]


def globals_rebound(path: Path) -> list[str]:
    """Return the global statements."""
    return [f"line {n.lineno}" for n in ast.walk(parsed(path)) if isinstance(n, ast.Global)]


BUDGETS: dict[str, Callable[[Path], list[str]]] = {
    "file length": file_too_long,
    "function body": long_bodies,
    "parameters": wide_signatures,
    "print": prints,
    "global": globals_rebound,
}

OFFENCES = {
    "file length": "x = 1\n" * (MAX_FILE_LINES + 1),
    "function body": "def f():\n    'Say.'\n" + "    x = 1\n" * (MAX_BODY_LINES + 1),
    "parameters": "def f(a, b, c, d, *, e, g, h, i, j): ...",
    "print": "def f():\n    print('x')",
    "global": "x = 1\ndef f():\n    global x\n    x = 2",
}


@pytest.mark.parametrize("budget", BUDGETS)
@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_budget_is_kept(path: Path, budget: str):
    """Each module keeps each budget; only the command line may print."""
    if budget == "print" and path.parent.name == "cli":
        return

    assert [] == BUDGETS[budget](path)


def test_broad_excepts_are_few():
    """Whatever catches everything is one of a few boundaries."""
    found = {dotted(path): broad_excepts(path) for path in MODULES if broad_excepts(path)}

    assert sum(map(len, found.values())) <= MAX_BROAD_EXCEPTS, found


@pytest.mark.parametrize("budget", BUDGETS)
def test_budget_bites(tmp_path: Path, budget: str):
    """A planted offence is found."""
    path = tmp_path / "module.py"
    path.write_text(OFFENCES[budget])

    assert BUDGETS[budget](path)


@pytest.mark.parametrize(
    "handler",
    [
        "except:",
        "except Exception:",
        "except Exception as exc:",
        "except BaseException:",
        "except (ValueError, Exception):",
    ],
)
def test_broad_except_is_seen(tmp_path: Path, handler: str):
    """In every spelling."""
    path = tmp_path / "module.py"
    path.write_text(f"try:\n    f()\n{handler}\n    pass\n")

    assert ["line 3"] == broad_excepts(path)


@pytest.mark.parametrize(
    "fine",
    ["def f(self, a, b, c, d, e, g, h, i): ...", "try:\n    f()\nexcept ValueError:\n    pass"],
)
def test_budgets_do_not_bite_for_nothing(tmp_path: Path, fine: str):
    """At the limit is within it."""
    path = tmp_path / "module.py"
    path.write_text(fine)

    assert [] == [found for budget in BUDGETS.values() for found in budget(path)]
    assert [] == broad_excepts(path)


def test_contributors_are_told_the_same_budgets():
    """A number that is said and not held, or held and not said, misleads."""
    told = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text(encoding="utf-8")
    held = f"{MAX_FILE_LINES} lines", f"function {MAX_BODY_LINES}", f"{MAX_PARAMETERS} parameters"

    assert all(each in told for each in held)
