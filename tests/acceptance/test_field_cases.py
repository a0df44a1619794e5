"""What the field sends, through every door: `hilum read`, the node, and the page's "try a file"."""

import csv
import json
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import pytest
from pydicom import Dataset, dcmread

from field_cases import make_cases
from hilum.files import dicom
from hilum.language import LANGUAGES
from hilum.node.process_file import document_of
from hilum.node.retrying_archive import archive_name
from hilum.pipeline import open_pipeline
from hilum.records import Database, images, readings, worklist
from hilum.records.accounts import Role
from hilum.records.database import sqlite_url
from hilum.records.states import UNSETTLED, State
from hilum.settings import Settings
from hilum_up import LONG_S, Running, Up
from orthanc_server import free_ports, require
from stand_in import STAND_IN, install_stand_in
from web_context import csrf_in, open_page, open_web_context

EXPECTED: Final[dict[str, dict[str, Any]]] = tomllib.loads(
    Path(__file__).with_name("field_cases.toml").read_text(encoding="utf-8")
)
DICOM: Final = [name for name in EXPECTED if name.endswith(".dcm")]
STATUSES: Final = {State.STORED: "read", State.REFUSED: "refused", State.FAILED: "failed"}

Rows = Mapping[str, Mapping[str, Any]]
"""File → its row of a hilum.reading/1 document."""

every_file = pytest.mark.parametrize("name", EXPECTED)
every_image = pytest.mark.parametrize("name", DICOM)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with all files."""
    made = tmp_path_factory.mktemp("field")
    make_cases(made)
    return made


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data folder with a model for adults."""
    made = tmp_path_factory.mktemp("adults")
    install_stand_in(made, min_age_years=18)
    return made


@pytest.fixture(scope="module", params=LANGUAGES)
def read(request, run_hilum: Callable[..., Any], folder: Path, data: Path) -> tuple[Rows, Rows]:
    """Return the rows of `hilum read` in JSON and in CSV."""
    out = folder.parent / f"read-{request.param}"
    out.mkdir()
    done = run_hilum(
        *("read", "--model", STAND_IN, *(folder / name for name in EXPECTED)),
        *("--json", out / "r.json", "--csv", out / "r.csv"),
        HILUM_DATA_FOLDER=data,
        HILUM_REPORT__LANGUAGE=request.param,
    )
    document = json.loads((out / "r.json").read_text(encoding="utf-8"))
    with (out / "r.csv").open(encoding="utf-8-sig", newline="") as table:
        cells = {row["path"]: row for row in csv.DictReader(table)}
    assert "Traceback" not in done.stderr

    def named(rows: Mapping[str, Any]) -> Rows:
        return {name: rows[str(folder / name)] for name in EXPECTED}

    return named({row["path"]: row for row in document["readings"]}), named(cells)


