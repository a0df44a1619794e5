"""What DICOMweb servers were reported to do, each played by a scripted one."""

import re
from collections.abc import Callable
from datetime import date
from typing import Any

import httpx
import pytest

from hilum.errors import FileTooLarge, NotInPacs, PacsRefused, PacsUnavailable
from hilum.pacs.dicomweb.archive import DicomWebArchive
from hilum.pacs.dicomweb.client import ObjectPath
from hilum.pacs.dicomweb.sweep import SweepPlan
from radiographs import dicom_file, make_radiograph
from scripted_dicomweb import ScriptedDicomWeb, failed, multipart


def archive_on(server: httpx.BaseTransport, plan: SweepPlan | None = None) -> DicomWebArchive:
    return DicomWebArchive("http://pacs/web", transport=server, plan=plan)


def answering(answer: Callable[[httpx.Request], httpx.Response]) -> DicomWebArchive:
    """Return the archive on a server that is one function."""
    return archive_on(httpx.MockTransport(answer))


@pytest.mark.parametrize(
    "quirks",
    [
        {},
        {"most": 12},
        {"turns": False},
        {"refuses": frozenset({"limit"}), "most": 10**6},
        {"refuses": frozenset({"offset"})},
        {"most": 100, "refuses": frozenset({"fuzzymatching"})},
        {"refuses": frozenset({"includefield"})},
        {"counts": False, "filters": False},
        {"empty": 204},
        {"empty": 404},
    ],
    ids=str,
)
def test_all_studies_are_found_however_pages_are_turned(quirks: dict[str, Any]):
    """Fewer at once than asked for, no offset (for ever the first page), no limit, no filters."""
    server = ScriptedDicomWeb(**quirks)
    studies = {server.put().study_instance_uid for _ in range(30)}
    server.put(StudyDate="20200101")
    dates = {"StudyDate": "20240101-20241231"}

    assert studies == set(archive_on(server).find_studies(dates))
    assert [] == archive_on(server).find_studies({"StudyDate": "20230101-20231231"})


def test_server_that_gives_no_broad_answers_is_searched_by_days():
    """A dcm4chee with a limit refuses whatever would find more than that."""
    server = ScriptedDicomWeb()
    uids = server.put(StudyDate="20240102")
    plan = SweepPlan(today=lambda: date(2024, 1, 2))

    def broad(request: httpx.Request) -> httpx.Response | None:
        whole = request.url.path.endswith("/studies") and "StudyDate" not in request.url.params
        return httpx.Response(413) if whole else None

    server.fault = broad
    archive = archive_on(server, plan)

    assert archive.capabilities().software
    assert (str(ObjectPath(*uids)),) == archive.arrivals("", 10).references


def test_server_that_ignores_what_it_is_asked_gives_no_other_object():
    """The answers are looked at again."""
    server = ScriptedDicomWeb(filters=False)
    one, other = server.put(), server.put()
    archive = archive_on(server)
    study, series, _ = one

    assert frozenset() == archive.present([str(ObjectPath(study, series, "1.2.3"))])
    assert [str(ObjectPath(*one))] == archive.find_objects(one.sop_instance_uid)
    assert [] == archive.find_objects(other.sop_instance_uid, study=study)


@pytest.mark.parametrize("uid", ["..", ".", "", "1.2/../../x?y#z", "1.2 3"])
def test_uid_leads_nowhere_else(uid: str):
    """Whatever a server calls its studies."""
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.raw_path.decode())
        return httpx.Response(200, json=[{"0020000D": {"vr": "UI", "Value": [uid]}}])

    archive = answering(answer)
    for study in archive.find_studies({}):
        list(archive.web.search(f"{ObjectPath(study, '1', '2')}".rpartition("/series")[0], "x"))

    assert all(re.match(r"/web/(studies|instances)\b", path) for path in asked)
    assert not any(".." in path.split("/") for path in asked)


