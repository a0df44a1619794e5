"""Whose is it? Only who has the site's key and the node's records can tell."""

from collections.abc import Iterator, Mapping
from typing import Final

from hilum.export.key import Pseudonyms, SiteKey, person, reader_word
from hilum.language import Message
from hilum.records import Connection, releases, reviews
from hilum.records.keys import uids_of
from hilum.records.releases import ExportQuery

NAMES: Final[Mapping[str, str]] = {
    "patient": Message("Patient ID"),
    "accession": Message("Accession number"),
    "study": "Study Instance UID",
    "series": "Series Instance UID",
    "image": "SOP Instance UID",
    "reader": Message("Reader"),
}
"""What a pseudonym may stand for → its word."""


def originals(
    connection: Connection, archive: str, key: SiteKey, pseudonym: str
) -> Iterator[tuple[str, str, str]]:
    """Yield what a pseudonym stands for: one of `NAMES`, its value, and a study that has it.

    A patient's pseudonym is found in each of the patient's studies.
    """
    seen = set()
    for row in releases.images(connection, archive, ExportQuery(), every_one=True):
        uids = uids_of(row)
        whose = person(row.patient_id, row.issuer, row.birth_date, uids.study_instance_uid)
        called = Pseudonyms.of(key, uids, whose, row.accession_number)
        study, series, image = called.uids
        for kind, made, said in (
            ("patient", called.patient, row.patient_id),
            ("accession", called.accession, row.accession_number),
            ("study", study, uids.study_instance_uid),
            ("series", series, uids.series_instance_uid),
            ("image", image, uids.sop_instance_uid),
            ("image", called.image, uids.sop_instance_uid),
        ):
            found = (kind, said, uids.study_instance_uid)
            if made == pseudonym and found not in seen:
                seen.add(found)
                yield found
    for name in reviews.readers(connection, archive):
        if reader_word(key, name) == pseudonym:
            yield "reader", name, ""
