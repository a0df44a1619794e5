"""The page on which images are released for research."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from export_tools import KEY
from hilum.export.key import Pseudonyms, person
from hilum.export.reidentify import originals
from hilum.export.sources import NodeSource
from hilum.pacs.archive import Archive
from hilum.records import releases
from hilum.records.accounts import Role
from hilum.records.releases import ExportQuery, ReleaseState
from hilum.settings import NodeMode
from hilum.web.context import WebContext
from memory_archive import MemoryArchive
from page_studies import Shown, arrive, tools_here
from radiographs import make_radiograph
from web_context import Page, csrf_in, open_web_context, trail

DATES = ("20240102", "20240301")


@pytest.fixture
def pacs() -> MemoryArchive:
    """Return an archive."""
    return MemoryArchive()


@pytest.fixture
def web(tmp_path: Path, pacs: Archive) -> Iterator[WebContext]:
    """Return a web with that archive, which opens images in this process."""
    with open_web_context(tmp_path) as made:
        yield replace(made, pacs=pacs, tools=tools_here(made.settings))


@pytest.fixture
def shown(web: WebContext) -> list[Shown]:
    """Return two studies, the second of which is a mammogram by its modality."""
    images = [make_radiograph(StudyDate=day, PatientID=f"MRN-{day}") for day in DATES]
    images[1].Modality = "MG"
    return [arrive(web, image) for image in images]


def test_a_silent_image_is_not_exported(page: Page, web: WebContext, pacs: MemoryArchive):
    """Even where it was released before; its pseudonym is still resolved."""
    image = make_radiograph(PatientID="MRN-SILENT")
    shown = arrive(web, image, mode=NodeMode.SILENT)
    source = NodeSource(web.database, web.archive, pacs, ExportQuery(), 1 << 30)

    assert [] == list(source.images())
    assert [] == values(page.signed_in(Role.OPERATOR).get("/export").text)
    called = Pseudonyms.of(KEY, shown.job.uids, person("MRN-SILENT", "", "", shown.study), "")
    with web.database.look() as connection:
        assert list(originals(connection, web.archive, KEY, called.uids.study_instance_uid))


def values(page: str) -> list[str]:
    """Return the values of the page's boxes."""
    return [part.partition('"')[0] for part in page.split('name="chosen" value="')[1:]]


def decisions(web: WebContext) -> list[ReleaseState]:
    """Return what was decided."""
    with web.database.look() as connection:
        return [each.state for each in releases.every(connection, web.archive)]


def test_an_operator_looks_and_releases(page: Page, web: WebContext, shown: list[Shown]):
    """What cannot be exported is not released; who did it is written down."""
    operator = page.signed_in(Role.OPERATOR)
    seen = operator.get("/export").text
    data = {"csrf": csrf_in(seen), "decision": "released", "chosen": values(seen)}
    picture = operator.get(f"{shown[0].at}/release.jpg")
    refused = operator.get(f"{shown[1].at}/release.jpg")
    answer = operator.post("/export", data=data)
    after = operator.get(answer.headers["location"]).text

    assert 2 == len(values(seen))
    assert picture.content.startswith(b"\xff\xd8")
    assert 409 == refused.status_code
    assert [ReleaseState.RELEASED] == decisions(web)
    assert "1 image decided." in after
    assert "1 image is another one now, or cannot be exported." in after
    assert ("some.operator", "export.released") in trail(web)


def test_an_image_that_came_again_is_not_released_by_an_old_page(
    page: Page, web: WebContext, shown: list[Shown]
):
    """What was looked at is what is released."""
    operator = page.signed_in(Role.OPERATOR)
    seen = operator.get("/export").text
    old = [each[:-1] + ("0" if each.endswith("9") else "9") for each in values(seen)]
    data = {"csrf": csrf_in(seen), "decision": "released", "chosen": old}
    operator.post("/export", data=data)

    assert shown
    assert [] == decisions(web)


@pytest.mark.parametrize(
    "data",
    [
        {"decision": "released"},
        {"decision": "shown", "chosen": ["1 2 3 4"]},
        {"decision": "else", "chosen": ["1 2 3 4"]},
        {"decision": "released", "chosen": ["1.2"]},
    ],
    ids=str,
)
def test_forms_that_the_page_does_not_make_change_nothing(page: Page, web: WebContext, data):
    """And are told so."""
    operator = page.signed_in(Role.OPERATOR)
    csrf = csrf_in(operator.get("/export").text)

    assert 422 == operator.post("/export", data={**data, "csrf": csrf}).status_code
    assert [] == decisions(web)


def test_readers_do_not_release(page: Page, shown: list[Shown]):
    """Nor do they see the contact sheet."""
    reader = page.signed_in(Role.READER)
    csrf = csrf_in(reader.get("/").text)

    assert 403 == reader.get("/export").status_code
    assert 403 == reader.get(f"{shown[0].at}/release.jpg").status_code
    data = {"csrf": csrf, "decision": "released", "chosen": ["1 2 3 4"]}
    assert 403 == reader.post("/export", data=data).status_code


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", 2),
        ("since=2024-02-01", 1),
        ("until=2024-02-01", 1),
        ("since=2024-02-01&until=2024-02-02", 0),
        ("finding=Effusion", 0),
        ("reviewed=1", 0),
    ],
)
def test_images_are_found_by_date_finding_and_review(
    page: Page, shown: list[Shown], query: str, count: int
):
    """As the command finds them."""
    seen = page.signed_in(Role.OPERATOR).get(f"/export?{query}").text

    assert shown
    assert count == len(values(seen))


def test_the_node_exports_what_its_records_name(web: WebContext, shown: list[Shown]):
    """Each image once, in the order of the UIDs, fetched from the archive."""
    source = NodeSource(web.database, web.archive, web.pacs, ExportQuery(), 1 << 30)
    found = list(source.images())

    assert sorted(each.job.uids for each in shown) == [each.uids for each in found]
    assert all(each.fetch().startswith(bytes(128)) for each in found)
    assert source.reading(found[0].uids) is None
    assert [] == source.reviews(found[0].uids)


def test_the_key_and_the_records_tell_whose_a_pseudonym_is(web: WebContext, shown: list[Shown]):
    """Patient, accession number, UIDs; nothing by another key."""
    uids = shown[0].job.uids
    whose = person(f"MRN-{DATES[0]}", "", "19700101", uids.study_instance_uid)
    made = Pseudonyms.of(KEY, uids, whose, "A1")

    def found(pseudonym: str, key=KEY) -> list[tuple[str, str]]:
        with web.database.look() as connection:
            return [(k, v) for k, v, _ in originals(connection, web.archive, key, pseudonym)]

    assert [("patient", f"MRN-{DATES[0]}")] == found(made.patient)
    assert [("study", uids.study_instance_uid)] == found(made.uids.study_instance_uid)
    assert [("image", uids.sop_instance_uid)] == found(made.uids.sop_instance_uid)
    assert [("image", uids.sop_instance_uid)] == found(made.image)
    assert ("accession", "A1") in found(made.accession)
    assert [] == found(made.patient, type(KEY)(bytes(32)))
