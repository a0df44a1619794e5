"""Print a software bill of materials (CycloneDX 1.6, JSON): ``python scripts/sbom.py [--image]``.

Of what a node installs: every package of requirements/run.txt with its version, address (purl),
licence and the SHA-256 of the files that pip may take. Run it where these packages are installed:
their licences are read from what they say of themselves.

With ``--image``, of the system that it runs in: every Debian package, every package of this Python,
and OHIF. The Dockerfile writes it to /usr/share/doc/hilum/sbom.cdx.json.
"""

import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution, distributions
from pathlib import Path
from typing import Any
from urllib.parse import quote

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

PARTS = {"fido2": "BSD-2-Clause AND Apache-2.0 AND MPL-2.0"}
"""Packages whose licences are files only."""

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
    if said := PARTS.get(facts["Name"]):
        yield said
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
    }
    if package.hashes:
        made["externalReferences"] = files
    return made if licence is None else {**made, "licenses": [{"expression": licence}]}


def _debian(system: dict[str, str]) -> list[dict[str, Any]]:
    """Return the Debian packages, with the source package under which faults are reported."""
    fields = ("Package", "Version", "Architecture", "source:Package", "source:Version")
    form = "\t".join(f"${{{field}}}" for field in fields) + "\t${db:Status-Abbrev}\n"
    listed = subprocess.run(
        ["dpkg-query", "--show", f"--showformat={form}"], capture_output=True, text=True, check=True
    ).stdout
    rows = [line.split("\t") for line in sorted(listed.splitlines())]
    return [_debian_package(system, row) for row in rows if row.pop().startswith("ii")]


def _debian_package(system: dict[str, str], row: list[str]) -> dict[str, Any]:
    name, version, kind, source, source_version = row
    upstream = source if source_version == version else f"{source}@{source_version}"
    more = {"arch": kind, "distro": f"{system['ID']}-{system.get('VERSION_ID', 'sid')}"}
    if upstream != name:
        more["upstream"] = upstream
    said = "&".join(f"{key}={quote(value, safe='')}" for key, value in more.items())
    at = quote(version, safe=":")  # purl: a colon is never encoded
    address = f"pkg:deb/{system['ID']}/{quote(name)}@{at}?{said}"
    made = {"type": "library", "bom-ref": address, "name": name, "version": version}
    return {**made, "purl": address}


def _ohif() -> list[dict[str, Any]]:
    """Return the viewer, where the page has one."""
    folder = os.environ.get("HILUM_PAGE__OHIF_FOLDER")
    if not folder or not (Path(folder) / "index.html").is_file():
        return []
    wanted = json.loads((ROOT / "viewer" / "package.json").read_text(encoding="utf-8"))
    version = wanted["dependencies"]["@ohif/app"]
    address = f"pkg:npm/%40ohif/app@{version}"
    made = {"type": "application", "bom-ref": address, "name": "@ohif/app", "version": version}
    return [{**made, "purl": address, "licenses": [{"expression": "MIT"}]}]


def image_bill() -> dict[str, Any]:
    """Return the document of the system that this runs in; the same packages give the same one."""
    system = platform.freedesktop_os_release()
    python = [
        component(Package(each.metadata["Name"], each.version, ()))
        for each in sorted(distributions(), key=lambda each: each.metadata["Name"].lower())
        if each.metadata["Name"].lower() != "hilum"
    ]
    base = {
        "type": "operating-system",
        "bom-ref": f"os:{system['ID']}",
        "name": system["ID"],
        "version": system.get("VERSION_ID", "sid"),
        "description": system["PRETTY_NAME"],
    }
    return bill([base, *_debian(system), *python, *_ohif()])


def bill(parts: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """Return the whole document; the same packages give the same document.

    Parameters
    ----------
    parts
        What it lists; None: what a node installs.
    """
    packages = [component(package) for package in locked()] if parts is None else parts
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
    print(json.dumps(image_bill() if "--image" in sys.argv else bill(), indent=1))
