"""Draw the layout into CONTRIBUTING.md from the source: ``python scripts/layout_picture.py``."""

import ast
from collections.abc import Iterator, Mapping
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "hilum"
PAGE = ROOT / "CONTRIBUTING.md"

BEGIN = "<!-- layout: written by scripts/layout_picture.py -->"
END = "<!-- end of layout -->"

BASE = "base"
"""What any package may import: the modules at the root but the pipeline, and `SHARED`."""

SHARED = frozenset({"files", "language", "runtime", "settings", "values"})
PIPELINE = "pipeline"

Layout = Mapping[str, frozenset[str]]


def package_of(path: Path, source: Path = SOURCE) -> str:
    """Return the package that a module counts as; modules at the root are `BASE`."""
    first = path.relative_to(source).parts[0]
    if first == "__main__.py":
        return "cli"
    if first.endswith(".py"):
        return PIPELINE if first == f"{PIPELINE}.py" else BASE
    return BASE if first in SHARED else first


def layout(source: Path = SOURCE) -> Layout:
    """Return package → packages that it imports, base and itself left out; lowest first."""
    found: dict[str, set[str]] = {}
    for path in sorted(source.rglob("*.py")):
        known = {package_of(each, source) for each in imported_files(path, source)}
        found.setdefault(package_of(path, source), set()).update(known)
    packages = {name: frozenset(known - {name, BASE}) for name, known in found.items()}
    del packages[BASE]
    order = TopologicalSorter(packages)
    order.prepare()
    lowest_first: list[str] = []
    while order.is_active():
        level = sorted(order.get_ready())
        lowest_first += level
        order.done(*level)
    return {name: packages[name] for name in lowest_first}


def imported_files(path: Path, source: Path) -> Iterator[Path]:
    """Yield the modules of ours that a module imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            parts = name.split(".")
            if parts[0] != "hilum" or len(parts) == 1:
                continue
            yield source / parts[1] if (source / parts[1]).is_dir() else source / f"{parts[1]}.py"


def reduced(packages: Layout) -> Layout:
    """Return the layout without what follows from other imports, so that it can be drawn."""
    below: dict[str, set[str]] = {}
    for name, known in packages.items():
        below[name] = set(known).union(*(below[each] for each in known))
    return {
        name: frozenset(
            each for each in known if not any(each in below[other] for other in known - {each})
        )
        for name, known in packages.items()
    }


def purpose(name: str) -> str:
    """Return the first line of a package's docstring."""
    path = SOURCE / f"{name}.py" if name == PIPELINE else SOURCE / name / "__init__.py"
    said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return said.splitlines()[0]


def picture() -> str:
    """Return the section of CONTRIBUTING.md, markers included."""
    packages = layout()
    lines = [BEGIN, "", "```mermaid", "flowchart BT"]
    for name, known in sorted(reduced(packages).items()):
        lines += [f"  {each} --> {name}" for each in sorted(known)]
    alone = set(packages) - {n for n, k in packages.items() if k} - set().union(*packages.values())
    lines += [f"  {name}" for name in sorted(alone)]
    lines += ["```", "", "| package | imports | what it is |", "|---|---|---|"]
    for name, known in sorted(packages.items(), key=lambda each: each[0]):
        lines.append(f"| `{name}` | {' '.join(sorted(known)) or '–'} | {purpose(name)} |")
    return "\n".join([*lines, "", END])


def main() -> None:
    """Write the section into the page."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(before + picture() + after, encoding="utf-8")


if __name__ == "__main__":
    main()
