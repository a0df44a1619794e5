"""Who is limited to some studies sees nothing of any other, wherever they look."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import httpx
import pytest
from fastapi.routing import APIRoute
from pydicom import Dataset

from hilum.records import access, worklist
from hilum.records.accounts import Role
from hilum.records.limits import StudyLimits
from hilum.web.app import ROUTERS
from hilum.web.context import WebContext
from limited_studies import add_allowed, add_hidden, limited_browser, named, secrets, study_of, told
from orthanc_server import OrthancServer
from page_studies import add_read, arrive, open_demonstration
from web_context import Page

pytestmark = pytest.mark.orthanc

NOBODY = {
    *("/login", "/logout", "/look", "/login/oidc", "/login/oidc/callback", "/confirm"),
    *("/account", "/account/sessions/end", "/account/second-factor", "/account/second-factor/off"),
    *("/account/passkeys", "/account/passkeys/remove", "/account/recovery"),
    *("/confirm/passkey", "/login/passkey"),
    *("/ohif", "/ohif/{path:path}", "/files", "/files/try", "/worklist/notices"),
    *("/api/v1/openapi.json", "/api/v1/try", "/api/v1/health", "/api/v1/models"),
}
"""Addresses of which nothing is about a study that is stored."""

WHOLE = {
    *("/operations", "/operations/live", "/operations/alerts/test"),
    *("/operations/deliveries/retry", "/api/v1/studies/{study_instance_uid}/read"),
    *("/api/v1/status", "/files/send", "/settings", "/settings/audit", "/settings/log"),
    "/export",
    *("/rollout", "/api/v1/rollout", "/points"),
    "/api/v1/studies/{study_instance_uid}/labels",
    *("/users", "/users/role", "/users/limits", "/users/sign-out", "/users/remove"),
    *("/users/tokens", "/users/tokens/remove"),
}
"""Closed to who sees a part: they are about all studies, or about who sees which."""

LISTS = {
    *("/", "/worklist/rows", "/worklist/live", "/reviews", "/reviews.csv"),
    *("/api/v1/studies", "/api/v1/jobs", "/api/v1/agreement"),
    *("/operations/retry", "/api/v1/jobs/retry"),
}
"""About studies, and none is in the path."""

STUDIES = {
    "/studies/{study}",
    "/studies/{study}/claim/live",
    *(
        f"/studies/{{study}}/images/{{image}}/{part}"
        for part in (
            *("maps.json", "reading.{form}", "results/{result}.{form}", "review"),
            *("small.webp", "quick.jpg", "pixels", "retry", "ohif", "anatomy", "release.jpg"),
        )
    ),
    "/api/v1/studies/{study_instance_uid}",
    *(
        f"/api/v1/images/{{sop_instance_uid}}{part}"
        for part in ("", "/reading", "/reading.{form}", "/findings", "/reviews", "/anatomy")
    ),
}
"""A study or image is in the path."""

PROXY = {"/dicom-web/{path:path}"}

ROUTES = sorted(
    (route.path, method)
    for router in ROUTERS
    for route in router.routes
    if isinstance(route, APIRoute)
    for method in route.methods
)


@pytest.fixture
def hidden(web: WebContext) -> Dataset:
    """Return a study of the same patient that is not of the allowed institution, with a review."""
    return add_hidden(web)


@pytest.fixture
def allowed(web: WebContext) -> Dataset:
    """Return a study of the allowed institution, that was read."""
    return add_allowed(web)


@pytest.fixture
def web(tmp_path: Path, empty_orthanc: OrthancServer) -> Iterator[WebContext]:
    """Return a web that limits studies."""
    asked: list[object] = []

    def retry(chosen):
        asked.extend(chosen)
        return len(asked)

    page = {"limit_studies": True}
    with open_demonstration(tmp_path, empty_orthanc, retry=retry, page=page) as made:
        yield made


@pytest.fixture
def limited(page: Page) -> Callable[[Role], httpx.Client]:
    """Return the way to a browser of somebody who may do much, in the studies of one place."""
    return partial(limited_browser, page)


def test_every_route_has_a_decision():
    """A new one is decided upon before it lands."""
    decided = [NOBODY, WHOLE, LISTS, STUDIES, PROXY]

    assert {path for path, _ in ROUTES} == set().union(*decided)
    assert sum(map(len, decided)) == len(set().union(*decided))


def test_what_is_about_all_is_closed(limited):
    """Also to an operator, who else would end the limits."""
    client = limited(Role.OPERATOR)
    for path, method in (each for each in ROUTES if each[0] in WHOLE):
        address = path.format(study_instance_uid="1.2")
        answer = client.request(method, address, json={"labels": []})

        assert 403 == answer.status_code, path
        assert "Your access is limited" in answer.text, path


def test_a_hidden_study_is_as_one_that_is_not_there(limited, hidden: Dataset, allowed: Dataset):
    """By each address in which a study or image is named, and by each parameter."""
    for role in (Role.READER, Role.OPERATOR):
        client = limited(role)
        more = ("", "?image={image}&series={series}", "?study_instance_uid={study}")
        for path, method in ROUTES:
            for query in more if path in STUDIES else ():
                there, nowhere = (
                    client.request(
                        method,
                        named(path + query, hidden, allowed, unknown=unknown),
                        data={"comment": "x"} if method == "POST" else None,
                    )
                    for unknown in (False, True)
                )

                assert told(nowhere) == told(there), path
                assert there.status_code in {403, 404} or "claim" in path, (path, there.text)


def test_an_image_of_another_study_is_not_reached_through_ones_own(
    limited, hidden: Dataset, allowed: Dataset
):
    """Whatever is named beside it."""
    client, image = limited(Role.READER), hidden.SOPInstanceUID
    own = f"/studies/{allowed.StudyInstanceUID}"
    shown = client.get(own, params={"image": image, "series": hidden.SeriesInstanceUID})

    assert 200 == shown.status_code
    assert not any(secret in shown.text for secret in secrets(hidden))
    for part in ("small.webp", "quick.jpg", "pixels", "maps.json", "reading.json"):
        assert 404 == client.get(f"{own}/images/{image}/{part}").status_code, part


def test_no_list_tells_of_a_hidden_study(limited, page: Page, hidden: Dataset, allowed: Dataset):
    """Nor a count, a filter, an export, the courses of the patient or a search."""
    shown = (
        "/",
        "/worklist/rows",
        "/reviews",
        "/reviews.csv",
        f"/studies/{allowed.StudyInstanceUID}",
    )
    searches = ("?q=Doe", "?q=ACCElsewhere", "?state=stored", f"?study={hidden.StudyInstanceUID}")
    for role in (Role.VIEWER, Role.OPERATOR):
        client = limited(role)
        for path in shown:
            for query in ("", *searches):
                text = client.get(path + query).text

                assert not any(
                    secret in text for secret in secrets(hidden) if secret not in query
                ), path
        api = client.get("/api/v1/jobs").json()
        assert [str(allowed.SOPInstanceUID)] == [each["sop_instance_uid"] for each in api["jobs"]]
        assert {"stored": 1} == api["counts"]
        assert 1 == len(client.get("/api/v1/studies?text=Doe").json()["studies"])
        assert [] == client.get("/api/v1/agreement").json()
    everything = page.signed_in(Role.OPERATOR, "everything").get("/api/v1/jobs").json()
    assert {"stored": 2} == everything["counts"]


def test_nothing_hidden_is_analyzed_again(limited, hidden: Dataset):
    """Asking for it says what asking for an image that is not there does."""
    client = limited(Role.OPERATOR)
    wanted = {"sop_instance_uids": [str(hidden.SOPInstanceUID)]}

    assert {"asked": 0} == client.post("/api/v1/jobs/retry", json=wanted).json()
    assert {"asked": 0} == client.post("/api/v1/jobs/retry", json={"state": "gone"}).json()


def test_a_token_is_limited_as_its_owner(page: Page, web: WebContext, limited, hidden: Dataset):
    """Whatever the token's own role."""
    limited(Role.OPERATOR)
    with web.database.transaction() as connection:
        secret = access.add_token(
            connection,
            "t",
            f"limited.{Role.OPERATOR}",
            Role.VIEWER,
            expires=None,
            now=datetime.now(UTC),
        )
    client = page.browser()
    client.headers["authorization"] = f"Bearer {secret}"

    assert [] == client.get("/api/v1/studies").json()["studies"]
    assert 404 == client.get(f"/api/v1/studies/{hidden.StudyInstanceUID}").status_code


