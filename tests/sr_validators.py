"""The public validators of DICOM files, and what each is known to say without reason."""

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

KNOWN_WARNINGS = (
    # The private coding scheme: the tool knows the public ones only.
    r"CodingSchemeDesignator\(0008,0102\)\[1\]> - Unrecognized defined term = <99TXRV>",
    r"CodingSchemeUID\(0008,010c\)\[1\]> - Unrecognized defined term = <2\.25\.",
    # IHE AI Results asks for it; the tool's edition of the standard has it elsewhere only.
    r"DeviceUID\(0018,1002\)> - Attribute is not present in standard DICOM IOD",
    # Copied from the real chest radiograph, whose referring physician is "ward".
    r"ReferringPhysicianName\(0008,0090\)\[1\]> - Value dubious for this VR \[PN\] = <ward>",
    # Empty Type 2 attributes matter in a DICOMDIR only.
    r"Missing attribute or value that would be needed to build DICOMDIR",
)
"""What dciodvfy warns of in files that are right."""

PIXELMED = Path("/usr/share/java/pixelmed.jar")
"""Debian's package libpixelmed-java."""


def objections(path: Path) -> list[str]:
    """Return what dciodvfy says against a file, beyond the known warnings."""
    told = run("dciodvfy", "-new", path)
    lines = [line for line in told.splitlines() if line.startswith(("Error", "Warning"))]
    return [line for line in lines if not any(re.search(k, line) for k in KNOWN_WARNINGS)]


def disagreements(*paths: Path) -> list[str]:
    """Return in what the files of one study differ about patient and study, told by dcentvfy.

    The tool's own table counts Accession Number to two entities, so it always differs there;
    an attribute that the image lacks and that reports must have, empty, is no difference.
    """
    known = ("Element=<AccessionNumber>", "Attribute present in one instance but not the other")
    lines = run("dcentvfy", *paths).splitlines()
    return [line for line in lines if line and not any(text in line for text in known)]


def suspicions(path: Path) -> list[str]:
    """Return what DCMTK's dcmpschk says against any attribute's value.

    It doubts years after its own time, which is where de-identification shifts dates.
    """
    told = re.findall(r"^[EW]: (?:Error|Warning): (.*)$", run("dcmpschk", path), re.MULTILINE)
    return [line for line in told if not line.startswith("Dubious date (year")]


def dump(path: Path) -> str:
    """Return dsrdump's rendering of a report; a report that it rejects fails the test."""
    return run("dsrdump", path)


def run(program: str, *arguments: str | Path) -> str:
    """Return what a program prints, both streams.

    Another exit status than 0 fails the test, but for dicom3tools, which tell by it too.
    """
    done = subprocess.run(
        [program, *map(str, arguments)], capture_output=True, check=False, timeout=120
    )
    told = (done.stdout + done.stderr).decode("utf-8", "replace")
    assert program in {"dciodvfy", "dcentvfy"} or done.returncode == 0, told
    return told


def pixelmed(paths: Sequence[Path]) -> dict[Path, list[str]]:
    """Return PixelMed's errors about each report; skips where it is not installed."""
    if not PIXELMED.exists():
        pytest.skip("PixelMed's validator (Debian package libpixelmed-java) is not installed")
    limits = [f"-Djdk.xml.xpath{kind}Limit=0" for kind in ("TotalOp", "ExprGrp", "ExprOp")]
    short_lived = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]  # half of the processor time
    command = ["java", "-Xss512m", *short_lived, *limits, "-cp", str(PIXELMED)]
    found = {}
    for path in paths:
        told = run(*command, "com.pixelmed.validate.DicomSRValidator", path)
        found[path] = [line for line in told.splitlines() if "Error" in line]
    return found
