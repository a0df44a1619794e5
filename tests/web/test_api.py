"""The API for programs: what it says, who may ask, and that no input breaks it."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import numpy as np
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from hilum.eligibility import Reason
from hilum.radiograph import FieldOfView, ImageUIDs
from hilum.records import access, images, readings, studies
from hilum.records.accounts import Role
from hilum.records.images import Arrived, Settlement
from hilum.records.states import State, Urgency
from hilum.records.stored_reading import StoredReading
from hilum.records.studies import StudyFacts
from hilum.web.context import InstalledModel, NodeCheck, WebContext
from image_names import image_uids
from web_context import ARCHIVE, Page, add_token, open_page, open_web_context, trail

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
STUDY = "1.2.3"
DOCUMENT = {
    "schema": "hilum.reading/1",
    "model": {"name": "m", "version": "1", "verified": True, "demonstration": False},
    "readings": [
        {
            "status": "read",
            "findings": [
                {
                    "label": "Effusion",
                    "code": {"value": "60046008", "scheme": "SCT", "meaning": "Pleural effusion"},
                    "raw": 0.61,
                    "operating_point": 0.3,
                    "score": 0.72,
                    "positive": True,
                }
            ],
        }
    ],
}


def fill(web: WebContext) -> None:
    """Write a study of three images: one read, one refused, one failed."""
    ends = (
        Settlement(State.STORED, (), ("2.25.1",), model="m 1", seconds={"predict": 0.03}),
        Settlement(State.REFUSED, (Reason("not_frontal", "not a frontal view"),)),
        Settlement(State.FAILED, (Reason("pacs", "the PACS answered HTTP 503"),)),
    )
    facts = StudyFacts(STUDY, patient_name="Doe^Jane", patient_id="7", study_date="20261122")
    with web.database.transaction() as connection:
        for number, end in enumerate(ends):
            uid = f"{STUDY}.{number}"
            new = Arrived(
                ARCHIVE, image_uids(uid, STUDY), f"id{number}", None, Urgency.ROUTINE, NOW
            )
            job = images.arrived(connection, new)
            assert job is not None
            studies.arrived(connection, ARCHIVE, facts, urgency=Urgency.ROUTINE, now=NOW)
            images.begin(connection, job, NOW)
            images.settle(connection, job, end, NOW)
            if end.state is State.STORED:
                maps = np.zeros((1, 7, 7), np.float16)
                view = FieldOfView(0, 0, 10, 10)
                readings.put(connection, job, StoredReading(DOCUMENT, maps, view))
        studies.refresh(connection, ARCHIVE, STUDY, NOW)


@pytest.fixture
def web(tmp_path: Path, retry: Callable[[Sequence[ImageUIDs]], int]) -> Iterator[WebContext]:
    """Return a web with that study, a model and a health."""
    with open_web_context(
        tmp_path,
        retry=retry,
        health=lambda: (NodeCheck("PACS", ok=False, text="away", remedy="start it"),),
        models=lambda: (InstalledModel("m", "1", "ab", True, True, True, False),),
        read_file=lambda file, name: DOCUMENT | {"name": name, "bytes": len(file)},
    ) as made:
        fill(made)
        yield made


def program(page: Page, role: Role = Role.VIEWER, name: str = "ris") -> httpx.Client:
    """Return a program with a token of that role."""
    token = add_token(page.web, name, role)
    client = page.browser()
    client.headers = httpx.Headers({"authorization": f"Bearer {token}"})
    return client


def test_studies_come_in_the_worklists_order_and_by_pages(page: Page):
    """With who and what, so that a RIS can match them."""
    answer = program(page).get("/api/v1/studies", params={"text": "doe", "limit": 1}).json()

    assert [(STUDY, "Doe^Jane", 3)] == [
        (each["study_instance_uid"], each["patient_name"], each["images"])
        for each in answer["studies"]
    ]
    assert answer["next"] is None


def test_a_study_tells_what_became_of_its_images(page: Page):
    """With the reasons of refusals and failures."""
    answer = program(page).get(f"/api/v1/studies/{STUDY}").json()
    states = {each["state"]: each["reasons"] for each in answer["images"]}

    assert [{"code": "not_frontal", "text": "not a frontal view"}] == states["refused"]
    assert {"stored", "refused", "failed"} == set(states)


def test_an_image_has_findings_and_a_reading(page: Page):
    """The document as it is kept; an image that was not read has none."""
    client = program(page)

    assert DOCUMENT == client.get(f"/api/v1/images/{STUDY}.0/reading").json()
    assert ["Effusion"] == [
        each["label"] for each in client.get(f"/api/v1/images/{STUDY}.0/findings").json()
    ]
    assert 404 == client.get(f"/api/v1/images/{STUDY}.1/reading").status_code
    assert 404 == client.get("/api/v1/images/9.9").status_code


def test_operators_retry_by_name_and_by_state(page: Page, asked: list[str]):
    """States without a further attempt are refused, and it is written down who asked."""
    client = program(page, Role.OPERATOR)
    retry = "/api/v1/jobs/retry"

    assert {"asked": 1} == client.post(retry, json={"state": "failed"}).json()
    assert {"asked": 1} == client.post(retry, json={"sop_instance_uids": ["1.2.3.1"]}).json()
    assert 422 == client.post(retry, json={"state": "stored"}).status_code
    assert 422 == client.post(retry, json={"sop_instance_uid": "1.2.3.1"}).status_code
    assert ["1.2.3.2", "1.2.3.1"] == asked
    assert [("token ris", "image.retried")] * 2 == trail(page.web)


def test_an_operators_program_asks_for_a_study(tmp_path: Path):
    """It is said how many images are queued, and written down who asked; a viewer's may not."""
    asked = []

    def read(study: str, again: bool) -> int:
        asked.append((study, again))
        return 2

    with open_web_context(tmp_path, read_study=read) as web, open_page(web) as page:
        client = program(page, Role.OPERATOR)
        address = f"/api/v1/studies/{STUDY}/read"

        assert {"asked": 2} == client.post(address).json()
        assert {"asked": 2} == client.post(address, params={"again": True}).json()
        assert 403 == program(page, name="other").post(address).status_code
        assert 422 == client.post("/api/v1/studies/x/read").status_code
        assert [("token ris", "study.requested")] * 2 == trail(web)
    assert [(STUDY, False), (STUDY, True)] == asked


