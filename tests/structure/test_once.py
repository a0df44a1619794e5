"""What is written once stays once: a second copy has to be the first one."""

import ast
import re
from pathlib import Path

import pytest

from source_tree import SOURCE

HOMES = {
    r"\bpopitem\(": {"runtime/caches.py"},
    r"\b(sched_getaffinity|cpu_count|process_cpu_count)\b": {"runtime/cores.py"},
    r"\b9(0[1-9]|1[0-9])\b": {"encode/kinds.py"},
    r"\.errors\(\)\[0\]": {"settings/section.py"},
    r"\b_?(aside|part)\.replace\(": {"files/atomic.py", "predict/download.py"},  # goes on later
    r"\bdeadline = .*monotonic\(\) \+": {"runtime/waits.py", "node/inference_pool.py"},  # a future
    r"\bmin\([^()]*\* ?wait_s|\bwait_s ?\*=": {"runtime/waits.py"},
}
"""What a second copy would say → the modules that may."""


def copies(pattern: str, source: Path = SOURCE) -> set[str]:
    """Return the modules whose code says something; comments do not count."""
    return {
        path.relative_to(source).as_posix()
        for path in source.rglob("*.py")
        if re.search(pattern, ast.unparse(ast.parse(path.read_text(encoding="utf-8"))))
    }


COPIES = {
    "kept.popitem(last=False)",
    "count = os.cpu_count() or 1",
    "SERIES = 908",
    "why = exc.errors()[0]['msg']",
    "aside.replace(path)",
    "deadline = time.monotonic() + 3",
    "wait_s = min(2 * wait_s, LONGEST)",
}


@pytest.mark.parametrize("pattern", HOMES)
def test_each_has_one_home(pattern: str):
    """Nobody else does by hand what its home does."""
    assert HOMES[pattern] == copies(pattern)


@pytest.mark.parametrize("copy", sorted(COPIES))
def test_second_copy_is_seen(tmp_path: Path, copy: str):
    """The check bites."""
    (tmp_path / "gate.py").write_text(copy)

    assert [{"gate.py"}] == [found for each in HOMES if (found := copies(each, tmp_path))]