@pytest.mark.parametrize("body", ["", "<html>", '{"a": 1}', "[7]", '[{"0020', "null"])
def test_answer_that_is_no_list_may_be_asked_for_again(body: str):
    """A proxy's page, or one that is cut off."""
    with pytest.raises(PacsUnavailable, match="something other than a list"):
        answering(lambda _: httpx.Response(200, text=body)).find_studies({})


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, PacsRefused),
        (401, PacsRefused),
        (403, PacsRefused),
        (408, PacsUnavailable),
        (424, PacsUnavailable),  # Azure, while it does not reach its storage
        (429, PacsUnavailable),
        (500, PacsUnavailable),
        (502, PacsUnavailable),
        (503, PacsUnavailable),
    ],
)
def test_no_and_not_now_are_told_apart(status: int, kind: type[Exception]):
    """Whatever is asked."""
    archive = answering(lambda _: httpx.Response(status))
    reference = "studies/1/series/2/instances/3"
    file = dicom_file(make_radiograph())
    for ask in (
        lambda: archive.find_studies({}),
        lambda: archive.fetch(reference),
        lambda: archive.store(file),
        lambda: archive.present([reference]),
        archive.newest,
    ):
        with pytest.raises(kind):
            ask()


def test_page_that_is_no_dicomweb_is_named():
    """E.g. the address of the viewer."""
    html = httpx.Response(200, text="<html>", headers={"Content-Type": "text/html"})
    with pytest.raises(PacsRefused, match="not a DICOMweb server"):
        answering(lambda _: html).capabilities()


FILE = dicom_file(make_radiograph())


def stored(*answers: httpx.Response, keeps: bool) -> Any:
    """Store a file where the server gives these answers to it; return what came of it."""
    left = list(answers)
    server = ScriptedDicomWeb()

    def fault(request: httpx.Request) -> httpx.Response | None:
        if request.method != "POST" or not left:
            return None
        if keeps:
            server._answer(request, [])
        return left.pop(0)

    server.fault = fault
    try:
        return archive_on(server).store(FILE).already_there
    except (PacsRefused, PacsUnavailable) as exc:
        return type(exc)


WARNED = {"00081199": {"Value": [{"00081196": {"vr": "US", "Value": [45070]}}]}}


@pytest.mark.parametrize(
    ("answer", "keeps", "outcome"),
    [
        (failed(0x0110), True, False),  # a conflict with what another one has just stored
        (failed(0x0111), True, True),
        (failed(0xB006, 202), True, False),
        (httpx.Response(202, json=WARNED), True, False),  # Azure: stored, an attribute not indexed
        (httpx.Response(200, json={}), True, False),
        (httpx.Response(204), True, False),
        (httpx.Response(400, text="no"), True, False),  # Orthanc, beside a part that is garbage
        (httpx.Response(200, text="<html>"), True, False),
        (failed(0x0110), False, PacsUnavailable),
        (failed(0xA700, 503), False, PacsUnavailable),
        (failed(0xB00E), True, True),
        (failed(0xB00F), False, PacsUnavailable),  # Azure, after a store that was cut off
        (failed(0xA900), False, PacsRefused),
        (failed(0xB000, 202), False, PacsRefused),
        (httpx.Response(200, json={}), False, PacsRefused),
        (httpx.Response(200, text="<html>"), False, PacsUnavailable),
        (httpx.Response(400, text="no"), False, PacsRefused),
        (httpx.Response(413), False, PacsRefused),
        (httpx.Response(415), False, PacsRefused),
    ],
    ids=str,
)
def test_whether_a_file_is_stored_is_asked_and_not_read_off(answer, keeps: bool, outcome):
    """Success or failure, the archive shows the object or does not."""
    assert outcome == stored(answer, keeps=keeps)


def test_file_that_is_there_is_not_sent_again():
    """Some servers answer that with a conflict, others put the new one in place of the old."""
    server = ScriptedDicomWeb()
    archive = archive_on(server)
    assert not archive.store(FILE).already_there
    assert archive.store(FILE).already_there
    assert 1 == sum(each.startswith("POST") for each in server.asked)


