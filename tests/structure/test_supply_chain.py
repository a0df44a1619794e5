"""What a node installs is listed, and under licences that a hospital and a vendor can take."""

import re
import runpy
from pathlib import Path
from typing import Any

import pytest

from source_tree import SOURCE

ROOT = SOURCE.parents[1]
SBOM = runpy.run_path(str(ROOT / "scripts" / "sbom.py"))

FREE = {
    *("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT", "MIT-0"),
    *("MIT-CMU", "MPL-2.0", "PSF-2.0", "Unlicense", "Zlib"),
}
"""Licences that ask for no more than a notice, or for changes of the file itself (MPL)."""

LIBRARIES = {
    "pebble": "LGPL-3.0-only",
    "psycopg": "LGPL-3.0-only",
    "psycopg-binary": "LGPL-3.0-only",
}
"""Used as they are, from their own packages, which anybody can replace."""

LICENCES = {package.name: SBOM["licence_of"](package.name) for package in SBOM["locked"]()}


@pytest.mark.parametrize("name", [name for name, said in LICENCES.items() if said is not None])
def test_licences_are_known_and_allowed(name: str):
    """Of each package, in every part of what it says."""
    said = re.sub(r"\b(AND|OR|WITH)\b|[()]", " ", LICENCES[name]).split()

    assert LIBRARIES.get(name) == LICENCES[name] or set(said) <= FREE


@pytest.fixture(scope="module")
def bill() -> dict[str, Any]:
    return SBOM["bill"]()


def test_bill_of_materials_lists_what_is_locked(bill: dict[str, Any]):
    """Every package of the lock, once for each version, with the hashes that pip checks."""
    locked = (ROOT / "requirements" / "run.txt").read_text(encoding="utf-8")
    pins = re.findall(r"^([\w.-]+)==([\w.]+)", locked, flags=re.MULTILINE)
    listed = [(each["name"], each["version"]) for each in bill["components"]]
    hashes = [
        h["content"] for c in bill["components"] for h in c["externalReferences"][0]["hashes"]
    ]

    assert sorted(pins) == sorted(listed)
    assert sorted(re.findall(r"sha256:(\w{64})", locked)) == sorted(hashes)
    assert len({each["bom-ref"] for each in bill["components"]}) == len(listed) > 50


def test_bill_of_materials_is_cyclonedx(bill: dict[str, Any]):
    """What CycloneDX 1.6 asks for, and references that lead somewhere."""
    root = bill["metadata"]["component"]
    (edges,) = bill["dependencies"]

    assert ("CycloneDX", "1.6") == (bill["bomFormat"], bill["specVersion"])
    assert root["bom-ref"] == edges["ref"]
    assert edges["dependsOn"] == [each["bom-ref"] for each in bill["components"]]
    assert all(re.fullmatch(r"pkg:pypi/[a-z0-9.-]+@.+", c["purl"]) for c in bill["components"])


def test_bill_of_an_image_lists_its_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Debian's packages with the source that fixes are told of, this Python's, and OHIF."""
    rows = (
        "libssl3t64\t3.5.1-1+deb13u1\tamd64\topenssl\t3.5.1-1+deb13u1\tii \n"
        "bsdutils\t1:2.41-5\tamd64\tutil-linux\t2.41-5\tii \n"
        "gone\t1\tall\tgone\t1\trc \n"
    )
    program = tmp_path / "dpkg-query"
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{rows}END\n")
    program.chmod(0o755)
    (tmp_path / "index.html").touch()
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setenv("HILUM_PAGE__OHIF_FOLDER", str(tmp_path))
    debian = {"ID": "debian", "VERSION_ID": "13", "PRETTY_NAME": "Debian GNU/Linux 13 (trixie)"}
    monkeypatch.setattr("platform.freedesktop_os_release", lambda: debian)
    made = SBOM["image_bill"]()
    system, *parts = made["components"]
    addresses = [each["purl"] for each in parts]

    assert ("operating-system", "debian", "13") == (
        system["type"],
        system["name"],
        system["version"],
    )
    assert [
        "pkg:deb/debian/bsdutils@1:2.41-5?arch=amd64&distro=debian-13&upstream=util-linux%402.41-5",
        "pkg:deb/debian/libssl3t64@3.5.1-1%2Bdeb13u1?arch=amd64&distro=debian-13&upstream=openssl",
    ] == addresses[:2]
    assert any(each.startswith("pkg:pypi/fastapi@") for each in addresses)
    assert addresses[-1].startswith("pkg:npm/%40ohif/app@")
    assert len(set(addresses)) == len(addresses)


def test_every_image_has_its_bill():
    """Written after its last package came."""
    stages = (ROOT / "Dockerfile").read_text(encoding="utf-8").split("\nFROM ")
    for stage in stages:
        if "USER 10001" in stage:
            last = stage.rindex("apt-get install")
            assert last < stage.index("sbom.py --image >/usr/share/doc/hilum/sbom.cdx.json")


def test_security_page_says_how_to_report():
    """Where people and scanners look for it."""
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")

    assert "docs/threat-model.md" in text
    assert "scripts/sbom.py" in text
