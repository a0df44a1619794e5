"""Print the software bill of materials of what a node installs: ``python scripts/sbom.py``.

CycloneDX 1.6, JSON: every package of requirements/run.txt with its version, address (purl), licence
and the SHA-256 of the files that pip may take. Run it where these packages are installed: their
licences are read from what they say of themselves.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from hilum import __version__

ROOT = Path(__file__).parents[1]

PINNED = re.compile(r"^([\w.-]+)==([\w.!+-]+)([^\n]*\\?\n(?:    --hash=[^\n]+\n)*)", re.MULTILINE)

CLASSIFIERS = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT-0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
}
"""Trove classifier → SPDX identifier, for packages without PEP 639's expression."""

SPELLED = {"MIT license": "MIT", "3-Clause BSD License": "BSD-3-Clause", "LGPL": "LGPL-3.0-only"}
"""How packages with neither say it."""


@dataclass(frozen=True, slots=True)
class Package:
    """A package as it is locked."""

    name: str
    version: str
    hashes: tuple[str, ...]
    """SHA-256 of each file of that version."""


def locked(requirements: Path = ROOT / "requirements" / "run.txt") -> list[Package]:
    """Return the packages of a requirements file."""
    text = requirements.read_text(encoding="utf-8")
    return [
        Package(name, version, tuple(re.findall(r"sha256:([0-9a-f]{64})", rest)))
        for name, version, rest in PINNED.findall(text)
    ]


def licence_of(name: str) -> str | None:
    """Return the SPDX expression of an installed package; None when it is not installed."""
    try:
        found = distribution(name)
    except PackageNotFoundError:  # it is for another system
        return None
    return next(_said(found), "NOASSERTION")


def _said(package: Distribution) -> Iterator[str]:
    facts = package.metadata
    if expression := facts.get("License-Expression"):
        yield expression
    for classifier in facts.get_all("Classifier") or ():
        known = CLASSIFIERS.get(classifier.rpartition(" :: ")[2])
        if classifier.startswith("License") and known:
            yield known
    plain = (facts.get("License") or "").strip().partition("\n")[0]
    if plain:
        yield SPELLED.get(plain, plain)


def component(package: Package) -> dict[str, Any]:
    """Return one package as CycloneDX has it."""
    address = f"pkg:pypi/{package.name.lower().replace('_', '-')}@{package.version}"
    licence = licence_of(package.name)
    files = [
        {
            "type": "distribution",
            "url": f"https://pypi.org/project/{package.name}/{package.version}/#files",
            "hashes": [{"alg": "SHA-256", "content": each} for each in package.hashes],
        }
    ]
    made: dict[str, Any] = {
        "type": "library",
        "bom-ref": address,
        "name": package.name,
        "version": package.version,
        "purl": address,
        "externalReferences": files,
    }
    return made if licence is None else {**made, "licenses": [{"expression": licence}]}


def bill() -> dict[str, Any]:
    """Return the whole document; the same packages give the same document."""
    packages = [component(package) for package in locked()]
    address = f"pkg:pypi/hilum@{__version__}"
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": address,
                "name": "hilum",
                "version": __version__,
                "purl": address,
                "licenses": [{"expression": "Apache-2.0"}],
            }
        },
        "components": packages,
        "dependencies": [{"ref": address, "dependsOn": [each["bom-ref"] for each in packages]}],
    }


if __name__ == "__main__":
    print(json.dumps(bill(), indent=1))
