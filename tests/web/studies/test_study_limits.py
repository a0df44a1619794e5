"""Who is limited to some studies sees nothing of any other, wherever they look."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from fastapi.routing import APIRoute
from pydicom import Dataset
from pydicom.uid import generate_uid

from hilum.records import access, accounts, reviews, worklist
from hilum.records.accounts import Role
from hilum.records.limits import StudyLimits
from hilum.records.review import Review
from hilum.web.app import ROUTERS
from hilum.web.context import WebContext
from orthanc_server import OrthancServer
from page_studies import add_read, arrive, chest, open_demonstration
from web_context import Page, token_of

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
        for part in ("", "/reading", "/reading.{form}", "/findings", "/reviews")
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

SEARCHES = (
    "studies",
    "series",
    "instances",
    "studies?StudyInstanceUID={study}",
    "studies?0020000D={study}",
    "studies?PatientID={patient}",
    "studies?AccessionNumber={accession}&includefield=00081030",
    "studies?limit=1&offset=1",
    "series?SeriesInstanceUID={series}",
    "instances?SOPInstanceUID={image}",
    "instances?StudyInstanceUID={study}&limit=5",
    "studies/{allowed}/series?StudyInstanceUID={study}",
    "studies/{allowed}/series?0020000D={study}",
    "studies/{allowed}/instances?0020000D={study}&SeriesInstanceUID={series}",
    "studies/{allowed}/series/{series}/instances",
)

RETRIEVALS = (
    "studies/{study}/metadata",
    "studies/{study}/series",
    "studies/{study}/instances",
    "studies/{study}/series/{series}/metadata",
    "studies/{study}/series/{series}/instances",
    "studies/{study}/series/{series}/instances/{image}",
    "studies/{study}/series/{series}/instances/{image}/metadata",
    "studies/{study}/series/{series}/instances/{image}/frames/1",
    "studies/{study}/series/{series}/instances/{image}/bulk/7fe00010",
    "studies/{allowed}/series/{series}/metadata",
    "studies/{allowed}/series/{series}/instances/{image}",
    "studies/{allowed}/series/{series}/instances/{image}/metadata",
    "studies/{allowed}/series/{series}/instances/{image}/frames/1",
    "studies/{allowed}/series/{own_series}/instances/{image}",
    "studies/{allowed}/series/{own_series}/instances/{image}/metadata",
    "studies/{allowed}/series/{own_series}/instances/{image}/frames/1",
)


def study_of(institution: str, seed: int) -> Dataset:
    """Return an image of the one patient, made in an institution."""
    image = chest(seed)
    image.PatientID, image.PatientName = "one-patient", "Doe^Jane"
    image.PatientBirthDate, image.PatientSex = "19600101", "F"
    image.InstitutionName = institution
    image.AccessionNumber = f"ACC{institution}"
    image.StudyDescription = f"Chest at {institution}"
    return image


@pytest.fixture
def hidden(web: WebContext) -> Dataset:
    """Return a study of the same patient that is not of the allowed institution, with a review."""
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


@pytest.fixture
def allowed(web: WebContext) -> Dataset:
    """Return a study of the allowed institution, that was read."""
    image = study_of("Here", 4)
    add_read(web, image)
    return image


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

    def sign_in(role: Role) -> httpx.Client:
        client = page.signed_in(role, f"limited.{role}")
        with page.web.database.transaction() as connection:
            accounts.set_limits(connection, f"limited.{role}", ["institution=here"])
        client.headers["x-csrf-token"] = token_of(client, "/account")
        return client

    return sign_in


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


def test_every_route_has_a_decision():
    """A new one is decided upon before it lands."""
    decided = [NOBODY, WHOLE, LISTS, STUDIES, PROXY]

    assert {path for path, _ in ROUTES} == set().union(*decided)
    assert sum(map(len, decided)) == len(set().union(*decided))


@pytest.mark.parametrize(("path", "method"), [each for each in ROUTES if each[0] in WHOLE])
def test_what_is_about_all_is_closed(limited, path: str, method: str):
    """Also to an operator, who else would end the limits."""
    address = path.format(study_instance_uid="1.2")
    answer = limited(Role.OPERATOR).request(method, address, json={"labels": []})

    assert 403 == answer.status_code
    assert "Your access is limited" in answer.text


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


@pytest.mark.parametrize("search", SEARCHES)
def test_the_proxy_finds_what_is_seen_alone(
    limited, hidden: Dataset, allowed: Dataset, search: str
):
    """Whatever the question, it is answered as if nothing else were there."""
    client = limited(Role.VIEWER)
    found = client.get("/dicom-web/" + named(search, hidden, allowed))

    assert 200 == found.status_code
    assert {str(allowed.StudyInstanceUID)} >= {
        each["0020000D"]["Value"][0] for each in found.json()
    }
    assert not any(secret in found.text for secret in secrets(hidden))


@pytest.mark.usefixtures("hidden", "allowed")
def test_the_proxys_pages_count_what_is_seen(limited):
    """Else who counts them would know how much is hidden."""
    client = limited(Role.VIEWER)
    pages = [client.get(f"/dicom-web/studies?limit=1&offset={n}").json() for n in range(3)]

    assert [1, 0, 0] == list(map(len, pages))


@pytest.mark.parametrize("path", RETRIEVALS)
def test_the_proxy_hands_on_what_is_seen_alone(
    limited, hidden: Dataset, allowed: Dataset, path: str
):
    """A hidden study, and one's own study with parts of a hidden one, are as nothing."""
    client = limited(Role.VIEWER)
    client.headers["accept"] = "application/json"  # a page says again what was asked for
    there, nowhere = (
        client.get("/dicom-web/" + named(path, hidden, allowed, unknown=unknown))
        for unknown in (False, True)
    )

    assert not any(secret in there.text for secret in secrets(hidden))
    assert told(nowhere) == told(there)
    assert there.status_code == 404 or there.json() == []


def test_what_is_seen_is_handed_on_whole(limited, allowed: Dataset):
    """A viewer works for who is limited as for anybody."""
    client = limited(Role.VIEWER)
    uids = allowed.StudyInstanceUID, allowed.SeriesInstanceUID, allowed.SOPInstanceUID
    study, series = f"/dicom-web/studies/{uids[0]}", f"/series/{uids[1]}"
    image = f"{study}{series}/instances/{uids[2]}"
    accept = {"accept": "multipart/related; type=application/octet-stream"}

    assert 200 == client.get(f"{study}/metadata").status_code
    assert series.rpartition("/")[2] in client.get(f"{study}/series").text
    assert 200 == client.get(image).status_code
    assert allowed.PixelData in client.get(f"{image}/frames/1", headers=accept).content


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