def test_object_that_searches_do_not_show_yet_is_there_all_the_same():
    """An index lags behind what was stored."""
    server = ScriptedDicomWeb(indexed=lambda _: False)
    uids = server.put()

    assert {uids.sop_instance_uid} == archive_on(server).present([str(ObjectPath(*uids))])


def test_object_whose_file_is_lost_is_not_gone():
    """It may be on slow storage; the image fails with a reason instead of being forgotten."""
    server = ScriptedDicomWeb(
        fault=lambda request: httpx.Response(404) if "/instances/" in request.url.path else None
    )
    archive, reference = archive_on(server), str(ObjectPath(*server.put()))
    with pytest.raises(PacsUnavailable, match="shows an object but does not return its file"):
        archive.fetch(reference)

    assert "unread" == archive.content_id(archive.describe(reference))
    assert "DX" == archive.attributes_of_index(reference)["Modality"]
    with pytest.raises(NotInPacs):
        archive.fetch("studies/1/series/2/instances/3")


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (multipart(FILE, shown="other"), PacsUnavailable),
        (httpx.Response(206, content=FILE), PacsUnavailable | PacsRefused),
        (httpx.Response(200, text="<html>"), PacsUnavailable),
        (
            httpx.Response(
                200, content=multipart(FILE).content[:5000], headers=multipart(FILE).headers
            ),
            PacsUnavailable,
        ),
        (httpx.Response(406), PacsRefused),
    ],
)
def test_file_that_is_not_whole_is_none(answer: httpx.Response, kind: Any):
    """Nothing is made of what came."""
    with pytest.raises((PacsUnavailable, PacsRefused)) as caught:
        answering(lambda _: answer).fetch("studies/1/series/2/instances/3")

    assert isinstance(caught.value, kind)


@pytest.mark.parametrize("chunked", [False, True])
def test_file_that_is_too_large_is_not_read(chunked: bool):
    """Not a byte more than is needed to know, whether or not its length is told."""
    read: list[int] = []

    def pieces():
        for _ in range(1000):
            read.append(1)
            yield bytes(10_000)

    more = {} if chunked else {"Content-Length": str(10_000_000)}
    archive = answering(lambda _: httpx.Response(200, content=pieces(), headers=more))
    with pytest.raises(FileTooLarge):
        archive.fetch("studies/1/series/2/instances/3", max_bytes=100_000)

    assert len(read) < 20


def test_other_object_than_asked_for_is_not_taken():
    """Where it is to be verified: a cache in between may err."""
    server = ScriptedDicomWeb(fault=lambda _: multipart(FILE))
    with pytest.raises(PacsUnavailable, match="another object"):
        archive_on(server).fetch("studies/1/series/2/instances/3", verified=True)


def test_damaged_file_has_an_identity_and_no_attributes():
    """It is taken up, and ends as what cannot be read."""
    server = ScriptedDicomWeb()
    uids = server.put()
    server.kept[uids] = server.kept[uids][:3000]
    archive, reference = archive_on(server), str(ObjectPath(*uids))
    with pytest.raises(PacsRefused, match="damaged"):
        archive.attributes(reference)

    assert archive.content_id(archive.describe(reference)) != "unread"


@pytest.mark.parametrize("charset", ["ISO_IR 100", "ISO_IR 192", None])
def test_texts_are_read_and_their_bytes_are_kept(charset: str | None):
    """In any character set: what doubts the text asks for the bytes."""
    server = ScriptedDicomWeb()
    uids = server.put(PatientName="Müller^Zoë", SpecificCharacterSet=charset or "ISO_IR 100")
    if charset is None:
        server.kept[uids] = server.kept[uids].replace(b"ISO_IR 100", b"          ")
    archive, reference = archive_on(server), str(ObjectPath(*uids))
    expected = "Müller^Zoë".encode("utf-8" if charset == "ISO_IR 192" else "latin-1")

    assert expected == archive.stored(reference, "PatientName").strip()
    if charset:
        assert "Müller^Zoë" == archive.attributes(reference)["PatientName"]