def reasons_of(row: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the reasons of a row."""
    return list(row["reasons"])


def said_in(row: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the reasons and the decisions of a row."""
    return reasons_of(row) + list((row["pixels"] or {}).get("decisions", ()))


def objections(name: str, rows: Rows) -> Iterator[str]:
    """Yield in what the row of a file is not right."""
    row, right = rows[name], EXPECTED[name]
    codes = {each["code"] for each in said_in(row)}
    texts = " ".join(each["text"] for each in said_in(row))
    if row["status"] not in right["status"]:
        yield f"{row['status']}: {texts}"
    if missing := set(right.get("reasons", ())) - {each["code"] for each in reasons_of(row)}:
        yield f"no reason {missing}: {texts}"
    if missing := set(right.get("says", ())) - codes:
        yield f"not said {missing}: {texts}"
    if "quotes" in right and right["quotes"] not in plain(texts):
        yield f"not quoted: {texts}"
    if "never" in right and right["never"] in texts:
        yield f"said: {texts}"
    if "as" in right and scores(row) != scores(rows[right["as"]]):
        yield f"not as {right['as']}"


def corrections_unsaid(name: str, rows: Rows) -> list[str]:
    """Return what was put right in a file and is not said; a sender mends it on the way."""
    codes = {each["code"] for each in said_in(rows[name])}
    return [code for code in EXPECTED[name].get("corrections", ()) if code not in codes]


def plain(text: str) -> str:
    """Return a text of any language with English words for a window, and points in numbers."""
    words = {"centro": "centre", "largura": "width", "ancho": "width"}
    words |= {"300,5, ": "300.5, ", "1,6": "1.6"}
    for other, english in words.items():
        text = text.replace(other, english)
    return text


def scores(row: Mapping[str, Any]) -> dict[str, float]:
    """Return label → raw value, to six decimals."""
    return {each["label"]: round(each["raw"], 6) for each in row["findings"]}


@every_file
def test_hilum_read(name: str, read: tuple[Rows, Rows]):
    """Findings or a refusal, with what was decided, in every language."""
    assert [] == list(objections(name, read[0]))
    assert [] == corrections_unsaid(name, read[0])


@every_file
def test_table_has_the_codes(name: str, read: tuple[Rows, Rows]):
    """Of all reasons and decisions."""
    document, cells = read[0][name], read[1][name]

    assert document["status"] == cells["status"]
    for reason in reasons_of(document):
        assert reason["code"] in cells["reasons"]
    for decision in (document["pixels"] or {}).get("decisions", ()):
        assert decision["code"] in cells["pixel_decisions"]
        assert decision["text"] in cells["pixel_decision_texts"]
    for uid in ("study_instance_uid", "series_instance_uid", "sop_instance_uid"):
        assert (document[uid] or "") == cells[uid]


@pytest.mark.parametrize(
    "medium", ["dcm-extension", "dcm-extension/DICOMDIR", "slash", "slash/DICOMDIR"]
)
def test_medium_is_read(medium: str, folder: Path, data: Path, run_hilum, tmp_path):
    """By its folder and by its DICOMDIR: both images, nothing else."""
    require("dcmmkdir")
    document = tmp_path / "r.json"
    done = run_hilum(
        *("read", "--model", STAND_IN, folder / "media" / medium, "--json", document),
        HILUM_DATA_FOLDER=data,
    )
    rows = json.loads(document.read_text(encoding="utf-8"))["readings"]

    assert ["read", "read"] == [row["status"] for row in rows if row["status"] != "refused"]
    assert 0 == done.returncode, done.stderr


@pytest.fixture(scope="module")
def tried(folder: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Rows:
    """Return what the page says of each file that is only tried."""
    settings = Settings(data_folder=data).changed("model", name=STAND_IN)
    context = open_pipeline(settings)

    def read_file(content: bytes, name: str) -> Mapping[str, Any]:
        path = tmp_path_factory.mktemp("tried") / "file"
        path.write_bytes(content)
        return document_of(path, name, context)

    with (
        open_web_context(
            tmp_path_factory.mktemp("web"), settings=settings, read_file=read_file
        ) as web,
        open_page(web) as page,
    ):
        client = page.signed_in(Role.READER)
        headers = {"x-csrf-token": csrf_in(client.get("/files").text)}
        return {
            name: client.post(
                "/api/v1/try",
                files={"file": (name, (folder / name).read_bytes())},
                headers=headers,
            ).json()["readings"][0]
            for name in EXPECTED
        }


@every_file
def test_trying_a_file(name: str, tried: Rows):
    """The page says the same of a file that is stored nowhere."""
    assert [] == list(objections(name, tried))
    assert [] == corrections_unsaid(name, tried)


class Node:
    """What a node made of all images that were sent to it over C-STORE.

    Attributes
    ----------
    sent
        What `hilum send` printed.
    rows
        What the records have of each.
    results
        Its reports, as the PACS has them.
    apart
        How many earlier studies are the same person's, and how many another's, by file.
    """

    def __init__(self, up: Up, folder: Path) -> None:
        self.uids = {name: uids(folder / name) for name in DICOM}
        self.sent = up.run(
            *("send", "--to", f"HILUM@127.0.0.1:{up.dicom_port}"),
            *(str(folder / name) for name in DICOM),
        )
        settings = Settings(data_folder=up.data).changed("pacs", http_port=up.http_port)
        self._archive = archive_name(settings)
        with Database(sqlite_url(up.data / "hilum.sqlite")) as database:
            deadline = time.monotonic() + LONG_S
            while time.monotonic() < deadline and not self._is_done(database):
                time.sleep(0.2)
            with database.look() as connection:
                entries = images.entries(connection, self._archive)
                by_study = {each.study_instance_uid: each for each in entries}
                self.rows = {
                    name: self._row(connection, by_study[study])
                    for name, (study, _) in self.uids.items()
                }
                self.apart = {
                    name: self._others(connection, study) for name, (study, _) in self.uids.items()
                }
        with up.client() as orthanc:
            self.results = {
                name: [
                    dcmread(BytesIO(orthanc.fetch(each)))
                    for each in by_study[study].result_references
                ]
                for name, (study, _) in self.uids.items()
            }

    def _is_done(self, database: Database) -> bool:
        with database.look() as connection:
            counts = images.counts(connection, self._archive)
        settled = sum(count for state, count in counts.items() if state not in UNSETTLED)
        return settled >= len(DICOM)

    def _row(self, connection: Any, entry: images.ImageRecord) -> Mapping[str, Any]:
        reading = readings.get(connection, self._archive, entry.uids)
        if reading is not None:
            row: Mapping[str, Any] = reading.document["readings"][0]
            return row
        reasons = [{"code": each.code, "text": each.text} for each in entry.reasons]
        status = STATUSES.get(entry.state, entry.state.value)
        return {"status": status, "reasons": reasons, "pixels": None, "findings": []}

    def _others(self, connection: Any, study: str) -> tuple[int, int]:
        row = worklist.row(connection, self._archive, study)
        assert row is not None
        others = worklist.others_of_patient(connection, self._archive, row, limit=9)
        return len(others.same), len(others.apart)


def uids(path: Path) -> tuple[str, str]:
    """Return Study and SOP Instance UID of an image."""
    header = dicom.parse(path.read_bytes(), name=path.name, header_only=True)
    return dicom.text(header, "StudyInstanceUID"), dicom.text(header, "SOPInstanceUID")


@pytest.fixture(scope="module")
def node(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """Yield what a node with an Orthanc of its own made of all images."""
    require("Orthanc")
    http_port, dicom_port = free_ports(2)
    up = Up(tmp_path_factory.mktemp("node"), http_port, dicom_port)
    install_stand_in(up.data, min_age_years=18)
    running = Running(up)
    try:
        yield Node(up, folder)
    finally:
        running.end(15)


@pytest.mark.orthanc
def test_everything_is_sent(node: Node):
    """Over C-STORE, a deflated stream of odd length too."""
    assert 0 == node.sent.returncode, node.sent.stdout + node.sent.stderr


@pytest.mark.orthanc
@every_image
def test_node(name: str, node: Node):
    """The records say the same of what a modality sends."""
    assert [] == list(objections(name, node.rows))


@pytest.mark.orthanc
@every_image
def test_results_say_what_was_decided(name: str, node: Node):
    """Reports quote every code, and name patient and request as the image does."""
    right, reports = EXPECTED[name], node.results[name]
    coded = " ".join(text for report in reports for text in texts_of(report))
    for code in right.get("says", ()) if reports else ():
        assert code in coded
    for report in reports:
        assert right.get("name", report.PatientName) == str(report.PatientName)
        for request in report.get("ReferencedRequestSequence", ()) if "request" in right else ():
            assert right["request"] == request.RequestedProcedureDescription
        for code in report.get("ProcedureCodeSequence", ()) if "request" in right else ():
            assert right["request"] == code.CodeMeaning

    assert bool(reports) == (node.rows[name]["status"] == "read")


def texts_of(report: Dataset) -> Iterator[str]:
    """Yield all text of a report's content."""
    return (str(each.value) for each in report.iterall() if each.keyword == "TextValue")


@pytest.mark.orthanc
def test_one_uid_in_two_studies_is_two_images(node: Node):
    """Each has results of its own, in its own study."""
    first, second = node.results["identity/a.dcm"], node.results["identity/b.dcm"]

    assert node.uids["identity/a.dcm"][1] == node.uids["identity/b.dcm"][1]
    assert not {r.SOPInstanceUID for r in first} & {r.SOPInstanceUID for r in second}
    assert {node.uids["identity/a.dcm"][0]} == {r.StudyInstanceUID for r in first}
    assert {node.uids["identity/b.dcm"][0]} == {r.StudyInstanceUID for r in second}


@pytest.mark.orthanc
def test_one_patient_id_of_two_persons_is_no_course(node: Node):
    """Each sees the other's study apart from its own."""
    assert (0, 1) == node.apart["identity/jane.dcm"]
    assert (0, 1) == node.apart["identity/john.dcm"]
