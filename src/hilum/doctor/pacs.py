"""The PACS: the program that is to be started, and whatever answers at its address."""

import re
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from hilum.doctor import dicomweb
from hilum.doctor.check import CheckResult, ok, problem, warning
from hilum.doctor.node import running
from hilum.errors import PacsError
from hilum.language import Message
from hilum.pacs import credentials
from hilum.pacs.credentials import PacsAddress
from hilum.pacs.orthanc.client import Orthanc
from hilum.pacs.orthanc.configuration import plugins
from hilum.pacs.orthanc.process import find_program
from hilum.settings import PacsKind, Settings

ANSWER_S: Final = 5.0
"""Seconds to wait for one answer; whoever asks the doctor does not want to wait longer."""

OLDEST: Final = (1, 10)
"""Orthanc of Debian 12, the oldest that hilum was tried with."""

ADVISORIES: Final = (
    ((1, 12), "CVE-2023-33466 (June 2023)"),
    ((1, 12, 11), "CVE-2026-5437 to CVE-2026-5445 (CERT/CC, April 2026)"),
)
"""The first version without it → what was published; as of November 2026."""

PLUGINS: Final = {"dicom-web": Message("OHIF shows nothing without it")}
"""Plug-ins → what is amiss without them."""

SKEW_S: Final = 5.0
"""Seconds that two clocks may differ; Orthanc tells whole seconds only."""

NOT_STARTED: Final = Message("not checked: the node, which starts it, is not running")


def program(settings: Settings) -> Iterator[CheckResult]:
    """Say which Orthanc would be started, with its plug-ins."""
    if settings.pacs.url is not None:
        yield ok("not needed: the PACS of the settings runs elsewhere")
        return
    path = find_program(settings.pacs.program)
    version = version_of(path)
    yield ok("{path}, version {version}", path=path, version=version)
    yield from advisories(version)
    needed = plugins(transcodes=settings.node.forward_images)
    yield ok("plug-ins {names}", names=", ".join(plugin.stem for plugin in needed))


def advisories(version: str) -> Iterator[CheckResult]:
    """Say which published advisories are about this version of Orthanc."""
    numbers = _numbers(version)
    known = [text for fixed, text in ADVISORIES if numbers and numbers < fixed]
    if known:
        yield warning(
            "Orthanc {version} has known advisories: {known}",
            "Install Orthanc 1.12.11 or newer, e.g. with Docker Compose; Debian fixes some in "
            "its package without a new version number (apt-get changelog orthanc).",
            version=version,
            known="; ".join(known),
        )


def _in_the_open(address: PacsAddress) -> Iterator[CheckResult]:
    """Say that a password is sent to a server that nobody told apart."""
    if address.auth is not None and address.url.startswith("http:"):
        yield warning(
            "the password or token is sent to {url} unencrypted, and nothing proves which server "
            "answers there",
            "Set pacs.url to https:// and pacs.ca_file to the server's authority, or to its own "
            "certificate; inside a container network it may stay as it is.",
            url=address.url,
        )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


def version_of(path: str) -> str:
    """Return what the program says of its version, "unknown" when it says nothing."""
    try:
        said = subprocess.run(
            [path, "--version"], capture_output=True, text=True, check=False, timeout=ANSWER_S
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    found = re.search(r"\d+(\.\d+)+|mainline", said)
    return found[0] if found else "unknown"


def rest(settings: Settings) -> Iterator[CheckResult]:
    """Say whether the PACS answers and accepts the password, its version, and its clock."""
    if _not_started(settings):
        yield ok(NOT_STARTED)
        return
    address = credentials.load(settings)
    if settings.pacs.kind is PacsKind.DICOMWEB:
        yield from dicomweb.checks(settings, address)
        yield from _in_the_open(address)
        return
    with address.orthanc(timeout_s=min(ANSWER_S, settings.pacs.timeout_s)) as orthanc:
        began = time.monotonic()
        version = str(orthanc.system()["Version"])
        took = time.monotonic() - began
        yield ok(
            "{url} answers in {took:.0f} ms, authentication OK: Orthanc {version}",
            url=address.url,
            took=took * 1000,
            version=version,
        )
        numbers = _numbers(version)
        if settings.pacs.url is not None:
            yield from advisories(version)
            yield from _in_the_open(address)
        if numbers and numbers < OLDEST:
            yield warning(
                "Orthanc {version} is older than any version tested with hilum",
                "Install 1.10 or newer.",
                version=version,
            )
        yield from _plugins(orthanc)
        yield from _clock(orthanc)


def dicom(settings: Settings) -> Iterator[CheckResult]:
    """Say whether the DICOM port takes our association and answers a C-ECHO."""
    if settings.pacs.kind is PacsKind.DICOMWEB:
        yield ok("not needed: hilum reaches this archive over DICOMweb alone")
        return
    if _not_started(settings):
        yield ok(NOT_STARTED)
        return
    try:
        target = credentials.load(settings).echo(timeout_s=ANSWER_S)
    except PacsError as exc:
        if settings.pacs.url is None:
            raise
        # the node itself speaks HTTP with it: only who sends images is concerned
        yield warning(Message.clause(exc.problem), exc.remedy)
    else:
        yield ok("{target} answers C-ECHO", target=target)


def _not_started(settings: Settings) -> bool:
    return settings.pacs.url is None and running(settings) is None


def _plugins(orthanc: Orthanc) -> Iterator[CheckResult]:
    there = {str(name) for name in orthanc.json("GET", "/plugins")}
    for name, without in PLUGINS.items():
        if name not in there:
            yield warning(
                "the PACS has no plug-in {name}: {why}",
                "Install orthanc-{package} there and start it again.",
                name=name,
                why=without,
                package=name.replace("-", ""),
            )
    if not PLUGINS.keys() - there:
        yield ok("plug-ins {names}", names=", ".join(sorted(there)))


def _clock(orthanc: Orthanc) -> Iterator[CheckResult]:
    """Compare the clocks (``/tools/now``: UTC, to the second)."""
    said = orthanc.request("GET", "/tools/now").text.strip()
    try:
        theirs = datetime.strptime(said, "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        yield warning("the PACS does not report its time", "Check its clock by hand.")
        return
    skew = (datetime.now(UTC) - theirs).total_seconds()
    if abs(skew) > SKEW_S:
        yield problem(
            "the clocks of this machine and the PACS differ by {skew:.0f} s",
            "Synchronize both with the same time server (NTP).",
            skew=abs(skew),
        )
    else:
        yield ok("clocks agree")
