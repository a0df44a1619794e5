"""A DICOMweb archive: whether it answers, and what it does of what hilum and OHIF use."""

import time
from collections.abc import Iterator
from contextlib import closing
from typing import Final

from hilum.doctor.check import CheckResult, ok, warning
from hilum.language import Message
from hilum.pacs.credentials import PacsAddress
from hilum.pacs.dicomweb.client import SERIES, STUDY, DicomWeb, path_of, text
from hilum.settings import Settings

ANSWER_S: Final = 5.0
"""Seconds to wait for one answer."""


def checks(settings: Settings, address: PacsAddress) -> Iterator[CheckResult]:
    """Say whether the archive answers and lets us in, and what it can do."""
    timeout_s = min(ANSWER_S, settings.pacs.timeout_s)
    with closing(address.dicomweb_archive(timeout_s=timeout_s)) as archive:
        began = time.monotonic()
        software = archive.capabilities().software
        yield ok(
            "{url} answers in {took:.0f} ms, authentication OK: {software}",
            url=address.url,
            took=(time.monotonic() - began) * 1000,
            software=software,
        )
        can = archive.web.abilities
        turns = can.pages and can.turns and _turns_pages(archive.web)
        done = (
            (Message("page by page"), turns),
            (Message("with the number of images"), can.fields),
        )
        said = ", ".join(name for name, does in done if does) or Message("the least there is")
        yield ok("searches: {what}", what=said)
        if not turns:
            yield warning(
                "the archive does not search page by page, or holds one study only",
                "If it holds more, set dicomweb.sweep_days so that a search finds few enough.",
            )
        yield from _viewed(archive.web)
    if settings.node.forward_to:
        yield warning(
            "node.forward_to has no effect: results are sent on by an Orthanc only",
            "Let the archive send them on.",
        )


def _turns_pages(web: DicomWeb) -> bool:
    """Whether the second study is another one than the first."""
    first, second = (web.first("studies", limit="1", offset=each) for each in "01")
    return bool(first and second) and text(first[0], STUDY) != text(second[0], STUDY)


def _viewed(web: DicomWeb) -> Iterator[CheckResult]:
    """Ask for the metadata of a series, as a viewer does."""
    for study in web.first("studies", limit="1")[:1]:
        uid = text(study, STUDY)
        listed = web.first(path_of(uid))
        if not listed:
            yield warning(
                "the archive lists no series of a study: hilum finds no image there",
                "Allow searches below /studies/…/series.",
            )
        for series in listed[:1]:
            path = path_of(uid, text(series, SERIES)).replace("/instances", "/metadata")
            if web.ask("GET", path).is_success:
                yield ok("has the metadata that OHIF needs")
            else:
                yield warning(
                    "the archive has no metadata (WADO-RS): OHIF shows nothing",
                    "Use the pictures of the page, or a viewer of the archive's own.",
                )
