"""Two studies of one patient, of which a limited person sees one."""

import re
from datetime import UTC, datetime

import httpx
from pydicom import Dataset
from pydicom.uid import generate_uid

from hilum.records import accounts, reviews
from hilum.records.accounts import Role
from hilum.records.review import Review
from hilum.web.context import WebContext
from page_studies import add_read, chest
from web_context import Page, token_of


def study_of(institution: str, seed: int) -> Dataset:
    """Return an image of the one patient, made in an institution."""
    image = chest(seed)
    image.PatientID, image.PatientName = "one-patient", "Doe^Jane"
    image.PatientBirthDate, image.PatientSex = "19600101", "F"
    image.InstitutionName = institution
    image.AccessionNumber = f"ACC{institution}"
    image.StudyDescription = f"Chest at {institution}"
    return image


def add_hidden(web: WebContext) -> Dataset:
    """Add a study that is not of the allowed institution, with a review."""
    image = study_of("Elsewhere", 5)
    shown = add_read(web, image)
    with web.database.transaction() as connection:
        given = Review(
            *shown.job.uids,
            datetime.now(UTC),
            "somebody.else",
            "m",
            "0" * 64,
            (),
            ("Rarissima",),
            "whispered",
            str(generate_uid()),
        )
        reviews.add(connection, web.archive, given)
    return image


def add_allowed(web: WebContext) -> Dataset:
    """Add a study of the allowed institution, that was read."""
    image = study_of("Here", 4)
    add_read(web, image)
    return image


def limited_browser(page: Page, role: Role) -> httpx.Client:
    """Return the browser of somebody who may do much, in the studies of one place."""
    client = page.signed_in(role, f"limited.{role}")
    with page.web.database.transaction() as connection:
        accounts.set_limits(connection, f"limited.{role}", ["institution=here"])
    client.headers["x-csrf-token"] = token_of(client, "/account")
    return client


def named(address: str, hidden: Dataset, allowed: Dataset, *, unknown: bool = False) -> str:
    """Return an address with the UIDs of the hidden study, or with such as nobody has."""
    uids = {
        "study": hidden.StudyInstanceUID,
        "series": hidden.SeriesInstanceUID,
        "image": hidden.SOPInstanceUID,
    }
    if unknown:
        uids = dict(zip(uids, ("2.25.71", "2.25.72", "2.25.73"), strict=True))
    more = {
        "study_instance_uid": uids["study"],
        "sop_instance_uid": uids["image"],
        "result": "1.2.3",
        "form": "json",
        "patient": "one-patient",
        "accession": hidden.AccessionNumber,
        "allowed": allowed.StudyInstanceUID,
        "own_series": allowed.SeriesInstanceUID,
    }
    return address.format(**uids, **more)


def secrets(hidden: Dataset) -> tuple[str, ...]:
    """Return texts of which each would tell of the hidden study."""
    return (
        str(hidden.StudyInstanceUID),
        str(hidden.SeriesInstanceUID),
        str(hidden.SOPInstanceUID),
        *("ACCElsewhere", "Elsewhere", "whispered", "Rarissima", "somebody.else"),
    )


def told(answer: httpx.Response) -> tuple[int, str]:
    """Return what an answer says, but for UIDs and form tokens."""
    text = re.sub(r"[0-9]+(\.[0-9]+){2,}", "UID", answer.text)
    return answer.status_code, re.sub(r'(content|value)="[\w-]{20,}"', "", text)
