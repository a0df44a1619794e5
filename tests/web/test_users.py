"""Operators look after users and tokens, and cannot lock everybody out."""

import re
from datetime import UTC, datetime

import pytest
from httpx import Client, Response

from hilum.records import access, accounts
from hilum.records.accounts import Role
from hilum.web.context import Desk
from web_context import PASSWORD, Page, add_user, csrf_in, trail


@pytest.fixture
def operator(page: Page) -> Client:
    """Return an operator's browser."""
    return page.signed_in(Role.OPERATOR, "olga")


def post(client: Client, path: str, **form: str) -> Response:
    """Send a form of the page."""
    return client.post(path, data={"csrf": csrf_in(client.get("/people").text)} | form)


def roles(desk: Desk) -> dict[str, Role]:
    """Return who may do what."""
    with desk.database.look() as connection:
        return {user.name: user.role for user in accounts.users(connection)}


def test_a_new_user_signs_in_with_the_first_password(page: Page, desk: Desk, operator: Client):
    """And may do what the role says."""
    added = post(operator, "/people", name="Ana", role="reader", password=PASSWORD)
    ana = page.browser()
    csrf = csrf_in(ana.get("/login").text)
    ana.post("/login", data={"csrf": csrf, "name": "ana", "password": PASSWORD})

    assert 303 == added.status_code
    assert Role.READER == roles(desk)["ana"]
    assert 200 == ana.get("/files").status_code
    assert ("olga", "user.added") in trail(desk)


def test_a_changed_role_counts_at_once(page: Page, desk: Desk, operator: Client):
    """In sessions that are open."""
    ben = page.signed_in(Role.READER, "ben")
    assert 200 == ben.get("/files").status_code

    post(operator, "/people/role", name="ben", role="viewer")

    assert 403 == ben.get("/files").status_code
    assert ("olga", "user.role_changed") in trail(desk)


def test_a_removed_user_is_gone_at_once(page: Page, desk: Desk, operator: Client):
    """With all sessions."""
    ben = page.signed_in(Role.READER, "ben")

    post(operator, "/people/remove", name="ben")

    assert {"olga": Role.OPERATOR} == roles(desk)
    assert 303 == ben.get("/files").status_code


@pytest.mark.parametrize(
    ("path", "form", "said"),
    [
        ("/people", {"name": "olga", "password": PASSWORD}, "There is a user olga already."),
        ("/people", {"name": "a b", "password": PASSWORD}, "cannot be a user&#39;s name"),
        ("/people", {"name": "ana", "password": "short"}, "12 to 1024 characters"),
        ("/people/remove", {"name": "olga"}, "You cannot remove or change yourself"),
        ("/people/role", {"name": "olga", "role": "viewer"}, "You cannot remove or change"),
        ("/people/role", {"name": "nobody", "role": "viewer"}, "There is no user nobody."),
        ("/people/tokens", {"name": "<b>"}, "cannot be a token&#39;s name"),
        ("/people/tokens/remove", {"name": "none"}, "There is no token none."),
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(
    desk: Desk, operator: Client, path: str, form: dict[str, str], said: str
):
    """On the page, in words."""
    answer = post(operator, path, **form)

    assert 409 == answer.status_code
    assert said in answer.text
    assert {"olga": Role.OPERATOR} == roles(desk)
    assert [] == trail(desk)


def test_a_token_is_shown_once_and_opens_the_api(page: Page, desk: Desk, operator: Client):
    """Until it is removed."""
    made = post(operator, "/people/tokens", name="ris", role="viewer", days="30")
    found = re.search(r"<code class=\"token\">(hilum_[\w-]{43})</code>", made.text)
    assert found
    ask = {"authorization": f"Bearer {found[1]}"}
    with desk.database.look() as connection:
        token = access.tokens(connection)[0]

    assert token.expires is not None
    assert 30 == (token.expires - token.created).days
    assert found[1] not in operator.get("/people").text
    assert 200 == page.browser().get("/api/v1/models", headers=ask).status_code
    post(operator, "/people/tokens/remove", name="ris")
    assert 401 == page.browser().get("/api/v1/models", headers=ask).status_code


def test_the_own_password_is_changed_with_the_present_one(page: Page, desk: Desk):
    """Other sessions end; this browser gets a new one."""
    add_user(desk, "ana", Role.VIEWER, PASSWORD)
    here, elsewhere = page.signed_in(Role.VIEWER, "ana"), page.signed_in(Role.VIEWER, "ana")
    new = PASSWORD[::-1]

    def change(**form: str) -> Response:
        csrf = csrf_in(here.get("/account").text)
        return here.post("/account", data={"csrf": csrf, "new": new, "again": new} | form)

    assert 422 == change(present="wrong").status_code
    assert 422 == change(present=PASSWORD, again="other").status_code
    assert 422 == change(present=PASSWORD, new="short", again="short").status_code
    assert 200 == elsewhere.get("/account").status_code
    assert 303 == change(present=PASSWORD).status_code
    assert 303 == elsewhere.get("/account").status_code
    assert 200 == here.get("/account").status_code
    with desk.database.look() as connection:
        assert accounts.is_password(accounts.password_hash(connection, "ana"), new)


def test_a_user_of_a_provider_has_no_password_here(page: Page, desk: Desk):
    """Neither an old nor a new one."""
    with desk.database.transaction() as connection:
        accounts.vouched_for(connection, "x|1", "ana", Role.VIEWER, now=datetime.now(UTC))
    client = page.signed_in(Role.VIEWER, "ana")
    csrf = csrf_in(client.get("/operations").text)
    form = {"csrf": csrf, "present": "", "new": PASSWORD, "again": PASSWORD}

    assert 403 == client.post("/account", data=form).status_code
    assert "/account" not in client.get("/operations").text