def test_an_operators_program_labels_a_study(page: Page):
    """Instead of what it was labelled; the trail says so, and a viewer's may not."""
    address = f"/api/v1/studies/{STUDY}/labels"
    client = program(page, Role.OPERATOR)
    answers = [client.put(address, json={"labels": each}) for each in (["ICU", "icu "], ["Ward"])]

    assert [["icu"], ["ward"]] == [each.json()["labels"] for each in answers]
    assert 404 == client.put("/api/v1/studies/9.9/labels", json={"labels": []}).status_code
    assert 403 == program(page, Role.VIEWER, "v").put(address, json={"labels": []}).status_code
    assert [("token ris", "study.labelled")] * 2 == trail(page.web)


@pytest.mark.parametrize(
    ("role", "statuses"), [(Role.VIEWER, [200, 403, 403]), (Role.READER, [200, 403, 200])]
)
def test_a_token_may_what_its_role_may(page: Page, role: Role, statuses: list[int]):
    """Looking, retrying, trying a file."""
    client = program(page, role)

    assert statuses == [
        client.get("/api/v1/status").status_code,
        client.post("/api/v1/jobs/retry", json={"state": "failed"}).status_code,
        client.post("/api/v1/try", files={"file": ("a.dcm", b"x")}).status_code,
    ]


