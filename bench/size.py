"""What a node installs: its run-time dependencies and theirs, as they lie on this disk.

``python -m bench.size`` lists them, the largest first.
"""

import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from bench.row import Row

ROOT = Path(__file__).parents[1]
MOST_MB = 430


def rows() -> Iterator[Row]:
    """Measure what lies in the environment that this runs in."""
    sizes = megabytes()
    yield Row(
        "installed for a node, its own code included", sum(sizes.values()), "MB", limit=MOST_MB
    )
    yield Row("packages", len(sizes), "")


def megabytes() -> dict[str, float]:
    """Return the size of every package of a node, by its name; compiled files count."""
    sizes = {"hilum": size_of([*(ROOT / "src").rglob("*")])}
    waiting = [Requirement(each) for each in project()["dependencies"]]
    while waiting:
        wanted = waiting.pop()
        name = canonicalize_name(wanted.name)
        extras = {"", *wanted.extras}
        if not any(wanted.marker is None or wanted.marker.evaluate({"extra": e}) for e in extras):
            continue
        try:
            found = distribution(name)
        except PackageNotFoundError:
            continue  # for another system
        waiting += [
            each
            for each in map(Requirement, found.requires or ())
            if name not in sizes or extras != {""}
            if each.marker is None or any(each.marker.evaluate({"extra": e}) for e in extras)
        ]
        sizes[name] = size_of([Path(str(file.locate())) for file in found.files or ()])
    return sizes


def project() -> dict[str, list[str]]:
    """Return the project's own description."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        described: dict[str, list[str]] = tomllib.load(file)["project"]
    return described


def size_of(files: list[Path]) -> float:
    """Return how much files take, in MB."""
    return sum(path.stat().st_size for path in set(files) if path.is_file()) / 1e6


if __name__ == "__main__":
    for package, size in sorted(megabytes().items(), key=lambda item: -item[1]):
        print(f"{size:8.1f} MB  {package}")
