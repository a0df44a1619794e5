"""What a library logs, taken from its source code and without any value.

A message that is made is text with values in it, and a value may come from a data set.
The source holds the same text with gaps. `logging` has that text only where a library leaves
the values to it (``record.msg`` with ``record.args``); pydicom and pynetdicom mostly do not.
"""

import ast
import linecache
import re
import textwrap
from functools import lru_cache
from typing import Final

MOST_LINES: Final = 20
"""Lines of source that one call of a logger takes at most."""

LONGEST: Final = 200
"""Characters of a text that are of use."""

GAP: Final = "…"
"""Replacement for a value."""

PLACEHOLDER: Final = re.compile(r"%(\(\w+\))?[-+ #0-9.*]*[a-zA-Z]")
"""Where a value goes in a text for ``%`` (printf-style)."""

LEVELS: Final = frozenset({"warning", "warn", "error", "exception", "critical", "log"})
"""Methods of a logger that are heard."""


@lru_cache(maxsize=1024)
def words_of(file: str, line: int) -> str:
    """Return the constant words of the call of a logger at one place.

    Parameters
    ----------
    line
        Where the call begins, from 1.

    Returns
    -------
    str
        The words with `GAP` for each value; empty where the source is not there or makes
        its text somewhere else.
    """
    lines = linecache.getlines(file)
    for end in range(line, min(line + MOST_LINES, len(lines)) + 1):
        try:
            tree = ast.parse(textwrap.dedent("".join(lines[line - 1 : end])))
        except SyntaxError:
            continue
        calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
        said = (_message(call) for call in calls)
        text = next((words for words in said if words), "")
        return " ".join(PLACEHOLDER.sub(GAP, text).split())[:LONGEST]
    return ""


def _message(call: ast.Call) -> str:
    """Return the constant words of a logger's call, empty when it is none."""
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in LEVELS:
        return ""
    texts = call.args[1:] if call.func.attr == "log" else call.args
    return _constant(texts[0]) if texts else ""


def _constant(node: ast.expr) -> str:
    """Return the words of an expression, with a gap for each value."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else GAP
    if isinstance(node, ast.JoinedStr):
        return "".join(_constant(part) for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _constant(node.left) + _constant(node.right)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        return _constant(node.left)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return _constant(node.func.value) if node.func.attr in {"format", "strip"} else GAP
    return GAP
