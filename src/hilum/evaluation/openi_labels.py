"""Labels of the Indiana University collection (Open-i, NLM): reports as XML in one archive."""

import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

from hilum.errors import SourceUnreadable
from hilum.evaluation.label_files import TextTable
from hilum.evaluation.label_table import Fact, Key, LabelTable
from hilum.evaluation.public_labels import (
    OPENI_ALSO,
    OPENI_LABELS,
    contained,
    facts_beside,
    renamed,
)
from hilum.files.errors import read_errors

LARGEST_REPORT: Final = 1 << 20
"""Bytes of one report: real ones have some four thousand."""

Report = tuple[str, list[str], str]
"""Patient, images, and automatic MeSH terms in lower case, parted by bars."""


def is_archive(path: Path) -> bool:
    """Whether a file may be that archive."""
    return path.name.lower().endswith((".tgz", ".tar.gz", ".tar"))


def openi_labels(path: Path, others: Mapping[str, TextTable]) -> LabelTable:
    """Read the archive of reports; sex, view and maker are in a second file.

    Raises
    ------
    SourceUnreadable
        It cannot be read, or holds no such report.
    """
    with read_errors(path.name):
        try:
            with tarfile.open(path) as archive:
                reports = list(_reports(archive))
        except (tarfile.TarError, ET.ParseError) as exc:
            raise SourceUnreadable(
                "{name} is no archive of Open-i reports: {why}.",
                "Name NLMCXR_reports.tgz as it was published.",
                name=path.name,
                why=exc,
            ) from exc
    images = [(image, patient, terms) for patient, those, terms in reports for image in those]
    if not images:
        raise SourceUnreadable(
            "{name} holds no Open-i report.",
            "Name NLMCXR_reports.tgz as it was published.",
            name=path.name,
        )
    names = {
        label: tuple(filter(None, (label.lower(), OPENI_ALSO.get(label)))) for label in OPENI_LABELS
    }
    truth = contained([terms for *_, terms in images], names)
    facts = {Fact.PATIENT: [patient for _, patient, _ in images]}
    named = [image for image, *_ in images]
    facts |= facts_beside(
        others.get("Open-i metadata"),
        "imageid",
        named,
        view="View Position",
        sex="Patient's Sex",
        manufacturer="Manufacturer",
        date="Study Date",
    )
    keys = {Key.FILE: named}
    return LabelTable(path.name, renamed(OPENI_LABELS), truth, keys, facts, "Open-i")


def _reports(archive: tarfile.TarFile) -> Iterator[Report]:
    """Yield the reports of an archive; nothing is unpacked to the disk."""
    for member in archive:
        if not member.isfile() or not member.name.endswith(".xml"):
            continue
        file = archive.extractfile(member)
        if file is None or member.size > LARGEST_REPORT:
            continue
        root = ET.fromstring(file.read(LARGEST_REPORT))  # noqa: S314  expat limits entities
        uid = root.find("uId")
        terms = {(node.text or "").lower() for node in root.findall(".//MeSH/automatic")}
        images = [node.attrib.get("id", "") for node in root.findall(".//parentImage")]
        yield uid.attrib.get("id", "") if uid is not None else "", images, "|".join(sorted(terms))