@pytest.mark.usefixtures("hidden", "allowed")
def test_who_was_given_no_limits_sees_nothing(page: Page):
    """Only operators see all without being told; nobody by mistake."""
    seen = {
        role: len(page.signed_in(role).get("/api/v1/studies").json()["studies"]) for role in Role
    }

    assert {Role.VIEWER: 0, Role.READER: 0, Role.OPERATOR: 2} == seen


def test_a_study_of_which_nothing_is_known_is_not_seen(limited, web: WebContext):
    """Such as those from before it was written down."""
    image = study_of("Here", 4)
    del image.InstitutionName
    arrive(web, image)

    assert [] == limited(Role.VIEWER).get("/api/v1/studies").json()["studies"]


def test_a_change_of_a_hidden_study_is_not_told(web: WebContext):
    """Open worklists hear of what they show alone."""
    before = limits_look(web)
    add_read(web, study_of("Elsewhere", 5))

    assert before == limits_look(web)
    arrive(web, study_of("Here", 4))
    assert before != limits_look(web)


def limits_look(web: WebContext) -> object:
    """Return what a pulse of somebody with limits looks at."""
    database = web.database.limited_to(StudyLimits.parse(["institution=here"]))
    with database.look() as connection:
        return worklist.last_change(connection, web.archive)