def test_a_file_is_tried_by_its_name_alone(page: Page):
    """The path on somebody's disk goes nowhere."""
    client = program(page, Role.READER)
    answer = client.post("/api/v1/try", files={"file": ("/home/ana/doe jane.dcm", b"12345")}).json()

    assert ("doe jane.dcm", 5) == (answer["name"], answer["bytes"])
    assert [("token ris", "file.tried")] == trail(page.web)


@pytest.mark.parametrize(
    "authorization", [b"", b"Bearer", b"Bearer hilum_wrong", b"Basic eDp5", b"Bearer \xff"]
)
def test_without_a_good_token_there_is_nothing(page: Page, authorization: bytes):
    """In words that a program's log can show."""
    answer = page.browser().get("/api/v1/studies", headers={b"authorization": authorization})

    assert 401 == answer.status_code
    assert "Bearer" == answer.headers["www-authenticate"]
    assert "bearer token" in answer.json()["detail"]


def test_a_token_ends(page: Page):
    """With its day, and at once when it is removed."""
    old = datetime.now(UTC) - timedelta(days=2)
    ended = add_token(page.web, "old", Role.VIEWER, expires=old + timedelta(days=1), now=old)
    client = program(page)
    assert 200 == client.get("/api/v1/models").status_code
    with page.web.database.transaction() as connection:
        access.revoke_token(connection, "ris")

    assert 401 == client.get("/api/v1/models").status_code
    ended_headers = {"authorization": f"Bearer {ended}"}
    assert 401 == page.browser().get("/api/v1/models", headers=ended_headers).status_code


def test_a_token_opens_the_api_and_nothing_else(page: Page):
    """Pages are for people."""
    client = program(page, Role.OPERATOR)

    assert 401 == client.get("/users").status_code
    assert 401 == client.get("/dicom-web/studies").status_code


def test_a_session_changes_nothing_here_without_its_form_token(page: Page, asked: list[str]):
    """Another site cannot make a browser that is signed in do it."""
    client = page.signed_in(Role.OPERATOR)
    answer = client.post("/api/v1/jobs/retry", json={"state": "failed"})

    assert 403 == answer.status_code
    assert [] == asked


def test_looking_at_a_study_is_audited_once(page: Page):
    """Per program."""
    client = program(page)
    for path in (f"studies/{STUDY}", f"images/{STUDY}.0/findings", f"images/{STUDY}.0/reading"):
        client.get(f"/api/v1/{path}")

    assert [("token ris", "study.viewed")] == trail(page.web)


def test_openapi_is_for_those_who_are_signed_in(page: Page):
    """And describes the API alone."""
    path = "/api/v1/openapi.json"
    described = page.signed_in(Role.VIEWER).get(path).json()

    assert 401 == page.browser().get(path).status_code
    assert all(each.startswith("/api/v1/") for each in described["paths"])
    assert 404 == page.signed_in(Role.OPERATOR, "ben").get("/docs").status_code


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_no_input_breaks_it_and_every_answer_is_as_described(tmp_path: Path, mode: GenerationMode):
    """Schemathesis writes the requests, right and wrong ones, the same each time."""
    with open_web_context(tmp_path, read_file=lambda *_: DOCUMENT, retry=len) as web:
        fill(web)
        with open_page(web) as page:
            client = program(page, Role.OPERATOR)
            schema = schemathesis.openapi.from_dict(client.get("/api/v1/openapi.json").json())
            schema.config.update(base_url=page.url)
            operations = [found.ok() for found in schema.get_all_operations()]
            for operation in operations:
                fuzz(operation, mode, dict(client.headers))

    assert 18 == len(operations)


def fuzz(operation: APIOperation, mode: GenerationMode, headers: dict[str, str]) -> None:
    """Send generated requests to one operation, and hold each answer to its description."""

    @given(operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=12,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def send(case: schemathesis.Case) -> None:
        case.call_and_validate(headers=headers, checks=CHECKS)

    send()
