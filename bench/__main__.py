"""``python -m bench``: run the benchmarks, print the table, keep it as JSON and as a picture."""

import argparse
import importlib
import json
import os
import pkgutil
import platform
import sys
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import bench
from bench.picture import draw
from bench.row import Row, line

RESULTS = Path(__file__).parent / "results"

TOOLS = ("soak", "first_use", "in_container")
"""Modules without rows: they pass or fail."""

LONG_ONES = ("dataset", "instructions", "load", "scale")
"""Modules that do something else when they are given options."""


def names() -> list[str]:
    """Return the modules that measure something."""
    found = []
    for module in pkgutil.iter_modules(bench.__path__):
        if not module.name.startswith("_"):
            source = Path(bench.__path__[0], f"{module.name}.py").read_text(encoding="utf-8")
            if "\ndef rows(" in source:
                found.append(module.name)
    return found


def machine() -> str:
    """Return which machine this is, in words."""
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    return f"{cpu}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"


def measured(chosen: list[str]) -> Iterator[tuple[str, Row]]:
    """Run the chosen benchmarks, print each row as it comes, and yield it."""
    for name in chosen:
        print(f"\n{name}", flush=True)
        for row in importlib.import_module(f"bench.{name}").rows():
            print("  " + line(row), flush=True)
            yield name, row


def main() -> int:
    """Run and report; the status says whether the benchmarks ran, with --check what they found."""
    tool, *options = sys.argv[1:] or [""]
    if tool in TOOLS or (tool in LONG_ONES and options):
        return int(importlib.import_module(f"bench.{tool}").main(options))
    parser = argparse.ArgumentParser(prog="python -m bench", description=bench.__doc__)
    parser.add_argument("name", nargs="*", choices=[*names(), []], help="what to measure")
    parser.add_argument(
        "--check", action="store_true", help="status 1 when what is claimed is not kept"
    )
    given = parser.parse_args()
    chosen = given.name or names()
    when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    print(f"{machine()}, {when}")
    found = list(measured(chosen))
    RESULTS.mkdir(exist_ok=True)
    document = {
        "machine": machine(),
        "when": when,
        "rows": [
            {"bench": name, **asdict(row), "ratio": row.ratio, "kept": row.kept}
            for name, row in found
        ],
    }
    (RESULTS / "bench.json").write_text(json.dumps(document, indent=1), encoding="utf-8")
    draw([row for _, row in found], f"{machine()}, {when}", RESULTS / "bench.png")
    print(f"\nwritten to {RESULTS / 'bench.json'} and bench.png")
    short = [row.what for _, row in found if row.kept is False]
    if given.check and (short or not found):
        print(f"not kept: {'; '.join(short) or 'nothing was measured'}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
